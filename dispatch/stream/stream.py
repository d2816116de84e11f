"""The append-only log of each station: append with compare-and-set, read from a position, find what is due.

Moves bytes and keeps no rules. Returns normally only when the store has synced the write (`NOT_STORED` otherwise).
Field's terms: append-only log, optimistic concurrency, stream position (epoch, offset).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.alarm import errors
from dispatch.alarm.clock import from_ms, to_ms, to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import Event
from dispatch.alarm.state import PRIVATE
from dispatch.stream.keys import Keys

_FOLDER = resources.files("dispatch.stream")


@dataclass(frozen=True, slots=True)
class Record:
    """One event ready to be appended.

    Args:
        version: the alarm's version after it (0 for an event of the station itself).
        body: the record: what was done, without anyone's words.
        words: the private part, or empty.
        wire: both, as consoles get it; everything but station and position.
    """

    version: int
    body: bytes
    words: bytes
    wire: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as read back. `members` is the wire form without station and position."""

    offset: int
    members: dict[str, Any]
    body: bytes
    link: str
    altered: bool  # the words beside the record are not those that it was stored with


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """What `Stream.append` writes for an alarm; all of it or none. `deadline` "keep" leaves the index alone."""

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


@dataclass(frozen=True, slots=True)
class Appended:
    """`offset` of the first event."""

    offset: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Another append was first: reload and decide again. A value, because it is normal."""


@dataclass(frozen=True, slots=True)
class Done:
    """The command with this key was done before, at `version`; `digest` tells whether it was the same command."""

    digest: str
    version: int


def make_record(alarm: str | None, version: int, event: Event, at: datetime, changes: Mapping[str, Any]) -> Record:
    """`event` as bytes, with what it `changes` in the alarm (a JSON merge patch), split into record and words."""
    public, private = event.split()
    head = {"at": to_text(at), "alarm": alarm, "version": version}
    hidden = {name: value for name, value in changes.items() if name in PRIVATE}
    wire = orjson.dumps({**head, "event": {**public, **private}, "changes": changes})
    if not private and not hidden:
        return Record(version, wire, b"", wire)
    # The salt keeps a short answer from being guessed by its hash once it was wiped.
    words = orjson.dumps({"salt": secrets.token_hex(16), "event": private, "changes": hidden})
    shown = {name: value for name, value in changes.items() if name not in PRIVATE}
    digest = hashlib.sha256(words).hexdigest()
    return Record(version, orjson.dumps({**head, "event": public, "changes": shown, "words": digest}), words, wire)


class Stream:
    """The streams of all stations in one store.

    Args:
        redis: a client that returns bytes.
        keys: the partition's key names.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis: Any = redis  # its types cover text replies too; ours are always bytes
        self.keys = keys
        self.epoch = ""
        self._append = redis.register_script(_FOLDER.joinpath("append.lua").read_text())
        self._snapshot = redis.register_script(_FOLDER.joinpath("snapshot.lua").read_text())

    async def open(self) -> None:
        """Learn the store's epoch, or give a new store one."""
        async with translated():
            await self.redis.set(self.keys.epoch, secrets.token_hex(8), nx=True)
            self.epoch = (await self.redis.get(self.keys.epoch) or b"").decode()

    async def now(self) -> datetime:
        """The store's time."""
        seconds, microseconds = await self.redis.time()
        return from_ms(seconds * 1000 + microseconds // 1000)

    async def append(self, station: str, records: Sequence[Record], change: Append | None = None,
                     key: str = "") -> Appended | Stale | Done:  # fmt: skip
        """Append `records` to the station's stream together with `change`, or (without it) as the station's own.

        Raises:
            Refused: `not_stored`; the write may or may not have happened, and repeating it is safe.
        """
        k = self.keys
        if change is None:
            change = Append(alarm="", expected=0, version=0, snapshot=b"", open=False, deadline="keep", key=key)
        where = k.mirror(station, change.alarm) if change.mirror else k.alarm(change.alarm)
        keys = [
            k.stream(station), k.station(station), where, k.words(station, change.alarm),
            k.done(change.alarm or station), k.mirrors(station) if change.mirror else k.open(station),
            k.deadlines, k.outbox,
        ]  # fmt: skip
        due = change.deadline
        args: list[Any] = [
            station, change.alarm, change.expected, change.version, change.snapshot, change.key, change.digest,
            "" if due is None else due if isinstance(due, str) else to_ms(due), "1" if change.open else "0",
            change.secret_hash, change.pin_hash, k.bell(station), " ".join(change.copy_to),
        ]  # fmt: skip
        for record in records:
            args += [record.version, record.body, record.words, hashlib.sha256(record.body).hexdigest(), record.wire]
        async with translated():
            answer = await self._append(keys=keys, args=args)
        if answer[0] == b"ok":
            return Appended(int(answer[1]))
        if answer[0] == b"done":
            digest, version = answer[1].decode().rsplit(" ", 1)
            return Done(digest, int(version))
        return Stale()

    async def read(self, station: str, after: int, limit: int = 500, until: int | None = None) -> list[Entry]:
        """The events after offset `after`, oldest first, at most `limit`, with the words that still exist."""
        async with translated():
            last = "+" if until is None else f"{until}-0"
            rows = await self.redis.xrange(self.keys.stream(station), f"{after + 1}-0", last, count=limit)
            entries = [(int(row[0].split(b"-")[0]), orjson.loads(row[1][b"r"]), row[1]) for row in rows]
            hidden = [(members["alarm"], members["version"]) for _, members, _ in entries if "words" in members]
            pipe = self.redis.pipeline(transaction=False)
            for alarm, version in hidden:
                pipe.hget(self.keys.words(station, alarm), str(version))
            found = iter(await pipe.execute() if hidden else [])
        return [
            Entry(offset, members, row[b"r"], row[b"h"].decode(), altered=False)
            if "words" not in members
            else _with_words(offset, members, row, next(found))
            for offset, members, row in entries
        ]

    async def offset(self, station: str) -> int:
        """The offset of the station's last event; 0 when it has none."""
        async with translated():
            return int(await self.redis.hget(self.keys.station(station), "offset") or 0)

    async def snapshot(self, station: str) -> tuple[int, list[bytes]]:
        """(offset, the open alarms as JSON) of the station at one instant."""
        k = self.keys
        async with translated():
            found = await self._snapshot(
                keys=[k.station(station), k.open(station), k.mirrors(station)],
                args=[k.alarm(""), k.mirror(station, "")],
            )
        return int(found[0]), [alarm for alarm in found[1:] if alarm]

    async def open_alarms(self, station: str) -> list[str]:
        """Ids of the station's open alarms and of those it was called in to."""
        async with translated():
            found = await self.redis.sunion(self.keys.open(station), self.keys.mirrors(station))
        return [alarm.decode() for alarm in found]

    async def due(self, now: datetime, limit: int = 100) -> list[str]:
        """Ids of alarms whose indexed deadline is at or before `now`, earliest first."""
        async with translated():
            found = await self.redis.zrange(
                self.keys.deadlines, "-inf", str(to_ms(now)), byscore=True, offset=0, num=limit
            )
        return [alarm.decode() for alarm in found]

    async def next_due(self) -> datetime | None:
        """The earliest indexed deadline of all alarms."""
        async with translated():
            found = await self.redis.zrange(self.keys.deadlines, 0, 0, withscores=True)
        return from_ms(int(found[0][1])) if found else None

    async def set_deadline(self, alarm: str, deadline: datetime | None) -> None:
        """Mend the index of one alarm."""
        async with translated():
            if deadline is None:
                await self.redis.zrem(self.keys.deadlines, alarm)
            else:
                await self.redis.zadd(self.keys.deadlines, {alarm: to_ms(deadline)})


def _with_words(offset: int, members: dict[str, Any], row: Mapping[bytes, bytes], words: bytes | None) -> Entry:
    """The event with what people wrote put back; `wiped` when that is gone and only the record stays."""
    digest = members["words"]
    whole = {name: value for name, value in members.items() if name != "words"}
    if words is None:
        whole["wiped"] = True
    else:
        hidden = orjson.loads(words)
        whole["event"] = {**members["event"], **hidden["event"]}
        whole["changes"] = {**members["changes"], **hidden["changes"]}
    altered = words is not None and hashlib.sha256(words).hexdigest() != digest
    return Entry(offset, whole, row[b"r"], row[b"h"].decode(), altered)


class translated:  # noqa: N801 - reads as a word: `async with translated():`
    """Turn any fault of the store into `not_stored`, so that no caller can take it for success."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, RedisError | OSError | TimeoutError):
            raise Refused(errors.NOT_STORED, f"the store did not confirm ({type(fault).__name__})") from fault
