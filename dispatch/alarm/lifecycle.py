"""The life of one alarm: which event may follow which command, and nothing about how it is stored or sent.

Field's term: alarm lifecycle (unacknowledged, acknowledged: ISA-18.2; closed with disposition: APCO ASAP).
Never reads the time, never touches a socket: what is not in the table raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dispatch.alarm import commands as c
from dispatch.alarm import errors, evidence, helping, plan, retention
from dispatch.alarm import events as e
from dispatch.alarm.clock import from_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import OWNED, Alarm, Status

RAISED, ACKNOWLEDGED, EN_ROUTE, ON_SCENE, CLOSED, *_OF_PLANS = Status
_MOST_CANCELS = 20
"""Further requests to cancel are answered alike and leave no event."""

TRANSITIONS: Mapping[tuple[Status, type[c.Command]], Status] = MappingProxyType({
    (RAISED, c.Acknowledge): ACKNOWLEDGED,
    (RAISED, c.AcceptTransfer): ACKNOWLEDGED,
    (RAISED, c.RunStep): RAISED,
    (RAISED, c.TellUnanswered): RAISED,
    (RAISED, c.OfferTransfer): RAISED,
    (RAISED, c.RejectTransfer): RAISED,
    (ACKNOWLEDGED, c.Move): EN_ROUTE,
    (ACKNOWLEDGED, c.Arrive): ON_SCENE,
    (ACKNOWLEDGED, c.Close): CLOSED,
    (ACKNOWLEDGED, c.Release): RAISED,  # open for everyone again, with its escalation from the first step
    (ACKNOWLEDGED, c.Take): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.OfferTransfer): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.AcceptTransfer): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.RejectTransfer): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.Remind): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.ReopenIdle): RAISED,
    (EN_ROUTE, c.Arrive): ON_SCENE,
    (EN_ROUTE, c.Close): CLOSED,
    (EN_ROUTE, c.Release): RAISED,
    (EN_ROUTE, c.Take): ACKNOWLEDGED,
    (EN_ROUTE, c.OfferTransfer): EN_ROUTE,
    (EN_ROUTE, c.AcceptTransfer): ACKNOWLEDGED,
    (EN_ROUTE, c.RejectTransfer): EN_ROUTE,
    (ON_SCENE, c.Close): CLOSED,
    (ON_SCENE, c.Release): RAISED,
    (ON_SCENE, c.Take): ACKNOWLEDGED,
    (ON_SCENE, c.OfferTransfer): ON_SCENE,
    (ON_SCENE, c.AcceptTransfer): ACKNOWLEDGED,
    (ON_SCENE, c.RejectTransfer): ON_SCENE,
    (CLOSED, c.Reopen): RAISED,
})  # fmt: skip
"""What may change an alarm's status or depends on it. Talk, place, media and receipts stand beside it: any status."""

WIRE_NAMES: Mapping[type[c.Command], str] = MappingProxyType({
    c.Acknowledge: "ack", c.Take: "take", c.Release: "release", c.Move: "move", c.Arrive: "arrive",
    c.Close: "close", c.Reopen: "reopen", c.OfferTransfer: "transfer", c.AcceptTransfer: "transfer_accept",
    c.RejectTransfer: "transfer_reject",
})  # fmt: skip
"""The commands that people give, by the names of the protocol; the other keys of the table are timers'."""


def decide(alarm: Alarm | None, command: c.Command) -> list[e.Event]:
    """What follows from `command`; an empty list when it was already so (trying again is safe).

    Raises:
        Refused: the table has no such step; names the status and what would be possible. Or the actor may not.
    """
    if isinstance(command, c.Raise) and alarm is None:
        return [plan.made(command) if isinstance(command, c.Plan) else _raised(command)]
    if alarm is None:
        raise Refused(errors.NOT_FOUND, "there is no such alarm")
    actor: c.Actor | None = getattr(command, "by", None)
    if actor is not None and not visible_to(alarm, actor):
        raise Refused(errors.NOT_FOUND, "there is no such alarm")  # as for a guessed id: its existence stays unsaid
    of_plan = plan.decide(alarm, command)
    if of_plan is not None:
        return of_plan
    if isinstance(command, c.Raise):
        return []
    if isinstance(command, helping.COMMANDS):
        return helping.decide(alarm, command)
    if isinstance(command, retention.COMMANDS):
        return retention.decide(alarm, command, possible(alarm))
    if alarm.wiped_at is not None and isinstance(command, (c.Say, c.Ask, c.AddNote)) and command.by is not None:
        raise retention.is_wiped(alarm, possible(alarm))
    beside = _beside(alarm, command)
    if beside is not None:
        return beside
    if isinstance(command, (c.RunStep, c.TellUnanswered, c.Remind, c.ReopenIdle, c.MarkOverdue)):
        return _timed(alarm, command)
    already = _already(alarm, command)
    if already:
        return []
    if (alarm.status, type(command)) not in TRANSITIONS:
        raise _not_possible(alarm, command)
    return [_step(alarm, command)]


