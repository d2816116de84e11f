"""Whatever people write stands as they wrote it: words without an end break, and each runs in its own direction."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.citizen import RECEIPT, opens
from tests.browser.conftest import Phone
from tests.browser.staff import act, desk
from tests.flow.town import Town

LONG = "W" * 600
ARABIC = "هناك شخص أمام الباب"
# What stands out of its box: every part that can be scrolled sideways, and is not meant to.
OUT = """() => [document.documentElement, ...document.querySelectorAll("main, section, .scroll, .story, li, p, dialog")]
  .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1)
  .filter((one) => !["hidden", "clip"].includes(getComputedStyle(one).overflowX))
  .filter((one) => getComputedStyle(one).display !== "inline")
  .map((one) => `${one.tagName}.${one.className} ${one.scrollWidth} > ${one.clientWidth}`)"""
DIRECTION = "(one) => getComputedStyle(one).direction"


async def fits(page: Page, sizes: tuple[int, ...] = (1280, 390, 320)) -> None:
    for width in sizes:
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate(OUT) == [], width
    await page.set_viewport_size({"width": 1280, "height": 800})


async def test_on_the_console(town: Town, browser: Browser) -> None:
    """A word of 600 letters leaves nothing out of its box, wherever it was written; Arabic runs to the left."""
    await town.user("V01")
    colleague = await town.officer("V02")
    town.stops_watching(colleague)
    async with desk(browser, town, "V01") as page:
        citizen = town.citizen()
        alarm = await citizen.raises(text=LONG, place=LONG[:200])
        await citizen.does("say", ref="a", text=LONG)
        await page.click(f'[data-alarm="{alarm}"]')
        await page.click(act("ack"))
        await page.wait_for_selector(f"{act('note')}:enabled")
        await page.click(act("note"))
        await page.fill('[data-form="note"] textarea', LONG)
        await page.click(act("form-send"))
        await page.wait_for_selector("[data-note]")
        await page.click(act("handover"))
        await page.fill('[data-form="handover"] textarea', LONG[:400])
        await page.click(act("form-send"))
        await page.wait_for_selector('[data-warning="handover"]')
        await fits(page)

        other = await town.citizen().raises(text=ARABIC, place=ARABIC)
        await page.click(f'[data-alarm="{other}"]')
        await page.fill(act("write"), ARABIC)
        for part in (
            f'[data-alarm="{other}"] .what',
            ".story-head h2",
            '[data-said="citizen"] > p',
            ".address",
            act("write"),
        ):
            assert await page.locator(part).evaluate(DIRECTION) == "rtl", part
        await page.fill(act("write"), "我们来了")
        assert await page.locator(act("write")).evaluate(DIRECTION) == "ltr"


async def test_on_the_citizens_page(town: Town, phone: Phone) -> None:
    """The same for who wrote it, on the form and in the story."""
    async with phone(town.url) as page:
        await opens(page)
        text = page.locator("#raise textarea")
        await text.fill(ARABIC)
        assert await text.evaluate(DIRECTION) == "rtl"
        await text.fill(LONG)
        await page.click(act("raise"))
        await page.wait_for_selector(RECEIPT)
        await page.fill("#say textarea", ARABIC)
        await page.click(act("say"))
        said: Any = page.locator(".said .words")
        await expect(said).to_have_count(2)
        assert [await said.nth(n).evaluate(DIRECTION) for n in (0, 1)] == ["ltr", "rtl"]
        await fits(page, (390, 320))


@pytest.mark.nightly
async def test_on_the_supervisors_page(town: Town, browser: Browser) -> None:
    """A word of 600 letters leaves nothing out of its box: among what is open, and in its timeline."""
    await town.user("S01", None, "supervisor")
    async with desk(browser, town, "S01", "/supervisor", checked=False) as page:
        alarm = await town.citizen().raises(text=LONG, place=LONG[:200])
        await page.click(f'[data-alarm="{alarm}"]')
        await page.wait_for_selector(f'[data-timeline="{alarm}"] [data-event]')
        await fits(page)
