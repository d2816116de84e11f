"""An alarm as the fold of its events: `evolve(alarm, event, at) -> alarm`. Pure.

Never decides what may happen (`lifecycle`). Field's terms: event sourcing, projection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dispatch.alarm import claims, evidence, helping, notification, tally, tombstone
from dispatch.alarm import events as e
from dispatch.alarm.clock import to_text
from dispatch.alarm.state import NO_CONTENT, Alarm, Status, changed


def evolve(alarm: Alarm | None, event: e.Event, at: datetime, alarm_id: str = "") -> Alarm:
    """The alarm after `event`. `alarm` is None, and `alarm_id` needed, only for `AlarmRaised`."""
    if isinstance(event, e.AlarmRaised | e.PlanMade):
        version = alarm.version + 1 if alarm else 1
        begun = Alarm(
            id=alarm_id, version=version, home=event.station, station=event.station, status=Status.RAISED,
            kind=event.kind, code=event.code, lang=event.lang, channel=event.channel, why=event.why, raised_at=at,
            since=at, cycle=version, shown=version, backups=event.backups, category=event.category,
            needs=event.needs or (), text=event.text, position=received(event.position, at), place=event.place,
        )  # fmt: skip
        if isinstance(event, e.AlarmRaised):
            marks = event.plan or event.burst
            return changed(begun, plan=event.plan, burst=event.burst, quiet=event.quiet) if marks else begun
        return changed(
            begun, status=Status.PLANNED, burst=event.burst, check_in_by=at + timedelta(seconds=event.within_s)
        )
    if alarm is None:
        raise ValueError(f"{event.type} cannot be an alarm's first event")
    version = alarm.version + 1
    told = notification.changes(alarm, event, at)
    changes = _changes(alarm, event, at) if told is None else told
    if alarm.wiped_at is not None and "wiped_at" not in changes and (isinstance(event, _BEGINS) or event.split()[1]):
        changes["wiped_at"] = None  # there is content again, which has an end of its own
    return changed(alarm, version=version, shown=_shown(alarm, event, version), **changes)


def received(position: Mapping[str, Any] | None, at: datetime) -> dict[str, Any] | None:
    """A position with when the hub got it: what its device says of the time is shown, and never relied on."""
    return None if position is None else {"received": to_text(at), **position}


_UNSEEN = (
    e.StepRun, e.NoteAdded, e.OwnerReminded, e.AlarmOverdue, e.TransferOffered, e.TransferRejected, e.OriginalOpened,
    e.MediaWorkerDied, e.LiveSoundFailed, e.ContentHeld, e.ContentReleased, e.MediaOpened, e.HandoverOffered,
    e.HandoverRejected, e.HandoverWithdrawn, e.OwnerLost, e.OwnerBack, e.TalkDelivered, e.TalkSeen, *helping.EVENTS,
    e.NotificationSent, e.NotificationFailed, e.NotificationShown, e.NotificationOpened, e.NotificationUnopened,
    e.BurstJoined, e.BurstLed,
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
    if (claimed := claims.changes(alarm, event, at)) is not None:
        return claimed | (helping.opened_again(alarm, at) if isinstance(event, e.AlarmReopened) else {})
    key = str(alarm.version + 1)
    match event:
        case e.CancelRequested(duress=duress):
            word = "duress" if duress or alarm.cancel == "duress" else "requested"
            return {"cancel": word, "cancels": alarm.cancels + 1}
        case e.StepRun():
            return {"step": event.step, "loop": event.loop, "step_at": at, "audience": event.audience,
                    "called": event.called, "shared": _with(alarm, event.stations)}  # fmt: skip
        case e.BurstJoined(burst=burst, quiet=quiet):
            return {"burst": burst} | ({"quiet": quiet, "step": None, "loop": 0, "step_at": None} if quiet else {})
        case e.BurstLed():
            return {"quiet": None, "since": at, "cycle": alarm.version + 1}
        case e.AlarmUnanswered():
            return {"unanswered_at": at}
        case e.AlarmOverdue():
            return {"overdue_at": at}
        case e.AlarmDelivered(consoles=consoles):
            return {"consoles": consoles, "delivered_at": alarm.delivered_at or at}
        case e.AlarmSeen(by=by):
            return {"seen_at": alarm.seen_at or at, "seen_by": (*alarm.seen_by, by)}
        case e.CitizenSaid(text=text):
            return _spoken(alarm, {"who": "citizen", "text": text, "at": to_text(at)})
        case e.OfficerSaid(by=by, text=text):
            return _spoken(alarm, {"who": "officer", "by": by, "text": text, "at": to_text(at)})
        case e.QuestionAsked():
            asked = {"who": "officer", "by": event.by, "text": event.text, "at": to_text(at),
                     "question": event.question, "choices": list(event.choices or ())}  # fmt: skip
            return {**_spoken(alarm, asked), "question": event.question}
        case e.QuestionAnswered(question=question, answer=answer):
            said = {"who": "citizen", "text": answer, "at": to_text(at), "answers": question}
            still_open = None if alarm.question == question else alarm.question
            return {**_spoken(alarm, said), "question": still_open}
        case e.TalkRead(by=by, upto=upto):
            return {"read": {**alarm.read, by: upto}}
        case e.TalkDelivered(upto=upto):
            return {"talk_delivered": upto}
        case e.TalkSeen(upto=upto):
            return {"talk_seen": upto, "talk_delivered": max(upto, alarm.talk_delivered or 0)}
        case e.NoteAdded(by=by, text=text):
            noted = {**alarm.notes, key: {"by": by, "text": text, "at": to_text(at)}}
            return {"notes": noted, "tally": tally.noted(alarm.tally)}
        case e.PositionReported(position=position, track=most):
            before = [*alarm.track.items(), *([(key, alarm.position)] if alarm.position else [])]
            return {"position": received(position, at), "track": dict(before[-most:] if most else ())}
        case e.AlarmRerouted(station=station, backups=backups, why=why):
            # Another wait by its name, so that a step that is on its way for the station before does nothing.
            return {"station": station, "backups": backups, "why": why, "cycle": alarm.version + 1, "step": None,
                    "loop": 0, "step_at": None, "audience": (), "called": (), "notified": {},
                    "shared": _with(alarm, (station,))}  # fmt: skip
        case e.ContentHeld() | e.ContentReleased() | e.ContentWiped() | e.MediaRemoved():
            return tombstone.changes(alarm, event, at, NO_CONTENT)
        case e.CheckedIn(within_s=within_s, position=position):
            return {"check_in_by": at + timedelta(seconds=within_s), "since": at} | (
                {"position": received(position, at)} if position else {}
            )
        case e.PlanEnded():
            return {"status": Status.ENDED, "closed_at": at, "check_in_by": None, "text": None, "position": None,
                    "place": None, "category": None, "needs": ()}  # fmt: skip
    if isinstance(event, helping.EVENTS):
        return helping.changes(alarm, event, at)
    return evidence.changes(alarm, event, at)


def _spoken(alarm: Alarm, entry: dict[str, Any]) -> dict[str, Any]:
    key = str(alarm.version + 1)
    added = {"added": alarm.version + 1} if entry["who"] == "citizen" else {}
    return {"talk": {**alarm.talk, key: entry}, "tally": tally.counted(alarm.tally, key, entry), **added}


def _with(alarm: Alarm, stations: tuple[str, ...]) -> tuple[str, ...]:
    return alarm.shared + tuple(s for s in stations if s != alarm.home and s not in alarm.shared)
