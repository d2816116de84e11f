"""Who has an alarm: taken, given back, handed to a colleague, offered to another station, closed and undone. Pure.

What is possible in which status is `lifecycle`'s table; here is who may do it, and what follows. The one who has it
stays responsible until another has. Field's terms: ownership, handover (SBAR), claim.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dispatch.alarm import commands as c
from dispatch.alarm import errors, tally
from dispatch.alarm import events as e
from dispatch.alarm.clock import to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import OWNED, Alarm, Status

Possible = Callable[[Alarm], list[str]]

OPEN_AGAIN: dict[str, Any] = {
    "status": Status.RAISED, "owner": None, "owner_station": None, "owned_at": None, "owner_lost_at": None,
    "moved_at": None, "arrived_at": None, "closed_at": None, "disposition": None, "reminded_at": None, "step": None,
    "quiet": None, "loop": 0, "step_at": None, "audience": (), "called": (), "unanswered_at": None, "handover": None,
    "notified": {},
}  # fmt: skip


def already(alarm: Alarm, command: c.Command) -> bool:
    """True when a person's command changes nothing, because it was done before by the same person.

    Raises:
        Refused: `already_acknowledged`: another person was first.
    """
    match command:
        case c.Acknowledge(by=by) if alarm.status in OWNED:
            if alarm.owner == by.name:
                return True
            first = f"{alarm.owner} acknowledged this alarm first"
            raise Refused(errors.ALREADY_ACKNOWLEDGED, first, by=alarm.owner, station=alarm.owner_station)
        case c.Take(by=by) | c.AcceptHandover(by=by):
            return alarm.owner == by.name and alarm.status in OWNED
        case c.Move(by=by) if alarm.owner == by.name:
            return alarm.status in (Status.EN_ROUTE, Status.ON_SCENE)
        case c.Arrive(by=by) if alarm.owner == by.name:
            return alarm.status is Status.ON_SCENE
        case c.Close():
            return alarm.status is Status.CLOSED
        case c.UndoClose(by=by):
            return alarm.status in OWNED and alarm.owner == by.name
        case c.OfferTransfer(to=to):
            return alarm.transfer is not None and alarm.transfer["to"] == to
        case c.OfferHandover(to=to, summary=summary) if alarm.handover is not None:
            return (alarm.handover.get("to"), alarm.handover["summary"]) == (to, summary)
        case c.WithdrawHandover():
            return alarm.handover is None and alarm.status in OWNED
    return False


def event(alarm: Alarm, command: c.Command, possible: Possible) -> e.Event:
    """The event of a person's command that the table allows, once the person may give it.

    Raises:
        Refused: `not_owner`, `not_allowed`, `not_possible`, `bad_message`.
    """
    match command:
        case c.Acknowledge(by=by):
            return e.AlarmAcknowledged(by=by.name, station=by.station or alarm.station)
        case c.Take(by=by):
            return _taken(alarm, command, by)
        case c.Reopen(by=by, reason=reason):
            return e.AlarmReopened(cause="officer", by=by.name, reason=reason)
        case c.UndoClose(by=by, closed_from=closed_from):
            _must_own(alarm, by)
            if alarm.closed_at is None or alarm.closed_at < closed_from:
                late = "it was closed too long ago for that; reopen it with a reason"
                raise Refused(errors.NOT_POSSIBLE, late, status=alarm.status, possible=possible(alarm))
            return e.CloseUndone(by=by.name)
        case c.Move(by=by):
            _must_own(alarm, by)
            return e.AlarmEnRoute(by=by.name)
        case c.Arrive(by=by):
            _must_own(alarm, by)
            return e.AlarmOnScene(by=by.name)
        case c.Release(by=by, reason=reason):
            _must_own(alarm, by)
            return e.AlarmReleased(by=by.name, reason=reason)
        case c.Close(by=by, disposition=disposition, note=note):
            _must_own(alarm, by)
            return e.AlarmClosed(by=by.name, disposition=disposition, note=note)
    return _handed_over(alarm, command, possible) or _transferred(alarm, command, possible)


def _taken(alarm: Alarm, command: c.Take, by: c.Actor) -> e.Event:
    """From a live owner with a reason; from a lost one, or from a colleague who just took it, without."""
    just_taken = (
        alarm.status is Status.ACKNOWLEDGED and alarm.owned_at is not None and alarm.owned_at >= command.grace_from
        and by.station == alarm.owner_station
    )  # fmt: skip
    free = "owner_lost" if alarm.owner_lost_at else "grace" if just_taken else None
    if free is None and command.reason is None:
        live = f"reason: needed to take it from {alarm.owner}, whose console is live"
        raise Refused(errors.BAD_MESSAGE, live, by=alarm.owner)
    return e.AlarmTaken(
        by=by.name, station=by.station or alarm.station, taken_from=str(alarm.owner), why=free, reason=command.reason
    )


def _handed_over(alarm: Alarm, command: c.Command, possible: Possible) -> e.Event | None:
    match command:
        case c.OfferHandover(by=by, to=to, summary=summary):
            _must_own(alarm, by)
            if to == alarm.owner:
                raise Refused(errors.BAD_MESSAGE, f"to: {to} has this alarm already")
            return e.HandoverOffered(by=by.name, to=to, summary=summary)
        case c.WithdrawHandover(by=by):
            _must_own(alarm, by)
            return e.HandoverWithdrawn(by=by.name)
        case c.AcceptHandover(by=by):
            _offered_handover(alarm, by, possible)
            return e.HandoverAccepted(by=by.name, station=by.station or alarm.station, handed_by=str(alarm.owner))
        case c.RejectHandover(by=by, reason=reason):
            _offered_handover(alarm, by, possible)
            return e.HandoverRejected(by=by.name, reason=reason)
    return None


def _transferred(alarm: Alarm, command: c.Command, possible: Possible) -> e.Event:
    match command:
        case c.AcceptTransfer(by=by):
            return e.TransferAccepted(by=by.name, station=_offered_to(alarm, by, possible))
        case c.RejectTransfer(by=by, reason=reason):
            return e.TransferRejected(by=by.name, station=_offered_to(alarm, by, possible), reason=reason)
        case c.OfferTransfer(by=by, to=to, reason=reason):
            if to == alarm.station:
                raise Refused(errors.BAD_MESSAGE, f"station: {to!r} is already responsible for this alarm")
            if alarm.status is not Status.RAISED:
                _must_own(alarm, by)
            return e.TransferOffered(by=by.name, to=to, reason=reason)
    raise TypeError(f"{type(command).__name__} has no event")


def _must_own(alarm: Alarm, by: c.Actor) -> None:
    if by.name != alarm.owner and by.role == "officer":
        raise Refused(errors.NOT_OWNER, f"{alarm.owner} owns this alarm, not {by.name}", by=alarm.owner)


def _offered_to(alarm: Alarm, by: c.Actor, possible: Possible) -> str:
    if alarm.transfer is None:
        raise Refused(errors.NOT_POSSIBLE, "nobody has offered a transfer of this alarm", possible=possible(alarm))
    to = str(alarm.transfer["to"])
    if by.station not in (None, to):
        raise Refused(errors.NOT_ALLOWED, f"the transfer was offered to {to}, and {by.name} is of {by.station}")
    return to


def _offered_handover(alarm: Alarm, by: c.Actor, possible: Possible) -> None:
    if alarm.handover is None:
        raise Refused(errors.NOT_POSSIBLE, "nobody has offered to hand this alarm over", possible=possible(alarm))
    to = alarm.handover.get("to")
    if to not in (None, by.name) or by.name == alarm.owner:
        raise Refused(errors.NOT_ALLOWED, f"it was offered to {to or 'colleagues'}, not to {by.name}")


def timed(alarm: Alarm, command: c.LoseOwner | c.FindOwner) -> list[e.Event]:
    """The owner's console is heard no more, or is heard again."""
    if alarm.status not in OWNED or alarm.owner != command.owner:
        return []
    if isinstance(command, c.LoseOwner):
        return [] if alarm.owner_lost_at else [e.OwnerLost(owner=command.owner)]
    return [e.OwnerBack(owner=command.owner)] if alarm.owner_lost_at else []


