"""Whatever people do at two hubs on one store, in whatever order, through cuts and stopped hubs (P2, P3, P4, P6).

One town for each example, in one event loop; time is moved by hand.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Coroutine
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from redis.asyncio import Redis

from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import Hub, Town
from tests.nightly import AT_NIGHT, often

STATION = "dadongmen"
MORE: dict[str, dict[str, Any]] = {
    "take": {"reason": "更近"}, "release": {"reason": "换人"}, "close": {"disposition": "handled"},
    "reopen": {"reason": "又来了"},
}  # fmt: skip
WAYS = ("ack", "ack", "take", "release", "move", "arrive", "close", "reopen", "say")
FIT = ("move", "arrive", "close", "release", "take", "say")
COME_BACK = 4000
TAKE_OVER_S = 4
"""So many seconds after a hub was stopped, the other one has run everything that was due (the aim is 3)."""
MOST_STOPS = often(3, at_night=10)
pytestmark = pytest.mark.long

consoles = st.integers(0, 3)
either = st.integers(0, 1)
which = st.integers(0, 9)
repeated = st.none() | either
later = st.sampled_from([0, 0, 0, 0, 1, 16])


class History:
    """What the log says of one alarm, folded by the rules of people: who has it, and nothing out of its place."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.owner: str | None = None
        self.closed = False
        self.version = len(events)
        assert [event["version"] for event in events] == list(range(1, len(events) + 1)), "each version once"
        for event in events:
            self._fold(event["event"])

    def _fold(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "alarm_acknowledged":
                assert self.owner is None, f"{event['by']} acknowledged what {self.owner} has"
                self.owner = event["by"]
            case "alarm_taken":
                assert self.owner is not None, "taken from nobody"
                self.owner = event["by"]
            case "alarm_released":
                assert self.owner == event["by"], f"{event['by']} released what {self.owner} has"
                self.owner = None
            case "alarm_reopened":
                self.owner, self.closed = None, False
            case "alarm_closed":
                self.closed = True
            case "step_run" | "alarm_unanswered" as kind:
                assert self.owner is None, f"{kind} although {self.owner} has it"
                assert not self.closed, f"{kind} of a closed alarm"
            case "owner_reminded":
                assert self.owner == event["owner"], f"reminded {event['owner']} of what {self.owner} has"

    @property
    def waits(self) -> bool:
        """Nobody has it, and someone must."""
        return self.owner is None and not self.closed


class TwoHubs(RuleBasedStateMachine):
    """A station with two officers, each with two consoles, at two hubs of which one may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.people: list[Officer] = []
        self.citizens: list[tuple[Citizen, dict[str, Any]]] = []
        self.sent: list[tuple[str, str, dict[str, Any], int]] = []  # who, what, members, version that it made
        self.histories: dict[str, History] = {}  # as of the last look
        self.said = 0
        self.stops = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(120):
                await work

        self.runner.run(bounded())

    # -- the machinery -------------------------------------------------------------------------------------------

    @initialize(partitions=st.sampled_from([1, 4]))
    def begins(self, partitions: int) -> None:
        self.town = Town(Path(self.folder.name), env={"DISPATCH_STORE_PARTITIONS": str(partitions)})

        async def work() -> None:
            await self.town.__aenter__()
            await self.town.opens_hub()
            self.store: Any = Redis.from_url(self.town.store.url)
            self.supervisor = await self.town.user("S01", None, "supervisor")
            for name in ("V01", "V02"):
                officer = await self.town.officer(name, STATION)
                self.people += [officer, await self.another_console(officer, self.town.hubs[1])]
            self.town.stops_watching(*self.people)
            await self.someone_raises("alarm", 0)

        self.run(work())

    def teardown(self) -> None:
        passed = sys.exc_info()[0] is None

        async def work() -> None:
            try:
                if passed:
                    await self.agree()
            finally:
                await self.store.aclose()
                fault = None if passed else AssertionError()
                await self.town.__aexit__(fault if fault is None else type(fault), fault, None)

        try:
            if self.people:
                self.run(work())
        finally:
            self.runner.close()
            self.folder.cleanup()

    def hub(self, wanted: int) -> Hub:
        """One that runs."""
        return self.town.hubs[wanted % len(self.town.hubs)]

    async def another_console(self, officer: Officer, hub: Hub) -> Officer:
        """The same sign-in in another window, at `hub`."""
        another = Officer(hub.url, officer.name, self.town.rests, waits=False)
        another.http.cookies = officer.http.cookies
        self.town.people.append(another)
        another.watched = False
        await another.opens_console()
        return another

    async def comes_back(self, console: Officer, hub: Hub) -> None:
        """A balancer without sticky sessions: the console is at any hub, with its session and its position."""
        move(console, hub)
        await console.opens_console()

    async def log(self) -> list[dict[str, Any]]:
        """The station's events, as any hub tells a supervisor."""
        move(self.supervisor, self.hub(self.said))
        answer = await self.supervisor.http.get(
            "/log", params={"station": STATION}, headers={"accept": "application/x-ndjson"}
        )
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    async def looks(self) -> list[dict[str, Any]]:
        """Fold what the log says now."""
        events = await self.log()
        alarms = sorted((event for event in events if event["alarm"]), key=lambda each: (each["alarm"], each["offset"]))
        self.histories = {alarm: History(list(of)) for alarm, of in groupby(alarms, lambda event: event["alarm"])}
        return events

    async def someone_raises(self, kind: str, hub: int) -> None:
        citizen = Citizen(self.hub(hub).url, self.town.rests)
        self.town.citizens.append(citizen)
        body = {"kind": kind, "text": "救命", "position": {"lat": 41.8, "lon": 123.46, "accuracy_m": 9}}
        await citizen.raises(**body)
        assert citizen.answer.status_code == 201
        self.citizens.append((citizen, body))

    async def asks(self, console: Officer, what: str, members: dict[str, Any]) -> int:
        """The version that the alarm has after it; 0 when it was refused, which a healthy store does for ever only."""
        try:
            return int((await console.asks(what, **members))["version"])
        except Answered as answered:
            if answered.body["retry"]:
                raise
            return 0

    async def act(self, console: Officer, what: str, alarm: str) -> None:
        self.said += 1
        members = {"alarm": alarm, "ref": f"r{self.said}", **MORE.get(what, {})}
        if what == "say":
            members["text"] = f"第{self.said}句"
        made = await self.asks(console, what, members)
        if made > self.histories[alarm].version:
            self.sent.append((console.name, what, members, made))

    async def once_more(self, n: int, at: int) -> None:
        """An earlier command with its `ref`, at whatever console of that officer: it has had its effect."""
        name, what, members, _ = self.sent[n % len(self.sent)]
        mine = [console for console in self.people if console.name == name and console.closed is None]
        if mine:
            await self.looks()
            before = self.histories[members["alarm"]].version
            again = await mine[at % len(mine)].asks(what, **members)
            await self.looks()
            assert again["version"] == before == self.histories[members["alarm"]].version

    # -- what may happen -----------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(["alarm", "alarm", "tip"]), hub=either)
    def raises(self, kind: str, hub: int) -> None:
        self.run(self.someone_raises(kind, hub))

    @rule(n=which, hub=either)
    def raises_again(self, n: int, hub: int) -> None:
        """The same alarm, sent once more to any hub: the same receipt."""

        async def work() -> None:
            citizen, body = self.citizens[n % len(self.citizens)]
            first = citizen.answer.json()
            citizen.http.base_url = self.hub(hub).url
            again = await citizen.posts(**body)
            assert (again.status_code, again.json()["id"], again.json()["code"]) == (200, first["id"], first["code"])

        self.run(work())

    @rule(who=consoles, n=which, what=st.sampled_from(WAYS), after_s=later)
    def acts(self, who: int, n: int, what: str, after_s: int) -> None:
        console, (citizen, _) = self.people[who], self.citizens[n % len(self.citizens)]
        if console.closed is None:
            self.run(self.act(console, what, citizen.id))
            self.run(self.town.fast_forward(after_s))

    @rule(work=st.lists(st.tuples(consoles, which, st.sampled_from(FIT), later, repeated), min_size=1, max_size=4))
    def do_what_fits(self, work: list[tuple[int, int, str, int, int | None]]) -> None:
        """Acknowledge what waits, open again what is closed, and do what only the owner (or another) can do."""
        for who, n, what, after_s, again in work:
            alarm = self.citizens[n % len(self.citizens)][0].id
            fit, does = self.people, what
            match self.histories[alarm]:
                case History(closed=True):
                    does = "reopen"
                case History(owner=None):
                    does = "ack"
                case History(owner=owner):
                    fit = [console for console in fit if (console.name == owner) == (what != "take")]
            live = [console for console in fit if console.closed is None]
            if live:
                self.run(self.act(live[who % len(live)], does, alarm))
                self.run(self.town.fast_forward(after_s))
                self.run(self.looks())
            if again is not None and self.sent:
                self.run(self.once_more(len(self.sent) - 1 - again, again))

    @rule(n=which, one=either, other=either)
    def both_acknowledge_at_once(self, n: int, one: int, other: int) -> None:
        """One wins, and the other one learns who."""
        both = (self.people[one], self.people[2 + other])

        async def ask(console: Officer, alarm: str) -> str:
            try:
                return str((await console.asks("ack", alarm=alarm))["owner"])
            except Answered as answered:
                if answered.code != "already_acknowledged":
                    raise
                return str(answered.body["by"])

        async def work() -> None:
            alarm = self.citizens[n % len(self.citizens)][0].id
            before = self.histories[alarm]
            if before.waits:
                with self.town.clock.under_way():
                    won = await asyncio.gather(*(ask(console, alarm) for console in both))
                await self.looks()
                assert won[0] == won[1] == self.histories[alarm].owner
                assert self.histories[alarm].version == before.version + 1

        if all(console.closed is None for console in both):
            self.run(work())

    @precondition(lambda self: self.sent)
    @rule(n=st.integers(0, 99), at=either)
    def repeats(self, n: int, at: int) -> None:
        self.run(self.once_more(n, at))

    @rule(seconds=st.sampled_from([1, 16, 31, 65, 125]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.town.fast_forward(seconds))

    @rule(who=consoles)
    def is_cut(self, who: int) -> None:
        if self.people[who].closed is None:
            self.run(self.people[who].is_cut())

    @rule(who=consoles, hub=either)
    def resumes(self, who: int, hub: int) -> None:
        if self.people[who].closed is not None:
            self.run(self.comes_back(self.people[who], self.hub(hub)))

    @precondition(lambda self: len(self.town.hubs) == 2 and self.stops < MOST_STOPS)
    @rule(hub=either)
    def a_hub_stops(self, hub: int) -> None:
        """Its consoles are told to come back, and some do at once, at the other one."""

        async def work() -> None:
            self.stops += 1
            stopped = self.town.hubs[hub]
            there = [console for console in self.people if console.url == stopped.url and console.closed is None]
            await stopped.stop()
            self.town.hubs.remove(stopped)
            assert [await console.is_closed_with() for console in there] == [COME_BACK] * len(there)
            for console in there[:1]:
                await self.comes_back(console, self.town.hubs[0])

        self.run(work())

    @precondition(lambda self: len(self.town.hubs) == 1)
    @rule()
    def a_hub_opens(self) -> None:
        async def work() -> None:
            await self.town.opens_hub()

        self.run(work())

    # -- what always holds ---------------------------------------------------------------------------------------

    @invariant()
    def the_record_is_in_order(self) -> None:
        """Each event once; one owner at a time; no escalation of what someone has; a deadline for what nobody has."""

        async def work() -> None:
            await self.town.quiet()
            for _ in range(TAKE_OVER_S):
                if min((await self.deadlines()).values(), default=self.now + 1) > self.now:
                    break
                await self.town.fast_forward(1)
            events = await self.looks()
            assert [event["offset"] for event in events] == list(range(1, len(events) + 1))
            told = [event["event"]["text"] for event in events if event["event"]["type"] == "officer_said"]
            assert told == [members["text"] for _, what, members, _ in self.sent if what == "say"]
            assert set(self.histories) == {citizen.id for citizen, _ in self.citizens}
            index = await self.deadlines()
            late = {alarm: self.now - at for alarm, at in index.items() if at <= self.now}
            assert not late, f"late, in ms: {late}"
            for alarm, history in self.histories.items():
                assert not history.waits or alarm in index, f"{alarm} waits for nothing"

        self.run(work())

    @property
    def now(self) -> int:
        """In ms."""
        return int(self.town.clock.now().timestamp() * 1000)

    async def deadlines(self) -> dict[str, int]:
        """Each alarm's, in ms, of all partitions."""
        found: dict[str, int] = {}
        for keys in self.town.dispatch.stream.partitions:
            index = await self.store.zrange(keys.deadlines, 0, -1, withscores=True)
            found |= {alarm.decode(): int(at) for alarm, at in index}
        return found

    async def agree(self) -> None:
        """After everyone is back, all consoles show what a fresh one is given, and every station's chain holds."""
        for n, console in enumerate(self.people):
            if console.closed is not None:
                await self.comes_back(console, self.hub(n))
        await self.town.quiet()
        fresh = await self.another_console(self.people[0], self.town.hubs[0])
        await self.town.quiet()
        for console in [*self.people, fresh]:
            await console.asks("ready", sound=True, visible=True)  # answered after every event before it
        for console in self.people:
            assert listed(console) == listed(fresh), console.name
        for hub in self.town.hubs:
            move(self.supervisor, hub)
            for station in self.town.settings.boundaries.stations:
                verdict = (await self.supervisor.http.get("/log/verify", params={"station": station})).json()
                assert verdict["ok"], verdict


def move(officer: Officer, hub: Hub) -> None:
    officer.url = hub.url
    officer.http.base_url = hub.url
    officer.http.headers["origin"] = hub.url


def listed(officer: Officer) -> dict[str, Any]:
    """The open alarms on the console."""
    return {alarm: members for alarm, members in officer.alarms.items() if members["status"] != "closed"}


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink takes a whole town for each try
TestTwoHubs = TwoHubs.TestCase
TestTwoHubs.settings = settings(
    max_examples=often(2, at_night=60), stateful_step_count=often(25, at_night=60), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], report_multiple_bugs=False,
    phases=(*PHASES, Phase.shrink) if AT_NIGHT else PHASES,
)  # fmt: skip
