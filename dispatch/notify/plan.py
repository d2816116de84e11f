"""What follows from an alarm's events for who is to be reached beyond the console. Pure.

Only what still holds: a step that a later one has overtaken, or an alarm that somebody took, calls nobody any more.
Field's term: notification rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.alarm import events as e
from dispatch.alarm.state import OWNED, Alarm, Status

_ENDS = ("alarm_acknowledged", "alarm_taken", "transfer_accepted")
CALLS = frozenset({"step_run", "owner_reminded", *_ENDS})
"""The events from which something may follow."""
_TOLD = ("step", "loop", "audience", "called", "reached", "by", "owner", "why", "cause", "stations", "day")
"""Members of events that a webhook is told; nothing of a citizen is among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who is to be told what. `supervisors`: those of the alarm's stations too; `messengers`: not only pushes."""

    kind: str
    officers: tuple[str, ...]
    supervisors: bool = False
    messengers: bool = True
    step: int | None = None
    loop: int | None = None
    by: str | None = None


def wanted(alarm: Alarm, members: Mapping[str, Any], repeats: int) -> Wanted | None:
    """What the event `members` (as recorded) asks for, as the alarm is now; None for nothing.

    Of steps that ran in one instant, because nobody was ready, only the last still holds: a phone rings once.

    Args:
        alarm: now, not as it was at the event.
        members: `type` and the public fields.
        repeats: so many repeats of the last step go to messengers too; all go to pushes.
    """
    if members["type"] == "step_run" and holds(alarm, "step", members["step"], members["loop"], alarm.cycle):
        return Wanted(
            kind="step", officers=tuple(members["called"]), supervisors="supervisor" in members["audience"],
            messengers=members["loop"] <= repeats, step=members["step"], loop=members["loop"],
        )  # fmt: skip
    if members["type"] == "owner_reminded" and members["owner"] == alarm.owner and holds(alarm, "reminder"):
        return Wanted(kind="reminder", officers=(members["owner"],))
    if members["type"] in _ENDS and alarm.status in OWNED:
        return Wanted(kind="taken", officers=pushed(alarm), messengers=False, by=alarm.owner)
    return None


def holds(alarm: Alarm, kind: str, step: int | None = None, loop: int | None = None, cycle: int = 0) -> bool:
    """Whether a notification still says what is so."""
    match kind:
        case "step":
            return alarm.status is Status.RAISED and (alarm.cycle, alarm.step, alarm.loop) == (cycle, step, loop)
        case "reminder":
            return alarm.status is Status.ACKNOWLEDGED and alarm.reminded_at is not None
        case "taken":
            return alarm.status is not Status.RAISED
    return True


def pushed(alarm: Alarm) -> tuple[str, ...]:
    """Whose devices may show that the alarm waits: all who were sent a push, except who has it now."""
    return tuple(who for who, entry in alarm.notified.items() if "push" in entry.get("sent", ()) and who != alarm.owner)


def about(alarm: Alarm, record: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook says of an event: who and when, never what a citizen said, showed or where."""
    event = record["event"]
    known = e.EVENTS[event["type"]].public_fields
    told = {name: event[name] for name in _TOLD if name in event and name in known}
    return {"alarm": alarm.id, "code": alarm.code, "station": alarm.station, "kind": alarm.kind, "at": record["at"],
            "version": record["version"], **told}  # fmt: skip
