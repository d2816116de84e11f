"""Every message that clients send, once: its shape, checked strictly.

An unknown field, a wrong type or too long a text is an error that names the field; only a raise and what stands beside
the numbers of a position are read with more patience (`dispatch.intake.understand`). Limits come from the
configuration as the validation context, so that the models hold the shape and the settings hold the numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, date
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from dispatch.alarm import errors, wellformed
from dispatch.alarm.clock import from_text
from dispatch.alarm.errors import Refused

M = TypeVar("M", bound="Message")


class _at_most:  # noqa: N801 - reads as a word where fields are declared
    """At most as many characters, bytes or entries as the settings' limit `name` says; the schema carries the name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _check(self, value: Any, info: ValidationInfo) -> Any:
        most = (info.context or {}).get(self.name, math.inf)
        size = wellformed.length(value) if isinstance(value, str) else len(value)
        if size > most:
            unit = "characters" if isinstance(value, str) else "bytes" if isinstance(value, bytes) else "entries"
            raise ValueError(f"{size} {unit}; at most {most} ({self.name})")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, inner: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(inner), "limit": self.name}


def _rfc3339(value: str) -> str:
    try:
        year = from_text(value).year
    except OverflowError:
        year = MINYEAR
    if not MINYEAR < year < MAXYEAR:  # the first and the last have no time in some zones
        raise ValueError(f"must be of the years {MINYEAR + 1} to {MAXYEAR - 1}")
    return value


class _between:  # noqa: N801 - as above
    """A number of at most the settings' limit `most`, and at least its limit `least` if there is one."""

    def __init__(self, least: str | None, most: str) -> None:
        self.least = least
        self.most = most

    def _check(self, value: int, info: ValidationInfo) -> int:
        limits = info.context or {}
        least = limits.get(self.least, 1) if self.least else -math.inf
        most = limits.get(self.most, math.inf)
        if not least <= value <= most:
            lower = f"at least {least} ({self.least}) and " if self.least else ""
            raise ValueError(f"must be {lower}at most {most} ({self.most}), not {value}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, inner: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(inner), "most": self.most}


Text = Annotated[str, _at_most("text_chars")]
Reason = Annotated[str, Field(min_length=1), _at_most("reason_chars")]
Name = Annotated[str, Field(min_length=1), _at_most("name_chars")]
Ref = Annotated[str, Field(min_length=1, max_length=64)]
Mime = Annotated[
    str | None,
    BeforeValidator(lambda said: said if isinstance(said, str) else None),
    Field(description="what the device takes it for; the bytes decide"),
]
AlarmId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description="a UUID")
]
MediaId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="made by the device, unique in its alarm")]
Secret = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{22,128}$", description="base64url of 128 bits or more, made by the device")
]
Pin = Annotated[str, Field(pattern=r"^[0-9]{4,8}$", description="digits")]
Time = Annotated[str, AfterValidator(_rfc3339), Field(description="RFC 3339 with an offset from UTC")]
Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]
Interval = Annotated[
    int,
    _between("check_in_least_s", "check_in_most_s"),
    Field(description="and at least `check_in_least_s`; seconds"),
]


