"""Has the store write its append-only file anew after wipes: until then the old file still holds what was wiped.

Asks every server, replicas that it knows too, at most every so often, one hub at a time; what was wiped is off the disk
only when all have said that they are done. A server that refuses is told of. Field's terms: compaction, BGREWRITEAOF.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson
import structlog
from redis.exceptions import ResponseError

from dispatch.alarm.clock import to_ms, to_text
from dispatch.store.checks import Ask, servers
from dispatch.store.client import Script
from dispatch.store.embedded import StoreUnavailable
from dispatch.store.faults import translated

log = structlog.get_logger()
REWRITE_EVERY_S = 5.0
_GIVEN_UP = timedelta(minutes=10)
"""A hub that asked and did not see it finished in so long leaves it to another."""
_CLAIM = Script(
    """local turn = redis.call('HMGET', KEYS[1], 'hub', 'until', 'next')
if turn[1] ~= ARGV[1] and tonumber(turn[2] or '0') > tonumber(ARGV[2]) then return 0 end
if turn[1] ~= ARGV[1] and tonumber(turn[3] or '0') > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'hub', ARGV[1], 'until', ARGV[3])
return 1"""
)
"""One hub's turn: nobody else's lasts, and the next one is due."""


class Part(Protocol):
    """A partition: the key of the hash in which its wipes are counted."""

    @property
    def rewrite(self) -> str: ...


class Rewriting:
    """The append-only files of one store.

    Args:
        redis: the store.
        partitions: its keys.
        hub: this hub's name.
        every_s: a file is written anew at most so often.
    """

    def __init__(self, redis: Any, partitions: Sequence[Part], hub: str, every_s: float) -> None:
        self._redis = redis
        self._partitions = partitions
        self._turn = partitions[0].rewrite
        self._hub = hub
        self._every = timedelta(seconds=every_s)
        self._asked: dict[str, int] = {}  # server -> how often it had written its file when it was asked
        self._covered: list[bytes] = []  # wipes of each partition that had been made then
        self.notices: list[dict[str, Any]] = []
        """What supervisors must know: `{"code", "since", ...}`."""

    async def step(self, now: datetime) -> None:
        """See whether wipes wait, and go on with the turn if it is ours."""
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            for part in self._partitions:
                pipe.hmget(part.rewrite, "wiped", "written")
            pipe.hget(self._turn, "refused")
            *counts, refused = await pipe.execute()
        waits = any(wiped != written for wiped, written in counts)
        self.notices = [{"code": "store_keeps_wiped", **orjson.loads(refused)}] if refused and waits else []
        if not waits:
            return
        async with translated():
            args = [self._hub, to_ms(now), to_ms(now + _GIVEN_UP)]
            mine = await _CLAIM.run(self._redis, [self._turn], args)
        if not mine:
            self._asked.clear()
            return
        try:
            async with servers(self._redis) as asks:
                if self._asked:
                    await self._see(asks, now)
                else:
                    await self._ask(asks, [wiped or b"0" for wiped, _ in counts])
        except ResponseError as fault:
            await self._refused(now, str(fault))
        except StoreUnavailable as fault:
            log.warning("rewrite_waits", why=str(fault))

    async def _ask(self, asks: list[Ask], covered: list[bytes]) -> None:
        """Ask all, unless one is at it already: that one may have begun before the wipe."""
        about = [await ask("INFO") for ask in asks]
        if any(int(each.get("aof_rewrite_in_progress", 0)) for each in about):
            return
        for ask, each in zip(asks, about, strict=True):
            if int(each.get("aof_enabled", 0)):
                await ask("BGREWRITEAOF")
        self._asked = {_name(each): int(each.get("aof_rewrites", 0)) for each in about}
        self._covered = covered

    async def _see(self, asks: list[Ask], now: datetime) -> None:
        """Done when every server that was asked has written its file since, and could."""
        about = {_name(each): each for each in [await ask("INFO") for ask in asks]}
        if any(int(each.get("aof_rewrite_in_progress", 0)) for each in about.values()):
            return
        for name, before in self._asked.items():
            each = about.get(name)
            if each is None or (int(each.get("aof_enabled", 0)) and int(each.get("aof_rewrites", 0)) <= before):
                self._asked.clear()  # it was started anew, is gone, or has put it off: ask again
                return
            if each.get("aof_last_bgrewrite_status", "ok") != "ok":
                await self._refused(now, "it could not write its append-only file anew; its log says why")
                return
        self._asked.clear()
        async with translated():
            for part, wiped in zip(self._partitions, self._covered, strict=True):
                await self._redis.hset(part.rewrite, "written", wiped)
            pipe = self._redis.pipeline(transaction=False)
            pipe.hdel(self._turn, "hub", "until", "refused")
            pipe.hset(self._turn, "next", to_ms(now + self._every))
            await pipe.execute()
        log.info("append_only_file_rewritten", servers=len(about))

    async def _refused(self, now: datetime, why: str) -> None:
        """Say so, and try again when the next turn is due."""
        log.error("rewrite_refused", why=why)
        self._asked.clear()
        told = orjson.dumps({"since": to_text(now), "why": why})
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hsetnx(self._turn, "refused", told)
            pipe.hdel(self._turn, "hub", "until")
            pipe.hset(self._turn, "next", to_ms(now + self._every))
            await pipe.execute()


def _name(about: dict[str, Any]) -> str:
    return str(about["run_id"])
