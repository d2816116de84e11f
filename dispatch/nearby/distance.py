"""How far two places are apart, and the coarse place that stands for an exact one. Pure; WGS-84, degrees and metres.

Field's terms: great-circle distance, spatial cloaking.
"""

from __future__ import annotations

from math import asin, ceil, cos, floor, hypot, radians, sin, sqrt
from typing import Final

LatLon = tuple[float, float]

_EARTH_M: Final = 6_371_008.8  # mean radius
_DEGREE_M: Final = radians(1) * _EARTH_M
_TO_THE_POLE: Final = 89.9
_ROUNDED_M: Final = 1.0
"""What five decimals of a degree may be off."""
_NOT_FLAT: Final = 20 / 5000**2
"""A square on the earth is no square: at 89 degrees the corners of one of 5 km are 19 m further out, of 300 m 0.1 m."""


def metres(one: LatLon, other: LatLon) -> float:
    """The distance of two places (latitude, longitude), by the haversine formula: right to 0.6 %."""
    (lat, lon), (lat2, lon2) = one, other
    half = sin(radians(lat2 - lat) / 2) ** 2
    half += cos(radians(lat)) * cos(radians(lat2)) * sin(radians(lon2 - lon) / 2) ** 2
    return 2 * _EARTH_M * asin(sqrt(min(1.0, half)))


def coarse(place: LatLon, width_m: float) -> LatLon:
    """The middle of the square of `width_m` metres, of a fixed grid, in which `place` is.

    Every place of the square has the same middle: asking again, or for each of many places in it, tells no more.
    """
    row = floor(place[0] * _DEGREE_M / width_m)
    lat = max(-_TO_THE_POLE, min(_TO_THE_POLE, (row + 0.5) * width_m / _DEGREE_M))
    wide = width_m / (_DEGREE_M * cos(radians(lat)))  # the same along the whole row
    lon = max(-180.0, min(180.0, (floor(place[1] / wide) + 0.5) * wide))
    return round(lat, 5), round(lon, 5)


def within(width_m: float, accuracy_m: float) -> int:
    """So far from the square's middle the place is at most, metres, rounded up so that it tells nothing of its own."""
    corner = hypot(width_m, width_m) / 2 + _ROUNDED_M + _NOT_FLAT * width_m**2
    return 50 * ceil((corner + accuracy_m) / 50)
