"""What time it is for all hubs: the store's clock while it runs, their own while it jumps.

A store's clock that is set back or ahead moves no deadline, lease, readiness, sign-in or end date: hubs find the jump
against their own running time, write down how far the store's clock is from it (the offset), and go on as if nothing
had happened. It is told, and the store's clock is taken over only when a person says so or it has agreed with a hub's
own clock for an hour, and never while an alarm is open: no second of it is counted twice, or left out.

A store that was away for long may have been started with a clock that is years ahead: until then nothing that can't be
undone is done. Field's terms: monotonic time, clock step, slew.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import structlog
from prometheus_client import Counter

from dispatch.alarm.clock import Ahead, StoreClock, from_ms, to_ms, to_text
from dispatch.alarm.work import Work
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.stream import Stream

log = structlog.get_logger()
LOOK_EVERY_S = 1.0
_STEP = timedelta(seconds=2)
"""A clock that is further off than this has jumped; within it hubs follow it, as it is slewed or drifts."""
_ASKED_WELL = timedelta(seconds=0.5)
"""A jump is believed only of an answer that came so fast: a store that was frozen answers late, and right."""
_MARKED = timedelta(seconds=3)
"""Another hub has written what time it is within so long: where the store agrees with it, this hub was away."""
_LONG_AWAY = timedelta(days=7)
"""Longer than this no store is off; a clock that says so may be wrong."""
_FOUND_S = 1.2 * LOOK_EVERY_S
_YOUNG = 3
"""A hub that has looked fewer times than this tells nobody what time it is."""
_AGREES = timedelta(hours=1)
_SURE = timedelta(minutes=1)
"""A time that is wrong and not found to be is right again sooner: other hubs, or the next look, see to it."""
_TOLD = timedelta(days=1)
JUMPS = Counter("dispatch_clock_jumps", "Times that the store's clock was found to have jumped")


class Timekeeping:
    """The time of one hub.

    Args:
        stream: the store.
        clock: what is kept.
        stations: every station's id.
        work: what goes on.
    """

    def __init__(self, stream: Stream, clock: StoreClock, stations: tuple[str, ...], work: Work) -> None:
        self._work = work
        self._stream = stream
        self._clock = clock
        self._stations = stations
        self._script = Script(resources.files("dispatch.stream").joinpath("timekeeping.lua").read_text())
        self._id = secrets.token_hex(6)
        self._taken: int | None = None
        self._looks = 0
        self._agreed: datetime | None = None
        self._state = _State()

    # -- what is true now ----------------------------------------------------------------------------------------

    @property
    def doubtful(self) -> bool:
        """Whether nothing may be done that can't be undone, because of what time it is, or was a moment ago."""
        return self._state.doubted is not None or self._clock.runs_on < _SURE

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What supervisors must know of it."""
        state, now = self._state, self._clock.now()
        found: list[dict[str, Any]] = []
        if state.held is not None:
            by_s = -state.offset.total_seconds()
            found.append({"code": "clock_held", "since": to_text(state.held), "by_s": round(by_s, 1)})
        elif state.jumped_at is not None and now - _TOLD <= state.jumped_at <= now + _STEP:
            # Who found it may be a moment ahead of this hub.
            found.append(
                {"code": "clock_jumped", "since": to_text(state.jumped_at), "by_s": round(state.by.total_seconds(), 1)}
            )
        if state.doubted is not None:
            found.append({"code": "clock_doubted", "since": to_text(state.doubted)})
        return found

    # -- keeping it ----------------------------------------------------------------------------------------------

    async def open(self, hub: bool) -> None:
        """Learn what time it is. A `hub` also sees whether the store's clock went back while nobody looked.

        Raises:
            Refused: `not_stored`: the store does not answer.
        """
        ahead, mark = await self._ask()
        if hub and mark is not None and self._clock.now() + ahead.by > mark + _MARKED:
            # No hub has run for a while; or one has, and has not found yet that the clock jumped. It does so by then.
            await self._work.sleep(_FOUND_S)
            ahead, mark = await self._ask()
        self._clock.follow(ahead)
        now = self._clock.now()
        if hub and mark is None:  # a new store: what time it is begins here, also for who starts a moment later
            await self._begin(now)
        if not hub or mark is None:
            return
        if now < mark - _STEP:
            log.error("clock_jumped", by_s=(now - mark).total_seconds(), found="at the start")
            if not await self._jumped(now - mark, mark):
                await self.open(hub)
        elif now > mark + _LONG_AWAY and self._state.doubted is None:
            log.error("clock_doubted", away_s=(now - mark).total_seconds())
            await self._write({"doubted": to_ms(now)})
            self._state.doubted = now

    async def step(self, now: datetime) -> None:
        """Follow the store's clock as it runs, find where it jumped, and take it over where that was confirmed."""
        ahead, mark = await self._ask()
        taken = self._taken is not None and self._state.taken != self._taken
        self._taken = self._state.taken
        theirs = self._clock.now() + ahead.by
        others = mark is not None and self._state.marker != self._id and -_STEP / 4 <= theirs - mark <= _MARKED
        if abs(ahead.by) <= _STEP + ahead.doubt or taken or others:
            if abs(ahead.by) > _STEP + ahead.doubt:
                log.warning("clock_followed", by_s=ahead.by.total_seconds(), why="taken over" if taken else "away")
            self._clock.follow(ahead)
            self._looks += 1
            if self._looks < _YOUNG:
                return  # what it says is no proof for others yet: it may have started while the clock was wrong
            await self._write({"mark": to_ms(self._clock.now()), "marker": self._id})
            await self._agree()
        elif ahead.doubt <= _ASKED_WELL:
            log.error("clock_jumped", by_s=ahead.by.total_seconds(), found="while it ran")
            await self._jumped(ahead.by, self._clock.now())

    async def accept(self) -> int:
        """A person confirms the store's clock: it is taken over at the hubs' next look at which no alarm is open.

        Returns:
            how many alarms and plans are open.
        """
        await self._write({"accept": "1"})
        return await self._waiting()

    async def _jumped(self, by: timedelta, now: datetime) -> bool:
        """Go on from `now`: from here on time is as far from the store's clock as that has jumped.

        Returns:
            False when the store's clock was set again meanwhile: nothing is followed, and the next look finds it.
        """
        JUMPS.inc()
        self._agreed = None
        state = self._state
        offset = state.offset - by
        if abs(offset) <= _STEP:  # it is right again: the rest is followed
            offset = timedelta(0)
        held = "" if not offset else to_ms(state.held or now)
        since = self._clock.now()
        await self._change(offset, now, by=round(by / _MS), held=held)
        ahead, _ = await self._ask()
        if abs(since + ahead.by - now) > _STEP + ahead.doubt:
            return False
        self._clock.follow(ahead)
        return True

    async def _agree(self) -> None:
        """Take the store's clock over, when that was confirmed and no alarm is open."""
        state, now = self._state, self._clock.now()
        if state.held is None and state.doubted is None:
            return
        store = now - state.offset
        if abs(store - self._clock.machine()) > _STEP:
            self._agreed = None
        else:
            self._agreed = self._agreed or now
        confirmed = state.accept or (self._agreed is not None and now - self._agreed >= _AGREES)
        if not confirmed or await self._waiting():
            return
        if state.doubted is not None:
            async with translated():
                await self._stream.redis.hdel(self._stream.keys.time, "doubted")
        log.warning("clock_taken_over", by_s=(store - now).total_seconds())
        if store < now:  # what lapses would lapse so much later: dead consoles would be taken for ready ones
            await self._forget()
        await self._change(timedelta(0), store, by=None, held="")

    async def _forget(self) -> None:
        """Of what lasts for seconds: it is told anew by whoever lives."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.delete(keys.lapses, keys.heard, keys.hubs, keys.sharing, keys.configured)
                pipe.hset(keys.lease, mapping={"hub": "", "until": 0})
                for station in self._stations:
                    if self._stream.of(station) is keys:
                        pipe.delete(keys.ready(station), keys.awake(station), keys.raised(station))
            await pipe.execute()

    async def _waiting(self) -> int:
        """How many alarms and plans have a deadline."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.zcard(keys.deadlines)
            return sum(await pipe.execute())

    async def _ask(self) -> tuple[Ahead, datetime | None]:
        """How far time, as the store has it, is ahead of ours, and when a hub last wrote that it agreed."""
        mark: datetime | None = None

        async def ask() -> datetime:
            nonlocal mark
            store, mark = await self._run("", "", "", "", "")
            return store + self._state.offset

        return await self._clock.compare(ask), mark

    async def _change(self, offset: timedelta, now: datetime, by: int | None, held: object) -> None:
        was = round(self._state.offset / _MS)
        await self._run(was, round(offset / _MS), to_ms(now), "" if by is None else by, held)

    async def _run(self, *args: Any) -> tuple[datetime, datetime | None]:
        async with translated():
            store, row = await self._script.run(self._stream.redis, [self._stream.keys.time], [*args, self._id])
        offset, mark, held, by, at, taken, accept, doubted, marker = row
        self._state = _State(
            offset=int(offset or 0) * _MS, held=_instant(held), by=int(by or 0) * _MS, jumped_at=_instant(at),
            taken=int(taken or 0), accept=accept is not None, doubted=_instant(doubted),
            marker=(marker or b"").decode(),
        )  # fmt: skip
        return from_ms(int(store)), _instant(mark)

    async def _begin(self, now: datetime) -> None:
        async with translated():
            await self._stream.redis.hsetnx(self._stream.keys.time, "mark", to_ms(now))

    async def _write(self, members: dict[str, Any]) -> None:
        async with translated():
            await self._stream.redis.hset(self._stream.keys.time, mapping=members)


class _State:
    """As it stands in the store. `offset`: what is to be added to the store's clock."""

    def __init__(
        self, offset: timedelta = timedelta(0), held: datetime | None = None, by: timedelta = timedelta(0),
        jumped_at: datetime | None = None, taken: int = 0, accept: bool = False, doubted: datetime | None = None,
        marker: str = "",
    ) -> None:  # fmt: skip
        self.offset, self.held, self.by, self.jumped_at = offset, held, by, jumped_at
        self.taken, self.accept, self.doubted, self.marker = taken, accept, doubted, marker


def _instant(milliseconds: bytes | None) -> datetime | None:
    return None if milliseconds is None else from_ms(int(milliseconds))


_MS = timedelta(milliseconds=1)
