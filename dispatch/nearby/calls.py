"""All that a helper is ever told of an alarm: made from nothing, member by member. Pure.

Never the citizen's words, media, code, number or id; the exact place only to who accepted, while the alarm is open.
Field's terms: need to know, data minimisation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.alarm.helping import UNDER_WAY, may_see
from dispatch.alarm.state import Alarm
from dispatch.nearby.distance import LatLon, coarse, metres, within

_SHOWN = ("lat", "lon", "accuracy_m", "at", "datum")
_ROUND_M = 50  # a distance to a coarse place is no more exact than the place


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What must be known of places and stations.

    Args:
        wgs84: (position) -> (lat, lon) in WGS-84; None when it is no place.
        gcj02: (lat, lon) in WGS-84 -> the same place in GCJ-02.
        station_name: (station) -> its name by language.
        coarse_m: width of the square that stands for an exact place.
    """

    wgs84: Callable[[Mapping[str, Any]], LatLon | None]
    gcj02: Callable[[float, float], LatLon]
    station_name: Callable[[str], dict[str, str]]
    coarse_m: float

    def place(self, position: Mapping[str, Any] | None) -> LatLon | None:
        """`position` as (lat, lon) in WGS-84, or None."""
        return None if position is None else self.wgs84(position)


def handle(alarm_id: str, helper: str) -> str:
    """The name of a call for its helper: the alarm's receipt code could be computed from its id."""
    return hashlib.sha256(f"{alarm_id}/{helper}".encode()).hexdigest()[:32]


def shows_place(alarm: Alarm, helper: str) -> bool:
    """Whether the helper's call holds the exact place now."""
    return may_see(alarm, helper) and (alarm.position is not None or alarm.place is not None)


def call(alarm: Alarm, helper: str, here: Mapping[str, Any] | None, ground: Ground) -> dict[str, Any] | None:
    """The call as its helper, whose place is `here`, may see it; None when there is nothing to see (any more)."""
    entry = alarm.helpers.get(helper)
    if entry is None or entry["state"] not in UNDER_WAY or not alarm.open:
        return None
    place, own = ground.place(alarm.position), ground.place(here)
    shown: dict[str, Any] = {
        "call": handle(alarm.id, helper), "state": entry["state"], "called_at": entry["called_at"], "at": entry["at"],
        "station": ground.station_name(alarm.station), "tasks": list(entry["tasks"]),
    }  # fmt: skip
    if text := alarm.calls.get(entry["call"], {}).get("text"):
        shown["text"] = text
    if may_see(alarm, helper):
        exact = {name: alarm.position[name] for name in _SHOWN if name in alarm.position} if alarm.position else {}
        both = {"wgs84": list(place), "gcj02": list(ground.gcj02(*place))} if place else {}
        shown["exact"] = exact | both | ({"words": alarm.place} if alarm.place else {})
        if place and own:
            shown["distance_m"] = round(metres(own, place))
    elif place:
        middle = coarse(place, ground.coarse_m)
        shown["coarse"] = {"lat": middle[0], "lon": middle[1], "within_m": within(ground.coarse_m, _accuracy(alarm))}
        if own:
            shown["distance_m"] = _ROUND_M * round(metres(own, middle) / _ROUND_M)
    return shown


def _accuracy(alarm: Alarm) -> float:
    accuracy = (alarm.position or {}).get("accuracy_m")
    return min(float(accuracy), 100_000.0) if isinstance(accuracy, int | float) and accuracy > 0 else 0.0
