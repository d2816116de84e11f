"""How long content is kept: its end date by policy, a hold that stops it, a wipe. Pure.

Content is what people wrote and showed and where they were; what was done, by whom and when stays for ever.
Field's terms: retention period, legal hold, disposition.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from dispatch.alarm import commands as c
from dispatch.alarm import errors
from dispatch.alarm import events as e
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm, Status

COMMANDS: Final = (c.Hold, c.Unhold, c.Wipe, c.EndContent, c.RemoveMedia)


def ends_at(alarm: Alarm, keep: Mapping[str, timedelta]) -> datetime | None:
    """When the content of `alarm` ends; None when it is open, held, wiped already, or kept for ever.

    Args:
        alarm: as folded from its events.
        keep: how long content is kept, by kind of alarm; a kind that is not there is kept for ever.
    """
    if alarm.held is not None or alarm.wiped_at is not None or alarm.kind not in keep or not _over(alarm):
        return None
    since = alarm.raised_at if alarm.kind == "practice" else alarm.closed_at
    return None if since is None else since + keep[alarm.kind]


def decide(alarm: Alarm, command: c.Command, possible: list[str]) -> list[e.Event]:
    """What follows from one of `COMMANDS`; an empty list when it was already so, or the end date is not this one's.

    Raises:
        Refused: `not_allowed` for officers and for stations that do not answer for the alarm; `not_possible`.
    """
    match command:
        case c.EndContent(closed_at=closed_at):
            due = _over(alarm) and closed_at == alarm.closed_at and alarm.held is None and alarm.wiped_at is None
            return [e.ContentWiped(why="policy")] if due else []
        case c.RemoveMedia(objects=objects):
            waiting = any(item["state"] == "wiped" for item in alarm.media.values())
            return [e.MediaRemoved(objects=objects)] if objects or waiting else []
        case c.Hold(by=by, reason=reason):
            _may(alarm, by)
            if alarm.wiped_at is not None:
                raise is_wiped(alarm, possible)
            return [e.ContentHeld(by=by.name, reason=reason)] if alarm.held is None else []
        case c.Unhold(by=by, reason=reason):
            _may(alarm, by)
            return [e.ContentReleased(by=by.name, reason=reason)] if alarm.held is not None else []
        case c.Wipe(by=by, reason=reason):
            _may(alarm, by)
            if alarm.wiped_at is not None:
                return []
            if alarm.held is not None:
                raise _not_possible(alarm, "its content is held", ["unhold"])
            if not _over(alarm):
                raise _not_possible(alarm, "it is not closed", possible)
            return [e.ContentWiped(why="supervisor", by=by.name, reason=reason)]
    raise TypeError(f"{type(command).__name__} has nothing to do with how long content is kept")


def _over(alarm: Alarm) -> bool:
    """Whether its content may end: nobody works on it any more, or nobody ever did."""
    if alarm.status in (Status.PLANNED, Status.ENDED):
        return False  # a plan that ended has no content, one that has not is somebody's
    return alarm.status is Status.CLOSED or alarm.kind == "practice"


def is_wiped(alarm: Alarm, possible: list[str]) -> Refused:
    """For what needs the content of an alarm that has none any more."""
    return _not_possible(alarm, "its content was wiped", possible)


def _not_possible(alarm: Alarm, why: str, possible: list[str]) -> Refused:
    return Refused(errors.NOT_POSSIBLE, f"not possible: {why}", status=alarm.status, possible=possible)


def _may(alarm: Alarm, by: c.Actor) -> None:
    if by.role == "officer":
        raise Refused(errors.NOT_ALLOWED, "only supervisors decide how long content is kept")
    if by.station not in (None, alarm.home, alarm.station):
        raise Refused(errors.NOT_ALLOWED, f"the alarm is of {alarm.station}, and {by.name} is of {by.station}")
