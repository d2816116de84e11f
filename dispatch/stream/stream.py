"""The append-only log of each station: append with compare-and-set, read from a position, see what is open.

Moves bytes and keeps no rules. Returns normally only when the store has synced the write, on the configured number of
replicas too (`NOT_STORED` otherwise). Field's terms: append-only log, optimistic concurrency, stream position.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

import orjson

from dispatch.alarm import errors
from dispatch.alarm.clock import from_ms, to_ms
from dispatch.alarm.errors import Refused
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.store.replicas import Link, Replicas, State, Was
from dispatch.stream.beside import light, pairs, shown, whole
from dispatch.stream.homes import Homes
from dispatch.stream.keys import PREFIX, Keys, partition_of
from dispatch.stream.record import Entry, Record, with_words

_FOLDER = resources.files("dispatch.stream")
_ONCE = "once"
"""In the place of a digest: the key is known for some minutes only (append.lua)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """What `Stream.append` writes for an alarm; all of it or none. "keep" leaves the index of a date alone.

    `fence` is the token of the lease under which a timer acts; empty for what a person does. `wipe`: the words of all
    events before these go, and of an alarm that is no mirror the media too.
    """

    alarm: str
    expected: int
    version: int
    snapshot: bytes
    open: bool
    deadline: datetime | str | None
    key: str = ""
    digest: str = ""
    secret_hash: str = ""
    pin_hash: str = ""
    mirror: bool = False
    copy_to: tuple[str, ...] = ()
    fence: str = ""
    ending: datetime | str | None = "keep"
    wipe: bool = False


