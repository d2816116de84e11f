"""Copies the events of an alarm to the streams of the stations that were called in to it.

The outbox is filled by the same script that appends, so nothing is forgotten; the copy is made with compare-and-set on
the copy's version, so repeating it, or two hubs doing it at once, changes nothing. Never decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from dispatch.alarm import tally
from dispatch.alarm.clock import from_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import AlarmShared, load
from dispatch.alarm.patch import apply_patch
from dispatch.alarm.state import TALLY, to_members
from dispatch.alarm.work import Work
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms, Outcome
from dispatch.stream.beside import SAID, light, shown, stored, whole
from dispatch.stream.record import Record, make_record
from dispatch.stream.stream import Append

log = structlog.get_logger()
_AT_ONCE = 64
"""Entries of an outbox that are looked at together."""
CLOSED_AGAIN = timedelta(days=1)
"""A closed copy with words is compared with its alarm this often (`orphans`)."""


class Relay:
    """The outbox of one store.

    Args:
        alarms: where the alarms are.
        work: what goes on, and the time of the copy.
    """

    def __init__(self, alarms: Alarms, work: Work) -> None:
        self._alarms = alarms
        self._stream = alarms.stream
        self._work = work
        self._bell = work.bell()

    def after_append(self, outcome: Outcome) -> None:
        """Look at once when this hub appended something to copy; after a fault any hub finds what is left."""
        if outcome.alarm.shared:
            self._bell.ring()

    async def step(self) -> bool:
        """Copy the oldest entries of each partition's outbox; False when all are empty.

        Different alarms at the same time; those of one alarm to one station in their order.
        """
        outboxes = [keys.outbox for keys in self._stream.partitions]
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for outbox in outboxes:
                pipe.lrange(outbox, 0, _AT_ONCE - 1)
            rows = await pipe.execute()
        lines: dict[tuple[str, bytes, bytes], list[bytes]] = {}
        for outbox, heads in zip(outboxes, rows, strict=True):
            for head in heads:
                to, _, alarm, *_ = head.split(b" ")
                lines.setdefault((outbox, to, alarm), []).append(head)
        done = await self._work.all(*(self._line(outbox, heads) for (outbox, _, _), heads in lines.items()))
        return any(done)

    async def _line(self, outbox: str, heads: list[bytes]) -> bool:
        """Copy one alarm's entries for one station; what is left after a fault is tried again."""
        return all([await self._forward(outbox, head) for head in dict.fromkeys(heads)])

    async def _forward(self, outbox: str, head: bytes) -> bool:
        to, home, alarm, first, last = head.decode().split(" ")
        try:
            for entry in await self._stream.read(home, int(first) - 1, until=int(last)):
                await self._copy(to, alarm, entry.members)
        except Refused:
            raise
        except Exception as fault:  # an event that this version cannot copy must not hold up the others
            log.error("copy_failed", alarm=alarm, to=to, fault=repr(fault))
            async with translated():
                pipe = self._stream.redis.pipeline(transaction=False)  # twice in it for a moment is safe
                await pipe.rpush(outbox, head).lrem(outbox, 1, head).execute()
            return False
        async with translated():
            await self._stream.redis.lrem(outbox, 1, head)
        return True

    async def run(self, poll_s: float) -> None:
        """Look for what was left over every `poll_s` seconds, for ever."""
        while True:
            now = self._work.now()
            try:
                while await self.step():
                    pass
            except Exception as fault:  # not left to `keep`, which waits longer and hears no bell
                log.error("relay_step_failed", fault=repr(fault))
            await self._bell.wait(now + timedelta(seconds=poll_s))

    async def _copy(self, to: str, alarm_id: str, members: dict[str, Any]) -> None:
        async with translated():
            row = await self._stream.redis.hmget(self._stream.of(to).mirror(to, alarm_id), "v", "s")
        have, version = int(row[0] or 0), members["version"]
        before = light(row[1]) if have else {}
        if have >= version:  # copied already, unless the store went back since: see `orphans`
            loaded = await self._alarms.load(alarm_id)
            if loaded is not None and loaded.alarm.version < have:
                await self.bring(to, alarm_id, have, before)
        elif have and have + 1 == version and "wiped" not in members:
            kept: Mapping[str, Any] = before
            if "wipes" in members["changes"]:  # what is left of each entry stays in the snapshot: its words go
                async with translated():
                    words = await self._stream.redis.hgetall(self._stream.of(to).words(to, alarm_id))
                kept = apply_patch(whole(before, words), members["changes"])
            snapshot = apply_patch(before, members["changes"])
            if any(name in members["changes"] for name in SAID):  # only whether there is anything, for who lists it
                snapshot[TALLY] = tally.noted(snapshot.get(TALLY, {}))
            await self._write(to, alarm_id, have, version, _copied(members), before, snapshot, kept)
        else:  # its first event here, or one that was missed
            await self.bring(to, alarm_id, have, before)

    async def bring(self, to: str, alarm_id: str, have: int, before: dict[str, Any]) -> None:
        """Bring the whole alarm as it is now to a station whose copy (`before`, perhaps {}) is at version `have`."""
        loaded = await self._alarms.load(alarm_id, whole=True)
        if loaded is None or loaded.alarm.version == have:
            return
        snapshot, version = to_members(loaded.alarm), loaded.alarm.version
        event = AlarmShared(home=loaded.alarm.home)
        record = make_record(alarm_id, version, event, self._work.now(), shown(snapshot))
        await self._write(to, alarm_id, have, version, record, before, snapshot, {})

    async def _write(self, to: str, alarm_id: str, have: int, version: int, record: Record, before: dict[str, Any],
                     snapshot: dict[str, Any], kept: Mapping[str, Any]) -> None:  # fmt: skip
        if snapshot["status"] == "closed":  # before the copy is: whoever finds this looks at what there is then
            await self._stream.look_at_copy(to, alarm_id, self._work.now() + CLOSED_AGAIN)
        change = Append(
            alarm=alarm_id, expected=have, version=version, snapshot=stored(snapshot, kept), mirror=True,
            open=snapshot["status"] != "closed", deadline="keep",
            wipe=snapshot.get("wipes", 0) > before.get("wipes", 0),  # perhaps not by this event: some may be left out
        )  # fmt: skip
        await self._stream.append(to, [record], change)  # stale: another hub copied it, which is as good


def _copied(members: dict[str, Any]) -> Record:
    """The record of a copied event: like the first, split again for the other station's words."""
    event, changes = members["event"], members["changes"]
    return make_record(members["alarm"], members["version"], load(event), from_text(members["at"]), changes)
