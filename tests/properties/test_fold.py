"""Stale state and the events since are the fresh state, whenever a console was cut and came back (P2)."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import Town
from tests.nightly import often
from tests.patience import PATIENCE_S

PEOPLE = (
    ("V01", "dadongmen", "officer"),
    ("V02", "dadongmen", "officer"),
    ("X01", "xiaodong", "officer"),
    ("S01", None, "supervisor"),
)
WAYS = ("ack", "take", "release", "move", "arrive", "close", "reopen", "say", "ask", "note", "transfer",
        "transfer_accept", "transfer_reject", "seen")  # fmt: skip
MORE: dict[str, dict[str, Any]] = {
    "take": {"reason": "更近"}, "release": {"reason": "换人"}, "reopen": {"reason": "又来了"},
    "say": {"text": "在路上"}, "close": {"disposition": "handled"}, "ask": {"question": "几个人？"},
    "note": {"text": "带钥匙"},
    "transfer": {"station": "xiaodong", "reason": "辖区"}, "transfer_reject": {"reason": "没车"},
}  # fmt: skip

who = st.integers(0, len(PEOPLE) - 1)
which = st.integers(0, 2)
steps = st.one_of(
    st.tuples(st.just("raise"), st.sampled_from(["alarm", "alarm", "tip", "practice"])),
    st.tuples(st.just("act"), who, which, st.sampled_from(WAYS)),
    st.tuples(st.just("act"), who, which, st.sampled_from(("ack", "transfer", "transfer_accept", "close"))),
    st.tuples(st.just("citizen"), which, st.sampled_from(["say", "position", "cancel", "answer", "photo"])),
    st.tuples(st.just("cut"), who),
    st.tuples(st.just("back"), who),
    st.tuples(st.just("wait"), st.sampled_from([1, 15, 60])),
)


class Day:
    """One run: a town, its people, and the alarms raised in it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.officers: list[Officer] = []
        self.citizens: list[Citizen] = []
        self.n = 0

    async def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("raise", kind):
                citizen = self.town.citizen()
                await citizen.raises(text="救命", kind=kind, position={"lat": 41.8, "lon": 123.46, "accuracy_m": 9})
                self.citizens.append(citizen)
            case ("act", who, which, what) if self.citizens and self.officers[who].closed is None:
                alarm = self.citizens[which % len(self.citizens)].id
                with contextlib.suppress(Answered):  # many make no sense where the alarm is
                    await self.officers[who].asks(what, alarm=alarm, **MORE.get(what, {}))
            case ("citizen", which, what) if self.citizens:
                await self.citizen(self.citizens[which % len(self.citizens)], what)
            case ("cut", who) if self.officers[who].closed is None:
                await self.officers[who].is_cut()
            case ("back", who) if self.officers[who].closed is not None:
                await self.officers[who].opens_console()
            case ("wait", seconds):
                await self.town.fast_forward(seconds)

    async def citizen(self, citizen: Citizen, what: str) -> None:
        self.n += 1
        match what:
            case "say":
                await citizen.does("say", ref=str(self.n), text=f"第{self.n}句")
            case "position":
                await citizen.does("position", lat=41.8 + self.n / 1000, lon=123.46)
            case "cancel":
                await citizen.does("cancel", pin="4821")
            case "answer":
                question = (await citizen.sees()).get("question")
                if question:
                    await citizen.does("answer", question=question["question"], answer="yes")
            case "photo":
                headers = {**citizen.headers, "content-type": "image/jpeg"}
                await citizen.http.put(f"/alarms/{citizen.id}/media/m{self.n}/0", content=b"\xff\xd8", headers=headers)

    async def compare(self) -> None:
        """After everyone is back: what a console folded is what a fresh one is given."""
        for officer in self.officers:
            if officer.closed is not None:
                await officer.opens_console()
        async with asyncio.timeout(PATIENCE_S):
            while await self.town.dispatch.stream.redis.llen(self.town.dispatch.stream.keys.outbox):
                await asyncio.sleep(0)
        await self.town.quiet()
        for (name, station, role), officer in zip(PEOPLE, self.officers, strict=True):
            await officer.is_awake()  # answered after every event before it
            fresh = await self.town.user(name, station, role)
            await fresh.opens_console(ready=False)
            await fresh.is_awake(sound=False)  # likewise
            assert listed(officer) == listed(fresh), name
            await fresh.closes()
            officer.unexpected.clear()


def listed(officer: Officer) -> dict[str, Any]:
    """The alarms that the console lists."""
    return {
        alarm: members
        for alarm, members in officer.alarms.items()
        if members["status"] != "closed" and members["kind"] != "practice"
    }


async def live(script: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Town(Path(folder)) as town:
            day = Day(town)
            day.officers = [await town.officer(*person) for person in PEOPLE]
            for step in script:
                await day.step(step)
            await day.compare()
            for officer in town.people:
                officer.unexpected.clear()


@pytest.mark.long
@settings(
    max_examples=often(2, at_night=30), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each run is a whole town
)  # fmt: skip
@given(st.lists(steps, min_size=8, max_size=30))
def test_stale_state_and_events_are_fresh_state(script: list[tuple[Any, ...]]) -> None:
    """Random work on a real hub with consoles that are cut and resume: everyone ends with the same alarms."""
    asyncio.run(live([("raise", "alarm"), *script]))


def test_more_than_memory_holds() -> None:
    """A console that missed more events than the hub keeps in memory reads them from the stream, with no gap."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with Town(Path(folder), env={"DISPATCH_LIMITS_RING_EVENTS": "16"}) as town:
                day = Day(town)
                day.officers = [await town.officer(*person) for person in PEOPLE]
                await day.officers[1].is_cut()
                await day.officers[3].is_cut()
                for n in range(12):
                    await day.step(("raise", "alarm"))
                    await day.step(("act", 0, n, "ack"))
                    await day.step(("citizen", n, "say"))
                await day.officers[1].opens_console()
                assert day.officers[1].recovered == {"dadongmen": True}
                for _ in range(30):
                    await day.step(("citizen", 0, "say"))
                await day.officers[3].opens_console()
                assert day.officers[3].recovered["dadongmen"] is False, "too far behind: told so, and a snapshot"
                await day.compare()
                for officer in town.people:
                    officer.unexpected.clear()

    asyncio.run(run())
