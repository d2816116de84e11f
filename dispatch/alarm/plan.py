"""A plan before it is an alarm: a citizen checks in again and again, and the check-in that is missed raises it. Pure.

Ended with the number that its citizen chose it is gone. Ended without, it becomes an alarm and goes on looking ended to
whoever holds the device. Field's terms: dead man's switch, lone-worker check-in, duress code.
"""

from __future__ import annotations

from dispatch.alarm import commands as c
from dispatch.alarm import errors, rerouting
from dispatch.alarm import events as e
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm, Status

_ABOUT_PLANS = (c.Plan, c.CheckIn, c.EndPlan, c.MissCheckIn)
_CITIZENS = (c.Answer, c.ReportPosition, c.RequestCancel, c.AddMedia, c.EndMedia)


def made(command: c.Plan) -> e.Event:
    """The plan as an event."""
    return e.PlanMade(
        station=command.station, backups=command.backups, why=command.why, code=command.code, kind=command.kind,
        lang=command.lang, channel=command.channel, category=command.category, needs=command.needs or None,
        text=command.text, position=command.position, place=command.place, within_s=command.within_s,
        burst=command.burst,
    )  # fmt: skip


def decide(alarm: Alarm, command: c.Command) -> list[e.Event] | None:
    """What follows for a plan, one that ended, or one that was ended under duress; None: as for any alarm.

    Raises:
        Refused: `not_possible`, with the same words for both kinds of ended plans.
    """
    planned = alarm.status is Status.PLANNED
    ended = alarm.status is Status.ENDED or alarm.hushed
    if not planned and not ended and not isinstance(command, _ABOUT_PLANS):
        return None
    match command:
        case c.Plan():
            return []
        case c.Raise() if planned:
            return [_becomes(alarm, "pressed", command.quiet, command), *rerouting.called(alarm, command)]
        case c.MissCheckIn(due=due, quiet=quiet):
            return [_becomes(alarm, "missed", quiet)] if planned and alarm.check_in_by == due else []
        case c.CheckIn(within_s=within_s, position=position) if planned:
            return [e.CheckedIn(within_s=within_s, position=position)]
        case c.EndPlan(duress=True, quiet=quiet) if planned:
            return [_becomes(alarm, "duress", quiet), e.CancelRequested(duress=True)]
        case c.EndPlan(duress=False) if planned:
            return [e.PlanEnded()]
        case c.Heard() if planned or ended:
            return []  # nothing of the talk is shown there
        case c.EndPlan() if ended:
            return []
        case c.CheckIn() | c.EndPlan():
            raise _not_possible(command, "ended" if ended else alarm.status, [])
    if isinstance(command, _CITIZENS) or (isinstance(command, c.Say) and command.by is None):
        raise _not_possible(command, "planned" if planned else "ended", ["check_in", "end_plan"] if planned else [])
    if alarm.hushed:
        return None  # officers have an alarm like any other
    if getattr(command, "by", None) is not None:
        raise Refused(errors.NOT_FOUND, "there is no such alarm")  # nothing of a plan is theirs
    return []


def _becomes(alarm: Alarm, how: str, quiet: bool | None, said: c.Raise | None = None) -> e.Event:
    """The alarm that the plan becomes, with what was `said` last where that says more."""
    return e.AlarmRaised(
        station=alarm.home, backups=alarm.backups, why=alarm.why, code=alarm.code, kind=alarm.kind, lang=alarm.lang,
        channel=said.channel if said else alarm.channel, category=(said and said.category) or alarm.category,
        needs=(said and said.needs) or alarm.needs or None, plan=how, text=(said and said.text) or alarm.text,
        position=(said and said.position) or alarm.position, place=(said and said.place) or alarm.place,
        burst=alarm.burst, quiet=quiet if alarm.burst else None,
    )  # fmt: skip


def _not_possible(command: c.Command, status: str, possible: list[str]) -> Refused:
    name = "check_in" if isinstance(command, c.CheckIn) else "end_plan" if isinstance(command, c.EndPlan) else "this"
    can = ", ".join(possible) or "nothing"
    return Refused(
        errors.NOT_POSSIBLE, f"{name} is not possible while the alarm is {status}; possible: {can}",
        status=status, possible=possible,
    )  # fmt: skip
