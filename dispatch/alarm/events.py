"""Everything that can have happened, as frozen dataclasses; a station's stream is made of these.

Events say what was done and never change. The fields marked `private` hold what the citizen or an officer
wrote, showed or where they are: they are kept beside the stream, so that they can be wiped and the record stays.
Field's term: domain event, audit event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

E = TypeVar("E", bound="Event")

EVENTS: dict[str, type[Event]] = {}
PRIVATE = {"private": True}


class Event:
    """Base of all events; `type` is the class name in snake_case."""

    __slots__ = ()
    type: ClassVar[str]
    sealed: ClassVar[bool] = False
    """Whether its private fields, and what it changes, are kept from the record and from consoles."""
    public_fields: ClassVar[tuple[str, ...]]
    private_fields: ClassVar[tuple[str, ...]]

    def split(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(public, private) members; what is None is left out. Public holds the `type`."""
        public = {name: v for name in self.public_fields if (v := getattr(self, name)) is not None}
        hidden = {name: v for name in self.private_fields if (v := getattr(self, name)) is not None}
        return {"type": self.type, **public}, hidden


def load(members: Mapping[str, Any]) -> Event:
    """The event that `split` took apart, public and private members in one map.

    Raises:
        KeyError: a type that this version does not know (a newer hub wrote it).
    """
    rest = {name: tuple(v) if isinstance(v, list) else v for name, v in members.items() if name != "type"}
    return EVENTS[members["type"]](**rest)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def event(cls: type[E]) -> type[E]:
    """Make `cls` a frozen dataclass and name it on the wire."""
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.type = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
    made.public_fields = tuple(f.name for f in fields(made) if not f.metadata.get("private"))
    made.private_fields = tuple(f.name for f in fields(made) if f.metadata.get("private"))
    EVENTS[made.type] = made
    return cast("type[E]", made)


# -- the alarm itself ------------------------------------------------------------------------------------------


@event
class AlarmRaised(Event):
    """Intake accepted the alarm. `why` says how routing chose the station; `channel` how the alarm came.

    `plan` says how a plan became the alarm: `missed` (no check-in in time), `pressed` (by its citizen before that),
    `duress` (ended with a wrong number, or none: its citizen is shown an ended plan). `burst` names the many that one
    sender, or too many at once, sent before it; `quiet`: another of them escalates for all.
    """

    station: str
    backups: tuple[str, ...]
    why: str
    code: str
    kind: str
    lang: str
    channel: str
    plan: str | None = None
    burst: str | None = None
    quiet: bool | None = None
    category: str | None = field(default=None, metadata=PRIVATE)
    needs: tuple[str, ...] | None = field(default=None, metadata=PRIVATE)
    text: str | None = field(default=None, metadata=PRIVATE)
    position: Mapping[str, Any] | None = field(default=None, metadata=PRIVATE)
    place: str | None = field(default=None, metadata=PRIVATE)


@event
class PlanMade(Event):
    """A citizen wants the alarm raised unless they check in within `within_s` seconds. What it says is nobody's yet.

    The words and the place of a plan, and where its citizen checked in, are in no record: they come with
    `alarm_raised` if that ever follows, and are gone when it does not. To consoles its events are `sealed`, and the log
    has them once it is an alarm.
    """

    sealed: ClassVar[bool] = True
    station: str
    backups: tuple[str, ...]
    why: str
    code: str
    kind: str
    lang: str
    channel: str
    within_s: int
    burst: str | None = None
    category: str | None = field(default=None, metadata=PRIVATE)
    needs: tuple[str, ...] | None = field(default=None, metadata=PRIVATE)
    text: str | None = field(default=None, metadata=PRIVATE)
    position: Mapping[str, Any] | None = field(default=None, metadata=PRIVATE)
    place: str | None = field(default=None, metadata=PRIVATE)


@event
class CheckedIn(Event):
    """The plan's citizen is well; the next check-in is due within `within_s` seconds."""

    sealed: ClassVar[bool] = True
    within_s: int
    position: Mapping[str, Any] | None = field(default=None, metadata=PRIVATE)


