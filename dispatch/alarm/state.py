"""What an alarm is, as the fold of its events: `evolve(alarm, event, at) -> alarm`, pure.

Three ladders stand side by side and are never one enum: what the alarm is (`status`), how far escalation has gone
(`step`, `loop`), and what consoles and people have done with it (`consoles`, `seen_by`).
"""

from __future__ import annotations

import operator
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from dispatch.alarm import events as e
from dispatch.alarm import evidence, tombstone
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
    flood: bool | None = None
    plan: str | None = None  # how a plan became this alarm: "missed", "pressed", "duress"
    check_in_by: datetime | None = None  # of a plan

    owner: str | None = None
    owner_station: str | None = None
    owned_at: datetime | None = None
    acknowledged_at: datetime | None = None
    moved_at: datetime | None = None
    arrived_at: datetime | None = None
    closed_at: datetime | None = None
    disposition: str | None = None
    reminded_at: datetime | None = None
    transfer: Entry | None = None
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

    text: str | None = None
    position: Mapping[str, Any] | None = None
    place: str | None = None
    question: str | None = None
    talk: Mapping[str, Entry] = field(default_factory=dict)
    notes: Mapping[str, Entry] = field(default_factory=dict)
    media: Mapping[str, Entry] = field(default_factory=dict)
    found: Mapping[str, Entry] = field(default_factory=dict)  # inside a media: where it was made, how loud it is

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


PRIVATE = frozenset({"text", "position", "place", "category", "needs", "talk", "notes", "transfer", "held", "found"})
"""Fields that can hold someone's words or place: kept apart from the record, like an event's private fields."""

_OPEN_AGAIN: dict[str, Any] = {
    "status": Status.RAISED, "owner": None, "owner_station": None, "owned_at": None, "moved_at": None,
    "arrived_at": None, "closed_at": None, "disposition": None, "reminded_at": None, "step": None, "loop": 0,
    "step_at": None, "audience": (), "called": (), "unanswered_at": None,
}  # fmt: skip


def evolve(alarm: Alarm | None, event: e.Event, at: datetime, alarm_id: str = "") -> Alarm:
    """The alarm after `event`. `alarm` is None, and `alarm_id` needed, only for `AlarmRaised`."""
    if isinstance(event, e.AlarmRaised | e.PlanMade):
        version = alarm.version + 1 if alarm else 1
        begun = Alarm(
            id=alarm_id, version=version, home=event.station, station=event.station, status=Status.RAISED,
            kind=event.kind, code=event.code, lang=event.lang, channel=event.channel, why=event.why, raised_at=at,
            since=at, cycle=version, shown=version, backups=event.backups, category=event.category,
            needs=event.needs or (), text=event.text, position=event.position, place=event.place,
        )  # fmt: skip
        if isinstance(event, e.AlarmRaised):
            return changed(begun, flood=event.flood, plan=event.plan) if event.flood or event.plan else begun
        return changed(begun, status=Status.PLANNED, check_in_by=at + timedelta(seconds=event.within_s))
    if alarm is None:
        raise ValueError(f"{event.type} cannot be an alarm's first event")
    version = alarm.version + 1
    changes = _changes(alarm, event, at)
    if alarm.wiped_at is not None and "wiped_at" not in changes and (isinstance(event, _BEGINS) or event.split()[1]):
        changes["wiped_at"] = None  # there is content again, which has an end of its own
    return changed(alarm, version=version, shown=_shown(alarm, event, version), **changes)


def changed(alarm: Alarm, **changes: Any) -> Alarm:
    """The alarm with some fields changed: `dataclasses.replace`, a third of its time on fifty fields."""
    return Alarm(**{**dict(zip(_NAMES, _values(alarm), strict=True)), **changes})


_UNSEEN = (
    e.StepRun, e.NoteAdded, e.OwnerReminded, e.AlarmOverdue, e.TransferOffered, e.TransferRejected, e.OriginalOpened,
    e.MediaWorkerDied, e.LiveSoundFailed, e.ContentHeld, e.ContentReleased,
)  # fmt: skip
_BEGINS = (e.MediaAdded, e.AlarmReopened)
"""After these a wiped alarm has content again, or will have: as after any event that holds someone's words."""


def _shown(alarm: Alarm, event: e.Event, version: int) -> int:
    """A citizen's view moves only with what it shows.

    A second cancel shows nothing: whoever counts must not learn whether the first was under duress.
    """
    again = isinstance(event, e.CancelRequested) and alarm.cancel is not None
    return alarm.shown if again or alarm.hushed or isinstance(event, _UNSEEN) else version


