"""What pages ask for: few requests, few bytes, nothing twice, and no map before one is opened."""

import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from dispatch import resources
from tests.browser.staff import act
from tests.budgets import BYTES, REQUESTS
from tests.flow.town import PASSWORD, Town
from tests.nightly import mostly_by_night

pytestmark = pytest.mark.usefixtures("built")
USERS: dict[str, tuple[str, str | None, str]] = {
    "/console": ("V01", "dadongmen", "officer"),
    "/supervisor": ("S01", None, "supervisor"),
    "/helper": ("H01", "dadongmen", "helper"),
}
LIVES = {"/": "html.js", "/sign-in": "#sign-in"}


async def device(browser: Browser, town: Town, path: str) -> BrowserContext:
    """A browser that was never here, signed in as whom the page is for."""
    context = await browser.new_context(locale="zh-CN")
    if path in USERS:
        name, station, role = USERS[path]
        await town.user(name, station, role)
        sign_in = {"user": name, "password": PASSWORD}
        answer = await context.request.post(f"{town.url}/session", data=sign_in, headers={"origin": town.url})
        assert answer.ok
    return context


async def load(context: BrowserContext, town: Town, path: str) -> tuple[Page, list[str]]:
    """The page, when it lives and nothing is on its way, and what it asked the hub for, sockets too."""
    page = await context.new_page()
    debugger = await context.new_cdp_session(page)
    asked: dict[str, str] = {}
    kept: set[str] = set()

    def answered(event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            kept.add(event["requestId"])

    debugger.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    debugger.on("Network.webSocketCreated", lambda event: asked.update({event["requestId"]: event["url"]}))
    debugger.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
    debugger.on("Network.responseReceived", answered)
    await debugger.send("Network.enable")
    await page.goto(town.url + path)
    await page.wait_for_selector(LIVES.get(path, '[data-live="live"]'), state="attached")
    await page.wait_for_load_state("networkidle")
    return page, [url for one, url in asked.items() if one not in kept]


@pytest.mark.parametrize("path", mostly_by_night(BYTES, by_day=["/", "/console"]))
async def test_a_page_costs_little(town: Town, browser: Browser, path: str) -> None:
    """The first time it keeps its budget; the next time it asks for no script, style or words that it may keep."""
    context = await device(browser, town, path)
    _, asked = await load(context, town, path)
    assert len(asked) <= REQUESTS, asked
    size = 0
    cookies = {one["name"]: one["value"] for one in await context.cookies()}
    async with httpx.AsyncClient(headers={"accept-encoding": "gzip"}, cookies=cookies) as http:
        for url in asked:
            if url.startswith("http"):
                answer = await http.get(url)
                assert answer.status_code in (200, 307), url
                size += answer.num_bytes_downloaded
    assert size <= BYTES[path], size
    _, again = await load(context, town, path)
    assert [url for url in again if re.search("/static/built/(?!citizen/)", url)] == []
    await context.close()


async def test_the_map_comes_when_it_is_opened(town: Town, browser: Browser) -> None:
    """Neither library nor coast before an alarm with a place is opened; then both."""
    citizen = town.citizen()
    await citizen.raises(position={"lat": 41.80312, "lon": 123.46587, "accuracy_m": 20})
    context = await device(browser, town, "/console")
    page, asked = await load(context, town, "/console")
    assert [url for url in asked if re.search("leaflet|land|map-", url)] == []
    await page.click(act("sound-check"))
    await page.click(act("sound-heard"))
    async with page.expect_request(re.compile(r"/static/built/leaflet-[A-Z0-9]+\.js")):
        await page.click(f'[data-alarm="{citizen.id}"]')
    await page.wait_for_selector(".leaflet-container path.map-area")
    await context.close()


async def test_nobody_has_seen_what_is_not_there_yet(town: Town, browser: Browser) -> None:
    """An alarm that is opened before its words and place have come is seen when they are there, not before."""
    other = await town.officer("V02")
    citizen = town.citizen()
    await citizen.raises(text="门外有人")
    await other.hears(citizen.id, "alarm_raised", "step_run")
    context = await device(browser, town, "/console")
    page = await context.new_page()
    held: list[Callable[[], Awaitable[None]]] = []
    await page.route(re.compile("/columns-"), lambda route: held.append(route.continue_))
    await page.goto(town.url + "/console")
    await page.click(act("sound-check"))
    await page.click(act("sound-heard"))
    await page.click(f'[data-alarm="{citizen.id}"]')
    await expect(page.locator(".story")).to_contain_text("正在加载对话、地点和照片")
    assert "alarm_seen" not in [one["event"]["type"] for one in other.unexpected]
    [go_on] = held
    await go_on()
    await other.hears(citizen.id, "alarm_seen")
    await expect(page.locator(".story .columns")).to_contain_text("门外有人")
    town.stops_watching(other)
    await context.close()


@pytest.mark.parametrize("path", USERS)
async def test_something_true_stands_there_before_any_script_or_style(town: Town, browser: Browser, path: str) -> None:
    """The page's own text says what is being fetched, while not one file of it has come."""
    context = await device(browser, town, path)
    page = await context.new_page()
    held: list[Callable[[], Awaitable[None]]] = []
    await page.route("**/static/**", lambda route: held.append(route.continue_))
    await page.goto(town.url + path, wait_until="commit")
    await page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
    assert await page.locator(".loading").first.is_visible()
    assert held
    for go_on in held:
        await go_on()
    await page.unroute("**/static/**")
    await context.close()


@pytest.fixture
async def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """A town whose pages were edited after they were built."""
    web = tmp_path / "web"
    shutil.copytree(resources.web(), web)
    with (web / "shared" / "link.js").open("a") as module:
        module.write("globalThis.edited = true;\n")
    monkeypatch.setattr(resources, "web", lambda: web)
    async with Town(tmp_path / "town", watched=True) as town:
        yield town


async def test_what_was_edited_is_what_runs(edited: Town, browser: Browser) -> None:
    """Where the sources are newer than what was built, the console lives on the plain modules, the edited one too."""
    context = await device(browser, edited, "/console")
    page, asked = await load(context, edited, "/console")
    assert [url for url in asked if "/static/built/" in url] == []
    assert f"{edited.url}/static/console/main.js" in asked
    assert await page.evaluate("globalThis.edited")
    await context.close()