@event
class PlanEnded(Event):
    """The plan's citizen needs it no more; its words and place are gone."""

    sealed: ClassVar[bool] = True


@event
class Sealed(Event):
    """To consoles in the place of each event of a plan, which is nobody's: only their position goes on."""


@event
class AlarmAcknowledged(Event):
    """`by` took the alarm first; escalation stops here."""

    by: str
    station: str


@event
class AlarmTaken(Event):
    """`by` took the alarm from its owner `taken_from`.

    `why` it needed no reason: `owner_lost` (no console of theirs was heard), `grace` (they had just taken it).
    """

    by: str
    station: str
    taken_from: str
    why: str | None = None
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class AlarmReleased(Event):
    """The owner gave the alarm back: open for everyone, escalation from its first step."""

    by: str
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class AlarmEnRoute(Event):
    by: str


@event
class AlarmOnScene(Event):
    by: str


@event
class AlarmClosed(Event):
    by: str
    disposition: str
    note: str | None = field(default=None, metadata=PRIVATE)


@event
class BurstJoined(Event):
    """Its sender went on, far beyond their allowance, while others did too: it belongs to a burst from now on."""

    burst: str
    quiet: bool | None = None


@event
class BurstLed(Event):
    """From now on this alarm escalates for its burst: the one that did was closed or never came."""


@event
class CloseUndone(Event):
    """Closed by a slip of the hand: it is as it was before."""

    by: str


@event
class AlarmReopened(Event):
    """Open again. `cause`: `officer`, `not_moving` (the owner did not move in time), `citizen_wrote`."""

    cause: str
    by: str | None = None
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class TransferOffered(Event):
    """`by` offered the alarm to station `to`; every timer runs on until it is accepted."""

    by: str
    to: str
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class TransferAccepted(Event):
    by: str
    station: str


@event
class TransferRejected(Event):
    by: str
    station: str
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class HandoverOffered(Event):
    """The owner `by` offered the alarm to `to`, or (None) to any colleague, and is responsible until one accepts."""

    by: str
    to: str | None = None
    summary: str | None = field(default=None, metadata=PRIVATE)


@event
class HandoverAccepted(Event):
    """`by` has the alarm now, from `handed_by`."""

    by: str
    station: str
    handed_by: str


@event
class HandoverRejected(Event):
    by: str
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class HandoverWithdrawn(Event):
    by: str


@event
class CancelRequested(Event):
    """The citizen asked to cancel. `duress`: without the number they chose, so perhaps forced. Never closes."""

    duress: bool


# -- escalation ------------------------------------------------------------------------------------------------


@event
class StepRun(Event):
    """An escalation step was run.

    `audience` are the policy's words, `called` the officers meant, `reached` those with a ready console.
    `why`: `due`, or why it ran at once (`no_console_ready`, `no_officer_on_duty`, `console_lost`).
    """

    step: int
    loop: int
    audience: tuple[str, ...]
    called: tuple[str, ...]
    reached: tuple[str, ...]
    why: str
    stations: tuple[str, ...] = ()


@event
class AlarmUnanswered(Event):
    """The policy's time passed with no person; the citizen is told so."""


@event
class OwnerReminded(Event):
    """The owner acknowledged and does not move."""

    owner: str


@event
class OwnerLost(Event):
    """No console of the owner was heard for `console.owner_lost_s`: the alarm is free to take."""

    owner: str


@event
class OwnerBack(Event):
    owner: str


@event
class StationGone(Event):
    """The configuration no longer has the station `gone`, which answered for the alarm: `to` does, and is called."""

    gone: str
    to: str
    backups: tuple[str, ...]


@event
class AlarmOverdue(Event):
    """Not closed by the end of `day`, the local day on which it was raised; told to the supervisor."""

    day: str


@event
class AlarmShared(Event):
    """In the stream of a station that was called in: the whole alarm as it is now, held by station `home`."""

    home: str


# -- beyond the console ----------------------------------------------------------------------------------------


@event
class NotificationSent(Event):
    """The service of `channel` took a notification for `officers`. Not that it came, and nobody has seen it.

    `channel`: `push`, or `messenger` (`via` is its name in the settings). Of escalation step `step`, round `loop`; both
    are absent for a reminder of the owner.
    """

    officers: tuple[str, ...]
    channel: str
    via: str | None = None
    step: int | None = None
    loop: int | None = None


