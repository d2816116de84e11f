"""Officers under load: a console that resumes by position, confirms what it shows, and takes alarms through their life.

Knows nothing of an alarm's rules: it folds merge patches and tries what an officer might try.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from tests.faults.citizens import name
from tests.faults.history import History
from tests.faults.line import Line, Lost
from tests.faults.truth import WHOLE, merge, still_open, told

READY_EVERY_S = 5.0
DELIVERED_EVERY_S = 0.1
ANEW = 0.2
"""How often a console that comes back is a new page, which has no position and gets snapshots."""
Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Console:
    """An officer at a console.

    Args:
        urls: of the hubs.
        officer: call sign.
        station: theirs; empty for a supervisor, who sees all and only looks.
        cookie: their sign-in.
        history: where everything is written down.
        chance: their own.
        spawn: runs a story beside; stories are awaited at the end.
        twice: send each command once more, late and on a second connection to any hub.
    """

    def __init__(self, urls: list[str], officer: str, station: str, cookie: str, history: History,
                 chance: random.Random, spawn: Spawn, twice: bool = False) -> None:  # fmt: skip
        self.officer = officer
        self.station = station
        self.board: dict[str, dict[str, Any]] = {}
        self.positions: dict[str, dict[str, Any]] = {}
        self.owed: dict[str, set[str]] = {}  # station -> alarms whose story is still to come
        self.link = ""
        self.working = True
        self.met: dict[str, tuple[str, int]] = {}  # alarm -> station and offset at which it was first shown
        self._history = history
        self._chance = chance
        self._spawn = spawn
        self._taken: set[tuple[str, int]] = set()
        self._confirmed: dict[str, dict[str, Any]] = {}
        self.line = Line(urls, "/ws/console", cookie, history, chance, self._hello, self._hears)
        self._second = Line(urls, "/ws/console", cookie, history, chance, _nothing) if twice else None

    def open(self) -> None:
        self.line.open()
        if self._second is not None:
            self._second.open()
        self._background = [asyncio.create_task(self._confirm()), asyncio.create_task(self._ready())]

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.line.close()
        if self._second is not None:
            await self._second.close()

    def at(self, station: str) -> tuple[str, int]:
        """(epoch, offset) up to which it shows the station."""
        position = self.positions.get(station, {"epoch": "", "offset": -1})
        return position["epoch"], position["offset"]

    @property
    def waiting(self) -> int:
        """How many alarms wait for a person of this officer's station."""
        if self.station == "":
            return 0
        return sum(alarm.get("status") == "raised" for alarm in still_open(self.board).values())

    # -- what comes ---------------------------------------------------------------------------------------------

    async def _hello(self, line: Line) -> None:
        if self._chance.random() < ANEW:
            self.board.clear()
            self.positions.clear()
        after = {
            station: dict(position) for station, position in self.positions.items() if not self.owed.get(station)
        }  # fmt: skip
        self.link = self._history.linked(self.officer, after)
        answer = await line.exchange({"type": "subscribe", "ref": name(self._chance), "after": after})
        if answer["type"] != "ok":
            raise Lost
        self._confirmed.clear()

    def _hears(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind in ("ok", "snapshot", "story", "event"):
            self._history.saw(self.link, message)
        if kind == "snapshot":
            station = message["station"]
            self.board = {k: v for k, v in self.board.items() if v["shown"] != station}
            for alarm in message["alarms"]:
                self.board[alarm["id"]] = {**alarm, "shown": station}
                self.met.setdefault(alarm["id"], (station, message["position"]["offset"]))
            self.positions[station] = message["position"]
            self.owed[station] = set(message.get("stories", ()))
            for alarm in message["alarms"]:
                self._think(alarm["id"])
        elif kind == "story":
            if message.get("whole"):
                self.owed[message["station"]].discard(message["alarm"])
            alarm = self.board.get(message["alarm"])
            if alarm is not None and alarm["shown"] == message["station"]:
                self.board[message["alarm"]] = told(alarm, message)
        elif kind == "event":
            self.positions[message["station"]] = message["position"]
            if message["alarm"] is not None:
                before = {} if message["event"]["type"] in WHOLE else self.board.get(message["alarm"], {})
                changed = merge(before, message["changes"])
                self.board[message["alarm"]] = {**changed, "shown": message["station"]}
                self.met.setdefault(message["alarm"], (message["station"], message["position"]["offset"]))
                self._think(message["alarm"])

    async def _confirm(self) -> None:
        while True:
            await asyncio.sleep(DELIVERED_EVERY_S)
            await self.line.listens.wait()
            for station, position in list(self.positions.items()):
                if self._confirmed.get(station) != position and self.line.live:
                    self._confirmed[station] = dict(position)
                    await self._say({"type": "delivered", "station": station, "position": position})

    async def _ready(self) -> None:
        while True:
            await self.line.listens.wait()
            await self._say({"type": "ready", "sound": True, "visible": True})
            await asyncio.sleep(READY_EVERY_S)

    async def _say(self, message: dict[str, Any]) -> None:
        await self.line.once(name(self._chance), self.officer, message["type"], "", {}, message)

    # -- what the officer does ----------------------------------------------------------------------------------

    def _think(self, alarm_id: str) -> None:
        """Begin a story with the alarm, once for each time that it waits for a person."""
        alarm = self.board[alarm_id]
        if not self.station or not self.working or "status" not in alarm or alarm.get("kind") == "practice":
            return
        if alarm.get("transfer", {}).get("to") == self.station:
            self._once(alarm_id, -alarm["version"], self._offered(alarm_id))
        elif alarm["status"] == "raised" and alarm.get("cycle") is not None and self._chance.random() < 0.7:
            self._once(alarm_id, alarm["cycle"], self._take(alarm_id))

    def _once(self, alarm_id: str, occasion: int, story: Coroutine[Any, Any, None]) -> None:
        if (alarm_id, occasion) in self._taken:
            story.close()
            return
        self._taken.add((alarm_id, occasion))
        self._spawn(story)

    async def _take(self, alarm_id: str) -> None:
        await self._pause(0.8)
        if self._chance.random() < 0.5:
            await self._does("seen", alarm_id)
        if not await self._does("ack", alarm_id):
            if self._chance.random() < 0.15:
                await self._does("take", alarm_id)
            return
        if self._chance.random() < 0.4:
            await self._does("tell", alarm_id)
        way = self._chance.random()
        await self._pause(0.4)
        if way < 0.12:
            await self._does("release", alarm_id)
            return
        if way < 0.24:
            await self._does("transfer", alarm_id)
            return
        for step in ("move", "note", "arrive", "close"):
            if step != "note" or self._chance.random() < 0.3:
                await self._does(step, alarm_id)
                await self._pause(0.3)
        if self._chance.random() < 0.1:
            await self._does("reopen", alarm_id)

    async def _offered(self, alarm_id: str) -> None:
        await self._pause(0.3)
        if await self._does("transfer_accept" if self._chance.random() < 0.7 else "transfer_reject", alarm_id):
            await self._does("close", alarm_id)

    async def _pause(self, most_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(0, most_s))

    async def _does(self, what: str, alarm_id: str) -> bool:
        """Give a command until it is answered for good; whether it was done."""
        ref = name(self._chance)
        message: dict[str, Any] = {"type": "say" if what == "tell" else what, "alarm": alarm_id}
        if what in ("take", "release", "reopen", "transfer", "transfer_reject"):
            message["reason"] = ref
        elif what in ("tell", "note"):
            message["text"] = ref
        elif what == "close":
            message |= {"disposition": "handled", "note": ref}
        if what == "transfer":
            message["station"] = "xiaodong" if self.station == "dadongmen" else "dadongmen"
        if self._second is not None:
            self._spawn(self._late(ref, what, alarm_id, message))
        outcome, _ = await self.line.insist(ref, self.officer, what, alarm_id, {}, message)
        return outcome == "ok"

    async def _late(self, ref: str, what: str, alarm_id: str, message: dict[str, Any]) -> None:
        assert self._second is not None
        await self._pause(0.6)
        await self._second.once(ref, self.officer, what, alarm_id, {}, message)


async def _nothing(line: Line) -> None:
    return
