"""There is always a station, and the answer says why this one."""

import math
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.routing.boundaries import Boundaries, parse
from dispatch.routing.datum import wgs84_to_gcj02
from dispatch.routing.route import Route, route

GATE = {"lat": 41.80312, "lon": 123.46587}


def square(west: float, south: float, size: float, **properties: Any) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    names = {"zh": properties["id"], "en": properties["id"]}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": names, **properties}, "geometry": geometry}


def made_of(*features: dict[str, Any], near_m: float = 3000) -> Boundaries:
    boundaries, faults = parse({"type": "FeatureCollection", "near_m": near_m, "features": list(features)})
    assert faults == []
    assert boundaries is not None
    return boundaries


# b is west, a is east of it, c lies over the middle of a; d is far away and the default.
TOWN = made_of(
    square(10.0, 50.0, 0.1, id="b", backups=["a"]),
    square(10.1, 50.0, 0.1, id="a", backups=["d", "b"]),
    square(10.14, 50.04, 0.02, id="c"),
    square(12.0, 50.0, 0.1, id="d", default=True),
)


def at(lat: float, lon: float, **more: Any) -> Route:
    return route(TOWN, {"lat": lat, "lon": lon, **more})


def test_the_gate_is_dadongmens(district: Boundaries) -> None:
    """An alarm at the gate goes to Dadongmen, with its configured backups in their order."""
    answer = route(district, GATE)
    assert answer == Route("dadongmen", ("xiaodong", "wanquan", "changan"), "in_area", 0.0)


def test_gcj02_goes_where_it_means(district: Boundaries) -> None:
    """The same place said in GCJ-02 goes to the same station, where its bare numbers would go to another."""
    west_of_border = (41.80, 123.4738)
    lat, lon = wgs84_to_gcj02(*west_of_border)
    assert route(district, {"lat": lat, "lon": lon, "datum": "gcj02"}).station == "dadongmen"
    assert route(district, {"lat": lat, "lon": lon, "datum": "wgs84"}).station == "changan"


def test_no_slivers_in_the_district(district: Boundaries) -> None:
    """The demonstration areas adjoin exactly: no gap, no overlap, no hole."""
    areas = [station.area for station in district.stations.values()]
    whole = shapely.union_all(areas)
    assert len(areas) >= 6
    assert shapely.coverage_is_valid(areas)
    assert isinstance(whole, shapely.Polygon)
    assert not whole.interiors


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lat=st.floats(41.77, 41.86), lon=st.floats(123.43, 123.56))
def test_inside_the_outer_edge_someone_is_responsible(district: Boundaries, lat: float, lon: float) -> None:
    """Every place inside the district's outer edge is in some station's area."""
    whole = shapely.union_all([station.area for station in district.stations.values()])
    why = route(district, {"lat": lat, "lon": lon}).why
    if shapely.contains_xy(whole.buffer(-1e-7), lon, lat):
        assert why in ("in_area", "on_border")


def test_on_a_border_the_lowest_id_answers() -> None:
    """On the edge of two areas the lowest id has it, whatever the order of the file, and the other is first behind."""
    assert at(50.01, 10.1) == Route("a", ("b", "d"), "on_border", 0.0)


def test_a_small_area_inside_a_large_one_answers() -> None:
    """Where areas overlap, the smaller one was drawn for this place; the larger is its first backup."""
    assert at(50.05, 10.15) == Route("c", ("a", "d"), "overlap", 0.0)


def test_a_vague_position_adds_the_neighbours() -> None:
    """When the accuracy circle reaches another area, its station is asked first behind the one of the point."""
    assert at(50.01, 10.101, accuracy_m=20) == Route("a", ("d", "b"), "in_area", 0.0)
    assert at(50.01, 10.101, accuracy_m=200) == Route("a", ("b", "d"), "coarse_position", 0.0)