@event
class NotificationFailed(Event):
    """A notification for `officers` was given up. `status`: what the service answered, when it did.

    `reason`: `gone` (the subscription is removed), `refused`, `busy`, `no_answer`, `too_many` (waiting).
    """

    officers: tuple[str, ...]
    channel: str
    reason: str
    via: str | None = None
    status: int | None = None
    step: int | None = None
    loop: int | None = None


@event
class NotificationShown(Event):
    """The officer's device says that it showed the notification."""

    officer: str
    channel: str
    step: int | None = None
    loop: int | None = None


@event
class NotificationOpened(Event):
    """The officer tapped the notification. Not an acknowledgement."""

    officer: str
    channel: str
    step: int | None = None
    loop: int | None = None


@event
class NotificationUnopened(Event):
    """`officers` were notified of step `step`, round `loop`, and had not opened that when the next step ran."""

    officers: tuple[str, ...]
    step: int
    loop: int


# -- receipts --------------------------------------------------------------------------------------------------


@event
class AlarmDelivered(Event):
    """The consoles of `consoles` officers in all have confirmed that they show the alarm."""

    consoles: int


@event
class AlarmSeen(Event):
    by: str


# -- talk, place, media ----------------------------------------------------------------------------------------


@event
class CitizenSaid(Event):
    text: str | None = field(default=None, metadata=PRIVATE)


@event
class OfficerSaid(Event):
    by: str
    text: str | None = field(default=None, metadata=PRIVATE)


@event
class QuestionAsked(Event):
    """`question` is its id; one is open at a time, a new one replaces it."""

    by: str
    question: str
    text: str | None = field(default=None, metadata=PRIVATE)
    choices: tuple[str, ...] | None = field(default=None, metadata=PRIVATE)


@event
class QuestionAnswered(Event):
    question: str
    answer: str | None = field(default=None, metadata=PRIVATE)


@event
class TalkDelivered(Event):
    """What officers said up to version `upto` is on the citizen's device, whose page was not in sight."""

    upto: int


@event
class TalkSeen(Event):
    """What officers said up to version `upto` is on the citizen's page, in sight."""

    upto: int


@event
class TalkRead(Event):
    """What the citizen added up to version `upto` was in sight on a console of `by`."""

    by: str
    upto: int


@event
class NoteAdded(Event):
    """For officers only; the citizen never sees it."""

    by: str
    text: str | None = field(default=None, metadata=PRIVATE)


@event
class PositionReported(Event):
    """Where the citizen is now. Of the positions before it the latest `track` are kept beside it, none without."""

    track: int | None = None
    position: Mapping[str, Any] | None = field(default=None, metadata=PRIVATE)


@event
class AlarmRerouted(Event):
    """The place lies with `station`, which answers from now on; those that were called before keep it in their lists.

    `why` as in `alarm_raised`. Escalation begins again with that station's people; the citizen's wait goes on.
    """

    station: str
    backups: tuple[str, ...]
    why: str
    before: str


@event
class MediaAdded(Event):
    """The first chunk of a photo or recording is stored."""

    media: str
    kind: str
    mime: str


@event
class MediaEnded(Event):
    """All `chunks` are stored. `sha256` (hex) is of the bytes as the citizen's device sent them.

    `cut`: nobody finished it, and no chunk came for a time; `missing` are the numbers of chunks that never came.
    """

    media: str
    chunks: int
    size: int
    sha256: str
    cut: bool | None = None
    missing: tuple[int, ...] | None = None


@event
class LiveSoundFailed(Event):
    """The recording cannot be heard while it is made (`reason`); it is stored all the same."""

    media: str
    reason: str


@event
class MediaReady(Event):
    """The copies without metadata exist: `copies` by name, the first one of type `mime`. Sizes in pixels and seconds.

    `peaks`: how loud each hundredth of a recording is, 0 to 100. `position`: what the original's metadata said of it.
    `kind`: what it is by its bytes, where it came as something else.
    """

    media: str
    mime: str
    kind: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    copies: tuple[str, ...] | None = None
    peaks: tuple[int, ...] | None = field(default=None, metadata=PRIVATE)
    position: Mapping[str, Any] | None = field(default=None, metadata=PRIVATE)