def _changes(alarm: Alarm, event: e.Event, at: datetime) -> dict[str, Any]:
    key = str(alarm.version + 1)
    match event:
        case e.AlarmAcknowledged(by=by, station=station) | e.AlarmTaken(by=by, station=station):
            return {"status": Status.ACKNOWLEDGED, "owner": by, "owner_station": station, "owned_at": at,
                    "acknowledged_at": alarm.acknowledged_at or at, "reminded_at": None, "moved_at": None,
                    "arrived_at": None}  # fmt: skip
        case e.AlarmReleased():
            return _OPEN_AGAIN | {"since": at, "cycle": alarm.version + 1, "transfer": None}
        case e.AlarmReopened():
            return _OPEN_AGAIN | {"since": at, "cycle": alarm.version + 1, "transfer": None, "overdue_at": None}
        case e.AlarmEnRoute():
            return {"status": Status.EN_ROUTE, "moved_at": at}
        case e.AlarmOnScene():
            return {"status": Status.ON_SCENE, "arrived_at": at, "moved_at": alarm.moved_at or at}
        case e.AlarmClosed(by=by, disposition=disposition, note=note):
            noted = {**alarm.notes, key: {"by": by, "text": note, "at": to_text(at)}} if note else alarm.notes
            return {"status": Status.CLOSED, "closed_at": at, "disposition": disposition, "notes": noted,
                    "question": None, "transfer": None}  # fmt: skip
        case e.TransferOffered(by=by, to=to, reason=reason):
            offer = {"to": to, "by": by, "at": to_text(at), "reason": reason}
            return {"transfer": offer, "shared": _with(alarm, (to,))}
        case e.TransferAccepted(by=by, station=station):
            return {"transfer": None, "station": station, "status": Status.ACKNOWLEDGED, "owner": by,
                    "owner_station": station, "owned_at": at, "acknowledged_at": alarm.acknowledged_at or at,
                    "reminded_at": None, "moved_at": None, "arrived_at": None}  # fmt: skip
        case e.TransferRejected():
            return {"transfer": None}
        case e.CancelRequested(duress=duress):
            word = "duress" if duress or alarm.cancel == "duress" else "requested"
            return {"cancel": word, "cancels": alarm.cancels + 1}
        case e.StepRun():
            return {"step": event.step, "loop": event.loop, "step_at": at, "audience": event.audience,
                    "called": event.called, "shared": _with(alarm, event.stations)}  # fmt: skip
        case e.AlarmUnanswered():
            return {"unanswered_at": at}
        case e.OwnerReminded():
            return {"reminded_at": at}
        case e.AlarmOverdue():
            return {"overdue_at": at}
        case e.AlarmDelivered(consoles=consoles):
            return {"consoles": consoles, "delivered_at": alarm.delivered_at or at}
        case e.AlarmSeen(by=by):
            return {"seen_at": alarm.seen_at or at, "seen_by": (*alarm.seen_by, by)}
        case e.CitizenSaid(text=text):
            return {"talk": {**alarm.talk, key: {"who": "citizen", "text": text, "at": to_text(at)}}}
        case e.OfficerSaid(by=by, text=text):
            return {"talk": {**alarm.talk, key: {"who": "officer", "by": by, "text": text, "at": to_text(at)}}}
        case e.QuestionAsked():
            asked = {"who": "officer", "by": event.by, "text": event.text, "at": to_text(at),
                     "question": event.question, "choices": list(event.choices or ())}  # fmt: skip
            return {"talk": {**alarm.talk, key: asked}, "question": event.question}
        case e.QuestionAnswered(question=question, answer=answer):
            said = {"who": "citizen", "text": answer, "at": to_text(at), "answers": question}
            still_open = None if alarm.question == question else alarm.question
            return {"talk": {**alarm.talk, key: said}, "question": still_open}
        case e.NoteAdded(by=by, text=text):
            return {"notes": {**alarm.notes, key: {"by": by, "text": text, "at": to_text(at)}}}
        case e.PositionReported(position=position):
            return {"position": position}
        case e.ContentHeld() | e.ContentReleased() | e.ContentWiped() | e.MediaRemoved():
            return tombstone.changes(alarm, event, at, _NO_CONTENT)
        case e.CheckedIn(within_s=within_s, position=position):
            return {"check_in_by": at + timedelta(seconds=within_s), "since": at} | (
                {"position": position} if position else {}
            )
        case e.PlanEnded():
            return {"status": Status.ENDED, "closed_at": at, "check_in_by": None, "text": None, "position": None,
                    "place": None, "category": None, "needs": ()}  # fmt: skip
    return evidence.changes(alarm, event, at)


def _with(alarm: Alarm, stations: tuple[str, ...]) -> tuple[str, ...]:
    return alarm.shared + tuple(s for s in stations if s != alarm.home and s not in alarm.shared)


# -- the alarm as it is stored and sent ------------------------------------------------------------------------

_NAMES = tuple(f.name for f in fields(Alarm))
_NO_CONTENT = {f.name: {} if f.default is MISSING else f.default for f in fields(Alarm) if f.name in PRIVATE}
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