def _or_nothing(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


def _or_wgs84(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    return _or_nothing(value, handler) or "wgs84"


IfRight = WrapValidator(_or_nothing)
"""What is wrong in it costs it alone: it counts as not sent."""


class Message(BaseModel):
    """Base of all that clients send: frozen, nothing unknown, nothing coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)
    stores: ClassVar[bool] = True
    """Whether its answer promises that something is stored (`dispatch.stream.answer`)."""


class Position(Message):
    """A position as the device gave it; the numbers are kept as received, even absurd ones.

    Only the two numbers have to be right. What else devices tell of a place, such as a height, is not kept.
    """

    model_config = ConfigDict(extra="ignore")

    lat: Number
    lon: Number
    accuracy_m: Annotated[Number | None, IfRight] = None
    at: Annotated[Time | None, IfRight] = None
    datum: Annotated[Literal["wgs84", "gcj02"], WrapValidator(_or_wgs84)] = "wgs84"
    source: Annotated[Name | None, IfRight] = None


class RaiseBody(Message):
    """An alarm. It needs nothing but id and secret: an empty alarm is an alarm.

    `pin` is the number with which the citizen will cancel; a cancel without it is told to officers as duress. With
    `check_in_s` it is only planned (dead man's timer): it is raised unless its citizen checks in within so many
    seconds. The same without it, sent later, raises it at once.

    What is wrong in another part costs that part, and `faults` of the receipt name it; what is wrong beside the two
    numbers of a position counts as not sent. Too long a text is cut, and its rest begins the talk; `kind` and
    `check_in_s` always count.
    """

    id: AlarmId
    secret: Secret
    text: Text | None = None
    kind: Literal["alarm", "tip", "practice"] = "alarm"
    category: Name | None = None
    needs: Annotated[list[Name], _at_most("needs")] = []
    lang: Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] = "zh"
    position: Position | None = None
    place: Annotated[str, _at_most("place_chars")] | None = None
    pin: Pin | None = None
    check_in_s: Interval | None = None


class CheckInBody(Message):
    """All is well; the next check-in is due within `check_in_s` seconds. A position is told only if that is missed."""

    ref: Ref
    check_in_s: Interval
    position: Annotated[Position | None, IfRight] = None


class EndPlanBody(Message):
    """No check-in is needed any more. Without the plan's `pin` the answer is the same, and the alarm is raised."""

    pin: Pin | None = None


class SayBody(Message):
    ref: Ref
    text: Annotated[Text, Field(min_length=1)]


class AnswerBody(Message):
    question: Ref
    answer: Annotated[Text, Field(min_length=1)]


class HeardBody(Message):
    """What officers said up to number `upto` is on the device; `seen` when the page was in sight."""

    upto: Annotated[int, Field(ge=0)]
    seen: bool


class CancelBody(Message):
    pin: Pin | None = None


class EndMediaBody(Message):
    kind: Literal["photo", "audio"] | None = None
    chunks: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class SignIn(Message):
    user: Name
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class OpenOriginalBody(Message):
    reason: Reason


def _day(value: str) -> str:
    try:
        year = date.fromisoformat(value).year
    except ValueError:
        year = MINYEAR
    if not MINYEAR < year < MAXYEAR:
        raise ValueError("must be a day such as 2026-11-22")
    return value


def _some(value: str) -> str:
    if not value.strip():
        raise ValueError("must have more than spaces")
    return value


Sought = Annotated[str, AfterValidator(_some), _at_most("find_chars")]
Day = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="by the clock of the alarm's station"),
    AfterValidator(_day),
]


class Spot(Message):
    """A point on the map."""

    lat: Annotated[Number, Field(ge=-90, le=90)]
    lon: Annotated[Number, Field(ge=-180, le=180)]
    datum: Literal["wgs84", "gcj02"] = "wgs84"


class FindBody(Message):
    """Which alarms, open or closed, to find: all that is given must be so.

    `words`: each of them stands in what the citizen or officers wrote; `place`: likewise in the place in words.
    `near`: the citizen was within `within_m` metres of it, when last heard or before. `officer` had the alarm, or
    closed it. Raised on the days `from` to `to`, both included. In a body, so that no server on the way writes the
    words into its log.
    """

    code: Annotated[str | None, Field(max_length=16, description="as it is read out, with its dash or without")] = None
    words: Sought | None = None
    place: Sought | None = None
    near: Spot | None = None
    within_m: Annotated[int, Field(ge=1), _between(None, "find_within_m")] = 500
    officer: Name | None = None
    station: Name | None = None
    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None
    after: Annotated[str | None, Field(max_length=200, description="the `next` of the answer before")] = None
    limit: Annotated[int, Field(ge=1), _between(None, "find_page")] | None = None


_Key = Annotated[str, Field(max_length=200, description="base64url")]


class PushKeys(Message):
    p256dh: _Key
    auth: _Key


class PushBody(Message):
    """A browser's push subscription, as the browser gives it, and the language of its notifications."""

    endpoint: Annotated[str, Field(max_length=2000, description="https, of a push service")]
    keys: PushKeys
    lang: Literal["zh", "en"] = "zh"


class ReceiptBody(Message):
    """A device showed a notification, or its officer opened it; `token` came with the notification."""

    token: Annotated[str, Field(max_length=1000)]
    what: Literal["shown", "opened"]


# -- citizen's socket ------------------------------------------------------------------------------------------


class Raise(RaiseBody):
    type: Literal["raise"]
    ref: Ref


class Resume(Message):
    """Come back to an alarm; talk after version `after` is sent again."""

    stores = False
    type: Literal["resume"]
    ref: Ref
    id: AlarmId
    secret: Secret
    after: Annotated[int, Field(ge=0)] = 0


class CitizenSays(SayBody):
    type: Literal["say"]


class ReportPosition(Message):
    type: Literal["position"]
    ref: Ref
    position: Position


class AnswerQuestion(AnswerBody):
    type: Literal["answer"]
    ref: Ref


class Heard(HeardBody):
    type: Literal["heard"]
    ref: Ref


class Cancel(CancelBody):
    type: Literal["cancel"]
    ref: Ref


class CheckIn(CheckInBody):
    type: Literal["check_in"]


class EndPlan(EndPlanBody):
    type: Literal["end_plan"]
    ref: Ref


class MediaChunk(Message):
    """One chunk; in any order, any number of times. Only in MessagePack: bytes do not fit JSON."""

    type: Literal["media_chunk"]
    ref: Ref
    media: MediaId
    seq: Annotated[int, Field(ge=0)]
    data: Annotated[bytes, _at_most("chunk_bytes")]
    kind: Literal["photo", "audio"] | None = None
    mime: Mime = None


class MediaEnd(Message):
    type: Literal["media_end"]
    ref: Ref
    media: MediaId
    chunks: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


# -- console's socket ------------------------------------------------------------------------------------------


class After(Message):
    """A position in a station's stream: the store's epoch and the offset of the last event that was applied."""

    epoch: Annotated[str, Field(max_length=64)]
    offset: Annotated[int, Field(ge=0)]


class Subscribe(Message):
    stores = False
    type: Literal["subscribe"]
    ref: Ref
    stations: list[Name] | None = None
    after: dict[Name, After] = {}


class OfAlarm(Message):
    ref: Ref
    alarm: AlarmId


class Ack(OfAlarm):
    type: Literal["ack"]


class Take(OfAlarm):
    """Someone else's. The reason may be left out when no console of the owner is heard, or they just took it."""

    type: Literal["take"]
    reason: Reason | None = None


class Release(OfAlarm):
    type: Literal["release"]
    reason: Reason


class Move(OfAlarm):
    type: Literal["move"]


class Arrive(OfAlarm):
    type: Literal["arrive"]


class Close(OfAlarm):
    type: Literal["close"]
    disposition: Literal["handled", "no_one_found", "false_alarm", "duplicate", "test", "passed_on"]
    note: Annotated[str, _at_most("note_chars")] | None = None


class UndoClose(OfAlarm):
    """Within `undo_close_s` seconds, by who closed it."""

    type: Literal["undo_close"]


class CloseBurst(OfAlarm):
    """Close the alarm's burst: all that was sent with it, was raised by `until` and nobody has taken."""

    type: Literal["close_burst"]
    until: Annotated[str, AfterValidator(_rfc3339), Field(description="when the last one that was seen was raised")]
    disposition: Literal["handled", "no_one_found", "false_alarm", "duplicate", "test", "passed_on"]
    note: Annotated[str, _at_most("note_chars")] | None = None


class UndoCloseBurst(OfAlarm):
    """Within a minute, by who closed the alarm's burst."""

    type: Literal["undo_close_burst"]


class Reopen(OfAlarm):
    type: Literal["reopen"]
    reason: Reason


class OfficerSays(OfAlarm):
    type: Literal["say"]
    text: Annotated[Text, Field(min_length=1)]


class Ask(OfAlarm):
    type: Literal["ask"]
    question: Annotated[Text, Field(min_length=1)]
    choices: Annotated[list[Name], Field(min_length=1), _at_most("choices")] = ["yes", "no", "cannot_say", "danger_now"]


class AddNote(OfAlarm):
    type: Literal["note"]
    text: Annotated[str, Field(min_length=1), _at_most("note_chars")]


class Transfer(OfAlarm):
    type: Literal["transfer"]
    station: Name
    reason: Reason


class TransferAccept(OfAlarm):
    type: Literal["transfer_accept"]


class TransferReject(OfAlarm):
    type: Literal["transfer_reject"]
    reason: Reason


class Handover(OfAlarm):
    """Offer the alarm to a colleague (`to`), or to any: who offers stays responsible until it is accepted."""

    type: Literal["handover"]
    to: Name | None = None
    summary: Reason


class HandoverAccept(OfAlarm):
    type: Literal["handover_accept"]


class HandoverReject(OfAlarm):
    type: Literal["handover_reject"]
    reason: Reason


class HandoverWithdraw(OfAlarm):
    type: Literal["handover_withdraw"]


class Hold(OfAlarm):
    """Keep what people wrote, showed and where they were beyond its end date, until `unhold`. Supervisors."""

    type: Literal["hold"]
    reason: Reason


class Unhold(OfAlarm):
    type: Literal["unhold"]
    reason: Reason


class Wipe(OfAlarm):
    """Wipe the words, places and media of a closed alarm for good; this reason stays. Supervisors."""

    type: Literal["wipe"]
    reason: Reason


class Seen(OfAlarm):
    """A person has opened the alarm."""

    type: Literal["seen"]


class Read(OfAlarm):
    """What the citizen added up to version `upto` (the alarm's `added`) was in sight."""

    type: Literal["read"]
    upto: Annotated[int, Field(ge=1)]


Task = Literal["look_and_report", "keep_entrance_open", "guide_police", "do_not_approach"]


class CallHelpers(OfAlarm):
    """Call the `nearest` helpers on watch who were not called yet, or those in `helpers`.

    `called` is how many this console shows as called already: what a colleague called meanwhile counts. They are told
    the `tasks`, the `text` (no words of the citizen belong there) and a coarse place.
    """

    type: Literal["call_helpers"]
    tasks: list[Task] = []
    text: Reason | None = None
    nearest: Annotated[int, Field(ge=1)] | None = None
    called: Annotated[int, Field(ge=0)] = 0
    helpers: list[Name] = []


class ReleaseHelpers(OfAlarm):
    """These helpers are needed no more; none named: all."""

    type: Literal["release_helpers"]
    helpers: list[Name] = []


class SharePlace(Message):
    """This officer's place while on duty, the latest only; told again within `nearby.lapse_s`, or it is forgotten."""

    type: Literal["share_place"]
    ref: Ref
    on: bool
    position: Position | None = None


class Ready(Message):
    """Every 10 s at most: whether this console can wake its officer. Only a ready console counts as on duty."""

    stores = False
    type: Literal["ready"]
    ref: Ref
    sound: bool
    visible: bool


class Delivered(Message):
    """Every event up to `position` of `station` is on the screen. Without a `ref` it is answered only when refused."""

    type: Literal["delivered"]
    ref: Ref | None = None
    station: Name
    position: After


class Duty(Message):
    """Come on duty beside the rota, or leave it, until the next handover."""

    type: Literal["duty"]
    ref: Ref
    on: bool


CITIZEN = {
    m.model_fields["type"].annotation.__args__[0]: m  # type: ignore[union-attr]
    for m in (
        Raise,
        Resume,
        CitizenSays,
        ReportPosition,
        AnswerQuestion,
        Heard,
        Cancel,
        CheckIn,
        EndPlan,
        MediaChunk,
        MediaEnd,
    )
}
CONSOLE = {
    m.model_fields["type"].annotation.__args__[0]: m  # type: ignore[union-attr]
    for m in (
        Subscribe, Ack, Take, Release, Move, Arrive, Close, UndoClose, Reopen, OfficerSays, Ask, AddNote, Transfer,
        TransferAccept, TransferReject, Handover, HandoverAccept, HandoverReject, HandoverWithdraw, Hold, Unhold, Wipe,
        Seen, Read, Ready, Delivered, Duty, CallHelpers, ReleaseHelpers, SharePlace, CloseBurst,
        UndoCloseBurst,
    )
}  # fmt: skip


# -- helper's socket -------------------------------------------------------------------------------------------


class Watch(Message):
    """Come on watch, or say again within `nearby.lapse_s` that one is, with the place now; or leave the watch."""

    stores = False
    type: Literal["watch"]
    ref: Ref
    on: bool
    position: Position | None = None


class OfCall(Message):
    ref: Ref
    call: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="as in `Calls`")]


