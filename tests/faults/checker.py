"""The checker: compares what was asked, answered and seen with what a fresh start serves.

Shares no code with the server and knows only the protocol. Never talks to anything. Field's term: checker (Jepsen).
A request that was not confirmed may have had its effect once or not at all; everything else is counted as a fault.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.commands import judge_requests
from tests.faults.consoles import judge_consoles
from tests.faults.doubts import Doubts, judge_doubts, weakened
from tests.faults.history import Answered, Asked, History, Linked, Saw, Stuck
from tests.faults.truth import TAKES, Members, Served, Truth, differs, same

COUNTERS = ("lost", "invented", "doubled", "escalated", "gaps", "disorder", "refused", "stuck")
"""lost: confirmed and not there. invented: there and nobody asked for it. doubled: asked once, there twice.
escalated: after a confirmed acknowledgement. gaps: not told. disorder: positions, versions or times out of order.
refused: what had to be taken. stuck: not done although every fault was mended."""

OPENS = ("alarm_released", "alarm_reopened")
ESCALATES = ("step_run", "alarm_unanswered")


@dataclass(slots=True)
class Verdict:
    """Every fault found: its counter and what it was, in words."""

    faults: list[tuple[str, str]] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def add(self, counter: str, what: str) -> None:
        assert counter in COUNTERS, counter
        self.faults.append((counter, what))

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(counter for counter, _ in self.faults)
        return {counter: found[counter] for counter in COUNTERS}

    @property
    def clean(self) -> bool:
        return not self.faults

    def told(self, most: int = 20) -> str:
        """The faults, for a person."""
        lines = [f"{counter}: {what}" for counter, what in self.faults[:most]]
        more = len(self.faults) - len(lines)
        return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


Fault = Callable[[str, str], None]


def judge(history: History, served: Served) -> Verdict:
    """Every way in which the two differ."""
    verdict = Verdict()
    truth = Truth(served.log)
    judge_streams(truth, served, verdict.add)
    judge_escalation(truth, verdict.add)
    doubts = Doubts(history.rows)
    judge_requests(weakened(history.rows, doubts) if doubts else history.rows, truth, served, verdict.add)
    seen = judge_consoles(history.rows, truth, served, doubts, verdict.add)
    for row in history.rows:
        if isinstance(row, Stuck):
            verdict.add("stuck", row.what)
    verdict.figures = figures(history, truth)
    if doubts:
        verdict.figures["unwaited"] = judge_doubts(history.rows, truth, served, seen, verdict.add)
    return verdict


def figures(history: History, truth: Truth) -> dict[str, int]:
    """How much was compared: requests of officers, confirmations of citizens, what consoles saw, what the log holds."""
    by_officers = {row.ref for row in history.rows if isinstance(row, Asked) and row.who != "citizen" and row.alarm}
    confirmed = [row for row in history.rows if isinstance(row, Answered) and row.outcome == "ok"]
    citizens = {row.ref for row in history.rows if isinstance(row, Asked) and row.who == "citizen"}
    return {
        "alarms": len(truth.homes), "receipts": sum(row.ref in citizens for row in confirmed),
        "commands": len(by_officers), "events": sum(len(rows) for rows in truth.log.values()),
        "frames": sum(isinstance(row, Saw) for row in history.rows),
        "links": sum(isinstance(row, Linked) for row in history.rows),
    }  # fmt: skip


def judge_streams(truth: Truth, served: Served, fault: Fault) -> None:
    """Positions and versions count up by one; no alarm is raised twice; copies say what the first says."""
    if served.broken:
        fault("disorder", f"the chain: {served.broken}")
    for station, rows in truth.log.items():
        for number, row in enumerate(rows, start=1):
            if row["offset"] != number:
                fault("disorder", f"{station}: event {number} of the log has offset {row['offset']}")
                break
        _copies(station, rows, truth, fault)
        own = [(row["at"], str(row["event"])) for row in rows if row["alarm"] is None]
        for (at, event), times in Counter(own).items():
            if times > 1:
                fault("doubled", f"{station}: {event} at {at} is {times} times in the log")
    for alarm, times in truth.raisings.items():
        if times > 1:
            fault("doubled", f"alarm {alarm} was raised {times} times")
    for alarm, events in truth.events.items():
        versions = [row["version"] for row in events]
        if versions != list(range(1, len(events) + 1)):
            fault("disorder", f"alarm {alarm} has the versions {versions}")


def _copies(station: str, rows: list[Members], truth: Truth, fault: Fault) -> None:
    """Events of alarms that another station holds."""
    last: dict[str, int] = {}
    for row in rows:
        alarm = row["alarm"]
        if alarm is None or truth.homes.get(alarm) == station:
            continue
        where = f"{station} {row['offset']}, copy of alarm {alarm} version {row['version']}"
        before, last[alarm] = last.get(alarm, 0), row["version"]
        state = truth.state(alarm, row["version"])
        if alarm not in truth.homes or state is None:
            fault("invented", f"{where}: its home has no such event")
        elif row["version"] <= before:
            fault("doubled", f"{where}: version {before} came before")
        elif row["event"]["type"] == "alarm_shared":
            if row["changes"] != state:
                fault("invented", f"{where}: {differs(row['changes'], state)}")
        elif row["version"] != before + 1:
            fault("disorder", f"{where}: version {before} came before")
        elif not same(row, truth.events[alarm][row["version"] - 1]):
            fault("invented", f"{where}: its home has another event there")
    for alarm, version in last.items():
        if version < len(truth.events.get(alarm, [])):
            fault("lost", f"{station}: alarm {alarm} was copied only up to version {version}")


def judge_escalation(truth: Truth, fault: Fault) -> None:
    """After someone took an alarm nothing escalates until it is open again; nobody takes it twice over."""
    for alarm, events in truth.events.items():
        owner, closed = None, False
        for row in events:
            kind = row["event"]["type"]
            if kind in ESCALATES and (owner is not None or closed):
                fault("escalated", f"alarm {alarm} version {row['version']}: {kind} while {owner} owns it")
            if kind == "alarm_acknowledged" and owner is not None:
                fault("doubled", f"alarm {alarm} version {row['version']}: acknowledged while {owner} owns it")
            if kind in TAKES:
                owner = row["event"]["by"]
            elif kind in OPENS:
                owner, closed = None, False
            elif kind == "alarm_closed":
                closed = True
