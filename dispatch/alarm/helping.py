"""Helpers who are called to an alarm: called, accepted, declined, shown the place, done, released. Pure.

Never says how much of the alarm a helper is shown (`dispatch.nearby.calls`), only until when.
Field's terms: community responder, tasking.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from dispatch.alarm import commands as c
from dispatch.alarm import errors
from dispatch.alarm import events as e
from dispatch.alarm.clock import to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm

COMMANDS: Final = (c.CallHelpers, c.ReleaseHelpers, c.OfHelper)
EVENTS: Final = (
    e.HelpersCalled, e.HelperSawCall, e.HelperAccepted, e.HelperDeclined, e.HelperShownPlace, e.HelperDone,
    e.HelpersReleased,
)  # fmt: skip
UNDER_WAY: Final = ("called", "accepted")
"""States in which a helper is asked for something."""

_STEPS: Final = {
    ("called", c.AcceptCall): "accepted",
    ("called", c.DeclineCall): "declined",
    ("accepted", c.DeclineCall): "declined",
    ("accepted", c.FinishCall): "done",
}
"""Each call has one answer, and one end: a helper cannot fill the log. An officer can call them again."""
_AIMS: Final = {c.AcceptCall: "accepted", c.DeclineCall: "declined", c.FinishCall: "done"}
_WIRE: Final = {c.AcceptCall: "accept", c.DeclineCall: "decline", c.FinishCall: "done"}


def decide(alarm: Alarm, command: c.Command) -> list[e.Event]:
    """What follows from one of `COMMANDS`; an empty list when it was already so.

    Raises:
        Refused: `not_found` for who was not called, as for a guessed id; `not_possible`, `too_many`, `bad_message`.
    """
    match command:
        case c.CallHelpers():
            return _call(alarm, command)
        case c.ReleaseHelpers(by=by, helpers=names):
            unknown = [name for name in names if name not in alarm.helpers]
            if unknown:
                raise Refused(errors.BAD_MESSAGE, f"helpers: {unknown[0]!r} was not called to this alarm")
            let_go = tuple(n for n in names or alarm.helpers if alarm.helpers[n]["state"] in UNDER_WAY)
            return [e.HelpersReleased(by=by.name, helpers=let_go)] if let_go else []
        case c.OfHelper(helper=helper):
            entry = alarm.helpers.get(helper.name)
            if entry is None:
                raise no_such_call()
            return _of_helper(alarm, command, entry["state"])
    raise TypeError(f"{type(command).__name__} has nothing to do with helpers")


def no_such_call() -> Refused:
    """For who was not called: what there is otherwise stays unsaid."""
    return Refused(errors.NOT_FOUND, "there is no such call, or it is over")


def may_see(alarm: Alarm, helper: str) -> bool:
    """Whether the exact place may be shown: accepted, not released, and the alarm is open."""
    return alarm.open and alarm.helpers.get(helper, {}).get("state") == "accepted"


def changes(alarm: Alarm, event: e.Event, at: datetime) -> dict[str, Any]:
    """What `event`, of helpers, changes in the alarm.

    Raises:
        ValueError: it is not such an event.
    """
    now = to_text(at)
    match event:
        case e.HelpersCalled(by=by, helpers=names, tasks=tasks, text=text):
            call = str(alarm.version + 1)
            new = {"state": "called", "at": now, "called_at": now, "by": by, "tasks": list(tasks), "call": call}
            said = {"calls": {**alarm.calls, call: {"text": text}}} if text else {}
            return {"helpers": {**alarm.helpers, **dict.fromkeys(names, new)}, **said}
        case e.HelperSawCall(by=by):
            return _moved(alarm, (by,), seen_at=now)
        case e.HelperAccepted(by=by):
            return _moved(alarm, (by,), state="accepted", at=now)
        case e.HelperDeclined(by=by, why=why):
            return _moved(alarm, (by,), state="declined", at=now, why=why)
        case e.HelperShownPlace(by=by):
            return _moved(alarm, (by,), shown_at=now)
        case e.HelperDone(by=by):
            return _moved(alarm, (by,), state="done", at=now)
        case e.HelpersReleased(helpers=names):
            return _moved(alarm, names, state="released", at=now)
    raise ValueError(f"{event.type} is not about helpers")


def opened_again(alarm: Alarm, at: datetime) -> dict[str, Any]:
    """What a closed alarm that is opened again changes: who was asked then is asked no more."""
    if alarm.closed_at is None:
        return {}
    names = tuple(name for name, entry in alarm.helpers.items() if entry["state"] in UNDER_WAY)
    return _moved(alarm, names, state="released", at=to_text(at)) if names else {}


def _call(alarm: Alarm, command: c.CallHelpers) -> list[e.Event]:
    if not alarm.open:
        raise _over(alarm)
    have = alarm.helpers
    if command.chosen:
        away = [name for name in command.chosen if name not in command.near]
        if away:
            raise Refused(errors.BAD_MESSAGE, f"helpers: {away[0]!r} is not on watch at a station of this alarm")
        wanted = tuple(n for n in command.chosen if n not in have or have[n]["state"] not in UNDER_WAY)
    else:
        room = max(0, command.upto - len(have))
        wanted = tuple(name for name in command.near if name not in have)[:room]
        if room and not wanted:
            raise Refused(errors.NOT_POSSIBLE, "no further helper is on watch at a station of this alarm", possible=[])
    if len({*have, *wanted}) > command.most:
        raise Refused(errors.TOO_MANY, f"helpers: at most {command.most} for one alarm (nearby.helpers_per_alarm)")
    if not wanted:
        return []
    return [e.HelpersCalled(by=command.by.name, helpers=wanted, tasks=command.tasks, text=command.text)]


def _of_helper(alarm: Alarm, command: c.OfHelper, state: str) -> list[e.Event]:
    name = command.helper.name
    if isinstance(command, c.SeeCall):
        new = alarm.open and state == "called" and "seen_at" not in alarm.helpers[name]
        return [e.HelperSawCall(by=name)] if new else []
    if isinstance(command, c.ShowPlace):
        first = may_see(alarm, name) and "shown_at" not in alarm.helpers[name]
        return [e.HelperShownPlace(by=name)] if first else []
    if state == _AIMS[type(command)]:
        return []
    if not alarm.open:
        raise _over(alarm)
    if (state, type(command)) not in _STEPS:
        can = [_WIRE[kind] for was, kind in _STEPS if was == state]
        why = f"{_WIRE[type(command)]} is not possible: the call is {state}"
        raise Refused(errors.NOT_POSSIBLE, why, state=state, possible=can)
    match command:
        case c.AcceptCall():
            return [e.HelperAccepted(by=name)]
        case c.DeclineCall(why=why):
            return [e.HelperDeclined(by=name, why=why)]
        case c.FinishCall():
            return [e.HelperDone(by=name)]
    raise TypeError(f"{type(command).__name__} has no event")


def _over(alarm: Alarm) -> Refused:
    why = "the alarm is closed" if alarm.kind != "practice" else "a practice alarm calls nobody"
    return Refused(errors.NOT_POSSIBLE, f"not possible: {why}", status=alarm.status, possible=[])


def _moved(alarm: Alarm, names: tuple[str, ...], **what: Any) -> dict[str, Any]:
    return {"helpers": {n: {**entry, **what} if n in names else entry for n, entry in alarm.helpers.items()}}
