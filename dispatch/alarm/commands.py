"""What people and timers can ask of an alarm, as frozen dataclasses; `lifecycle.decide` answers each with events.

Commands are made at the edges from checked messages; they are never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, dataclass_transform

C = TypeVar("C", bound="Command")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user's name (call sign), their station (None: all) and role."""

    name: str
    station: str | None
    role: str = "officer"


class Command:
    __slots__ = ()


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def command(cls: type[C]) -> type[C]:
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@command
class Raise(Command):
    station: str
    backups: tuple[str, ...]
    why: str
    code: str
    kind: str = "alarm"
    lang: str = "zh"
    channel: str = "web"
    category: str | None = None
    needs: tuple[str, ...] = ()
    text: str | None = None
    position: Mapping[str, Any] | None = None
    place: str | None = None
    burst: str | None = None
    quiet: bool | None = None
    rest: str = ""
    """What was cut from `text`: the first words of the talk."""


@command
class Plan(Raise):
    """A dead man's timer: the alarm is raised unless its citizen checks in within so many seconds, again and again."""

    within_s: int


@command
class CheckIn(Command):
    """All is well; the next check-in within so many seconds. `position` is kept with the plan, and told to nobody."""

    within_s: int
    position: Mapping[str, Any] | None = None


@command
class EndPlan(Command):
    """No check-in is needed any more. Under `duress` (a wrong number, or none) the alarm is raised, and looks ended."""

    duress: bool
    quiet: bool | None = None


@command
class MissCheckIn(Command):
    """From a timer: the check-in that was `due` did not come."""

    due: datetime
    quiet: bool | None = None


@command
class Acknowledge(Command):
    by: Actor


@command
class Take(Command):
    """Without a `reason` only from a lost owner, or from a colleague who took it at `grace_from` or later."""

    by: Actor
    reason: str | None
    grace_from: datetime = field(repr=False)  # of the instant, so no part of what is the same when it is repeated


@command
class Release(Command):
    by: Actor
    reason: str


@command
class Move(Command):
    by: Actor


@command
class Arrive(Command):
    by: Actor


@command
class Close(Command):
    by: Actor
    disposition: str
    note: str | None = None


@command
class JoinBurst(Command):
    """Its sender went on, far beyond their allowance: what they sent before belongs to the same burst."""

    burst: str
    quiet: bool | None = None


@command
class LeadBurst(Command):
    """From the rounds: nobody escalates for this alarm's burst any more."""


@command
class CloseBurst(Command):
    """Close an alarm of a burst that nobody has taken, with all the others of it."""

    by: Actor
    until: datetime
    """What was raised later nobody has seen."""
    disposition: str
    note: str | None = None


@command
class UndoCloseBurst(Command):
    """It was closed with its burst, which `by` wants back; only when that was at `closed_from` or later."""

    by: Actor
    closed_from: datetime = field(repr=False)


@command
class UndoClose(Command):
    """It was closed by a slip of the hand; only when that was at `closed_from` or later."""

    by: Actor
    closed_from: datetime = field(repr=False)


@command
class Reopen(Command):
    by: Actor
    reason: str


@command
class OfferTransfer(Command):
    by: Actor
    to: str
    reason: str


@command
class AcceptTransfer(Command):
    by: Actor


@command
class RejectTransfer(Command):
    by: Actor
    reason: str


@command
class OfferHandover(Command):
    """The owner wants to hand over to `to`, or (None) to any colleague; `summary` is what they must know."""

    by: Actor
    to: str | None
    summary: str


@command
class AcceptHandover(Command):
    by: Actor


@command
class RejectHandover(Command):
    by: Actor
    reason: str


@command
class WithdrawHandover(Command):
    by: Actor


@command
class RequestCancel(Command):
    duress: bool


@command
class Say(Command):
    """`by` is None when the citizen speaks."""

    text: str
    by: Actor | None = None


@command
class Ask(Command):
    by: Actor
    text: str
    choices: tuple[str, ...]


@command
class Answer(Command):
    question: str
    answer: str


@command
class Heard(Command):
    """What officers said up to version `upto` is on the citizen's device; `seen` when its page was in sight."""

    upto: int
    seen: bool


@command
class AddNote(Command):
    by: Actor
    text: str


@command
class ReportPosition(Command):
    """`track`: how many of the positions before it are kept."""

    position: Mapping[str, Any]
    track: int = 0


@command
class Reroute(Command):
    """The alarm's place, as it is known now, lies with `station`: that one is called, while nobody has the alarm.

    `backups` and `why` as routing answered for the place. Nothing follows where it is less well known than before, or
    only as well and that station was called already: a way along a border calls each station once.
    """

    station: str
    backups: tuple[str, ...]
    why: str


@command
class OfMedia(Command):
    """Base of all that is about one photo or recording of an alarm."""

    media: str


