"""GCJ-02 and WGS-84 reports of one place fall on one spot."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from dispatch.routing.boundaries import distance_m
from dispatch.routing.datum import gcj02_to_wgs84, wgs84_to_gcj02

# WGS-84 latitude and longitude, then GCJ-02's: published pairs (the eviltransform project's own tests).
PAIRS = [
    (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215),  # Shanghai
    (22.543847, 113.912316, 22.540796131694766, 113.9171764808363),  # Shenzhen
    (39.911954, 116.377817, 39.91334545536069, 116.38404722455657),  # Beijing
]


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return distance_m(shapely.Point(b[1], b[0]).buffer(1e-9), *a)


@pytest.mark.parametrize(("lat", "lon", "gcj_lat", "gcj_lon"), PAIRS)
def test_known_pairs(lat: float, lon: float, gcj_lat: float, gcj_lon: float) -> None:
    """Both directions agree with the published pairs to ten centimetres."""
    assert metres(wgs84_to_gcj02(lat, lon), (gcj_lat, gcj_lon)) < 0.1
    assert metres(gcj02_to_wgs84(gcj_lat, gcj_lon), (lat, lon)) < 0.1


def test_shenyang_is_hundreds_of_metres_off() -> None:
    """At Dadongmen the two data differ by more than 500 m, so that forgetting the conversion would show."""
    place = (41.80312, 123.46587)
    assert 500 < metres(wgs84_to_gcj02(*place), place) < 700


@given(lat=st.floats(18, 53.5), lon=st.floats(73.7, 135))
def test_there_and_back(lat: float, lon: float) -> None:
    """Anywhere in China, a converted place comes back to within a centimetre."""
    assert metres(gcj02_to_wgs84(*wgs84_to_gcj02(lat, lon)), (lat, lon)) < 0.01


@pytest.mark.parametrize("place", [(51.5, -0.12), (-33.9, 151.2), (90.0, 0.0), (0.0, 180.0)])
def test_elsewhere_nothing_moves(place: tuple[float, float]) -> None:
    """Outside China both are the same."""
    assert wgs84_to_gcj02(*place) == place
    assert gcj02_to_wgs84(*place) == place
