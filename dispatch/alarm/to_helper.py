"""Every message that the hub sends to a helper, once: its shape, for the protocol page and for tests of real frames.

The whole of what a helper can ever be told of an alarm (`dispatch.nearby.calls` makes it). Never used to send.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from dispatch.alarm.messages import Time
from dispatch.alarm.outbound import Beat, Error, Outbound


class Hello(Outbound):
    """The first message to a helper: who they are, and whether they are on watch still."""

    type: Literal["hello"]
    now: Time
    name: str
    kind: Annotated[str | None, Field(description="`guard`, `grid_worker` or `volunteer`")]
    station: Annotated[dict[str, str], Field(description="its name, by language")]
    on: bool
    sent_at: Annotated[Time | None, Field(description="when their place was told last")]
    until: Annotated[Time | None, Field(description="when the watch ends unless it is told again")]
    coarse_m: Annotated[float, Field(description="width of the square that stands for a coarse place, metres")]


class Watching(Outbound):
    """The answer to `watch`."""

    type: Literal["ok"]
    ref: str
    on: bool
    sent_at: Time | None = None
    until: Time | None = None


class Agreed(Outbound):
    """The answer to `seen`, `accept`, `decline` and `done`, once stored; `Calls` says what follows."""

    type: Literal["ok"]
    ref: str
    state: Literal["called", "accepted", "declined", "released", "done"]


class Coarse(Outbound):
    """The middle of a square, WGS-84; the same for every place in it, so that asking again tells no more."""

    lat: float
    lon: float
    within_m: Annotated[int, Field(description="the place is so near, metres, as far as its device knows")]


class Exact(Outbound):
    """Where it is, for who accepted: as received, in both datums, and in words where there are some."""

    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    at: Time | None = None
    datum: Literal["wgs84", "gcj02"] | None = None
    wgs84: list[float] | None = None
    gcj02: list[float] | None = None
    words: str | None = None


class Call(Outbound):
    """All that a helper is told of an alarm; `exact` only while accepted, and `coarse` until then."""

    call: Annotated[str, Field(description="its name for this helper; nothing of the alarm can be computed from it")]
    state: Literal["called", "accepted"]
    called_at: Time
    at: Annotated[Time, Field(description="of `state`")]
    station: Annotated[dict[str, str], Field(description="its name, by language")]
    tasks: list[str]
    text: str | None = None
    coarse: Coarse | None = None
    exact: Exact | None = None
    distance_m: Annotated[int | None, Field(description="from the helper's place to `coarse` or `exact`")] = None


class Calls(Outbound):
    """All calls of this helper that are under way; sent at first and whenever any of it changed."""

    type: Literal["calls"]
    calls: list[Call]


TO_HELPER: Final = (Hello, Watching, Agreed, Calls, Beat, Error)
