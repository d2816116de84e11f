"""Leaving for good: Back and the browser's own memory bring nothing again, and the last place still goes out."""

from playwright.async_api import Browser, expect

from tests.browser.citizen import (
    act,
    elsewhere,
    first_alarm,
    leaves_nothing,
    left,
    left_behind,
    opens,
    raises,
    rung,
)
from tests.browser.conftest import ALLOWED, HERE, Phone
from tests.flow.town import Town


async def test_back_and_forward_find_nothing(town: Town, browser: Browser) -> None:
    """Exit covers at once, replaces the page and leaves no storage.

    One entry in the history, neutral in title and path, and it is gone: Back leads to what was before.
    """
    context = await browser.new_context(locale="zh-CN", geolocation=HERE, permissions=ALLOWED)
    page = await context.new_page()
    await elsewhere(page)
    before = f"{town.url}/healthz"
    await page.goto(before)
    await page.goto(town.url)
    await opens(page)
    entries = await page.evaluate("history.length")
    await raises(page, "有人跟着我")
    await page.click('[data-phrase="phrase_hiding"]')
    await page.click(act("cancel-open"))
    assert await page.evaluate("[history.length, location.pathname + location.search, document.title]") == [
        entries, "/", "天气",
    ]  # fmt: skip
    covered = await page.evaluate(
        """() => {
          document.querySelector('[data-act="exit"]').click();
          const cover = document.querySelector("#cover");
          const { width, height } = cover.getBoundingClientRect();
          return !cover.hidden && width === innerWidth && height === innerHeight;
        }"""
    )
    assert covered
    await left(page)
    assert await page.evaluate("history.length") == entries
    await page.go_back(wait_until="commit")
    assert page.url == before
    await leaves_nothing(page)
    await page.go_forward(wait_until="commit")
    await expect(page.locator("body")).to_have_text("elsewhere")
    await context.close()


async def test_the_last_place_and_a_way_back(town: Town, phone: Phone) -> None:
    """Where the person was when they left is sent with the leaving, which cancels nothing.

    Nothing leads back to an alarm unless the person wanted it; then the receipt code does, until it is given up. What
    was asked to be kept is all that is there after the exit.

    Where no deployment wants the page installed there is no word of it, and a worker of before clears itself.
    """
    officer = await town.officer("V01")
    async with phone(town.url) as page:
        await elsewhere(page)
        code = await raises(page)
        await leaves_nothing(page)
        alarm = await first_alarm(officer)
        assert officer.alarms[alarm]["position"]["lat"] == HERE["latitude"]  # with the alarm itself
        await page.context.set_geolocation({**HERE, "latitude": 41.80412})
        await officer.hears(alarm, "position_reported")
        await page.context.set_geolocation({**HERE, "latitude": 41.80413, "accuracy": 17})
        await expect(page.locator("#position")).to_contain_text("17 米")  # too near to be worth a report of its own
        await page.click(act("keep-open"))
        await page.click(act("keep"))
        await page.click(act("exit"))
        await left(page)
        told = await officer.hears(alarm, "position_reported")
        assert told["event"]["position"]["lat"] == 41.80413
        assert officer.alarms[alarm]["status"] == "raised"
        assert "cancel" not in officer.alarms[alarm]

        await page.goto(town.url)
        await opens(page, whole=True)
        assert await left_behind(page) == ["b"]
        assert await page.locator("[rel=manifest], [data-word=install_note]").count() == 0
        await expect(page.locator(act("back"))).to_contain_text(code)
        await page.click(act("back"))
        await page.wait_for_selector(rung("stored"))
        await expect(page.locator("#code")).to_have_text(code)
        await page.click(act("keep-open"))
        await page.click(act("keep"))
        await leaves_nothing(page)
        # What a worker of before left, from a time when the deployment wanted it.
        await page.evaluate(
            """async () => {
              await (await caches.open("old")).add("/static/shared/tokens.css");
              await navigator.serviceWorker.register("/shell.js");
            }"""
        )
        await leaves_nothing(page)
        town.stops_watching(officer)
