"""Many alarms of one sender, or of too many at once: one of them escalates for all, and one act closes them. Pure.

An alarm that somebody took, released or reopened is one like any other: it escalates by itself. Field's terms: alarm
grouping, alarm suppression (ISA-18.2), bulk close.
"""

from __future__ import annotations

from dispatch.alarm import commands as c
from dispatch.alarm import events as e
from dispatch.alarm.state import Alarm, Status

COMMANDS = (c.JoinBurst, c.LeadBurst, c.CloseBurst, c.UndoCloseBurst)


def decide(alarm: Alarm, command: c.Command) -> list[e.Event]:
    """What follows for one alarm of the burst; nothing for one that somebody has taken, or of another burst."""
    match command:
        case c.JoinBurst(burst=burst, quiet=quiet):
            # What somebody had in their hands, or what was planned, is judged by a person.
            waits = alarm.status is Status.RAISED and alarm.acknowledged_at is None and alarm.plan is None
            return [e.BurstJoined(burst=burst, quiet=quiet)] if waits and alarm.burst is None else []
        case _ if alarm.burst is None:
            return []
        case c.LeadBurst():
            return [e.BurstLed()] if alarm.status is Status.RAISED and alarm.quiet else []
        case c.CloseBurst(by=by, until=until, disposition=disposition, note=note):
            waits = alarm.status is Status.RAISED and alarm.raised_at <= until
            return [e.AlarmClosed(by=by.name, disposition=disposition, note=note)] if waits else []
        case c.UndoCloseBurst(by=by, closed_from=closed_from):
            closed = alarm.status is Status.CLOSED and alarm.owned_at is None and alarm.owner == by.name
            late = alarm.closed_at is None or alarm.closed_at < closed_from
            return [e.CloseUndone(by=by.name)] if closed and not late else []
    return []
