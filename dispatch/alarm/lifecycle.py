"""The life of one alarm: which event may follow which command, and nothing about how it is stored or sent.

Field's term: alarm lifecycle (unacknowledged, acknowledged: ISA-18.2; closed with disposition: APCO ASAP).
Never reads the time, never touches a socket: what is not in the table raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dispatch.alarm import bursts, claims, errors, evidence, helping, notification, plan, rerouting, retention, tally
from dispatch.alarm import commands as c
from dispatch.alarm import events as e
from dispatch.alarm.errors import Refused
from dispatch.alarm.sight import visible_to
from dispatch.alarm.state import Alarm, Status

RAISED, ACKNOWLEDGED, EN_ROUTE, ON_SCENE, CLOSED, *_OF_PLANS = Status
_MOST_CANCELS = 20
"""Further requests to cancel are answered alike and leave no event."""

TRANSITIONS: Mapping[tuple[Status, type[c.Command]], Status | None] = MappingProxyType({
    (RAISED, c.Acknowledge): ACKNOWLEDGED,
    (RAISED, c.AcceptTransfer): ACKNOWLEDGED,
    (RAISED, c.RunStep): RAISED,
    (RAISED, c.TellUnanswered): RAISED,
    (RAISED, c.Reroute): RAISED,
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
    (ACKNOWLEDGED, c.OfferHandover): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.WithdrawHandover): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.RejectHandover): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.AcceptHandover): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.Remind): ACKNOWLEDGED,
    (ACKNOWLEDGED, c.ReopenIdle): RAISED,
    (EN_ROUTE, c.Arrive): ON_SCENE,
    (EN_ROUTE, c.Close): CLOSED,
    (EN_ROUTE, c.Release): RAISED,
    (EN_ROUTE, c.Take): ACKNOWLEDGED,
    (EN_ROUTE, c.OfferTransfer): EN_ROUTE,
    (EN_ROUTE, c.AcceptTransfer): ACKNOWLEDGED,
    (EN_ROUTE, c.RejectTransfer): EN_ROUTE,
    (EN_ROUTE, c.OfferHandover): EN_ROUTE,
    (EN_ROUTE, c.WithdrawHandover): EN_ROUTE,
    (EN_ROUTE, c.RejectHandover): EN_ROUTE,
    (EN_ROUTE, c.AcceptHandover): ACKNOWLEDGED,
    (ON_SCENE, c.Close): CLOSED,
    (ON_SCENE, c.Release): RAISED,
    (ON_SCENE, c.Take): ACKNOWLEDGED,
    (ON_SCENE, c.OfferTransfer): ON_SCENE,
    (ON_SCENE, c.AcceptTransfer): ACKNOWLEDGED,
    (ON_SCENE, c.RejectTransfer): ON_SCENE,
    (ON_SCENE, c.OfferHandover): ON_SCENE,
    (ON_SCENE, c.WithdrawHandover): ON_SCENE,
    (ON_SCENE, c.RejectHandover): ON_SCENE,
    (ON_SCENE, c.AcceptHandover): ACKNOWLEDGED,
    (CLOSED, c.Reopen): RAISED,
    (CLOSED, c.UndoClose): None,  # for some seconds, by who closed it: as it was
})  # fmt: skip
"""What may change an alarm's status or depends on it. Talk, place, media and receipts stand beside it: any status."""

WIRE_NAMES: Mapping[type[c.Command], str] = MappingProxyType({
    c.Acknowledge: "ack", c.Take: "take", c.Release: "release", c.Move: "move", c.Arrive: "arrive",
    c.Close: "close", c.Reopen: "reopen", c.OfferTransfer: "transfer", c.AcceptTransfer: "transfer_accept",
    c.RejectTransfer: "transfer_reject", c.OfferHandover: "handover", c.AcceptHandover: "handover_accept",
    c.RejectHandover: "handover_reject", c.WithdrawHandover: "handover_withdraw", c.UndoClose: "undo_close",
})  # fmt: skip
"""The commands that people give, by the names of the protocol; the other keys of the table are timers'."""

_OF_TRANSFERS: tuple[type[c.Command], ...] = (c.AcceptTransfer, c.RejectTransfer)
_OF_HANDOVERS: tuple[type[c.Command], ...] = (c.AcceptHandover, c.RejectHandover, c.WithdrawHandover)


def decide(alarm: Alarm | None, command: c.Command) -> list[e.Event]:
    """What follows from `command`; an empty list when it was already so (trying again is safe).

    Raises:
        Refused: the table has no such step; names the status and what would be possible. Or the actor may not.
    """
    if isinstance(command, c.Raise) and alarm is None:
        return [plan.made(command)] if isinstance(command, c.Plan) else _raised(command)
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
    if isinstance(command, bursts.COMMANDS):
        return bursts.decide(alarm, command)
    if isinstance(command, c.Reroute):
        return rerouting.decide(alarm, command)
    if isinstance(command, (c.RunStep, c.TellUnanswered, c.Remind, c.ReopenIdle, c.MarkOverdue)):
        return _timed(alarm, command)
    if isinstance(command, c.LoseOwner | c.FindOwner):
        return claims.timed(alarm, command)
    if isinstance(command, c.LoseStation):
        return claims.astray(alarm, command)
    if claims.already(alarm, command):
        return []
    if (alarm.status, type(command)) not in TRANSITIONS:
        raise _not_possible(alarm, command)
    return [claims.event(alarm, command, possible)]


