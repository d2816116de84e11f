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


@command
class Acknowledge(Command):
    by: Actor


@command
class Take(Command):
    by: Actor
    reason: str


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
class AddNote(Command):
    by: Actor
    text: str


@command
class ReportPosition(Command):
    position: Mapping[str, Any]


@command
class AddMedia(Command):
    media: str
    kind: str
    mime: str


@command
class EndMedia(Command):
    media: str
    chunks: int
    size: int
    sha256: str


@command
class MediaDone(Command):
    """The media worker's result: `mime` of the copy, or `unreadable` with the reason."""

    media: str
    mime: str = ""
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    unreadable: str | None = None


@command
class OpenOriginal(Command):
    by: Actor
    media: str
    reason: str


@command
class Deliver(Command):
    """`consoles` consoles in all have confirmed the alarm."""

    consoles: int


@command
class See(Command):
    by: Actor


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
class RunStep(Command):
    """Run escalation step `step` (round `loop`) of the cycle that began at version `cycle`."""

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
class MarkOverdue(Command):
    day: str
