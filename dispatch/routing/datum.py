"""Turns GCJ-02 coordinates, which maps of mainland China use, into WGS-84, in which areas are drawn, and back.

Written from the published formula (github.com/googollee/eviltransform describes it; the constants are the
Krasovsky ellipsoid's). Pure. Near Shenyang the two are some 570 m apart: enough to reach the wrong station.
"""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt

_RADIUS_M = 6_378_245.0  # semi-major axis, Krasovsky 1940
_ECCENTRICITY_2 = 0.00669342162296594323


def in_china(lat: float, lon: float) -> bool:
    """Whether GCJ-02 moves this place at all: the rectangle that the formula uses, degrees."""
    return 0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """(lat, lon) in degrees, moved as Chinese maps move it; unchanged outside China."""
    if not in_china(lat, lon):
        return lat, lon
    north, east = _shift(lat, lon)
    return lat + north, lon + east


def gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """(lat, lon) in degrees, moved back: the place whose shift leads here, to less than a centimetre.

    There is no closed inverse. The shift changes by less than 1 % of the distance moved, so each round takes off
    two digits of the error, and five rounds are more than enough.
    """
    if not in_china(lat, lon):
        return lat, lon
    true_lat, true_lon = lat, lon
    for _ in range(5):
        north, east = _shift(true_lat, true_lon)
        true_lat, true_lon = lat - north, lon - east
    return true_lat, true_lon


def _shift(lat: float, lon: float) -> tuple[float, float]:
    """How far GCJ-02 moves a WGS-84 place north and east, degrees."""
    x, y = lon - 105.0, lat - 35.0
    both = 20.0 * sin(6.0 * pi * x) + 20.0 * sin(2.0 * pi * x)
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north_m += (both + _waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east_m += (both + _waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))) * 2.0 / 3.0

    bulge = 1.0 - _ECCENTRICITY_2 * sin(radians(lat)) ** 2
    metres_per_degree_north = radians(_RADIUS_M * (1.0 - _ECCENTRICITY_2) / (bulge * sqrt(bulge)))
    metres_per_degree_east = radians(_RADIUS_M / sqrt(bulge) * cos(radians(lat)))
    return north_m / metres_per_degree_north, east_m / metres_per_degree_east


def _waves(value: float, *waves: tuple[float, float]) -> float:
    return sum(height * sin(pi * value / length) for height, length in waves)
