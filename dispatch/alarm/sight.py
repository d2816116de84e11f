"""What the staff may see of an alarm and its events: one place for sockets, log, exports, lists and media. Pure.

A plan, running or ended, is its citizen's alone: to everyone else it is not there, not even that it is kept. What the
citizen is shown is `views`', what a helper is shown `to_helper`'s. Field's term: authorisation, need to know.
"""

from __future__ import annotations

from typing import Any, Final

from dispatch.alarm.commands import Actor
from dispatch.alarm.events import EVENTS, Sealed
from dispatch.alarm.state import Alarm, Status

SEALED: Final = frozenset(name for name, event in EVENTS.items() if event.sealed)
"""The types of events that are of a plan."""


def visible_to(alarm: Alarm, actor: Actor) -> bool:
    """Whether `actor` may see the alarm: their station holds it or was called in; no station means all.

    Never a helper, and nobody a plan.
    """
    if actor.role == "helper" or alarm.status in (Status.PLANNED, Status.ENDED):
        return False
    return actor.station is None or actor.station in alarm.stations


def to_console(members: dict[str, Any]) -> dict[str, Any]:
    """An event (wire form) as the consoles of its station get it; of a plan, only that the stream has gone on."""
    if members["event"]["type"] not in SEALED:
        return members
    return {"at": members["at"], "alarm": None, "version": 0, "event": {"type": Sealed.type}, "changes": {}}