class SawCall(OfCall):
    """The call is on a screen that is looked at."""

    type: Literal["seen"]


class Accept(OfCall):
    type: Literal["accept"]


class Decline(OfCall):
    type: Literal["decline"]
    why: Literal["busy", "too_far", "unsafe", "other"]


class Finish(OfCall):
    type: Literal["done"]


HELPER = {
    m.model_fields["type"].annotation.__args__[0]: m  # type: ignore[union-attr]
    for m in (Watch, SawCall, Accept, Decline, Finish)
}


def check(model: type[M], members: Any, limits: Mapping[str, int]) -> M:
    """`members` as a checked message.

    Raises:
        Refused: `bad_message` or `too_large`, naming each field that is wrong and what would be right.
    """
    try:
        return model.model_validate(members, context=limits)
    except ValidationError as faults:
        lines = [told(fault) for fault in faults.errors(include_input=False, include_url=False)]
        too_large = all(re.search(r"; at most \d+ \(", line) for line in lines)
        raise Refused(errors.TOO_LARGE if too_large else errors.BAD_MESSAGE, "; ".join(lines)) from None


def check_typed(models: Mapping[str, type[Message]], members: Any, limits: Mapping[str, int]) -> Any:
    """`members` as the message that its `type` says.

    Raises:
        Refused: also `unknown_type`, with the types there are.
    """
    if not isinstance(members, dict):
        raise Refused(errors.BAD_MESSAGE, "a message is a map with a `type`")
    model = models.get(members.get("type", "")) if isinstance(members.get("type"), str) else None
    if model is None:
        raise Refused(errors.UNKNOWN_TYPE, f"type: must be one of {', '.join(sorted(models))}")
    return check(model, members, limits)


def told(fault: Any) -> str:
    """A fault that pydantic found, as a line that names the field and says what would be right."""
    where = ".".join(str(part) for part in fault["loc"]) or "message"
    text = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        text = "unknown field"
    return f"{where}: {text}"
