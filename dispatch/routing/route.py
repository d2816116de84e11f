"""Which station answers an alarm, who stands behind it, and why this one.

Pure and total: whatever the position is, or is not, there is always a station. Never reads a file, never raises.
Field's term: ECRF, location-based routing (NENA i3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeGuard

from dispatch.alarm.commands import Reroute
from dispatch.routing.boundaries import Boundaries, Station, distance_m, inside
from dispatch.routing.datum import gcj02_to_wgs84

Why: TypeAlias = Literal[
    "in_area",  # inside exactly one area
    "on_border",  # on the edge between areas: the lowest id, the others are its first backups
    "overlap",  # inside several areas: the smallest (it was drawn for this place), the others first behind it
    "coarse_position",  # inside one area, but the accuracy circle touches others: they are its first backups
    "outside_nearest",  # in no area, at most `near_m` from one: the nearest
    "outside_default",  # in no area and not near one
    "no_position",
    "absurd_position",  # not numbers, out of range, or 0/0, which broken receivers report
]

# A vaguer position must not wake a whole city: its circle counts up to this radius, and for this many neighbours.
_WIDEST_CIRCLE_M = 5_000.0
_MOST_NEIGHBOURS = 4


@dataclass(frozen=True, slots=True)
class Route:
    """The answer. `distance_m`: from the position to the station's area, 0 inside; None without a usable position."""

    station: str
    backups: tuple[str, ...]
    why: Why
    distance_m: float | None


def route(boundaries: Boundaries, position: object) -> Route:
    """The station that answers at `position`, and its backups in the order to ask them.

    `position` is None or a mapping with `lat` and `lon` in degrees, perhaps `accuracy_m` (radius, metres) and `datum`
    ("gcj02" is converted, all else is taken as WGS-84). Anything else is an absurd position: the default station.
    """
    stations = boundaries.stations
    default = stations[boundaries.default]
    if position is None:
        return _answer(boundaries, default, (), "no_position", None)
    if not isinstance(position, Mapping):
        return _answer(boundaries, default, (), "absurd_position", None)
    if position.get("lat") is None and position.get("lon") is None:
        return _answer(boundaries, default, (), "no_position", None)
    place = wgs84(position)
    if place is None:
        return _answer(boundaries, default, (), "absurd_position", None)
    lat, lon = place

    circle: list[Station] = []
    if accuracy_m := _accuracy_m(position):
        circle = [station for _, station in boundaries.within(lat, lon, accuracy_m)][: 1 + _MOST_NEIGHBOURS]
    covering = boundaries.covering(lat, lon)
    if not covering:
        near = boundaries.within(lat, lon, boundaries.near_m)
        if near:
            return _answer(boundaries, near[0][1], circle, "outside_nearest", near[0][0])
        return _answer(boundaries, default, circle, "outside_default", distance_m(default.area, lat, lon))
    if len(covering) > 1:
        deep = [station for station in covering if inside(station, lat, lon)]
        chosen = min(deep, key=lambda s: (s.area.area, s.id)) if deep else covering[0]
        return _answer(boundaries, chosen, [*covering, *circle], "overlap" if deep else "on_border", 0.0)
    return _answer(boundaries, covering[0], circle, "coarse_position" if len(circle) > 1 else "in_area", 0.0)


def reroute(boundaries: Boundaries, position: object) -> Reroute:
    """The command that calls who answers at `position`, where the alarm's place became known after the alarm."""
    found = route(boundaries, position)
    return Reroute(station=found.station, backups=found.backups, why=found.why)


def _answer(boundaries: Boundaries, station: Station, first: Iterable[Station], why: Why, away: float | None) -> Route:
    """Backups: those the place itself suggests, then those configured; the default station when none is configured."""
    behind = [*(s.id for s in first), *(station.backups or (boundaries.default,))]
    return Route(station.id, tuple(dict.fromkeys(b for b in behind if b != station.id)), why, away)


def wgs84(position: Mapping[str, object]) -> tuple[float, float] | None:
    """(lat, lon) in WGS-84 of a position in either datum, or None when it cannot be a place."""
    lat, lon = position.get("lat"), position.get("lon")
    if not (_number(lat, 90.0) and _number(lon, 180.0)) or lat == lon == 0:
        return None
    return gcj02_to_wgs84(float(lat), float(lon)) if position.get("datum") == "gcj02" else (float(lat), float(lon))


def _number(value: object, most: float) -> TypeGuard[int | float]:
    """Whether this is a number of at most `most` either way; NaN is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most


def _accuracy_m(position: Mapping[str, object]) -> float:
    """Radius of the circle the citizen is in, metres; 0 when the device does not say, or says nonsense."""
    accuracy = position.get("accuracy_m")
    if isinstance(accuracy, int | float) and not isinstance(accuracy, bool) and accuracy > 0:
        return float(min(accuracy, _WIDEST_CIRCLE_M))
    return 0.0
