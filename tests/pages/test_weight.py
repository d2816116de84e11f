"""The citizen's page is small: someone in need may have a very bad network."""

import gzip
import json
import re
from pathlib import Path, PurePosixPath

import jinja2
import pytest

from dispatch.built import PAGES, Files, plain
from dispatch.sections import Limits
from tests.budgets import BYTES

IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*"(\./[^"]+)\"""")
LOADED = re.compile(r"""(?:href|src)="(/static/[^"]+)\"""")


@pytest.fixture(scope="module")
def web(root: Path) -> Path:
    return root / "clients" / "web"


@pytest.fixture(scope="module", params=["plain", "built"])
def page(web: Path, request: pytest.FixtureRequest) -> str:
    """The page as it is served, of plain modules and of built ones."""
    built: Files | None = None if request.param == "plain" else request.getfixturevalue("built")
    words = json.loads((web / "words" / "citizen.zh.json").read_text(encoding="utf-8"))
    words |= words.pop("later")
    env = jinja2.Environment(loader=jinja2.FileSystemLoader(web), autoescape=True, undefined=jinja2.StrictUndefined)
    return env.get_template("citizen/page.html").render(
        lang="zh",
        linked=built.of if built else lambda name: plain(PAGES[name]),
        words=words,
        title="·",
        languages={"zh": "中文", "en": "English"},
        install=False,
        icon_url="/static/citizen/icon.svg",
        id="0" * 36,
        secret="0" * 43,
        pin="0000",
        exit_url="https://example.org/",
        limits=Limits(),
        other_ways=[{"label": "110", "href": "tel:110"}],
    )


def loaded(web: Path, page: str) -> set[str]:
    """Every path the browser fetches: what the page names, what that imports, and both catalogues."""
    paths = {*LOADED.findall(page)}
    todo = [path for path in paths if path.endswith(".js")]
    while todo:
        path = PurePosixPath(todo.pop())
        source = (web / path.relative_to("/static")).read_text(encoding="utf-8")
        for name in IMPORT.findall(source):
            found = str(path.parent / name)
            if found not in paths:
                paths.add(found)
                todo.append(found)
    return paths


def test_first_load_is_at_most_30_kb(web: Path, page: str) -> None:
    """Page, style, modules and the words of both languages stay within 30 kB gzipped."""
    weights = {
        path: len(gzip.compress((web / PurePosixPath(path).relative_to("/static")).read_bytes(), mtime=0))
        for path in loaded(web, page)
    }
    weights["/"] = len(gzip.compress(page.encode(), mtime=0))
    for language in ("zh", "en"):
        words = json.loads((web / "words" / f"citizen.{language}.json").read_text(encoding="utf-8"))
        del words["later"]
        first = json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
        weights[f"/words/citizen.{language}.json"] = len(gzip.compress(first, mtime=0))
    assert sum(weights.values()) <= BYTES["/"], sorted(weights.items(), key=lambda row: -row[1])


def test_every_module_is_fetched_at_once(web: Path, page: str) -> None:
    """No module waits for another one to name it: on a network with 2 s round trips each such wait is 2 s."""
    named = set(LOADED.findall(page))
    assert {path for path in loaded(web, page) if path.endswith(".js")} <= named


def test_photos_and_sound_come_after_the_alarm(web: Path, page: str) -> None:
    """What raising does not need is brought in later, so it cannot delay the alarm."""
    names = ("later", "talk", "place", "media", "photo", "record", "receipt", "spot", "style", "plan")
    late = {f"/static/citizen/{name}.js" for name in names}
    assert all((web / PurePosixPath(path).relative_to("/static")).is_file() for path in late)
    late |= {f"/static/built/citizen/{name}.js" for name in names}
    assert not late & loaded(web, page)


def test_nothing_from_elsewhere(page: str) -> None:
    """The page loads nothing from another host and has no inline script or style (the policy forbids them)."""
    for tag, attributes in re.findall(r"<(script|link|img|iframe|style)\b([^>]*)>", page):
        assert tag != "style"
        assert re.search(r"""(?:href|src)="/static/""", attributes), attributes
    assert not re.search(r"\s(?:style|on\w+)=", page)


def test_nothing_that_could_be_heard(web: Path) -> None:
    """No module of the page, the worker included, so much as names what sounds, shakes, speaks or notifies."""
    loud = re.compile(
        r"AudioContext|new Audio\b|\.play\(|vibrate\(|Notification|speechSynthesis|pushManager|setAppBadge"
    )
    for path in (web / "citizen").glob("*.js"):
        assert loud.findall(path.read_text(encoding="utf-8")) == [], path.name