def visible_to(alarm: Alarm, actor: c.Actor) -> bool:
    """Whether `actor` may see the alarm: their station holds it or was called in; no station means all. No helper."""
    return actor.role != "helper" and (actor.station is None or actor.station in alarm.stations)


def possible(alarm: Alarm) -> list[str]:
    """The people's commands that the table has for the alarm now, by their protocol names."""
    return [name for command, name in WIRE_NAMES.items() if (alarm.status, command) in TRANSITIONS]


def _raised(command: c.Raise) -> e.Event:
    return e.AlarmRaised(
        station=command.station, backups=command.backups, why=command.why, code=command.code, kind=command.kind,
        lang=command.lang, channel=command.channel, category=command.category, needs=command.needs or None,
        text=command.text, position=command.position, place=command.place,
    )  # fmt: skip


def _beside(alarm: Alarm, command: c.Command) -> list[e.Event] | None:
    """Commands that are possible in every status; None for all others."""
    match command:
        case c.Say(text=text, by=None):
            return [e.CitizenSaid(text=text), *_wrote_after_close(alarm)]
        case c.Say(text=text, by=c.Actor(name=name)):
            return [e.OfficerSaid(by=name, text=text)]
        case c.Ask(by=by, text=text, choices=choices):
            question = str(alarm.version + 1)
            return [e.QuestionAsked(by=by.name, question=question, text=text, choices=choices)]
        case c.Answer(question=question, answer=answer):
            if any(entry.get("answers") == question for entry in alarm.talk.values()):
                return []
            if not any(entry.get("question") == question for entry in alarm.talk.values()):
                raise Refused(errors.BAD_MESSAGE, f"question: no officer asked {question!r} in this alarm")
            return [e.QuestionAnswered(question=question, answer=answer), *_wrote_after_close(alarm)]
        case c.AddNote(by=by, text=text):
            return [e.NoteAdded(by=by.name, text=text)]
        case c.ReportPosition(position=position):
            follow = alarm.status is not CLOSED and position != alarm.position and not _older(position, alarm.position)
            return [e.PositionReported(position=position)] if follow else []
        case c.RequestCancel(duress=duress):
            # Each is an event, known or not: with and without duress the store has the same work.
            enough = alarm.cancels >= _MOST_CANCELS or alarm.status is CLOSED
            return [] if enough else [e.CancelRequested(duress=duress)]
        case c.Deliver(consoles=consoles):
            return [e.AlarmDelivered(consoles=consoles)] if consoles > alarm.consoles else []
        case c.See(by=by):
            return [] if by.name in alarm.seen_by else [e.AlarmSeen(by=by.name)]
        case c.OfMedia():
            made = evidence.decide(alarm, command)
            return made + (_wrote_after_close(alarm) if made and isinstance(command, c.AddMedia) else [])
    return None


def _older(position: Mapping[str, Any], known: Mapping[str, Any] | None) -> bool:
    """Whether this was measured before the one that is known: sent again late, or overtaken on the way."""
    at, last = position.get("at"), (known or {}).get("at")
    return at is not None and last is not None and from_text(at) < from_text(last)


def _wrote_after_close(alarm: Alarm) -> list[e.Event]:
    """Someone who writes into a closed alarm must be heard: it is open again."""
    return [e.AlarmReopened(cause="citizen_wrote")] if alarm.status is CLOSED and alarm.kind != "practice" else []


