"""What surrounds every answer: headers, pages without inline code, health that tells nothing of an alarm."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.flow.people import Http
from tests.flow.town import Town

PAGES = ("/", "/console", "/supervisor", "/sign-in")


@pytest.fixture
async def http(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with Http(town.url, town.rests) as client:
        yield client


async def test_security_headers_on_every_answer(town: Town, http: httpx.AsyncClient) -> None:
    """Pages, static files, JSON, errors, redirects, what is not there: all carry them."""
    citizen = town.citizen()
    await citizen.raises()
    answers = [
        *[await http.get(page) for page in PAGES],
        await http.get("/static/shared/tokens.css"),
        await http.get("/static/config.json"),
        await http.get("/static/nothing.js"),
        await http.get("/nothing"),
        await http.get("/healthz"),
        await http.get("/readyz"),
        await http.get("/metrics"),
        await http.get("/favicon.ico"),
        await http.get("/session"),
        await http.get("/log"),
        await http.get(f"/alarms/{citizen.id}"),
        await http.get(f"/alarms/{citizen.id}", headers=citizen.headers),
        await http.post("/alarms", json={}),
        await http.post("/alarms", json={}, headers={"origin": "https://evil.example"}),
        await http.delete("/alarms"),
        await http.post("/alarms", data={"text": "x"}, headers={"accept": "text/html"}),
    ]
    for answer in answers:
        headers = answer.headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'", answer.url
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in headers
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


class _Inline(HTMLParser):
    """Collects what a strict content policy would not run or show."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        self.found += [f"{tag} {name}={value}" for name, value in given.items() if value and "javascript:" in value]
        if tag in ("script", "link", "img", "iframe") and re.match(
            r"(https?:)?//", given.get("src") or given.get("href") or ""
        ):
            self.found.append(f"{tag} from elsewhere")
        if tag == "base":
            self.found.append(tag)
        self._in = tag if tag == "style" or (tag == "script" and "src" not in given) else ""

    def handle_data(self, data: str) -> None:
        if self._in and data.strip():
            self.found.append(f"inline {self._in}")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


async def test_no_code_is_inline(town: Town, http: httpx.AsyncClient) -> None:
    """No script, style, handler or foreign source in any page, also the receipt and the fault."""
    citizen = town.citizen()
    form = {"id": citizen.id, "secret": citizen.secret, "text": "救命"}
    html = {"accept": "text/html"}
    pages = [await http.get(f"{page}?lang={lang}") for page in PAGES for lang in ("zh", "en")]
    pages += [await http.post("/alarms", data=form, headers=html), await http.post("/alarms", data={}, headers=html)]
    for page in pages:
        assert page.headers["content-type"].startswith("text/html"), page.url
        parser = _Inline()
        parser.feed(page.text)
        assert parser.found == [], page.url


async def test_pages_speak_the_readers_language(http: httpx.AsyncClient) -> None:
    """`?lang=` first, then what the browser prefers, else Chinese; the page says which in `<html lang>`."""
    for asked, accepted, lang in (
        ("", "en-GB,en;q=0.9", "en"),
        ("", "de,en;q=0.5", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "fr", "zh"),
        ("", "", "zh"),
        ("?lang=en", "zh-CN", "en"),
        ("?lang=xx", "en", "en"),
        ("?lang=../../etc", "", "zh"),
    ):
        for page in PAGES:
            answer = await http.get(page + asked, headers={"accept-language": accepted})
            assert f'<html lang="{lang}"' in answer.text, (page, asked, accepted)
            assert answer.headers["cache-control"] == "no-store"


async def test_the_citizens_page_is_new_each_time(http: httpx.AsyncClient) -> None:
    """Names for the form without JavaScript are made for each page, never shared; its title is neutral."""
    first, second = [(await http.get("/")).text for _ in range(2)]
    names = [re.findall(r'name="(?:id|secret)" value="([^"]+)"', page) for page in (first, second)]
    assert len(names[0]) == len(names[1]) == 2
    assert not set(names[0]) & set(names[1])
    assert "<title>天气</title>" in first


