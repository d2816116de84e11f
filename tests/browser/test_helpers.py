"""A citizen, an officer and a helper at once, in three browsers: called, accepted, shown the place, done."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Geolocation, Page, ViewportSize, expect

from tests.browser.citizen import rung
from tests.browser.conftest import HERE, Phone
from tests.browser.line import Line
from tests.browser.staff import act, desk, signs_out
from tests.browser.test_accessible import SCHEMES, SMALL, findings
from tests.browser.test_bad_line import port
from tests.flow.town import PASSWORD, Town

PHONE: ViewportSize = {"width": 390, "height": 844}
NEAR: Geolocation = {"latitude": HERE["latitude"] + 0.002, "longitude": HERE["longitude"], "accuracy": 12}
WORDS = "有人在敲我的门"
# What moves and will end has ended.
STILL = """Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime < Infinity).map((one) => one.finished)).then(() => null)"""
SILENCE_MS = 11_000
SHOTS = os.environ.get("DISPATCH_SHOTS")


@asynccontextmanager
async def helper_page(browser: Browser, town: Town, name: str) -> AsyncIterator[Page]:
    """A helper's phone: signs in by the sign-in page, which leads to the helper's."""
    context = await browser.new_context(
        viewport=PHONE, locale="zh-CN", timezone_id="Asia/Shanghai", geolocation=NEAR, permissions=["geolocation"]
    )
    faults: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    await page.goto(f"{town.url}/sign-in?next=/console")
    await page.fill("[name=user]", name)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{town.url}/helper")
    await page.wait_for_selector('[data-live="live"]')
    yield page
    assert faults == []
    await context.close()


async def fits(page: Page, axe: str, name: str, schemes: Sequence[Literal["light", "dark"]]) -> None:
    """Nothing that axe minds in these schemes; nothing over the side; every target at least 44 px."""
    for width, height in ((390, 844), (320, 568)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(SMALL) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        await page.evaluate(STILL)  # a card on its way in has another contrast
        assert await findings(page, axe) == [], scheme
        if SHOTS:
            await page.screenshot(path=f"{SHOTS}/{name}-{scheme}.png", full_page=True)


@pytest.mark.parametrize(
    "all_ways", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["by turns", "in all ways"]
)
async def test_called_accepted_done(town: Town, browser: Browser, phone: Phone, axe: str, all_ways: bool) -> None:
    """The officer calls by two taps; the helper sees roughly where, then exactly; the citizen's page tells nothing."""
    light, dark = (SCHEMES, SCHEMES) if all_ways else (SCHEMES[:1], SCHEMES[1:])
    await town.user("V01")
    await town.user("H01", role="helper")
    async with (
        phone(f"{town.url}/") as citizen,
        desk(browser, town, "V01", geolocation=HERE, permissions=["geolocation"]) as console,
        helper_page(browser, town, "H01") as helper,
    ):
        await fits(helper, axe, "helper-off", light)
        await helper.click(act("watch-on"))
        await helper.click(act("sound-check"))
        await helper.click(act("sound-heard"))
        await helper.wait_for_selector('[data-watch="shared"]')
        await expect(helper.locator(".watch-told")).to_contain_text("误差约 12 米")

        await citizen.fill("textarea[name=text]", WORDS)
        await citizen.click(act("raise"))
        await console.click("[data-alarm]")
        await console.click(act("ack"))
        await town.clock.advance(2)  # how many consoles have it is told every second
        for step in ("delivered", "acknowledged"):
            await citizen.wait_for_selector(rung(step))
        shown = await citizen.inner_text("body")

        await console.click(act("share-place"))
        await console.wait_for_selector('[data-sharing="shared"]')
        await console.click(act("helpers-call"))
        await console.check("[data-field=guide_police]")
        await console.check("[data-field=do_not_approach]")
        await console.wait_for_selector('[data-candidate="H01"]')
        await expect(console.locator('[data-candidate="H01"]')).to_contain_text("米")
        assert await findings(console, axe) == []
        if SHOTS:
            await console.locator(".helpers").screenshot(path=f"{SHOTS}/console-call.png")
        await console.click(act("helpers-send"))
        await console.wait_for_selector('[data-helper="H01"][data-state="called"]')

        await expect(console.locator('[data-helper="H01"]')).to_contain_text("已显示在其页面")
        card = helper.locator("[data-call]")
        await expect(card).to_have_attribute("data-state", "called")
        await expect(card).to_contain_text("引导民警")
        await expect(card).to_contain_text("方圆 250 米内")
        seen = await helper.content()
        assert WORDS not in seen
        assert "41.80312" not in seen
        assert "123.46587" not in seen
        await expect(card.locator(act("map"))).to_have_attribute("target", "_blank")
        await fits(helper, axe, "helper-called", dark)
        await helper.click(act("decline"))
        await fits(helper, axe, "helper-why", light)
        await helper.click(act("decline-back"))
        await helper.click(act("accept"))
        await expect(card).to_have_attribute("data-state", "accepted")
        await expect(card.locator('[data-part="wgs84"]')).to_have_text("41.803120, 123.465870")
        await expect(card.locator(act("map"))).to_have_attribute("href", "geo:41.803120,123.465870")
        await expect(card.locator(".way")).to_contain_text("在南边")
        await fits(helper, axe, "helper-accepted", light)
        await console.wait_for_selector('[data-helper="H01"][data-state="accepted"]')
        await expect(console.locator('[data-helper="H01"]')).to_contain_text("看得到准确位置")
        if SHOTS:
            await console.locator(".helpers").screenshot(path=f"{SHOTS}/console-accepted.png")
        await helper.click(act("done"))
        await expect(helper.locator('[data-part="over"]')).to_contain_text("已完成")
        await console.wait_for_selector('[data-helper="H01"][data-state="done"]')
        assert await citizen.inner_text("body") == shown

        await helper.click(act("watch-off"))
        await helper.wait_for_selector('[data-watch="off"]')
        near = await console.evaluate("id => fetch(`/nearby/${id}`).then((answer) => answer.json())",
                                      await console.get_attribute("[data-alarm-open]", "data-alarm-open"))  # fmt: skip
        assert near["helpers"] == []
        assert [one["name"] for one in near["officers"]] == ["V01"]
        town.stops_watching(*town.people)