@dataclass(frozen=True, slots=True)
class Appended:
    """`offset` of the first event."""

    offset: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Another append was first: reload and decide again. A value, because it is normal."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """The lease under which this was sent has gone to another hub, which runs the timer now."""


@dataclass(frozen=True, slots=True)
class Done:
    """The command with this key was done before, at `version`; `digest` tells whether it was the same command."""

    digest: str
    version: int


class Stream:
    """The streams of all stations in one store.

    Args:
        redis: a client that returns bytes (`client.connect`).
        partitions: the number that the store was made with.
        replicas: what has to confirm a write besides the server itself; nothing unless given.
        prefix: what every key begins with.
    """

    def __init__(self, redis: Any, partitions: int = 1, replicas: Replicas | None = None, prefix: str = PREFIX) -> None:
        self.redis = redis
        self.partitions = [Keys(number, prefix) for number in range(partitions)]
        self.keys = self.partitions[0]
        """Also where everything is kept that belongs to no station: users, sign-ins."""
        self._replicas = replicas
        self._append = Script(_FOLDER.joinpath("append.lua").read_text())
        self._deadline = Script(_FOLDER.joinpath("deadline.lua").read_text())
        self._snapshot = Script(_FOLDER.joinpath("snapshot.lua").read_text())
        self.epochs: dict[int, str] = {}
        """Partition -> its epoch, as `dispatch.stream.epochs` keeps it."""
        self._new: set[str] = set()  # stations that had no event when they were looked at
        self.unsafe = ""
        """Why nothing may be called stored now, as `dispatch.store.health` found; see `vouch`."""
        self.homes = Homes(redis, self.partitions, replicas)

    def of(self, station: str) -> Keys:
        """The keys of the station's partition."""
        if len(self.partitions) == 1:  # asked four times for each alarm
            return self.keys
        return self.partitions[partition_of(station, len(self.partitions))]

    def epoch(self, station: str) -> str:
        """The station's epoch: another one after its partition was restored from an older copy."""
        return self.epochs.get(self.of(station).partition, "")

    async def now(self) -> datetime:
        """The store's time; of a cluster, that of the first partition's server."""
        seconds, microseconds = await _TIME.run(self.redis, [self.keys.mark], [])
        return from_ms(int(seconds) * 1000 + int(microseconds) // 1000)

    async def append(self, station: str, records: Sequence[Record], change: Append | None = None,
                     key: str = "") -> Appended | Stale | Fenced | Done:  # fmt: skip
        """Append `records` to the station's stream together with `change`, or (without it) as the station's own.

        Every append can be repeated: one of an alarm by its version, one of the station by its `key`. Without a key it
        gets one of its own, for a command to the store that is sent again because its answer was lost.

        Raises:
            Refused: `not_stored`; the write may or may not have happened, and repeating it is safe.
        """
        k = self.of(station)
        once = ""
        if change is None:
            once = "" if key else secrets.token_hex(8)
            change = Append(
                alarm="", expected=0, version=0, snapshot=b"", open=False, deadline="keep", key=key or once,
                digest=_ONCE if once else "",
            )  # fmt: skip
        where = k.mirror(station, change.alarm) if change.mirror else k.alarm(change.alarm)
        done = k.done(f"{station}|{once}" if once else change.alarm or station)
        keys = [
            k.stream(station), k.ends, where, k.words(station, change.alarm), done,
            k.mirrors(station) if change.mirror else k.open(station), k.deadlines, k.outbox, k.lease, k.endings,
            k.removing, k.rewrite,
        ]  # fmt: skip
        args: list[Any] = [
            station, change.alarm, change.expected, change.version, change.snapshot, change.key, change.digest,
            _instant(change.deadline), "1" if change.open else "0", change.secret_hash, change.pin_hash,
            k.bell(station), " ".join(change.copy_to), change.fence, _instant(change.ending),
            "" if not change.wipe else "words" if change.mirror else "all",
        ]  # fmt: skip
        for record in records:
            args += [record.version, record.body, record.words, hashlib.sha256(record.body).hexdigest(), record.wire]
        async with translated():
            answer = await self._append.run(self.redis, keys, args)
            match answer[0]:
                case b"ok":
                    offset = int(answer[1])
                    last = Link(k.stream(station), offset + len(records) - 1, answer[2].decode())
                    await self.confirmed(k, last)
                    return Appended(offset)
                case b"done":
                    await self.confirmed(k, Was(done, change.key, answer[1].decode()))
                    digest, version = answer[1].decode().rsplit(" ", 1)
                    return Done(digest, int(version))
                case b"fenced":
                    return Fenced()
        return Stale()

    async def confirmed(self, keys: Keys, thing: Link | Was) -> None:
        """Return when replicas have `thing`, as configured.

        Raises:
            Refused: `not_stored`: they did not confirm, or it is gone.
        """
        if self._replicas is None:
            return
        async with translated():
            if not await self._replicas.have(keys, thing):
                raise ConnectionError("the server that answers now does not have it")

    async def confirm(self, home: str, alarm: str, version: int, snapshot: bytes) -> bool:
        """Whether replicas have an alarm as it was found, without anything being written; False when it has changed.

        Raises:
            Refused: `not_stored`: they did not confirm.
        """
        if self._replicas is None:
            return True
        k = self.of(home)
        async with translated():
            digest = hashlib.sha1(snapshot, usedforsecurity=False).hexdigest()
            return await self._replicas.have(k, State(k.alarm(alarm), version, digest))

    def vouch(self) -> None:
        """Before a person is told that something is stored; the hub's own work goes on with an unsafe store too.

        Raises:
            Refused: `not_stored`: the store may lose what it has.
        """
        if self.unsafe:
            raise Refused(errors.NOT_STORED, f"the store may lose what it has: {self.unsafe}")

    async def read(self, station: str, after: int, limit: int = 500, until: int | None = None) -> list[Entry]:
        """The events after offset `after`, oldest first, at most `limit`, with the words that still exist."""
        k = self.of(station)
        async with translated():
            last = "+" if until is None else f"{until}-0"
            rows = await self.redis.xrange(k.stream(station), f"{after + 1}-0", last, count=limit)
        return await self._entries(station, rows)

    async def pick(self, station: str, offsets: Sequence[int]) -> list[Entry]:
        """The events at just these offsets, in this order; one that is not there is left out."""
        k = self.of(station)
        async with translated():
            pipe = self.redis.pipeline(transaction=False)
            for offset in offsets:
                pipe.xrange(k.stream(station), f"{offset}-0", f"{offset}-0")
            rows = await pipe.execute() if offsets else []
        return await self._entries(station, [row for found in rows for row in found])

    async def _entries(self, station: str, rows: Sequence[Any]) -> list[Entry]:
        """`rows` of the station's stream, with the words that still exist."""
        k = self.of(station)
        async with translated():
            entries = [(int(row[0].split(b"-")[0]), orjson.loads(row[1][b"r"]), row[1]) for row in rows]
            hidden = [(members["alarm"], members["version"]) for _, members, _ in entries if "words" in members]
            pipe = self.redis.pipeline(transaction=False)
            for alarm, version in hidden:
                pipe.hget(k.words(station, alarm), str(version))
            found = iter(await pipe.execute() if hidden else [])
        return [
            Entry(offset, members, row[b"r"], row[b"h"].decode(), altered=False)
            if "words" not in members
            else with_words(offset, members, row, next(found))
            for offset, members, row in entries
        ]

    async def records(self, station: str, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """(offset, event without anybody's words) after offset `after`, oldest first, at most `limit`."""
        async with translated():
            rows = await self.redis.xrange(self.of(station).stream(station), f"{after + 1}-0", "+", count=limit)
        return [(int(row[0].split(b"-")[0]), orjson.loads(row[1][b"r"])) for row in rows]

    async def end(self, station: str) -> tuple[int, str]:
        """(offset of the station's last event, its link in the hash chain); (0, "") when it has none."""
        return (await self.ends([station]))[0]

    async def ends(self, stations: Sequence[str]) -> list[tuple[int, str]]:
        """`end` of each of `stations`, asked together."""
        found: dict[str, bytes | None] = {}
        async with translated():
            for k in self.partitions:
                if here := [station for station in stations if self.of(station) is k]:
                    found |= zip(here, await self.redis.hmget(k.ends, here), strict=True)
            for station in stations:
                if found[station] is None and station not in self._new:
                    found[station] = await self._find_end(station)
        return [_end(found[station] or b"0 ") for station in stations]

    async def _find_end(self, station: str) -> bytes | None:
        """Of a station that the hash does not know yet: it is new, or the store is from before there was the hash."""
        rows = await self.redis.xrevrange(self.of(station).stream(station), count=1)
        if not rows:
            self._new.add(station)
            return None
        return b" ".join((rows[0][0].split(b"-")[0], rows[0][1][b"h"]))

    async def offset(self, station: str) -> int:
        """The offset of the station's last event; 0 when it has none."""
        return (await self.end(station))[0]

    async def snapshot(self, station: str) -> tuple[int, str, list[bytes]]:
        """(offset, link, the open alarms as JSON, with all that was said) of the station at one instant."""
        k = self.of(station)
        end, *found = await self._snapshot_of(station, k.words_of)
        alarms = zip(found[::2], found[1::2], strict=True)
        return *_end(end), [orjson.dumps(shown(whole(light(alarm), pairs(words)))) for alarm, words in alarms]

    async def listed(self, station: str) -> tuple[int, str, list[dict[str, Any]]]:
        """(offset, link, the open alarms without what was said) of the station at one instant."""
        end, *found = await self._snapshot_of(station, "")
        return *_end(end), [light(alarm) for alarm in found]

    async def story(self, station: str, alarm: str) -> dict[str, Any]:
        """The alarm of a station, or the station's copy of it, with all that was said; {} when there is none."""
        k = self.of(station)
        async with translated():
            where = [k.alarm(alarm), k.mirror(station, alarm), k.words(station, alarm)]
            snapshot, words = await _STORY.run(self.redis, where, [f'"home":"{station}"'])
        return whole(light(snapshot), pairs(words)) if snapshot else {}

    async def open_snapshots(self, station: str) -> list[bytes]:
        """The station's open alarms and those it was called in to, as they are stored: without what was said."""
        return list((await self._snapshot_of(station, ""))[1:])

    async def _snapshot_of(self, station: str, words_of: str) -> list[Any]:
        k = self.of(station)
        async with translated():
            keys = [k.ends, k.open(station), k.mirrors(station)]
            where = [k.alarm(""), k.mirror(station, ""), station, words_of]
            found: list[Any] = await self._snapshot.run(self.redis, keys, where)
        return found

    async def open_alarms(self, station: str) -> list[str]:
        """Ids of the station's open alarms and of those it was called in to."""
        k = self.of(station)
        async with translated():
            found = await self.redis.sunion(k.open(station), k.mirrors(station))
        return [alarm.decode() for alarm in found]

    async def set_deadline(self, keys: Keys, alarm: str, version: int, deadline: datetime | None,
                           index: str = "") -> bool:  # fmt: skip
        """Put the index of one alarm right, as computed from its `version` (0: there is none); whether it was wrong.

        That of deadlines, unless another one is given.
        """
        where = [keys.alarm(alarm), index or keys.deadlines]
        async with translated():
            return bool(await self._deadline.run(self.redis, where, [alarm, version, _instant(deadline)]))

    async def look_at_copy(self, station: str, alarm: str, at: datetime, moved: bool = False) -> None:
        """Have the station's closed copy of the alarm compared with it at `at`; `moved`: also when that was planned."""
        async with translated():
            await self.redis.zadd(self.of(station).copies, {f"{station}|{alarm}": to_ms(at)}, nx=not moved)

    async def postpone(self, keys: Keys, alarm: str, until: datetime, index: str = "") -> None:
        """Look at the alarm's deadline again at `until`, unless it is later or gone."""
        async with translated():
            await self.redis.zadd(index or keys.deadlines, {alarm: to_ms(until)}, xx=True, gt=True)


def _instant(at: datetime | str | None) -> str | int:
    return at if isinstance(at, str) else "" if at is None else to_ms(at)


def _end(text: bytes) -> tuple[int, str]:
    offset, _, head = text.decode().partition(" ")
    return int(offset), head


_STORY = Script("""
local own = redis.call('HGET', KEYS[1], 's')
if not own or not string.find(own, ARGV[1], 1, true) then own = redis.call('HGET', KEYS[2], 's') end
return {own, redis.call('HGETALL', KEYS[3])}
""")
_TIME = Script("return redis.call('TIME')")
