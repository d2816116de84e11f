"""Every fault in the areas is told at once, with its key and what would be legal."""

from typing import Any

import pytest

from dispatch.routing.boundaries import ids, parse


def feature(**changes: Any) -> dict[str, Any]:
    properties = {"id": "gate", "name": {"zh": "门", "en": "Gate"}, "default": True, **changes}
    ring = [[10.0, 50.0], [10.1, 50.0], [10.1, 50.1], [10.0, 50.0]]
    return {
        "type": "Feature",
        "properties": {key: value for key, value in properties.items() if value is not ...},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def told(*features: Any, **top: Any) -> list[str]:
    boundaries, faults = parse({"type": "FeatureCollection", "features": list(features), **top})
    assert (boundaries is None) == bool(faults)
    return [f"{key} = {value!r}: {legal}" for key, value, legal in faults]


def with_geometry(**geometry: Any) -> dict[str, Any]:
    return {**feature(), "geometry": geometry}


def test_a_good_file_has_no_faults() -> None:
    """The smallest good file is taken, with its defaults."""
    boundaries, faults = parse({"type": "FeatureCollection", "features": [feature(other_ways=[])]})
    assert faults == []
    assert boundaries is not None
    assert boundaries.default == "gate"
    assert boundaries.near_m == 3000
    gate = boundaries.stations["gate"]
    assert (gate.name.of("zh-CN"), gate.name.of("fr"), gate.other_ways) == ("门", "Gate", ())


@pytest.mark.parametrize("raw", [None, [], 7, "x", {}, {"type": "Feature"}, {"features": {}}, {"features": [None, 3]}])
def test_anything_at_all_is_answered_with_faults(raw: Any) -> None:
    """What is no GeoJSON at all gives faults, never an exception."""
    boundaries, faults = parse(raw)
    assert boundaries is None
    assert faults


@pytest.mark.parametrize(
    ("features", "line"),
    [
        ([feature(id="Tor!")], "features[0].properties.id = 'Tor!': must be 1 to 32 of a-z, 0-9 and -"),
        ([feature(id=...)], "features[0].properties.id = None: must be 1 to 32 of a-z, 0-9 and -"),
        (
            [feature(), feature(default=False)],
            "features[1].properties.id = 'gate': must be the only station of this id",
        ),
        ([feature(), feature(id="b")], "features[1].properties.default = True: must be true only once; gate has it"),
        ([feature(default=...)], 'features = None: one station must have "default": true'),
        ([feature(backups=["gate"])], "features[0].properties.backups[0] = 'gate': must be another station"),
        (
            [feature(id="b", backups=["gaet"]), feature(default=...)],
            "features[0].properties.backups[0] = 'gaet': must be the id of a station here; did you mean \"gate\"?",
        ),
        ([feature(backup=["b"])], "features[0].properties.backup = ['b']: no such key; did you mean \"backups\"?"),
        ([feature(name={"zh": "门"})], "features[0].properties.name.en = None: must be a text of 1 to 64 characters"),
        ([feature(language="de")], 'features[0].properties.language = \'de\': must be "zh" or "en"'),
        (
            [feature(other_ways=[{"label": {"zh": "x", "en": "x"}, "href": "javascript:alert(1)"}])],
            "features[0].properties.other_ways[0].href = 'javascript:alert(1)': must be an address such as \"tel:110\"",
        ),
        ([with_geometry(type="Point", coordinates=[1, 2])], "features[0].geometry.type = 'Point': must be \"Polygon\""),
        ([{**feature(), "geometry": None}], "features[0].geometry = None: must be a"),
        (
            [with_geometry(type="Polygon", coordinates=[[[41.8, 123.4], [1, 1], [2, 2], [41.8, 123.4]]])],
            "features[0].geometry.coordinates[0][0] = [41.8, 123.4]: must be [longitude, latitude] in degrees",
        ),
        (
            [with_geometry(type="Polygon", coordinates=[[[1, 1], [2, 1], [2, 2], [1, 2]]])],
            "features[0].geometry.coordinates[0] = None: must be at least four positions, the last the same",
        ),
        (
            [with_geometry(type="Polygon", coordinates=[[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]])],
            "features[0].geometry.coordinates = 'Self-intersection[1 1]': must be rings that do not cross",
        ),
        ([with_geometry(type="MultiPolygon", coordinates=[])], "features[0].geometry.coordinates = []: must hold at"),
        ([], "features = []: must be a list of at least one Feature"),
    ],
)
def test_each_fault_names_its_key(features: list[Any], line: str) -> None:
    """Each fault says where it is, what stands there and what would be legal."""
    assert any(t.startswith(line) for t in told(*features)), told(*features)


def test_all_faults_at_once() -> None:
    """One parse tells the faults of all features and of the file itself."""
    lines = told(feature(language="de"), with_geometry(type="Point"), near_m=-1, crs={"properties": {"name": "x"}})
    assert [line.partition(" = ")[0] for line in lines] == [
        "near_m",
        "crs",
        "features[0].properties.language",
        "features[1].geometry.type",
        "features[1].properties.id",
        "features[1].properties.default",
    ]
    assert lines[0] == "near_m = -1: must be a number, 0 to 100000"


def test_ids_are_readable_in_a_faulty_file() -> None:
    """Other files can be checked against the ids although this one has faults."""
    assert ids({"features": [feature(language="de"), None, {"properties": {"id": 3}}, feature(id="b")]}) == [
        "gate",
        "b",
    ]
    assert ids("x") == []
