"""What became of notifications beyond the console, beside an alarm's life: sent, failed, shown, opened, unopened. Pure.

Never changes who has to be called or when: sent is not delivered, delivered is not seen, seen is not acknowledged.
Field's terms: notification, delivery receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatch.alarm import commands as c
from dispatch.alarm import events as e
from dispatch.alarm.clock import to_text
from dispatch.alarm.state import Alarm


def decide(alarm: Alarm, command: c.Notify) -> list[e.Event]:
    """The event of `command`; none when its officers are none, or a receipt is known already."""
    match command:
        case c.NoteSent(officers=officers, channel=channel, via=via, step=step, loop=loop):
            known = e.NotificationSent(officers=officers, channel=channel, via=via, step=step, loop=loop)
            return [known] if officers else []
        case c.NoteFailed(officers=officers, channel=channel, via=via, step=step, loop=loop):
            failed = e.NotificationFailed(
                officers=officers, channel=channel, reason=command.reason, via=via, status=command.status, step=step,
                loop=loop,
            )  # fmt: skip
            return [failed] if officers else []
        case c.NoteReceipt(officer=officer, channel=channel, what="opened"):
            return [e.NotificationOpened(officer=officer, channel=channel, step=command.step, loop=command.loop)]
        case c.NoteReceipt(officer=officer, channel=channel):
            return [e.NotificationShown(officer=officer, channel=channel, step=command.step, loop=command.loop)]
    raise TypeError(f"{type(command).__name__} has no event")


def unopened(alarm: Alarm) -> list[e.Event]:
    """For the append of the next step: who was sent a notification of the step before and has not opened it."""
    if alarm.step is None:
        return []
    waiting = [
        officer for officer, entry in alarm.notified.items()
        if (entry.get("step"), entry.get("loop")) == (alarm.step, alarm.loop)
        and "sent" in entry and "opened" not in entry
    ]  # fmt: skip
    if not waiting:
        return []
    return [e.NotificationUnopened(officers=tuple(sorted(waiting)), step=alarm.step, loop=alarm.loop)]


def changes(alarm: Alarm, event: e.Event, at: datetime) -> dict[str, Any] | None:
    """What `event` changes in the alarm; None when it is not of a notification."""
    match event:
        case e.NotificationSent(officers=officers, channel=channel):
            told = {officer: _sent(alarm, officer, event, channel, "sent") for officer in officers}
        case e.NotificationFailed(officers=officers, channel=channel):
            told = {officer: _sent(alarm, officer, event, channel, "failed") for officer in officers}
        case e.NotificationShown(officer=officer):
            told = {officer: _receipt(alarm, officer, event, "shown", at)}
        case e.NotificationOpened(officer=officer):
            told = {officer: _receipt(alarm, officer, event, "opened", at)}
        case e.NotificationUnopened():
            return {}
        case _:
            return None
    return {"notified": {**alarm.notified, **told}}


def _of(alarm: Alarm, officer: str, event: Any) -> tuple[Mapping[str, Any], bool]:
    """(what is known of the officer for the event's step, whether that step is over); a later step begins anew."""
    entry = alarm.notified.get(officer, {})
    known, told = (entry.get("loop", -1), entry.get("step", -1)), (event.loop, event.step)
    if event.step is None or known == told:
        return entry, False
    return (entry, True) if told < known else ({"step": event.step, "loop": event.loop}, False)


def _sent(alarm: Alarm, officer: str, event: Any, channel: str, what: str) -> Mapping[str, Any]:
    entry, over = _of(alarm, officer, event)
    return entry if over else {**entry, what: sorted({*entry.get(what, ()), channel})}


def _receipt(alarm: Alarm, officer: str, event: Any, what: str, at: datetime) -> Mapping[str, Any]:
    """A phone can be faster than the note that its push was sent."""
    entry, over = _of(alarm, officer, event)
    return entry if over or what in entry else {**entry, what: to_text(at)}
