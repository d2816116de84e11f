"""What an alarm is: the state that its events leave (`fold`), and its form as it is stored and sent. Pure.

Three ladders stand side by side and are never one enum: what the alarm is (`status`), how far escalation has gone
(`step`, `loop`), and what consoles and people have done with it (`consoles`, `seen_by`).
"""

from __future__ import annotations

import operator
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from dispatch.alarm.clock import from_text, to_text


class Status(StrEnum):
    """The life of an alarm (ISA-18.2: unacknowledged, acknowledged; APCO ASAP: dispatched, arrived, closed)."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    CLOSED = "closed"
    PLANNED = "planned"  # no alarm yet: its citizen checks in (dead man's timer)
    ENDED = "ended"  # a plan that never became an alarm


OWNED = frozenset({Status.ACKNOWLEDGED, Status.EN_ROUTE, Status.ON_SCENE})
_OPEN = OWNED | {Status.RAISED}

Entry = Mapping[str, Any]
"""One item of `talk`, `notes` or `media`; keyed by the version that made it (talk, notes) or by the media's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm. Times are UTC; `home` is the station whose stream holds it, `station` the one responsible now."""

    id: str
    version: int
    home: str
    station: str
    status: Status
    kind: str
    code: str
    lang: str
    channel: str
    why: str
    raised_at: datetime
    since: datetime  # when the present wait for a person began: raised, released or reopened
    cycle: int  # the version at `since`: names the wait, so that a late timer of an earlier one does nothing
    backups: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()  # the other stations that were called in
    category: str | None = None
    needs: tuple[str, ...] = ()
    burst: str | None = None  # of many that one sender, or too many at once, sent: its name
    quiet: bool | None = None  # another alarm of its burst escalates for it
    plan: str | None = None  # how a plan became this alarm: "missed", "pressed", "duress"
    check_in_by: datetime | None = None  # of a plan

    owner: str | None = None
    owner_station: str | None = None
    owned_at: datetime | None = None
    owner_lost_at: datetime | None = None  # since when no console of the owner is heard
    acknowledged_at: datetime | None = None
    moved_at: datetime | None = None
    arrived_at: datetime | None = None
    closed_at: datetime | None = None
    disposition: str | None = None
    reminded_at: datetime | None = None
    station_gone: str | None = None  # the station that answered before, which the configuration no longer has
    transfer: Entry | None = None
    handover: Entry | None = None  # offered to a colleague: {"by", "at", "summary", "to"?}
    cancel: str | None = None  # "requested" or "duress"
    cancels: int = 0  # how often it was asked for
    shown: int = 1  # the version of the last event that the citizen can see: the only version they are told

    step: int | None = None
    loop: int = 0
    step_at: datetime | None = None
    audience: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    unanswered_at: datetime | None = None
    overdue_at: datetime | None = None
    due: datetime | None = None  # the next deadline, computed by the escalation policy at every append

    consoles: int = 0
    delivered_at: datetime | None = None
    seen_at: datetime | None = None
    seen_by: tuple[str, ...] = ()
    notified: Mapping[str, Entry] = field(default_factory=dict)  # officer -> what became of the last notification

    text: str | None = None
    position: Mapping[str, Any] | None = None
    track: Mapping[str, Entry] = field(default_factory=dict)  # where they were before, by the version that replaced it
    place: str | None = None
    question: str | None = None
    talk_delivered: int | None = None  # the last version of what officers said that is on the citizen's device
    talk_seen: int | None = None  # ... and that was in sight there
    added: int | None = None  # the last version at which the citizen added something: words, an answer, a medium
    read: Mapping[str, int] = field(default_factory=dict)  # officer -> up to which version they had that in sight
    tally: Mapping[str, Any] = field(default_factory=dict)  # of all that was said (`tally`); nobody is shown it
    talk: Mapping[str, Entry] = field(default_factory=dict)  # beside the snapshot: {} or only what is new, unless whole
    notes: Mapping[str, Entry] = field(default_factory=dict)
    media: Mapping[str, Entry] = field(default_factory=dict)
    found: Mapping[str, Entry] = field(default_factory=dict)  # inside a media: where it was made, how loud it is

    helpers: Mapping[str, Entry] = field(default_factory=dict)  # who was called to help, and what became of it
    calls: Mapping[str, Entry] = field(default_factory=dict)  # what they were asked in an officer's own words

    held: Entry | None = None  # its content is kept beyond its end date
    wiped_at: datetime | None = None  # since when it has no content
    wipes: int | None = None  # how often it was wiped: whoever writes into a wiped alarm is heard

    @property
    def latest(self) -> datetime:
        """The time of the latest of its events that left one."""
        times = (
            self.raised_at, self.since, self.owned_at, self.acknowledged_at, self.moved_at, self.arrived_at,
            self.closed_at, self.reminded_at, self.step_at, self.unanswered_at, self.overdue_at, self.delivered_at,
            self.seen_at, self.wiped_at,
        )  # fmt: skip
        return max(at for at in times if at is not None)

    @property
    def open(self) -> bool:
        """On the stations' lists: everything not closed, but never a practice alarm."""
        return self.status in _OPEN and self.kind != "practice"

    @property
    def hushed(self) -> bool:
        """Whether its citizen is shown an ended plan, because it was ended under duress."""
        return self.plan == "duress"

    @property
    def stations(self) -> tuple[str, ...]:
        """Every station that may see it."""
        return (self.home, *self.shared)


TALLY = "tally"
"""The field that is the hubs' alone."""
PRIVATE = frozenset({
    "text", "position", "track", "place", "category", "needs", "talk", "notes", "transfer", "handover", "held",
    "found", "calls",
})  # fmt: skip
"""Fields that can hold someone's words or place: kept apart from the record, like an event's private fields."""


def changed(alarm: Alarm, **changes: Any) -> Alarm:
    """The alarm with some fields changed: `dataclasses.replace`, a third of its time on fifty fields."""
    return Alarm(**{**dict(zip(_NAMES, _values(alarm), strict=True)), **changes})


# -- the alarm as it is stored and sent ------------------------------------------------------------------------

_NAMES = tuple(f.name for f in fields(Alarm))
NO_CONTENT = {f.name: {} if f.default is MISSING else f.default for f in fields(Alarm) if f.name in PRIVATE}
"""The fields of `PRIVATE` as they are when nobody has said anything."""
_values: typing.Callable[[Alarm], tuple[Any, ...]] = operator.attrgetter(*_NAMES)
_HINTS = typing.get_type_hints(Alarm)
_TIMES = frozenset(name for name, hint in _HINTS.items() if datetime in (hint, *typing.get_args(hint)))


def to_members(alarm: Alarm) -> dict[str, Any]:
    """The alarm as a JSON object: times as text, members that are None or empty left out."""
    members: dict[str, Any] = {}
    for name, value in zip(_NAMES, _values(alarm), strict=True):
        if value or not (value is None or value == () or value == {}):  # 0, False and "" say something
            members[name] = to_text(value) if name in _TIMES else value
    return members


def from_members(members: Mapping[str, Any]) -> Alarm:
    """The inverse of `to_members`."""
    known: dict[str, Any] = {}
    for name, value in members.items():
        known[name] = from_text(value) if name in _TIMES else tuple(value) if isinstance(value, list) else value
    return Alarm(**{**known, "status": Status(known["status"])})
