"""The map of an alarm, with no internet and with tiles: all that is on it is where it should be, and in words."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import cos, log, pi, radians, tan
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from dispatch.alarm import commands as c
from dispatch.alarm.clock import to_text
from dispatch.routing.datum import wgs84_to_gcj02
from tests.browser.staff import act, desk
from tests.browser.test_accessible import SMALL, findings
from tests.flow.people import Citizen
from tests.flow.town import Town
from tests.pmtiles import archive, picture

LAT, LON = 41.8040, 123.4600
ELSEWHERE = (41.8060, 123.4560)
STILL, LARGE = '[data-map="still"][data-drawn]', '[data-map="large"][data-drawn]'
MARK = """(selector) => Object.fromEntries([...document.querySelectorAll(selector + " [data-mark]")].map((pin) => {
  const { x, y } = pin.getBoundingClientRect();
  return [pin.dataset.mark, [x, y]];
}))"""
# Pixels of the accuracy circle's radius, pixels and metres of the scale.
SIZES = """(selector) => {
  const map = document.querySelector(selector);
  const circle = map.querySelector("path.map-accuracy.is-now").getBBox();
  const bar = map.querySelector(".leaflet-control-scale-line");
  const [, number, unit] = bar.textContent.match(/([\\d.]+) (k?m)/);
  return [circle.width / 2, circle.height / 2, bar.offsetWidth, number * (unit === "km" ? 1000 : 1)];
}"""
# Pairs of names of which one lies on the other, and how many names there are.
NAMES = """(selector) => {
  const boxes = [...document.querySelectorAll(selector + " .drawn-name")].map((name) => name.getBoundingClientRect());
  const on = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return [boxes.flatMap((a, k) => boxes.slice(k + 1).filter((b) => on(a, b))).length, boxes.length];
}"""
INVENTED = "Sketch map: streets are invented"

UNDER = """([x, y]) => [...document.querySelectorAll('[data-map="large"] img.leaflet-tile')].find((tile) => {
  const box = tile.getBoundingClientRect();
  return box.left <= x && x < box.right && box.top <= y && y < box.bottom;
}).src"""


async def walks(town: Town, **position: Any) -> Citizen:
    """Someone who was at a place by WGS-84, then elsewhere, and now is at the first again, by GCJ-02."""
    citizen = town.citizen()
    await citizen.raises(text="门外有人", position={"lat": LAT, "lon": LON, "accuracy_m": 30})
    await citizen.does("position", lat=ELSEWHERE[0], lon=ELSEWHERE[1], accuracy_m=20)
    lat, lon = wgs84_to_gcj02(LAT, LON)
    now = to_text(town.clock.now())
    await citizen.does("position", lat=lat, lon=lon, accuracy_m=250, at=now, datum="gcj02", **position)
    return citizen


async def opens(page: Page, citizen: Citizen) -> None:
    await page.click(f'[data-alarm="{citizen.id}"]')
    await page.wait_for_selector(STILL)


async def test_a_map_without_the_internet(town: Town, browser: Browser, axe: str) -> None:
    """Areas, position, accuracy, track and photo with no request elsewhere; datums on one spot; all of it in words.

    They lie on the demonstration's streets, whose names leave room for one another, and which are said to be invented.
    Officers and helpers who share their place are on the map and in words; on a phone, by one thumb.
    """
    await town.user("V01")
    citizen = await walks(town)
    made = {"lat": 41.8090, "lon": 123.4680, "datum": "wgs84", "source": "photo"}
    for command in (
        c.AddMedia(media="m1", kind="photo", mime="image/jpeg"),
        c.EndMedia(media="m1", chunks=1, size=9, sha256="0" * 64),
        c.MediaDone(media="m1", mime="image/jpeg", width=4, height=3, position=made),
    ):
        await town.dispatch.alarms.handle(citizen.id, command)
    async with desk(browser, town, "V01", locale="en-GB", has_touch=True) as page:
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        await opens(page, citizen)
        assert await page.locator(f"{STILL} path.map-area").count() == 7
        assert "Dadongmen station" in await page.inner_text(f"{STILL} .leaflet-names-pane")
        await page.wait_for_selector(f"{STILL} path.drawn-road", state="attached")
        assert INVENTED in await page.inner_text(".map-still")
        await page.wait_for_selector('[data-near="true"]')  # nobody shares their place: said, calmly

        # A still map takes nothing away from the page: no wheel, no finger, no key.
        before = await page.evaluate(MARK, STILL)
        await page.locator(STILL).scroll_into_view_if_needed()
        assert await page.locator(f"{STILL}[tabindex], {STILL} [tabindex]").count() == 0
        assert await page.evaluate(f"getComputedStyle(document.querySelector('{STILL}')).pointerEvents") == "none"
        assert await findings(page, axe) == []

        await page.focus(act("map-open"))
        await page.keyboard.press("Enter")
        await page.wait_for_selector(LARGE)
        marks = await page.evaluate(MARK, LARGE)
        assert len(marks) == len(before) == 4
        versions = sorted((key for key in marks if key.isdigit()), key=int)
        first, second = (marks[key] for key in versions)
        assert marks["now"] == pytest.approx(first, abs=1), "the same place in the other datum is the same spot"
        assert abs(second[0] - first[0]) + abs(second[1] - first[1]) > 20
        assert second[0] < first[0], "west is left"
        assert marks["m1"][0] > first[0]
        await page.wait_for_selector(f"{LARGE} .drawn-name.is-street", state="attached")
        overlaps, names = await page.evaluate(NAMES, LARGE)
        assert (overlaps, names > 10) == (0, True), names
        assert INVENTED in await page.inner_text("dialog .map-stage")
        across, down, bar, metres = await page.evaluate(SIZES, LARGE)
        assert across == pytest.approx(250 * bar / metres, rel=0.04)
        assert down == pytest.approx(across, rel=0.02)
        assert await page.locator(f"{LARGE} path.map-track").count() == 1
        assert await page.locator(f"{LARGE} .is-photo").count() == 1, "drawn in another way"

        words = await page.inner_text('dialog [data-part="map-list"]')
        for said in ("Within about 250 m", "GCJ-02", "2 earlier places", "From the photo", "They may be elsewhere"):
            assert said in words, words
        assert "WGS-84" in await page.inner_text('dialog [data-part="map-datum"]')
        assert await findings(page, axe) == []

        # The map moves by keys, and lets go of them.
        await page.focus(LARGE)
        await page.keyboard.press("ArrowRight")
        await page.wait_for_function(f"(was) => ({MARK})('{LARGE}').now[0] < was", arg=marks["now"][0])
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.dataset.act") == "map-in"
        await page.click(act("map-here"))
        await page.wait_for_function(f"(was) => ({MARK})('{LARGE}').now[0] === was", arg=marks["now"][0])

        # Far out, the coast: from the page's own files.
        for _ in range(8):
            await page.click(act("map-out"))
        await page.wait_for_selector(f"{LARGE} .leaflet-coast-pane.far path.map-land", state="attached")

        # Time goes by: the age grows, and an old place looks so.
        assert "Old" not in await page.inner_text(".place .facts")
        await town.fast_forward(75)
        await page.wait_for_function(
            "() => document.querySelector('dialog [data-part=map-age]').textContent.includes('1:1')"
        )
        await page.wait_for_selector(f"{LARGE} .is-now.is-old", state="attached")
        await page.keyboard.press("Escape")
        await page.wait_for_selector("dialog.map-large", state="detached")
        assert await page.evaluate("document.activeElement.dataset.act") == "map-open"

        # Shown by hand: another sign, and other words.
        await citizen.does("position", lat=41.8, lon=123.47, accuracy_m=60, source="pin", at=to_text(town.clock.now()))
        await page.wait_for_selector(f"{STILL} .is-hand", state="attached")
        assert "Shown by hand" in await page.inner_text(".place .facts")

        # Numbers that can be on no map: said, and the map stays with what was known before.
        await citizen.does("position", lat=999.5, lon=1e9, accuracy_m=1e300, at=to_text(town.clock.now()))
        await page.wait_for_selector(f"{STILL} .is-hand", state="detached")
        assert "cannot be drawn on a map" in await page.inner_text('[data-part="map"]')
        assert await page.locator(f"{STILL} .is-before").count() == 4
        await citizen.does("position", lat=41.8, lon=123.46, accuracy_m=1e300, at=to_text(town.clock.now()))
        await page.wait_for_selector(f"{STILL} .is-now", state="attached")
        assert {url.split("/")[2] for url in asked if not url.startswith("blob:")} == {town.url.split("/")[2]}
        assert complaints == []
        await page.click(act("shut"))
        await shows_who_is_near(town, page, axe)


async def shows_who_is_near(town: Town, page: Page, axe: str) -> None:
    citizen = await walks(town)
    at = to_text(town.clock.now())
    near = {
        "officers": [
            {"name": "V03", "station": "dadongmen", "position": {"lat": LAT, "lon": LON}, "distance_m": 4, "at": at}
        ],
        "helpers": [
            {"name": "H07", "position": {"lat": 41.8, "lon": 123.466, "datum": "wgs84"}, "distance_m": 1240, "at": at}
        ],
    }
    # The hub's answer, whose place another stage has: the page's own part is looked at here.
    await page.route(f"**/nearby/{citizen.id}", lambda route: route.fulfill(json=near))
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.emulate_media(color_scheme="dark")
    await opens(page, citizen)
    await page.wait_for_selector(f'{STILL} [data-mark="helper H07"]', state="attached")
    lines = await page.locator('[data-part="map-list"] [data-line]').all_inner_texts()
    assert [re.sub(r"\s+", " ", line).split(" 0:")[0] for line in lines[1:]] == [
        "V03 Dadongmen station 0 m", "H07 Helper 1.2 km"
    ]  # fmt: skip
    await page.tap(".map-still")
    await page.wait_for_selector(LARGE)
    marks = await page.evaluate(MARK, LARGE)
    assert marks["officer V03"] == pytest.approx(marks["now"], abs=1)
    box = await page.locator("dialog.map-large").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (390, 844)
    assert [line for line in await page.evaluate(SMALL) if "map-" in line] == []
    assert await findings(page, axe) == []


@asynccontextmanager
async def tile_server() -> AsyncIterator[tuple[str, list[str]]]:
    """Somebody else's tiles, on loopback: (their address, the requests that came)."""
    came: list[str] = []
    tile = picture()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {len(tile)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + tile)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}", came


