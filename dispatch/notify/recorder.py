"""Writes what became of notifications into their alarms: many at a time, officers to whom the same happened together.

Answers when it is stored. Never sends. Field's term: delivery receipt.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from dispatch.alarm.commands import NoteFailed, NoteSent, Notify
from dispatch.alarm.state import Alarm
from dispatch.alarm.work import Work
from dispatch.stream.alarms import Alarms

_Waiting = tuple[Notify, "asyncio.Future[Alarm]"]


class Recorder:
    """The recorder of one hub.

    Args:
        alarms: where the alarms are.
        work: its writes.
    """

    def __init__(self, alarms: Alarms, work: Work) -> None:
        self._alarms = alarms
        self._work = work
        self._waiting: dict[str, list[_Waiting]] = {}

    async def record(self, alarm_id: str, command: Notify) -> Alarm:
        """The alarm, once `command` is in its record. What comes while an append is under way goes into the next.

        Raises:
            Refused: `not_stored`.
        """
        future: asyncio.Future[Alarm] = asyncio.get_running_loop().create_future()
        first = alarm_id not in self._waiting
        self._waiting.setdefault(alarm_id, []).append((command, future))
        if first:
            self._work.spawn(self._write(alarm_id), f"record {alarm_id}")
        return await future

    async def _write(self, alarm_id: str) -> None:
        while batch := self._waiting.get(alarm_id):
            self._waiting[alarm_id] = []
            try:
                outcome = await self._alarms.handle(alarm_id, *together([command for command, _ in batch]))
            except Exception as fault:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(fault)
            else:
                for _, future in batch:
                    if not future.done():
                        future.set_result(outcome.alarm)
        del self._waiting[alarm_id]


def together(commands: list[Notify]) -> list[Notify]:
    """The same, with officers to whom the same happened in one command."""
    merged: dict[Notify, tuple[str, ...]] = {}
    others: list[Notify] = []
    for command in commands:
        if isinstance(command, NoteSent | NoteFailed):
            alike = replace(command, officers=())
            merged[alike] = tuple(dict.fromkeys((*merged.get(alike, ()), *command.officers)))
        else:
            others.append(command)
    sent: list[Notify] = [replace(alike, officers=who) for alike, who in merged.items()]  # type: ignore[call-arg]
    return sent + others
