"""The demonstration's streets: small, fit for its areas, and there with nothing but them."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
import shapely

from dispatch.settings import ConfigurationError, load
from dispatch.static import KEPT
from dispatch.streets import PASSING
from tests import streets
from tests.budgets import STREETS
from tests.flow.people import Http
from tests.flow.town import Town
from tests.pmtiles import archive


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A copy of the demonstration's configuration."""
    return Path(shutil.copytree(root / "config", tmp_path / "config"))


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_they_are_what_was_drawn(root: Path) -> None:
    """The committed file is the one that is made, down to the last metre."""
    assert (root / "config" / streets.FILE).read_text(encoding="utf-8") == streets.drawn()


def test_they_fit_the_areas(root: Path) -> None:
    """Each corner of each area lies on a main road that has a name in both languages, and each station has its sign."""
    settings = load(root / "config", {})
    assert settings.streets is not None
    features = json.loads(settings.streets.text)["features"]
    roads = shapely.union_all(
        [shapely.from_geojson(json.dumps(one["geometry"])) for one in features if one["properties"]["kind"] == "road"]
    )
    for station in settings.boundaries.stations.values():
        for corner in shapely.get_coordinates(station.area).tolist():
            assert shapely.distance(roads, shapely.Point(corner)) < 0.00002, (station.id, corner)  # about 2 m
    named = [one["properties"] for one in features if one["properties"]["kind"] in ("road", "street", "park", "river")]
    assert all(one["name"]["zh"] and one["name"]["en"].isascii() for one in named)
    signs = [one for one in features if one["properties"]["kind"] == "station"]
    assert len(signs) == len(settings.boundaries.stations)


async def test_pages_get_them_small(town: Town) -> None:
    """Compressed within the budget; kept for good by staff pages, by an address of their own, never by a citizen's."""
    officer = await town.user("V01")
    kept = (await officer.http.get("/map")).json()["streets"]
    async with Http(town.url, town.rests) as anyone:
        passing = (await anyone.get("/areas/dadongmen")).json()["streets"]
        for address, cache in ((kept, KEPT), (passing, "no-store")):
            answer = await anyone.get(address, headers={"accept-encoding": "gzip"})
            assert (answer.status_code, answer.headers["cache-control"]) == (200, cache)
            assert answer.headers["content-encoding"] == "gzip"
            assert answer.num_bytes_downloaded <= STREETS
            plain = await anyone.get(address, headers={"accept-encoding": "identity"})
            assert plain.content == answer.content
            assert len(gzip.compress(plain.content)) <= STREETS
        assert (await anyone.get("/map/streets-00000000.json")).status_code == 404


async def test_tiles_take_their_place(tmp_path: Path) -> None:
    """Where tiles are configured nobody is told of streets, nor given them."""
    file = tmp_path / "city.pmtiles"
    file.write_bytes(archive())
    async with Town(tmp_path / "town", env={"DISPATCH_MAP_TILES": str(file)}) as town:
        http = (await town.user("V01")).http
        assert (await http.get("/map")).json()["streets"] is None
        assert "streets" not in (await http.get("/areas/dadongmen")).json()
        assert (await http.get(PASSING)).status_code == 404


def test_other_areas_have_no_streets(folder: Path) -> None:
    """One outline differs by a few metres, or the file is not there: no streets, and the hub starts."""
    assert load(folder, {}).streets is not None
    change(folder / "stations.geojson", "大东门派出所", "东门派出所")
    assert load(folder, {}).streets is not None, "what a station is called changes no outline"
    change(folder / "stations.geojson", "[123.4599, 41.8118]", "[123.4599, 41.8119]")
    change(folder / "stations.geojson", "[123.4599, 41.8118]", "[123.4599, 41.8119]")
    assert load(folder, {}).streets is None
    (folder / streets.FILE).unlink()
    assert load(folder, {}).streets is None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"kind":"park"', '"kind":"parc"', "features[1].properties.kind"),
        ('"type":"MultiPolygon"', '"type":"Polygon"', "must be a GeoJSON geometry"),
        ('"features": [', '"features": [[', "must be readable"),
    ],
)
def test_a_fault_in_them_is_told(folder: Path, old: str, new: str, why: str) -> None:
    """What cannot be drawn: the hub does not start, and says what is wrong in which file."""
    change(folder / streets.FILE, old, new)
    with pytest.raises(ConfigurationError, match=r"streets\.geojson") as caught:
        load(folder, {})
    assert why in str(caught.value)
