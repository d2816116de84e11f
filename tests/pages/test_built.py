"""Which files pages link: what was built, as long as it fits; else the plain modules, so that edits are seen."""

import json
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dispatch import resources
from dispatch.built import MANIFEST, PAGES, Files, fits
from dispatch.welcome import tell_pages


@pytest.fixture
def checkout(root: Path, built: Files, tmp_path: Path) -> Path:
    """A copy of what is built, and of what it is built from."""
    assert built.are_built
    shutil.copytree(resources.web(), tmp_path / "clients" / "web")
    shutil.copy(root / "clients" / "package-lock.json", tmp_path / "clients")
    shutil.copy(root / "hatch_build.py", tmp_path)
    return tmp_path


def test_built_files_are_linked_while_they_fit(checkout: Path) -> None:
    """Nothing was edited: each page links built files alone; a language more for citizens changes nothing."""
    web = checkout / "clients" / "web"
    (web / "words" / "citizen.ug.json").write_text("{}")
    files = Files(web)
    assert files.are_built
    for name in PAGES:
        linked = files.of(name)
        for address in (*linked.styles, linked.script, *linked.modules, *linked.words.values()):
            assert address.startswith("/static/built/")
            assert (web / address.removeprefix("/static/")).is_file()


@pytest.mark.parametrize(
    "edited",
    [
        "clients/web/shared/link.js",
        "clients/web/console/map.css",
        "clients/web/citizen/later.js",
        "clients/web/words/console.en.json",
        "clients/web/vendor/preact.js",
        "clients/package-lock.json",
        "hatch_build.py",
    ],
)
def test_an_edited_source_is_what_pages_load(checkout: Path, edited: str) -> None:
    """A module, style, word, library, the lock or the recipe has changed: every page links the plain files."""
    web = checkout / "clients" / "web"
    path = checkout / edited
    path.write_bytes(path.read_bytes() + b"\n")
    assert not fits(web)
    files = Files(web)
    assert not files.are_built
    for name, source in PAGES.items():
        linked = files.of(name)
        assert linked.script == f"/static/{source.script}"
        assert linked.styles == tuple(f"/static/{path}" for path in source.styles)
        assert not linked.words
    assert all("built" not in path.parts for path in files.of_shell())


def test_the_start_says_what_pages_are_made_of(checkout: Path) -> None:
    """Plain files: one warning that says how to build them. Built ones: nothing."""
    web = checkout / "clients" / "web"
    with capture_logs() as told:
        tell_pages(Files(web))
    assert told == []
    (web / "shared" / "link.js").write_text("")
    with capture_logs() as told:
        tell_pages(Files(web))
    assert [line["event"] for line in told] == ["pages_not_built"]


def test_nothing_built_or_half_of_it(checkout: Path) -> None:
    """Without a manifest, or with one that was cut off, pages link the plain files."""
    web = checkout / "clients" / "web"
    manifest = web / "built" / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text[: len(text) // 2])
    assert not Files(web).are_built
    shutil.rmtree(web / "built")
    assert not Files(web).are_built


def test_a_wheel_has_no_recipe_and_its_files_fit(checkout: Path) -> None:
    """Installed, where neither lock nor build hook is there, only the sources beside them count."""
    (checkout / "hatch_build.py").unlink()
    (checkout / "clients" / "package-lock.json").unlink()
    assert Files(checkout / "clients" / "web").are_built


def test_the_map_is_no_part_of_what_comes_first(built: Files) -> None:
    """What the console brings with it has no map, and no language but those of its words."""
    manifest = json.loads((resources.web() / "built" / MANIFEST).read_text())
    for address in manifest["pages"]["console"]["modules"] + [manifest["pages"]["console"]["script"]]:
        text = (resources.web() / address.removeprefix("/static/")).read_text(encoding="utf-8")
        assert "OpenStreetMap" not in text
        assert "leaflet-container" not in text
        assert "PMTiles" not in text
    assert list((resources.web() / "built").glob("leaflet-*.js"))