@event
class MediaUnreadable(Event):
    """Kept sealed as evidence; no copy could be made (`reason`). `position`: what its metadata said all the same.

    `kind`: as of `media_ready`.
    """

    media: str
    reason: str
    kind: str | None = None
    position: Mapping[str, Any] | None = field(default=None, metadata=PRIVATE)


@event
class MediaWorkerDied(Event):
    """The process that was decoding it died, for the time `deaths`: after the first it is tried once more."""

    media: str
    deaths: int


@event
class MediaOpened(Event):
    """`by` uncovered the photo, or listened to the recording, for the first time."""

    by: str
    media: str


@event
class OriginalOpened(Event):
    by: str
    media: str
    reason: str | None = field(default=None, metadata=PRIVATE)


# -- helpers ---------------------------------------------------------------------------------------------------


@event
class HelpersCalled(Event):
    """`by` called `helpers` (call signs) to a coarse place, with ready-made `tasks` and perhaps words of their own."""

    by: str
    helpers: tuple[str, ...]
    tasks: tuple[str, ...]
    text: str | None = field(default=None, metadata=PRIVATE)


@event
class HelperSawCall(Event):
    """The call is on the screen of helper `by`, which is looked at: no answer yet."""

    by: str


@event
class HelperAccepted(Event):
    by: str


@event
class HelperDeclined(Event):
    """`why`: `busy`, `too_far`, `unsafe`, `other`."""

    by: str
    why: str


@event
class HelperShownPlace(Event):
    """From now on helper `by`, who accepted, is shown the exact place, until released, done or the alarm is closed."""

    by: str


@event
class HelperDone(Event):
    """Helper `by` has done what was asked; the place is gone from their page."""

    by: str


@event
class HelpersReleased(Event):
    """`by` needs `helpers` no more; the call and the place are gone from their pages."""

    by: str
    helpers: tuple[str, ...]


# -- how long content is kept ----------------------------------------------------------------------------------


@event
class ContentHeld(Event):
    """`by` holds what people wrote, showed and where they were: it is kept beyond its end date."""

    by: str
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class ContentReleased(Event):
    """The hold is over; the end date of the policy counts again."""

    by: str
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class ContentWiped(Event):
    """All words, places and media so far are gone, this reason excepted. `why`: `policy`, or `supervisor` (`by`)."""

    why: str
    by: str | None = None
    reason: str | None = field(default=None, metadata=PRIVATE)


@event
class MediaRemoved(Event):
    """The `objects` in which the wiped photos and recordings were kept, sealed originals and copies, are deleted."""

    objects: int


# -- the station -----------------------------------------------------------------------------------------------


@event
class ConsoleReady(Event):
    """The officer can be woken: by this console, the first of theirs that has passed its sound check."""

    officer: str
    console: str


@event
class ConsoleLost(Event):
    """The officer cannot be woken any more: this was their last ready console.

    `why`: `closed`, `silent`, `sound_off`, `slow`, `signed_out`.
    """

    officer: str
    console: str
    why: str


@event
class DutyChanged(Event):
    """From now until `until` (RFC 3339) the rota has `officers` on duty."""

    officers: tuple[str, ...]
    until: str


@event
class DutySigned(Event):
    """An officer came on duty beside the rota, or left it, until `until`."""

    officer: str
    on: bool
    until: str


@event
class FloodBegan(Event):
    """More new alarms than people can look at one by one: `count` within `window_s` seconds. Nothing is dropped."""

    count: int
    window_s: float


@event
class FloodEnded(Event):
    """New alarms come at a pace again at which each can be looked at."""


@event
class StoreRestored(Event):
    """The store went back to an older copy: what was shown after it may be missing. Positions have a new `epoch`."""

    epoch: str


@event
class DeadlineLate(Event):
    """A deadline of the alarm `about` was run, or mended, `by_s` seconds after `due` (RFC 3339). `what` was due."""

    about: str
    what: str
    due: str
    by_s: float