@command
class AddMedia(OfMedia):
    media: str
    kind: str
    mime: str


@command
class EndMedia(OfMedia):
    media: str
    chunks: int
    size: int
    sha256: str
    cut: bool | None = None
    missing: tuple[int, ...] | None = None


@command
class FailLiveSound(OfMedia):
    """No copy can be made while the recording grows."""

    media: str
    reason: str


@command
class MediaDone(OfMedia):
    """The media worker's result: `mime` of the first copy and what there is, or `unreadable` with the reason.

    `kind`: what it is by its bytes, where it came as something else.
    """

    media: str
    mime: str = ""
    kind: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    copies: tuple[str, ...] | None = None
    peaks: tuple[int, ...] | None = None
    position: Mapping[str, Any] | None = None
    unreadable: str | None = None


@command
class NoteWorkerDeath(OfMedia):
    """A worker that decoded this media died, for the time `deaths`."""

    media: str
    deaths: int


@command
class OpenOriginal(OfMedia):
    by: Actor
    media: str
    reason: str


@command
class OpenCopy(OfMedia):
    """A person uncovers a photo or listens to a recording."""

    by: Actor
    media: str


@command
class Deliver(Command):
    """`consoles` consoles in all have confirmed the alarm."""

    consoles: int


@command
class See(Command):
    by: Actor


@command
class Read(Command):
    """What the citizen added up to version `upto` was in sight of `by`."""

    by: Actor
    upto: int


@command
class Notify(Command):
    """Base of what became of notifications beyond the console."""


@command
class NoteSent(Notify):
    officers: tuple[str, ...]
    channel: str
    via: str | None = None
    step: int | None = None
    loop: int | None = None


@command
class NoteFailed(Notify):
    officers: tuple[str, ...]
    channel: str
    reason: str
    via: str | None = None
    status: int | None = None
    step: int | None = None
    loop: int | None = None


@command
class NoteReceipt(Notify):
    """The officer's device says that a notification was `shown`, or `opened`."""

    officer: str
    channel: str
    what: str
    step: int | None = None
    loop: int | None = None


@command
class Hold(Command):
    by: Actor
    reason: str


@command
class Unhold(Command):
    by: Actor
    reason: str


@command
class Wipe(Command):
    by: Actor
    reason: str


@command
class EndContent(Command):
    """The end date has come, of the content of the alarm that was closed at `closed_at` (None: a practice alarm)."""

    closed_at: datetime | None


@command
class RemoveMedia(Command):
    """The removal worker's result: the number of `objects` that it deleted."""

    objects: int


@command
class CallHelpers(Command):
    """Call the `chosen` helpers, or those of `near` (on watch, nearest first) until `upto` were called in all.

    `near` is no part of what is asked: who asks again asks the same, wherever the helpers are by then.
    """

    by: Actor
    chosen: tuple[str, ...]
    upto: int
    tasks: tuple[str, ...]
    text: str | None = None
    near: tuple[str, ...] = field(repr=False)
    most: int = field(repr=False)


@command
class ReleaseHelpers(Command):
    """These helpers are needed no more; none named: all."""

    by: Actor
    helpers: tuple[str, ...] = ()


@command
class OfHelper(Command):
    """Base of what a helper does who was called."""

    helper: Actor


@command
class SeeCall(OfHelper):
    """The call is on their screen."""

    helper: Actor


@command
class AcceptCall(OfHelper):
    helper: Actor


@command
class DeclineCall(OfHelper):
    helper: Actor
    why: str


@command
class FinishCall(OfHelper):
    helper: Actor


@command
class ShowPlace(OfHelper):
    """Before the exact place is shown to a helper who accepted."""

    helper: Actor


@command
class RunStep(Command):
    """Run escalation step `step` (round `loop`) of the cycle that began at version `cycle`.

    Each is later than the one before by its round, and in the same round by its step.
    """

    cycle: int
    step: int
    loop: int
    audience: tuple[str, ...]
    called: tuple[str, ...]
    reached: tuple[str, ...]
    why: str
    stations: tuple[str, ...] = ()


@command
class TellUnanswered(Command):
    cycle: int


@command
class Remind(Command):
    owner: str


@command
class ReopenIdle(Command):
    owner: str


@command
class LoseOwner(Command):
    """No console of the owner was heard for too long."""

    owner: str


@command
class LoseStation(Command):
    """The configuration no longer has station `gone`, which answers for the alarm: `to` does from now on.

    `blind`: its owner, when no console of theirs shows it any more.
    """

    gone: str
    to: str
    backups: tuple[str, ...]
    blind: str | None = None


@command
class FindOwner(Command):
    """A console of the owner is heard again."""

    owner: str


@command
class MarkOverdue(Command):
    day: str
