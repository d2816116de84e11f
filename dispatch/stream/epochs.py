"""Knows when the store is not what it was: restored from an older copy, or taken over by a replica that lacks its end.

Each hub writes a number that only grows, and keeps it in its data folder too: a store that has a smaller one went back.
So does one whose stream no longer has what was fanned out (`hub`). The partition then gets another epoch, once for all
hubs, and every position of the old one is void. Field's terms: epoch, generation, stream position (epoch, offset).
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import structlog
from prometheus_client import Counter

from dispatch.alarm.clock import Clock, from_text, to_text
from dispatch.alarm.events import StoreRestored
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.keys import Keys
from dispatch.stream.record import make_record
from dispatch.stream.stream import Append, Stream

log = structlog.get_logger()
MARK_EVERY_S = 5.0
_CHANGE = Script(resources.files("dispatch.stream").joinpath("epoch.lua").read_text())
CHANGES = Counter("dispatch_epoch_changes", "Times that a partition of the store was found to have gone back")


class Witness:
    """What this hub wrote into each partition last: kept in a file of its own, while it has the file.

    Args:
        file: where; None keeps it in memory only.
    """

    def __init__(self, file: Path | None) -> None:
        self.id = secrets.token_hex(8)
        self.marks: dict[int, tuple[str, int]] = {}
        self._file = file if file is not None and self._lock(file) else None
        if self._file is not None and self._file.exists():
            try:
                kept = orjson.loads(self._file.read_bytes())
                marks = {int(number): (epoch, mark) for number, (epoch, mark) in kept["marks"].items()}
                self.id, self.marks = kept["id"], marks
            except (ValueError, LookupError, TypeError, AttributeError):
                log.warning("witness_unreadable", file=str(file))

    def save(self) -> None:
        """Write the file anew, whole or not at all."""
        if self._file is None:
            return
        new = self._file.with_suffix(".new")
        marks = {str(number): mark for number, mark in self.marks.items()}
        new.write_bytes(orjson.dumps({"id": self.id, "marks": marks}))
        os.replace(new, self._file)

    def close(self) -> None:
        """Leave the file to the next hub."""
        if self._file is not None:
            os.close(self._held)
            self._file = None

    def _lock(self, file: Path) -> bool:
        """Whether the file is ours: of several hubs on one data folder, one keeps it, until it ends."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._held = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._held)
            return False
        return True


class Epochs:
    """The epochs of a store's partitions.

    Args:
        stream: the store; `stream.epochs` is kept here.
        stations: every station's id.
        clock: time.
        witness: what this hub remembers.
    """

    def __init__(self, stream: Stream, stations: Iterable[str], clock: Clock, witness: Witness) -> None:
        self._stream = stream
        self._stations = tuple(stations)
        self._clock = clock
        self.witness = witness
        self._former: set[tuple[int, str]] = set()  # (partition, epoch) that ended: none may come again
        self.restored: dict[int, datetime] = {}
        """Partition -> when it was last found to have gone back."""
        self.on_change: list[Callable[[int], Awaitable[None]]] = []

    async def open(self) -> None:
        """Learn every partition's epoch, give a new one its first, and see whether it went back while we were away."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.set(keys.epoch, secrets.token_hex(8), nx=True)
            await pipe.execute()
        await self.step(self._clock.now())

    async def step(self, now: datetime) -> None:
        """Follow changes that other hubs made, find those that none has seen, and leave the next mark."""
        stream, witness = self._stream, self.witness
        async with translated():
            pipe = stream.redis.pipeline(transaction=False)
            for keys in stream.partitions:
                pipe.get(keys.epoch)
                pipe.hget(keys.witness, witness.id)
                pipe.get(keys.restored)
            rows = await pipe.execute()
        for keys, epoch, mark, restored in zip(stream.partitions, rows[::3], rows[1::3], rows[2::3], strict=True):
            if restored is not None:
                self.restored[keys.partition] = from_text(restored.decode())
            await self._see(keys, (epoch or b"").decode(), int(mark or 0))
        await self._mark()

    async def went_back(self, station: str, epoch: str) -> None:
        """The station's stream is not the one that was fanned out here in this epoch."""
        await self._change(self._stream.of(station), epoch)

    async def _see(self, keys: Keys, epoch: str, mark: int) -> None:
        known = self._stream.epochs.get(keys.partition)
        left, number = self.witness.marks.get(keys.partition, (epoch, 0))
        if (epoch == left and mark < number) or (keys.partition, epoch) in self._former:
            await self._change(keys, epoch)  # also when a change of epoch was lost with the server that had it
        elif known is None:
            self._stream.epochs[keys.partition] = epoch
        elif epoch != known:
            await self._follow(keys, epoch)

    async def _change(self, keys: Keys, wrong: str) -> None:
        """Give the partition another epoch, unless another hub was first; then write it into its streams."""
        new = secrets.token_hex(8)
        now = self._clock.now()
        async with translated():
            has = (
                await _CHANGE.run(self._stream.redis, [keys.epoch, keys.restored], [wrong, new, to_text(now)])
            ).decode()
        if has == new:
            CHANGES.inc()
            log.error("store_restored", partition=keys.partition, epoch=new)
            self.restored[keys.partition] = now
        await self._follow(keys, has)
        for station in self._stations:
            if self._stream.of(station).partition == keys.partition:
                once = Append(alarm="", expected=0, version=0, snapshot=b"", open=False, deadline="keep",
                              key=f"restored:{has}")  # fmt: skip
                record = make_record(None, 0, StoreRestored(epoch=has), now, {})
                await self._stream.append(station, [record], once)

    async def _follow(self, keys: Keys, epoch: str) -> None:
        if self._stream.epochs.get(keys.partition) == epoch:
            return
        first = keys.partition not in self._stream.epochs
        if not first:
            self._former.add((keys.partition, self._stream.epochs[keys.partition]))
        self._stream.epochs[keys.partition] = epoch
        if not first:
            for told in self.on_change:
                await told(keys.partition)

    async def _mark(self) -> None:
        """Write each partition's next number; it is remembered only when it is stored."""
        next_marks: dict[int, tuple[str, int]] = {}
        async with translated():
            pipe: Any = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                number = self.witness.marks.get(keys.partition, ("", 0))[1] + 1
                next_marks[keys.partition] = (self._stream.epochs[keys.partition], number)
                pipe.hset(keys.witness, self.witness.id, number)
            await pipe.execute()
        self.witness.marks = next_marks
        self.witness.save()
