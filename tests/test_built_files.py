"""How built files are served: small, for good, and as the page that links them says."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from dispatch import resources
from dispatch.built import CITIZEN, STAFF, Files, Linked
from dispatch.static import BuiltFiles
from tests.flow.people import Http
from tests.flow.town import Town

PAGES = {"console": "/console", "supervisor": "/supervisor", "helper": "/helper", "sign-in": "/sign-in", "citizen": "/"}
FOR_GOOD = "public, max-age=31536000, immutable"
HASHED = re.compile(r"/static/built/[\w.-]+-[A-Z0-9]{8}\.(?:js|css|json)")


@pytest.fixture
async def http(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with Http(town.url, town.rests) as client:
        yield client


def addresses(linked: Linked) -> list[str]:
    return [*linked.styles, linked.script, *linked.modules, *linked.words.values()]


async def test_a_page_links_what_was_built_and_is_never_kept(built: Files, http: httpx.AsyncClient) -> None:
    """Each page names its built files, few of them, and no plain module; itself it stays in no cache."""
    for name, path in PAGES.items():
        page = await http.get(path)
        assert page.headers["cache-control"] == "no-store"
        for address in addresses(built.of(name)):
            assert f'"{address}"' in page.text, (name, address)
        scripts = re.findall(r'(?:modulepreload" href|module" src)="([^"]+)"', page.text)
        assert scripts
        assert all(script.startswith("/static/built/") for script in scripts)
        assert len(re.findall('rel="stylesheet"', page.text)) == 1


async def test_what_is_named_by_its_content_is_kept_for_good(built: Files, http: httpx.AsyncClient) -> None:
    """The staff's scripts, styles and words: kept a year without asking; who asks even so is sent nothing again."""
    for name in STAFF:
        for address in addresses(built.of(name)):
            assert HASHED.fullmatch(address), address
            first = await http.get(address)
            assert (first.status_code, first.headers["cache-control"]) == (200, FOR_GOOD), address
            again = await http.get(address, headers={"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", FOR_GOOD)
    for name in ("console-AAAAAAAA", "x" * 300, "%00", "..%2f..%2fmain"):
        gone = await http.get(f"/static/built/{name}.js")
        assert (gone.status_code, gone.headers["cache-control"]) == (404, "no-store"), name
    assert (await http.get("/static/built/manifest.json")).headers["cache-control"] == "no-store"


async def test_nothing_of_the_citizens_page_is_kept(built: Files, http: httpx.AsyncClient) -> None:
    """No built file of it stays in a cache, also none of those that come after the alarm (P9)."""
    files = built.of_shell()
    assert {"main.js", "later.js", "plan.js", "spot.js", "page.css", "later.css"} <= {path.name for path in files}
    for path in files:
        answer = await http.get(f"/static/{path.relative_to(resources.web()).as_posix()}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), path.name


@pytest.mark.usefixtures("built")
async def test_each_text_is_sent_as_small_as_the_browser_takes_it(http: httpx.AsyncClient) -> None:
    """Brotli, else gzip, else as it is, always the same text; caches are told that it depends on who asks."""
    texts = [path for path in (resources.web() / "built").rglob("*.*") if path.suffix in (".js", ".css", ".json")]
    texts = [path for path in texts if path.name != "manifest.json"]
    for path in texts:
        address = f"/static/built/{path.relative_to(resources.web() / 'built').as_posix()}"
        sizes = []
        for accepted, coding in (("br, gzip", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None)):
            answer = await http.get(address, headers={"accept-encoding": accepted})
            assert answer.headers.get("content-encoding") == coding, (address, accepted)
            assert "accept-encoding" in answer.headers["vary"].lower()
            assert answer.headers["content-type"].split(";")[0] in ("text/javascript", "text/css", "application/json")
            if coding != "br":  # which nothing here can read
                assert answer.content == path.read_bytes()
            sizes.append(answer.num_bytes_downloaded)
        assert sizes[0] < sizes[1] <= sizes[3], address


async def test_pages_words_and_plain_files_are_compressed(http: httpx.AsyncClient) -> None:
    """Texts that are not built ahead are compressed too."""
    for path in ("/", "/console", "/words/citizen.zh.json", "/static/shared/staff.css", "/static/shared/link.js"):
        answer = await http.get(path, headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip", path
        assert "accept-encoding" in answer.headers["vary"].lower(), path


async def test_source_maps_are_served(built: Files, http: httpx.AsyncClient) -> None:
    """Each script and style names its map, which has the sources as they were written, and no place of a machine."""
    linked = [address for name in STAFF | CITIZEN for address in (*built.of(name).styles, built.of(name).script)]
    for address in linked:
        text = (await http.get(address)).text
        found = re.search(r"sourceMappingURL=([\w.-]+)", text)
        assert found, address
        told = json.loads((await http.get(f"{address.rpartition('/')[0]}/{found[1]}")).text)
        assert told["sources"]
        for source, content in zip(told["sources"], told["sourcesContent"], strict=True):
            assert source.startswith("../"), source
            if source.endswith(("first.js", ".css")) and "citizen" not in source:
                continue
            assert "/tmp" not in source
            file = (resources.web() / "built" / Path(address).relative_to("/static/built").parent / source).resolve()
            if file.name != "first.js":
                assert file.read_text(encoding="utf-8") == content, source


async def test_a_folder_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    """A checkout whose pages were never built has no such file, and says so."""
    app = Starlette(routes=[Mount("/built", BuiltFiles(tmp_path / "built"))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as http:
        assert (await http.get("/built/page.js")).status_code == 404


async def test_licences_come_with_the_libraries(built: Files, http: httpx.AsyncClient) -> None:
    """A script that has libraries in it says where their licences are; they are there, each whole."""
    script = (await http.get(built.of("console").modules[-1])).text
    found = re.search(r"/static/built/licences\.txt", script)
    assert found
    told = (await http.get(found[0])).text
    licences = list((resources.web() / "vendor" / "licences").glob("*.txt"))
    assert len(licences) == 7
    for path in licences:
        assert path.read_text(encoding="utf-8").strip() in told, path.name