def tile_of(lat: float, lon: float, zoom: int) -> tuple[int, int]:
    """The tile that holds a place (Web Mercator, as all such tiles are)."""
    n = 2**zoom
    y = (1 - log(tan(radians(lat)) + 1 / cos(radians(lat))) / pi) / 2
    return int((lon + 180) / 360 * n), int(y * n)


@pytest.mark.nightly
async def test_tiles_from_an_address(tmp_path: Path, browser: Browser) -> None:
    """In a map that is drawn in GCJ-02, the place lies on the tile where such a map has it; nobody is told who asks."""
    async with tile_server() as (address, came):
        env = {"DISPATCH_MAP_TILES": f"{address}/{{z}}/{{x}}/{{y}}.png", "DISPATCH_MAP_DATUM": "gcj02"}
        async with Town(tmp_path, env=env | {"DISPATCH_MAP_ATTRIBUTION": "© somebody"}, watched=True) as town:
            await town.user("V01")
            citizen = await walks(town)
            async with desk(browser, town, "V01", color_scheme="dark") as page:
                await opens(page, citizen)
                await page.click(act("map-open"))
                await page.wait_for_selector(f"{LARGE} img.leaflet-tile-loaded")
                marks = await page.evaluate(MARK, LARGE)
                first = min((key for key in marks if key.isdigit()), key=int)
                assert marks["now"] == pytest.approx(marks[first], abs=1), "in this map too, one spot"
                under = await page.evaluate(UNDER, marks["now"])
                zoom, x, y = map(int, re.findall(r"\d+", under.removeprefix(address)))
                assert (x, y) == tile_of(*wgs84_to_gcj02(LAT, LON), zoom)
                assert "© somebody" in await page.inner_text("dialog .map-from")
                filtered = "getComputedStyle(document.querySelector('dialog .leaflet-tile-pane')).filter"
                assert "brightness" in await page.evaluate(filtered), "dimmed at night"
        assert came
        assert not [request for request in came if re.search(r"^(referer|cookie):", request, re.M | re.I)]


