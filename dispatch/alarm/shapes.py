"""What is inside an alarm as it is sent, member by member: the shapes of what `state` keeps as plain maps.

For the pages' types and for tests of what is really sent; never used to send or to check what comes.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, create_model

from dispatch.alarm import outbound, state
from dispatch.alarm.messages import Time
from dispatch.alarm.outbound import Outbound


class Place(Outbound):
    """A position as it was received: a device that had no number (NaN) sent none.

    `at` is when the device says it was measured, `received` when the hub got it.
    """

    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    at: Time | None = None
    received: Time | None = None
    datum: Literal["wgs84", "gcj02"] | None = None
    source: str | None = None


class TalkEntry(Outbound):
    """One entry of the talk; what was wiped has no words."""

    who: Literal["citizen", "officer"]
    by: str | None = None
    text: str | None = None
    at: Time
    question: str | None = None
    choices: list[str] | None = None
    answers: str | None = None


class NoteEntry(Outbound):
    by: str
    text: str | None = None
    at: Time


class MediaEntry(Outbound):
    """A photo or recording."""

    kind: Literal["photo", "audio"]
    mime: str
    at: Time
    state: Literal["receiving", "stored", "ready", "unreadable", "wiped", "removed"]
    n: Annotated[int | None, Field(description="the alarm's version that added it")] = None
    chunks: int | None = None
    size: Annotated[int | None, Field(description="bytes")] = None
    sha256: str | None = None
    cut: bool | None = None
    missing: list[int] | None = None
    not_live: str | None = None
    first_copy: Annotated[str | None, Field(alias="copy", description="the first copy's type")] = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    copies: list[str] | None = None
    reason: str | None = None
    opened_by: list[str] | None = None


class Found(Outbound):
    """What was found inside a photo or recording."""

    position: Place | None = None
    peaks: list[int] | None = None


class Offer(Outbound):
    """A transfer that was offered and is not answered yet."""

    to: str
    by: str
    at: Time
    reason: str | None = None


class Handing(Outbound):
    """A handover that was offered to a colleague, or to any, and is not answered yet."""

    by: str
    at: Time
    summary: str | None = None
    to: str | None = None


class Notified(Outbound):
    """What became of the latest notification of an officer beyond the console; `sent` and `failed` name channels."""

    step: int | None = None
    loop: int | None = None
    sent: list[str] | None = None
    failed: list[str] | None = None
    shown: Time | None = None
    opened: Time | None = None


class HelperEntry(Outbound):
    """A helper who was called."""

    state: Literal["called", "accepted", "declined", "done", "released"]
    at: Time
    called_at: Time
    by: str
    tasks: list[str]
    call: str
    seen_at: Time | None = None
    why: Literal["busy", "too_far", "unsafe", "other"] | None = None
    shown_at: Time | None = None


class CallWords(Outbound):
    """What helpers were asked in an officer's own words."""

    text: str | None = None


class Hold(Outbound):
    by: str
    at: Time
    reason: str | None = None


class User(Outbound):
    """Who is signed in; without a station: all of them."""

    name: str
    role: Literal["officer", "supervisor", "admin"]
    station: str | None


class Notice(Outbound):
    """What is wrong with the system itself; which members there are depends on the code."""

    code: str
    since: Time
    setting: str | None = None
    value: str | None = None
    mend: str | None = None
    refused: bool | None = None
    used_bytes: int | None = None
    limit_bytes: int | None = None
    free_bytes: int | None = None
    share: float | None = None
    partition: int | None = None
    alarm: str | None = None
    station: str | None = None
    what: str | None = None
    by_s: float | None = None
    why: str | None = None
    names: list[str] | None = None
    near: Mapping[str, str] | None = None
    to: str | None = None


class Rung(Outbound):
    """What is true so far."""

    step: Literal["stored", "delivered", "seen", "unanswered", "acknowledged", "en_route", "on_scene", "closed"]
    at: Time
    consoles: int | None = None


INSIDE: Final[Mapping[str, Any]] = {
    "status": outbound.Status,
    "kind": Literal["alarm", "tip", "practice"],
    "plan": Literal["missed", "pressed", "duress"],
    "cancel": Literal["requested", "duress"],
    "handover": Handing,
    "notified": Mapping[str, Notified],
    "transfer": Offer,
    "position": Place,
    "track": Mapping[str, Place],
    "talk": Mapping[str, TalkEntry],
    "notes": Mapping[str, NoteEntry],
    "media": Mapping[str, MediaEntry],
    "found": Mapping[str, Found],
    "helpers": Mapping[str, HelperEntry],
    "calls": Mapping[str, CallWords],
    "held": Hold,
}
"""Members of an alarm whose Python type says less than what is sent: those on consoles, so plans are not among them."""


def _member(name: str, hint: Any) -> tuple[Any, Any]:
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = next(part for part in parts if part is not types.NoneType)
    often = types.NoneType in parts or typing.get_origin(plain) is not None
    if typing.get_origin(plain) is tuple:
        plain = list[typing.get_args(plain)[0]]  # type: ignore[misc]
    about = Field(description=outbound.ALARM[name])
    kind: Any = INSIDE.get(name, Time if plain is datetime else plain)
    return (Annotated[kind | None, about], None) if often else (Annotated[kind, about], ...)


_MEMBERS: Any = {
    name: _member(name, hint) for name, hint in typing.get_type_hints(state.Alarm).items() if name != state.TALLY
}
Alarm: Final[type[BaseModel]] = create_model("Alarm", __base__=Outbound, **_MEMBERS)
"""An alarm as it is sent: made from `state.Alarm`, so a member that is added there is here."""
