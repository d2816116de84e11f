"""Nobody needs colours, or eyes, to know how an alarm stands: shapes and words differ, and little is said, once."""

import io
import itertools
import re
from collections.abc import Iterable

from PIL import Image, ImageChops
from playwright.async_api import Browser, FloatRect, Locator, Page, expect

from tests.browser.staff import act, desk
from tests.flow.town import Town

STATUSES = ("raised", "acknowledged", "en_route", "on_scene", "closed")
LOOKS: tuple[dict[str, str], ...] = (
    {"forced_colors": "active", "color_scheme": "dark"},
    {"forced_colors": "active", "color_scheme": "light"},
    {"forced_colors": "none", "color_scheme": "light"},
    {"forced_colors": "none", "color_scheme": "dark"},
)
BLIND = ("achromatopsia", "deuteranopia", "protanopia", "tritanopia")
SIDE = 48
SCALE = 3
"""Points of the screen for each of the page."""
LEAST_APART = (
    0.08  # of the picture's points must differ between the marks of any two statuses, drawn in black and white
)
# What the live regions say, with the page's own time.
LISTENER = """() => {
  const said = { alert: [], polite: [] };
  const listen = (selector, into) => {
    const region = document.querySelector(selector);
    const look = () => region.textContent && into.push([Math.round(performance.now()), region.textContent]);
    new MutationObserver(look).observe(region, { childList: true, characterData: true, subtree: true });
  };
  listen("[role=alert]", said.alert);
  listen("[data-part=mentioned]", said.polite);
  window.said = said;
}"""
LIVE = "document.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log], output').length"


async def pictures(page: Page, rows: dict[str, Locator]) -> dict[str, Image.Image]:
    """The marks as they are on the screen, in black and white: whether each point is more mark than ground."""
    boxes = {status: await row.locator(".mark").bounding_box() for status, row in rows.items()}
    taken = Image.open(io.BytesIO(await page.screenshot(clip=around(boxes.values())))).convert("L")
    left, top = around(boxes.values())["x"], around(boxes.values())["y"]
    marks = {}
    for status, box in boxes.items():
        assert box is not None
        x, y = box["x"] - left, box["y"] - top
        edges = [round(SCALE * at) for at in (x, y, x + box["width"], y + box["height"])]
        grey = taken.crop((edges[0], edges[1], edges[2], edges[3])).resize((SIDE, SIDE))
        ground = grey.getpixel((0, 0))
        apart = ImageChops.difference(grey, Image.new("L", grey.size, ground))
        marks[status] = apart.point(lambda value: 255 if value > 64 else 0)
    return marks


def around(boxes: Iterable[FloatRect | None]) -> FloatRect:
    """The least box that holds all of them."""
    there = [box for box in boxes if box is not None]
    x, y = min(box["x"] for box in there), min(box["y"] for box in there)
    right, bottom = max(box["x"] + box["width"] for box in there), max(box["y"] + box["height"] for box in there)
    return {"x": x, "y": y, "width": right - x, "height": bottom - y}


async def test_by_shape_and_word(town: Town, browser: Browser) -> None:
    """Each status has its shape and its word, with forced colours and for the colour-blind, in light and dark."""
    await town.user("V01")
    other = await town.officer("V02")
    town.stops_watching(other)
    made = {}
    for status, steps in zip(STATUSES, ((), ("ack",), ("ack", "move"), ("ack", "arrive"), ("ack",)), strict=True):
        alarm = made[status] = await town.citizen().raises(text="门外有人")
        for step in steps:
            await other.asks(step, alarm=alarm)
    await other.asks("close", alarm=made["closed"], disposition="handled", note="")
    async with desk(browser, town, "V01", device_scale_factor=SCALE) as page:
        # What was closed before it came is not there; so it closes one itself.
        await other.asks("reopen", alarm=made["closed"], reason="再看一眼")
        await page.wait_for_selector(f'[data-alarm="{made["closed"]}"]')
        await other.asks("ack", alarm=made["closed"])
        await other.asks("close", alarm=made["closed"], disposition="handled", note="")
        rows = {status: page.locator(f'[data-alarm="{alarm}"]') for status, alarm in made.items()}
        for status, row in rows.items():
            await expect(row).to_have_attribute("data-status", status)
        words = [re.split(r"[·\s]", await row.locator(".state").inner_text())[0] for row in rows.values()]
        assert len(set(words)) == len(STATUSES), words
        numbers = [await row.locator(".priority").get_attribute("data-priority") for row in rows.values()]
        assert numbers == ["1", "2", "3", "3", "4"], "1 is what nobody has"
        await page.click(act("theme"))  # the officer's own choice is not in the way of the two that are emulated
        for _ in range(2):
            await page.click(act("theme"))
        for look in LOOKS:
            await page.emulate_media(**look)  # type: ignore[arg-type]
            await told_apart(page, rows, str(look))
        debugger = await page.context.new_cdp_session(page)
        for kind in BLIND:
            await debugger.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
            await told_apart(page, rows, kind)