async def test_tiles_from_a_file(tmp_path: Path, browser: Browser) -> None:
    """A file of tiles on the hub is drawn by parts, with no request elsewhere; when it is gone, the areas still are."""
    file = tmp_path / "city.pmtiles"
    file.write_bytes(archive())
    async with Town(tmp_path / "town", env={"DISPATCH_MAP_TILES": str(file)}, watched=True) as town:
        await town.user("V01")
        citizen = await walks(town)
        async with desk(browser, town, "V01") as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            await opens(page, citizen)
            await page.wait_for_selector(f"{STILL} img.leaflet-tile-loaded")
            width = f"document.querySelector('{STILL} img.leaflet-tile-loaded').naturalWidth"
            assert await page.evaluate(width) == 256
            assert await page.locator("[data-fault]").count() == 0
            assert await page.locator("[class^=drawn-], .map-invented").count() == 0, "no invented street beside them"
            assert any(url.endswith("/map/tiles.pmtiles") for url in asked)
            assert {url.split("/")[2] for url in asked if not url.startswith("blob:")} == {town.url.split("/")[2]}
            file.unlink()
            await page.click(act("shut"))
            await opens(page, await walks(town))
            await page.wait_for_selector('[data-fault="map.tiles_failed"]')
            assert await page.locator(f"{STILL} path.map-area").count() == 7