async def test_health_tells_nothing_of_an_alarm(town: Town, http: httpx.AsyncClient) -> None:
    """What anyone may ask: alive, ready, counts. No id, no station, no officer, no words."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    await citizen.raises(text="没人知道的话", place="没人知道的地方")
    await officer.acknowledges(citizen.id)
    assert (await http.get("/healthz")).json() == {"alive": True}
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "why": []})
    metrics = await http.get("/metrics")
    assert "openmetrics-text" in metrics.headers["content-type"]
    assert metrics.text.endswith("# EOF\n")
    for secret in (citizen.id, citizen.secret, "没人知道", "V01", "dadongmen", "127.0.0.1"):
        assert secret not in metrics.text
        assert secret not in ready.text
    town.stops_watching(officer)


async def test_what_pages_know_of_the_configuration(town: Town, http: httpx.AsyncClient) -> None:
    """Names of stations, limits, ways out, in every language; no store, no user, nobody's rota."""
    answer = await http.get("/static/config.json")
    config = answer.json()
    assert answer.headers["cache-control"] == "max-age=60"
    assert config["languages"] == ["zh", "en"]
    assert config["stations"]["dadongmen"] == {"zh": "大东门派出所", "en": config["stations"]["dadongmen"]["en"]}
    assert config["limits"]["chunk_bytes"] == 262144
    assert config["zones"][config["default_station"]] == "Asia/Shanghai"
    assert (config["unanswered_after_s"], config["beat_s"]) == (15, 5)
    assert {way["href"] for way in config["other_ways"]} == {"sms:12110", "tel:110"}
    for secret in ("V01", "redis", "unix:", "store", "password", str(town.folder)):
        assert secret not in answer.text


async def test_static_files_stay_in_their_folder(http: httpx.AsyncClient) -> None:
    """No way out of the web folder, and no listing of it."""
    for path in ("/static/", "/static", "/static/../pyproject.toml", "/static/%2e%2e/pyproject.toml",
                 "/static/..%2f..%2fpyproject.toml", "/static//etc/passwd", "/static/shared",
                 "/static/%00"):  # fmt: skip
        answer = await http.get(path)
        assert answer.status_code in (307, 400, 404), path
        assert "hatchling" not in answer.text


@pytest.fixture
def clip(tmp_path: Path) -> None:
    """A clip in the town's folder, and something beside it that is none."""
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "dadongmen.zh.wav").write_bytes(b"RIFF....WAVE")
    (tmp_path / "secret.txt").write_text("secret")


@pytest.mark.usefixtures("clip")
async def test_voice_clips_are_for_officers(town: Town, http: httpx.AsyncClient) -> None:
    """Only signed in; a clip that there is not is a 404; no path leads elsewhere."""
    assert (await http.get("/voice/dadongmen.zh.wav")).status_code == 401
    officer = await town.user("V01")
    heard = await officer.http.get("/voice/dadongmen.zh.wav")
    assert (heard.status_code, heard.headers["content-type"], heard.content) == (200, "audio/wav", b"RIFF....WAVE")
    assert heard.headers["cache-control"].startswith("private")
    for path in ("/voice/mars.zh.wav", "/voice/..%2fsecret.txt", "/voice/%2e%2e", "/voice/.", "/voice/%00",
                 f"/voice/{'x' * 300}"):  # fmt: skip
        answer = await officer.http.get(path)
        assert answer.status_code == 404, path
        assert "secret" not in answer.text.replace("Check the address and the secret", "")


async def test_names_that_look_like_ours(town: Town, http: httpx.AsyncClient) -> None:
    """A page whose address begins or ends like the hub's, or has another port, is a foreign one."""
    host = httpx.URL(town.url).netloc.decode()
    for foreign in (f"evil-{host}", f"evil.{host}", f"{host}.example", f"{host}0", host.partition(":")[0]):
        answer = await http.delete("/session", headers={"origin": f"http://{foreign}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin"), foreign
    assert (await http.delete("/session", headers={"origin": f"http://{host}"})).status_code == 204


async def test_nothing_is_kept_that_tells_of_a_page(town: Town, http: httpx.AsyncClient) -> None:
    """No page, script, style or answer of it stays in a browser's cache; only what every page loads may (P9)."""
    citizen = town.citizen()
    await citizen.raises()
    for path in (*PAGES, "/static/citizen/main.js", "/static/shared/tokens.css", f"/alarms/{citizen.id}", "/nothing"):
        answer = await http.get(path, headers=citizen.headers)
        assert answer.headers["cache-control"] == "no-store", path


async def test_the_areas_that_a_place_is_shown_on(town: Town, http: httpx.AsyncClient) -> None:
    """A station's own outline first and the nearest around it, few enough for a bad line; nothing for other names."""
    found = (await http.get("/areas/dadongmen")).json()["areas"]
    assert (found[0]["name"]["zh"], found[0]["mine"]) == ("大东门派出所", True)
    assert [area for area in found[1:] if "mine" in area] == []
    assert 1 < len(found) <= 9
    for area in found:
        assert set(area) <= {"name", "rings", "mine"}
        assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in area["rings"])
    assert (await http.get("/areas/nowhere")).status_code == 404


async def test_the_shell_has_no_names(town: Town, http: httpx.AsyncClient) -> None:
    """What an installed page keeps is the same for everybody: an alarm's names are used once."""
    page, shell, again = [(await http.get(path)).text for path in ("/", "/?shell", "/?shell")]
    assert 'name="secret"' in page
    assert 'name="secret"' not in shell
    assert shell == again
