"""Hears of appends at once: the doorbell of each station, on one connection per partition.

Only a hint: what is missed, doubled or out of order is found by the positions and links that it carries, and read from
the stream. After any fault it listens anew, on the server that holds the partition then. Field's terms: sharded
publish-subscribe, notification.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work, end
from dispatch.store.client import primary
from dispatch.store.faults import FAULTS
from dispatch.stream.keys import Keys
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_BACK_OFF_S = 0.2
"""Before listening anew after a fault."""
_QUIET_S = 2.0
"""A connection that was quiet for so long is asked whether it lives, and has as long to answer."""
_ANSWER_S = 5.0
"""The store confirms that it will ring within this, or is taken for gone."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Events of a station: the offset of the `first`, the link `before` it, and (link, wire form) of each."""

    first: int
    before: str
    events: tuple[tuple[str, bytes], ...]

    @property
    def last(self) -> int:
        return self.first + len(self.events) - 1


Heard = Callable[[str, Ring | None], None]
"""(station, what rang; None when listening has just begun, again perhaps: what rang before it is missing)."""

_LINK = 40  # hexadecimal SHA-1


@dataclass(slots=True, eq=False)
class _Line:
    """One partition: `heard_by` station, until told otherwise; the connection; who waits for its confirmation."""

    keys: Keys
    stations: dict[str, str] = field(default_factory=dict)  # channel -> station
    confirmed: dict[str, asyncio.Event] = field(default_factory=dict)  # channel -> the store will ring
    pings: deque[asyncio.Future[None] | None] = field(default_factory=deque)  # each has an answer, in this order
    pubsub: Any = None
    task: asyncio.Task[None] | None = None


class Doorbell:
    """The doorbells of all stations that somebody asked for.

    Args:
        stream: whose appends.
        work: what goes on.
    """

    def __init__(self, stream: Stream, work: Work) -> None:
        self._stream = stream
        self._work = work
        self._lines = [_Line(keys) for keys in stream.partitions]
        self.heard: Heard = lambda station, ring: None

    async def listen(self, station: str) -> None:
        """Return when every further append to `station` will ring.

        Raises:
            Refused: `not_stored`, when the store does not answer; it goes on being tried.
        """
        line = self._lines[self._stream.of(station).partition]
        channel = line.keys.bell(station)
        confirmed = line.confirmed.setdefault(channel, asyncio.Event())
        if channel not in line.stations:
            line.stations[channel] = station
            if line.pubsub is not None:
                # Sent and no more: the line's task reads the answer, and finds the same fault and begins anew.
                with suppress(*FAULTS, RuntimeError):
                    await line.pubsub.connection.send_command("SSUBSCRIBE", channel, check_health=False)
        if line.task is None:
            line.task = self._work.spawn(self._listen(line), f"doorbell {line.keys.partition}")
        try:
            await asyncio.wait_for(confirmed.wait(), _ANSWER_S)
        except TimeoutError as fault:
            raise Refused(errors.NOT_STORED, "the store does not answer") from fault

    async def echo(self) -> None:
        """Return when all that the store rang before this was heard, of the partitions for which it rings at all."""
        for line in self._lines:
            if line.pubsub is None:
                continue
            heard = asyncio.get_running_loop().create_future()
            line.pings.append(heard)
            with suppress(*FAULTS, RuntimeError):
                await line.pubsub.ping()
                await heard

    async def aclose(self) -> None:
        """Stop listening."""
        await end([line.task for line in self._lines if line.task is not None])
        for line in self._lines:
            line.task = None

    async def _listen(self, line: _Line) -> None:
        while True:
            redis: Any = None
            pubsub: Any = None
            try:
                redis = await primary(self._stream.redis, line.keys.lease)
                pubsub = redis.pubsub()
                asked = list(line.stations)
                await pubsub.ssubscribe(*asked)
                line.pubsub = pubsub
                if more := [channel for channel in line.stations if channel not in asked]:
                    await pubsub.ssubscribe(*more)
                await self._work.outside(self._hear(line))
            except FAULTS as fault:
                log.warning("doorbell_lost", partition=line.keys.partition, fault=type(fault).__name__)
            except Exception as fault:
                log.error("doorbell_failed", partition=line.keys.partition, fault=repr(fault))
            finally:
                for confirmed in line.confirmed.values():
                    confirmed.clear()
                line.pubsub = None
                while line.pings:
                    _answered(line)
                with suppress(*FAULTS):
                    if pubsub is not None:
                        await pubsub.aclose()
                    if redis is not None:
                        await redis.aclose()
            await self._work.sleep(_BACK_OFF_S)

    async def _hear(self, line: _Line) -> None:
        asked = False
        while True:
            message = await line.pubsub.get_message(timeout=_QUIET_S)
            if message is None:
                if asked:
                    raise TimeoutError
                asked = True
                line.pings.append(None)
                await line.pubsub.ping()
                continue
            asked = False
            match message["type"]:
                case "smessage":
                    self.heard(line.stations[message["channel"].decode()], _ring(message["data"]))
                case "ssubscribe":
                    channel = message["channel"].decode()
                    self.heard(line.stations[channel], None)
                    line.confirmed[channel].set()
                case "pong":
                    _answered(line)
                case "sunsubscribe":  # the partition moves to another server
                    raise ConnectionError("the store rings elsewhere now")


def _answered(line: _Line) -> None:
    waiting = line.pings.popleft() if line.pings else None
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def _ring(data: bytes) -> Ring:
    head, *events = data.split(b"\n")
    first, before = head.decode().split(" ")
    return Ring(int(first), before, tuple((event[:_LINK].decode(), event[_LINK:]) for event in events))