def test_a_very_vague_position_does_not_wake_everyone(district: Boundaries) -> None:
    """However wide the circle, at most four neighbours are added to the configured backups."""
    answer = route(district, {**GATE, "accuracy_m": 10**400})
    assert answer.station == "dadongmen"
    assert answer.why == "coarse_position"
    assert len(answer.backups) <= 4 + 3


def test_just_outside_the_nearest_answers() -> None:
    """Two kilometres outside all areas, the nearest station has it, and the distance says how far."""
    answer = at(49.982, 10.05)
    assert (answer.station, answer.why) == ("b", "outside_nearest")
    assert answer.distance_m == pytest.approx(2001.5, rel=0.01)


def test_far_outside_the_default_answers() -> None:
    """Farther than `near_m` from every area, the default station has it."""
    answer = at(49.9, 10.05)
    assert (answer.station, answer.why) == ("d", "outside_default")
    assert answer.distance_m is not None
    assert answer.distance_m > 100_000


@pytest.mark.parametrize("position", [None, {}, {"lat": None, "lon": None}, {"accuracy_m": 5}])
def test_no_position(position: Any) -> None:
    """Without a position the default station has it."""
    assert route(TOWN, position) == Route("d", (), "no_position", None)


@pytest.mark.parametrize(
    "position",
    [
        {"lat": math.nan, "lon": 10.0},
        {"lat": math.inf, "lon": 10.0},
        {"lat": 90.1, "lon": 10.0},
        {"lat": 50.0, "lon": -180.1},
        {"lat": 0, "lon": 0.0},
        {"lat": 50.0},
        {"lat": "50.05", "lon": "10.05"},
        {"lat": True, "lon": 10.0},
        {"lat": 10**400, "lon": 10.0},
        {"lat": [50.0], "lon": {}},
        "50.05, 10.05",
        [50.05, 10.05],
        7,
    ],
)
def test_absurd_position(position: Any) -> None:
    """What cannot be a place goes to the default station, and the answer says so."""
    assert route(TOWN, position) == Route("d", (), "absurd_position", None)


@pytest.mark.parametrize("accuracy", [-5, math.nan, "wide", True, None, []])
def test_nonsense_accuracy_is_ignored(accuracy: Any) -> None:
    """A radius that is none changes nothing."""
    assert at(50.01, 10.101, accuracy_m=accuracy).why == "in_area"


def test_without_backups_the_default_stands_behind() -> None:
    """A station that names no backups has the default station as its backup; the default itself has none."""
    assert at(50.15, 10.3).backups == ()
    lonely = made_of(square(10.0, 50.0, 0.1, id="x"), square(11.0, 50.0, 0.1, id="y", default=True))
    assert route(lonely, {"lat": 50.05, "lon": 10.05}).backups == ("y",)


def test_the_date_line_is_no_wall() -> None:
    """A place just over the 180th meridian is near the area on the other side."""
    fiji = made_of(square(179.9, -17.0, 0.1, id="east", default=True), near_m=3000)
    answer = route(fiji, {"lat": -16.95, "lon": -179.99})
    assert answer.why == "outside_nearest"
    assert answer.distance_m == pytest.approx(1063, rel=0.01)


numbers = st.floats() | st.integers() | st.floats(49.9, 50.2) | st.floats(9.9, 10.3)
json_like = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
position_like = st.fixed_dictionaries(
    {},
    optional={
        "lat": numbers | json_like,
        "lon": numbers | json_like,
        "accuracy_m": numbers | json_like,
        "datum": st.sampled_from(["wgs84", "gcj02"]) | json_like,
    },
)


@given(json_like | position_like)
def test_routing_is_total(position: Any) -> None:
    """Whatever is sent as a position, a station that exists answers, its backups exist, each once and never itself."""
    answer = route(TOWN, position)
    assert answer.station in TOWN.stations
    assert set(answer.backups) <= set(TOWN.stations) - {answer.station}
    assert len(set(answer.backups)) == len(answer.backups)
    assert answer.distance_m is None or (math.isfinite(answer.distance_m) and answer.distance_m >= 0)
    assert answer == route(TOWN, position)