def possible(alarm: Alarm) -> list[str]:
    """The people's commands that the table has for the alarm now, by their protocol names."""
    none = _OF_TRANSFERS * (alarm.transfer is None) + _OF_HANDOVERS * (alarm.handover is None)
    return [
        name for command, name in WIRE_NAMES.items()
        if (alarm.status, command) in TRANSITIONS and command not in none
    ]  # fmt: skip


def _raised(command: c.Raise) -> list[e.Event]:
    raised = e.AlarmRaised(
        station=command.station, backups=command.backups, why=command.why, code=command.code, kind=command.kind,
        lang=command.lang, channel=command.channel, category=command.category, needs=command.needs or None,
        text=command.text, position=command.position, place=command.place, burst=command.burst, quiet=command.quiet,
    )  # fmt: skip
    return [raised, e.CitizenSaid(text=command.rest)] if command.rest else [raised]


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
            asked = alarm.tally.get("asked", {})
            if asked.get(question):
                return []
            if question not in asked:
                raise Refused(errors.BAD_MESSAGE, f"question: no officer asked {question!r} in this alarm")
            return [e.QuestionAnswered(question=question, answer=answer), *_wrote_after_close(alarm)]
        case c.Heard(upto=upto, seen=seen):
            return _heard(alarm, upto, seen)
        case c.AddNote(by=by, text=text):
            return [e.NoteAdded(by=by.name, text=text)]
        case c.ReportPosition(position=position, track=track):
            # In the order in which they come: a device's clock may be set to anything.
            known = {name: value for name, value in (alarm.position or {}).items() if name != "received"}
            follow = alarm.status is not CLOSED and position != known
            return [e.PositionReported(position=position, track=track or None)] if follow else []
        case c.RequestCancel(duress=duress):
            # Each is an event, known or not: with and without duress the store has the same work.
            enough = alarm.cancels >= _MOST_CANCELS or alarm.status is CLOSED
            return [] if enough else [e.CancelRequested(duress=duress)]
        case c.Deliver(consoles=consoles):
            return [e.AlarmDelivered(consoles=consoles)] if consoles > alarm.consoles else []
        case c.Notify():
            return notification.decide(alarm, command)
        case c.See(by=by):
            return [] if by.name in alarm.seen_by else [e.AlarmSeen(by=by.name)]
        case c.Read(by=by, upto=upto):
            last = min(upto, alarm.added or 0)
            return [e.TalkRead(by=by.name, upto=last)] if last > alarm.read.get(by.name, 0) else []
        case c.OfMedia():
            made = evidence.decide(alarm, command)
            return made + (_wrote_after_close(alarm) if made and isinstance(command, c.AddMedia) else [])
    return None


def _heard(alarm: Alarm, upto: int, seen: bool) -> list[e.Event]:
    """Only of what was said; a page tells the same again and again."""
    last = tally.last_heard(alarm.tally, upto)
    if seen:
        return [e.TalkSeen(upto=last)] if last > (alarm.talk_seen or 0) else []
    return [e.TalkDelivered(upto=last)] if last > (alarm.talk_delivered or 0) else []


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
            # Rounds first: the policy may have been cut to fewer steps, or grown, since the last one was run.
            if alarm.step is not None and (loop, step) <= (alarm.loop, alarm.step):
                return []
            return [
                e.StepRun(
                    step=step, loop=loop, audience=command.audience, called=command.called,
                    reached=command.reached, why=command.why, stations=command.stations,
                ),
                *notification.unopened(alarm),
            ]  # fmt: skip
        case c.TellUnanswered(cycle=alarm.cycle):
            return [] if alarm.unanswered_at else [e.AlarmUnanswered()]
        case c.Remind(owner=alarm.owner):
            return [] if alarm.reminded_at else [e.OwnerReminded(owner=command.owner)]
        case c.ReopenIdle(owner=alarm.owner):
            return [e.AlarmReopened(cause="not_moving", by=command.owner)] if alarm.reminded_at else []
    return []


def _not_possible(alarm: Alarm, command: c.Command) -> Refused:
    name = WIRE_NAMES.get(type(command), type(command).__name__)
    can = possible(alarm)
    why = f"{name} is not possible while the alarm is {alarm.status}; possible: {', '.join(can)}"
    return Refused(errors.NOT_POSSIBLE, why, status=alarm.status, possible=can)
