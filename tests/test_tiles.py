"""The map's tiles: told and given only to who is signed in; the policy is opened for them and for nothing else."""

from pathlib import Path

import pytest

from dispatch.sections import Map
from dispatch.settings import ConfigurationError, load
from tests.flow.people import Http, Officer
from tests.flow.town import Town
from tests.pmtiles import archive

ADDRESS = "https://tiles.example.org/{z}/{x}/{y}.png?key=abc"


async def officer(town: Town) -> Officer:
    return await town.user("V01")


async def test_a_file_of_tiles(tmp_path: Path) -> None:
    """A signed-in page reads the file by ranges; nobody else sees a byte of it, and the policy stays as it was."""
    file = tmp_path / "city.pmtiles"
    file.write_bytes(archive())
    env = {"DISPATCH_MAP_TILES": str(file), "DISPATCH_MAP_ATTRIBUTION": "© people"}
    async with Town(tmp_path / "town", env=env) as town:
        http = (await officer(town)).http
        told = (await http.get("/map")).json()["tiles"]
        assert told["kind"] == "file"
        assert told["attribution"] == "© people"
        part = await http.get(told["tiles"], headers={"range": "bytes=8-19"})
        assert (part.status_code, part.content) == (206, archive()[8:20])
        file.touch()
        again = await http.get(told["tiles"], headers={"range": "bytes=8-19"})
        assert again.headers["etag"] == part.headers["etag"], "another hub's copy of the file is the same file"
        async with Http(town.url, town.rests) as stranger:
            assert [(await stranger.get(path)).status_code for path in ("/map", told["tiles"])] == [401, 401]
            console = await stranger.get("/console")
            assert console.headers["content-security-policy"].count("'self' blob:") == 2
            assert "http" not in console.headers["content-security-policy"]


async def test_an_address_of_tiles(tmp_path: Path) -> None:
    """Only the console may show pictures from there; the address, which may hold a key, is told to nobody else."""
    async with Town(tmp_path, env={"DISPATCH_MAP_TILES": ADDRESS}) as town:
        http = (await officer(town)).http
        assert (await http.get("/map")).json()["tiles"]["tiles"] == ADDRESS
        assert (await http.get("/map/tiles.pmtiles")).status_code == 404
        policies = {page: (await http.get(page)).headers["content-security-policy"] for page in ("/", "/console")}
        assert "img-src https://tiles.example.org 'self' blob:;" in policies["/console"]
        assert policies["/console"].replace("https://tiles.example.org ", "") == policies["/"]
        for page in ("/", "/static/config.json"):
            assert "tiles.example.org" not in (await http.get(page)).text


async def test_no_tiles(town: Town) -> None:
    """Without configuration there are none, and nothing is asked of anybody."""
    http = (await officer(town)).http
    assert (await http.get("/map")).json()["tiles"] is None
    assert (await http.get("/map/tiles.pmtiles")).status_code == 404


@pytest.mark.parametrize(
    ("tiles", "why"),
    [
        ("https://tiles.example.org/{z}/{x}.png", "{z}, {x} and {y}"),
        ("https://Tiles.example.org; script-src */{z}/{x}/{y}", "lower case"),
        ("https://{z}/{x}/{y}.png", "host"),
        ("/no/such/file.pmtiles", "No such file"),
        ("vector", "vector tiles are not drawn"),
        ("other", "PMTiles file of version 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(root: Path, tmp_path: Path, tiles: str, why: str) -> None:
    """A wrong address, a missing file, a file of another kind: the hub does not start, and says what would be right."""
    (tmp_path / "vector").write_bytes(archive(tile_type=1))
    (tmp_path / "other").write_bytes(b"SQLite format 3\x00" + bytes(200))
    wanted = tiles if "/" in tiles else str(tmp_path / tiles)
    with pytest.raises(ConfigurationError, match=r"DISPATCH_MAP_TILES") as caught:
        load(root / "config", {"DISPATCH_MAP_TILES": wanted})
    assert why in str(caught.value)
    assert not Map().remote