async def test_without_the_hub_nothing_is_called_live(town: Town, browser: Browser) -> None:
    """Without place or sound the page says so; a silent hub makes it STALE in words, and an answer waits.

    A helper is signed out only when that is true.
    """
    user = await town.user("V01")
    await town.user("H01", role="helper")
    await user.opens_console()
    town.stops_watching(user)
    async with desk(
        browser, town, "H01", "/helper", checked=False, timed=True, viewport=PHONE, geolocation=NEAR, permissions=[]
    ) as helper:
        await helper.click(f"{act('lang')}[lang=en]")
        await helper.click(act("watch-on"))
        await helper.click(act("sound-check"))
        await helper.click(act("sound-later"))
        await helper.wait_for_selector('[data-watch="no_place"]')
        told = helper.locator('[data-watch="no_place"]')
        await expect(told).to_contain_text("does not know how far")
        await expect(told).to_contain_text("a call makes no sound")
        alarm = await town.citizen().raises(text=WORDS)
        await user.acknowledges(alarm)
        await user.asks("call_helpers", alarm=alarm, tasks=["look_and_report"])
        await helper.wait_for_selector('[data-call][data-state="called"]')
        await expect(helper.locator("[data-call]")).to_contain_text("There is no place")
        await helper.context.set_offline(True)
        await helper.clock.fast_forward(SILENCE_MS)
        await helper.wait_for_selector('[data-live="stale"]')  # nobody told the page: it listened
        await expect(helper.locator('[data-live="stale"]')).to_contain_text("STALE since")
        await expect(helper.locator("[data-call]")).to_contain_text("Not connected")
        await helper.context.set_offline(False)
        await helper.clock.fast_forward(SILENCE_MS)  # it tries anew
        await helper.wait_for_selector('[data-live="live"]')
        await user.asks("release_helpers", alarm=alarm)
        await expect(helper.locator('[data-part="over"]')).to_contain_text("The call ended")
        await helper.click(f"{act('lang')}[lang=zh]")
        await signs_out(helper, town.url)


async def test_off_is_said_once_it_is(town: Town, browser: Browser) -> None:
    """Off watch, or no longer sharing a place: until the hub confirmed it, the page says that one may still be seen."""
    await town.user("V01")
    await town.user("H01", role="helper")
    where: dict[str, Any] = {"geolocation": HERE, "permissions": ["geolocation"]}
    async with (
        Line(port(town)).serves() as line,
        desk(browser, town, "V01", by=line.url, **where) as console,
        desk(browser, town, "H01", "/helper", checked=False, by=line.url, **where) as helper,
    ):
        await helper.click(act("watch-on"))
        await helper.click(act("sound-check"))
        await helper.click(act("sound-heard"))
        await helper.wait_for_selector('[data-watch="shared"]')
        await console.click(act("share-place"))
        await console.wait_for_selector('[data-sharing="shared"]')

        line.hold_answers()
        await helper.click(act("watch-off"))
        await expect(helper.locator('[data-watch="leaving"]')).to_contain_text("可能看得到您的位置")
        await console.click(act("share-place"))
        await expect(console.locator('[data-sharing="leaving"]')).to_contain_text("可能仍看得到您的位置")

        line.release_answers()
        await expect(helper.locator('[data-watch="off"]')).to_contain_text("没有人看得到您的位置")
        await console.wait_for_selector('[data-sharing="off"]')