def _timed(alarm: Alarm, command: c.Command) -> list[e.Event]:
    """Deadlines. Each names the wait it belongs to; one that comes late, for a wait that is over, does nothing."""
    if isinstance(command, c.MarkOverdue):
        late = alarm.open and alarm.overdue_at is None
        return [e.AlarmOverdue(day=command.day)] if late else []
    if (alarm.status, type(command)) not in TRANSITIONS:
        return []
    match command:
        case c.RunStep(cycle=alarm.cycle, step=step, loop=loop):
            if alarm.step is not None and (step, loop) <= (alarm.step, alarm.loop):
                return []
            return [
                e.StepRun(
                    step=step, loop=loop, audience=command.audience, called=command.called,
                    reached=command.reached, why=command.why, stations=command.stations,
                )
            ]  # fmt: skip
        case c.TellUnanswered(cycle=alarm.cycle):
            return [] if alarm.unanswered_at else [e.AlarmUnanswered()]
        case c.Remind(owner=alarm.owner):
            return [] if alarm.reminded_at else [e.OwnerReminded(owner=command.owner)]
        case c.ReopenIdle(owner=alarm.owner):
            return [e.AlarmReopened(cause="not_moving", by=command.owner)] if alarm.reminded_at else []
    return []


def _already(alarm: Alarm, command: c.Command) -> bool:
    """True when a person's command changes nothing, because it was done before by the same person."""
    match command:
        case c.Acknowledge(by=by) if alarm.status in OWNED:
            if alarm.owner == by.name:
                return True
            raise Refused(
                errors.ALREADY_ACKNOWLEDGED,
                f"{alarm.owner} acknowledged this alarm first",
                by=alarm.owner,
                station=alarm.owner_station,
            )
        case c.Take(by=by):
            return alarm.owner == by.name
        case c.Move(by=by) if alarm.owner == by.name:
            return alarm.status in (EN_ROUTE, ON_SCENE)
        case c.Arrive(by=by) if alarm.owner == by.name:
            return alarm.status is ON_SCENE
        case c.Close():
            return alarm.status is CLOSED
        case c.OfferTransfer(to=to):
            return alarm.transfer is not None and alarm.transfer["to"] == to
    return False


def _step(alarm: Alarm, command: c.Command) -> e.Event:
    """The event of a person's command that the table allows, once the person may give it."""
    match command:
        case c.Acknowledge(by=by):
            return e.AlarmAcknowledged(by=by.name, station=by.station or alarm.station)
        case c.Take(by=by, reason=reason):
            return e.AlarmTaken(
                by=by.name, station=by.station or alarm.station, taken_from=str(alarm.owner), reason=reason
            )
        case c.Reopen(by=by, reason=reason):
            return e.AlarmReopened(cause="officer", by=by.name, reason=reason)
        case c.AcceptTransfer(by=by):
            return e.TransferAccepted(by=by.name, station=_offered_to(alarm, by))
        case c.RejectTransfer(by=by, reason=reason):
            return e.TransferRejected(by=by.name, station=_offered_to(alarm, by), reason=reason)
        case c.OfferTransfer(by=by, to=to, reason=reason):
            if to == alarm.station:
                raise Refused(errors.BAD_MESSAGE, f"station: {to!r} is already responsible for this alarm")
            if alarm.status is not RAISED:
                _must_own(alarm, by)
            return e.TransferOffered(by=by.name, to=to, reason=reason)
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
    raise TypeError(f"{type(command).__name__} has no event")


def _must_own(alarm: Alarm, by: c.Actor) -> None:
    if by.name != alarm.owner and by.role == "officer":
        raise Refused(errors.NOT_OWNER, f"{alarm.owner} owns this alarm, not {by.name}", by=alarm.owner)


def _offered_to(alarm: Alarm, by: c.Actor) -> str:
    if alarm.transfer is None:
        raise Refused(errors.NOT_POSSIBLE, "nobody has offered a transfer of this alarm", possible=possible(alarm))
    to = str(alarm.transfer["to"])
    if by.station not in (None, to):
        raise Refused(errors.NOT_ALLOWED, f"the transfer was offered to {to}, and {by.name} is of {by.station}")
    return to


def _not_possible(alarm: Alarm, command: c.Command) -> Refused:
    name = WIRE_NAMES.get(type(command), type(command).__name__)
    can = possible(alarm)
    why = f"{name} is not possible while the alarm is {alarm.status}; possible: {', '.join(can)}"
    return Refused(errors.NOT_POSSIBLE, why, status=alarm.status, possible=can)
