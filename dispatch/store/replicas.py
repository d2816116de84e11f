"""Asks replicas whether they have what was written, before it is called stored.

Asked on one connection of its own per partition, on which it is first checked that the server that answers has the
write: a server that took over without it must not confirm it. What comes while one question is under way goes into the
next together. Field's terms: WAIT, WAITAOF, group commit, synchronous replication.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, Protocol

import structlog
from redis.exceptions import ResponseError

from dispatch.store.client import primary
from dispatch.store.faults import FAULTS

log = structlog.get_logger()
_TEXT = resources.files("dispatch.store").joinpath("confirm.lua").read_text()


class Part(Protocol):
    """A partition: its number, and the key of a counter that lies in it."""

    @property
    def partition(self) -> int: ...
    @property
    def mark(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Link:
    """An event: the entry of `stream` at `offset` has this `link`."""

    stream: str
    offset: int
    link: str

    def args(self) -> tuple[str, str, str, str]:
        return self.stream, "link", str(self.offset), self.link


@dataclass(frozen=True, slots=True)
class State:
    """An alarm: it is at `version` with a snapshot of this SHA-1."""

    alarm: str
    version: int
    digest: str

    def args(self) -> tuple[str, str, str, str]:
        return self.alarm, "state", str(self.version), self.digest


@dataclass(frozen=True, slots=True)
class Was:
    """A hash has `value` under `name`: a command that was done, a chunk that was registered."""

    hash: str
    name: str
    value: str

    def args(self) -> tuple[str, str, str, str]:
        return self.hash, "done", self.name, self.value


@dataclass(slots=True)
class _Line:
    """What one partition waits for."""

    waiting: list[tuple[Link | State | Was, asyncio.Future[bool]]] = field(default_factory=list)
    asking: asyncio.Task[None] | None = None
    redis: Any = None


class Replicas:
    """The replicas of one store.

    Args:
        redis: the store.
        count: how many must have it.
        sync: "disk": in their synced append-only file; "memory": received.
        wait_ms: for so long.
    """

    def __init__(self, redis: Any, count: int, sync: Literal["disk", "memory"], wait_ms: int) -> None:
        self._redis = redis
        self._count = count
        self._timeout_s = wait_ms / 1000 + 1  # the server's own answer must come first
        # WAITAOF alone takes a second: the replica tells of its last sync but one. After WAIT it takes a millisecond.
        self._waits: list[tuple[str | int, ...]] = [("WAIT", count, wait_ms)]
        if sync == "disk":
            self._waits.append(("WAITAOF", 1, count, wait_ms))
        self._lines: dict[int, _Line] = {}

    async def have(self, part: Part, thing: Link | State | Was) -> bool:
        """True when enough replicas have `thing`; False when the server that answers now does not have it itself.

        Raises:
            RedisError, OSError: not enough of them said so in time.
        """
        line = self._lines.setdefault(part.partition, _Line())
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        line.waiting.append((thing, answer))
        if line.asking is None:
            line.asking = asyncio.create_task(self._ask(part, line))
        return await answer

    async def aclose(self) -> None:
        """Close the connections."""
        for line in self._lines.values():
            if line.redis is not None:
                await line.redis.aclose()

    async def _ask(self, part: Part, line: _Line) -> None:
        try:
            while line.waiting:
                batch, line.waiting = line.waiting, []
                try:
                    found = await self._batch(part, line, [thing for thing, _ in batch])
                except Exception as fault:
                    await self._lose(line)
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(fault)
                else:
                    for (_, answer), here in zip(batch, found, strict=True):
                        if not answer.done():
                            answer.set_result(here)
        finally:
            line.asking = None

    async def _batch(self, part: Part, line: _Line, things: list[Link | State | Was]) -> list[bool]:
        if line.redis is None:
            line.redis = await primary(self._redis, part.mark, self._timeout_s)
        parts = [thing.args() for thing in things]
        names = [part.mark, *(part[0] for part in parts)]
        asked = ("EVAL", _TEXT, len(names), *names, *(arg for part in parts for arg in part[1:]))
        pipe = line.redis.pipeline(transaction=False)
        pipe.execute_command(*asked)
        for wait in self._waits:
            pipe.execute_command(*wait)
        found, *confirmed = await pipe.execute(raise_on_error=False)
        for answer in (found, *confirmed):
            if isinstance(answer, ResponseError) and "unknown command" in str(answer).lower():
                # Redis 7.0. Its replicas too, with `appendfsync always`, write to disk before they confirm.
                log.warning("waitaof_unknown", instead="WAIT")
                del self._waits[1:]
            elif isinstance(answer, Exception):
                raise answer
            elif answer is not found and _replicas(answer) < self._count:
                raise ResponseError(f"{_replicas(answer)} of {self._count} replicas confirmed in time")
        return [bool(here) for here in found]

    async def _lose(self, line: _Line) -> None:
        """The server may no longer be the one that holds the partition: ask anew next time."""
        old, line.redis = line.redis, None
        with suppress(*FAULTS):
            if old is not None:
                await old.aclose()


def _replicas(answer: int | list[int]) -> int:
    """Of WAIT the replicas; of WAITAOF [this server, replicas], if this server has it."""
    if isinstance(answer, list):
        return answer[1] if answer[0] else 0
    return answer