async def told_apart(page: Page, rows: dict[str, Locator], look: str) -> None:
    marks = await pictures(page, rows)
    for one, other in itertools.combinations(marks, 2):
        differ = ImageChops.difference(marks[one], marks[other]).histogram()[255] / SIDE**2
        assert differ > LEAST_APART, (look, one, other, differ)


async def said(page: Page, where: str) -> list[str]:
    return [text for _, text in await page.evaluate(f"window.said.{where}")]


async def test_little_is_said(town: Town, browser: Browser) -> None:
    """One polite region and one for alarms: at most one announcement in 2 s, with a count; no seconds are counted out.

    The same words again are said again. STALE, LIVE and a flood are said once each.
    """
    await town.user("V01")
    async with desk(browser, town, "V01", timed=True) as page:
        await page.evaluate(LISTENER)
        assert await page.evaluate(LIVE) == 2
        first = await town.citizen().raises(text="门外有人")
        alert = page.locator("[role=alert]")
        await expect(alert).to_have_text("新警情 1 起")
        await page.clock.pause_at(await page.evaluate("Date.now() / 1000") + 3)
        for n in range(6):
            last = await town.citizen().raises(text=f"又一起 {n}")
            await page.wait_for_selector(f'[data-alarm="{last}"]')
        heard = await said(page, "alert")
        assert heard[:2] == ["新警情 1 起"] * 2  # the second of them is another alarm, and is heard
        assert len(heard) == 2
        await town.clock.advance(5)  # a beat: the page stays LIVE
        await page.clock.run_for(1_500)
        assert len(await said(page, "alert")) == 2
        await page.clock.run_for(1_000)
        assert await said(page, "alert") == ["新警情 1 起", "新警情 1 起", "新警情 5 起"]
        await town.clock.advance(5)
        for n in range(6):
            last = await town.citizen().raises(text=f"更多 {n}")
            await page.wait_for_selector(f'[data-alarm="{last}"]')
        await town.clock.advance(1)  # floods are counted once a second
        await page.wait_for_selector("[data-part=flood]")
        await page.click(f'[data-alarm="{first}"]')
        await page.wait_for_selector(act("ack"))
        await page.context.set_offline(True)
        await page.clock.run_for(15_000)
        await expect(page.locator("[data-live=stale]")).to_be_visible()
        await page.click(act("ack"))
        await expect(page.locator(".bar .pending")).to_be_visible()
        assert await page.evaluate(LIVE) == 2
        await page.clock.run_for(20_000)
        await page.context.set_offline(False)
        await page.clock.resume()
        await page.wait_for_selector(act("move"))
        await page.wait_for_selector("[data-live=live]")
        await page.clock.run_for(3_000)
        polite = await said(page, "polite")
        for words, times in (("已断开：", 1), ("实时", 1), ("警情激增", 1), ("排队", 1)):
            assert sum(words in text for text in polite) == times, (words, polite)
        for region in ("alert", "polite"):
            at = [when for when, _ in await page.evaluate(f"window.said.{region}")]
            assert all(later - before >= 2000 for before, later in itertools.pairwise(at)), at
