"""Rounds of one fault after another, each on a town of its own, and what came of them in figures."""

import asyncio
import statistics
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.checker import COUNTERS, Verdict
from tests.faults.faults import Fault
from tests.faults.stage import Record, Stage

ROUNDS_PER_TOWN = 10
"""After so many rounds everything is compared, and a new town is built: its log stays short."""

ROUND_S = 120.0
"""A round that takes longer is stuck."""


@dataclass(slots=True)
class Result:
    """One fault's figures. `recovered` has the seconds from each mending until everyone was served again."""

    fault: str
    seed: str
    rounds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    recovered: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not any(self.counts.values())

    def add(self, verdict: Verdict, stage: Stage) -> None:
        self.counts.update(verdict.counts)
        self.figures.update(verdict.figures)
        self.recovered += stage.recoveries
        self.told += verdict.told().splitlines()

    def members(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "fault": self.fault, "seed": self.seed, "rounds": self.rounds, **self.figures,
            **{counter: self.counts[counter] for counter in COUNTERS},
            "recovered_median_s": round(statistics.median(self.recovered), 3) if self.recovered else None,
            "recovered_worst_s": round(max(self.recovered), 3) if self.recovered else None, "told": self.told,
        }  # fmt: skip


async def strikes(fault: Fault, stage: Stage, rounds: int) -> None:
    """So many rounds on one stage; a round that does not end is written down as stuck."""
    for _ in range(rounds):
        try:
            async with asyncio.timeout(ROUND_S):
                await fault.strike(stage)
        except TimeoutError:
            stage.history.stuck(f"{fault.name}: a round did not end within {ROUND_S} s")


def run(fault: Fault, rounds: int, seed: int) -> Result:
    """All rounds of one fault."""
    result = Result(fault.name, str(seed))
    while result.rounds < rounds:
        now = min(ROUNDS_PER_TOWN, rounds - result.rounds)
        asyncio.run(_on_new_town(fault, now, f"{seed} {fault.name} {result.rounds}", result))
        result.rounds += now
    return result


async def _on_new_town(fault: Fault, rounds: int, seed: str, result: Result) -> None:
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        town = fault.make(Path(folder))
        try:
            await asyncio.to_thread(town.start)
            async with Stage(town, seed, Record(), fault.twice) as stage:
                await strikes(fault, stage, rounds)
                result.add(await stage.verdict(thorough=True), stage)
        finally:
            await asyncio.to_thread(town.end)
