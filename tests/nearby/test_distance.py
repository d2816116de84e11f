"""The coarse place hides the exact one, and distances are right wherever on earth."""

from math import hypot

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.nearby.distance import coarse, metres, within
from dispatch.routing.datum import wgs84_to_gcj02
from dispatch.routing.route import wgs84

lats = st.floats(-89, 89)
lons = st.floats(-180, 180)
widths = st.floats(100, 5000)


@given(lats, lons, widths)
@example(0.0, 0.0, 4879.0)
@example(-89.0, 100.0, 5000.0)
def test_the_place_is_within_what_is_said(lat: float, lon: float, width: float) -> None:
    """The place is never further from its square's middle than the helper is told, and the middle is on earth."""
    middle = coarse((lat, lon), width)
    assert metres((lat, lon), middle) <= within(width, 0)
    assert within(width, 0) <= hypot(width, width) / 2 + 71
    assert abs(middle[0]) <= 90
    assert abs(middle[1]) <= 180


@given(st.floats(-80, 80), st.floats(-179, 179), widths, st.floats(-0.45, 0.45), st.floats(-0.45, 0.45))
def test_all_of_a_square_is_one_place(lat: float, lon: float, width: float, north: float, east: float) -> None:
    """Wherever in its square the citizen is, the middle is the same: many answers tell no more than one."""
    middle = coarse((lat, lon), width)
    to_north = width * north / metres((middle[0], 0), (middle[0] + 1, 0))
    to_east = width * east / metres((middle[0], 0), (middle[0], 1))
    assert coarse((middle[0] + to_north, middle[1] + to_east), width) == middle


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((41.80312, 123.46587), (41.80312, 123.46587), 0),
        ((41.80312, 123.46587), (41.81312, 123.46587), 1112),
        ((41.80312, 123.46587), (41.80312, 123.47587), 829),
        ((0.0, 179.9995), (0.0, -179.9995), 111),
        ((39.9042, 116.4074), (31.2304, 121.4737), 1_067_000),
    ],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], expected: float) -> None:
    """By the great circle, over the date line too; Beijing to Shanghai as the atlas has it."""
    assert metres(one, other) == pytest.approx(expected, rel=0.005, abs=0.5)


def test_one_place_in_two_datums() -> None:
    """A report in GCJ-02 and one in WGS-84 of one place are no metre apart."""
    lat, lon = wgs84_to_gcj02(41.80312, 123.46587)
    both = wgs84({"lat": lat, "lon": lon, "datum": "gcj02"}), wgs84({"lat": 41.80312, "lon": 123.46587})
    assert both[0] is not None
    assert both[1] is not None
    assert metres(both[0], both[1]) < 0.1