def astray(alarm: Alarm, command: c.LoseStation) -> list[e.Event]:
    """Its station is gone; of an owner who does not see it any more it is free to take."""
    if not alarm.open:
        return []
    found: list[e.Event] = []
    if alarm.station == command.gone:
        found.append(e.StationGone(gone=command.gone, to=command.to, backups=command.backups))
    if alarm.status in OWNED and alarm.owner == command.blind and alarm.owner_lost_at is None:
        found.append(e.OwnerLost(owner=str(alarm.owner)))
    return found


def changes(alarm: Alarm, event: e.Event, at: datetime) -> dict[str, Any] | None:
    """What `event` changes in who has the alarm; None when it is about something else."""
    match event:
        case e.AlarmAcknowledged(by=by, station=station) | e.AlarmTaken(by=by, station=station):
            return _owned(alarm, by, station, at)
        case e.HandoverAccepted(by=by, station=station):
            return _owned(alarm, by, station, at)
        case e.TransferAccepted(by=by, station=station):
            return {**_owned(alarm, by, station, at), "transfer": None, "station": station, "station_gone": None}
        case e.StationGone(gone=gone, to=to, backups=backups):
            shared = alarm.shared if to in alarm.stations else (*alarm.shared, to)
            moved = {"station": to, "backups": backups, "shared": shared, "transfer": None, "station_gone": gone}
            again = {"since": at, "cycle": alarm.version + 1, "step": None, "loop": 0, "step_at": None, "audience": (),
                     "called": ()}  # fmt: skip
            return moved | (again if alarm.status is Status.RAISED else {})
        case e.AlarmReleased():
            return OPEN_AGAIN | {"since": at, "cycle": alarm.version + 1, "transfer": None}
        case e.AlarmReopened():
            return OPEN_AGAIN | {"since": at, "cycle": alarm.version + 1, "transfer": None, "overdue_at": None}
        case e.AlarmEnRoute():
            return {"status": Status.EN_ROUTE, "moved_at": at}
        case e.AlarmOnScene():
            return {"status": Status.ON_SCENE, "arrived_at": at, "moved_at": alarm.moved_at or at}
        case e.AlarmClosed(by=by, disposition=disposition, note=note):
            noted = {**alarm.notes, str(alarm.version + 1): {"by": by, "text": note, "at": to_text(at)}}
            whose = {} if alarm.owner else {"owner": by, "owner_station": alarm.station}
            return {"status": Status.CLOSED, "closed_at": at, "disposition": disposition, "question": None, **whose,
                    "notes": noted if note else alarm.notes, "transfer": None, "handover": None,
                    "tally": tally.noted(alarm.tally) if note else alarm.tally,
                    "owner_lost_at": None}  # fmt: skip
        case e.CloseUndone():
            back = {"status": before_closing(alarm), "closed_at": None, "disposition": None}
            return back if alarm.owned_at else {**back, "owner": None, "owner_station": None}
        case e.TransferOffered(by=by, to=to, reason=reason):
            shared = alarm.shared if to in alarm.stations else (*alarm.shared, to)
            return {"transfer": {"to": to, "by": by, "at": to_text(at), "reason": reason}, "shared": shared}
        case e.TransferRejected():
            return {"transfer": None}
        case e.HandoverOffered(by=by, to=to, summary=summary):
            offer = {"by": by, "at": to_text(at), "summary": summary} | ({"to": to} if to else {})
            return {"handover": offer}
        case e.HandoverRejected() | e.HandoverWithdrawn():
            return {"handover": None}
        case e.OwnerReminded():
            return {"reminded_at": at}
        case e.OwnerLost():
            return {"owner_lost_at": at}
        case e.OwnerBack():
            return {"owner_lost_at": None}
    return None


def before_closing(alarm: Alarm) -> Status:
    """The status from which a closed alarm was closed."""
    if alarm.owned_at is None:  # with its burst
        return Status.RAISED
    return Status.ON_SCENE if alarm.arrived_at else Status.EN_ROUTE if alarm.moved_at else Status.ACKNOWLEDGED


def _owned(alarm: Alarm, by: str, station: str, at: datetime) -> dict[str, Any]:
    return {"status": Status.ACKNOWLEDGED, "owner": by, "owner_station": station, "owned_at": at,
            "acknowledged_at": alarm.acknowledged_at or at, "reminded_at": None, "moved_at": None, "arrived_at": None,
            "handover": None, "owner_lost_at": None}  # fmt: skip
