"""What one sender sent far too much of stands after all others, and one act ends it and takes it back (P8)."""

from playwright.async_api import Browser, expect

from tests.browser.staff import act, desk
from tests.flow.test_bursts import FREE, SOMEBODY, many, presses
from tests.flow.town import Town


async def test_others_first_and_one_act(town: Town, browser: Browser) -> None:
    """The group is last, closed by one act with one result; what came since stays, and it can be undone."""
    await town.user("V01")
    async with desk(browser, town, "V01", viewport={"width": 1280, "height": 1500}) as page:
        await many(town, FREE + 4)
        real = await presses(town, SOMEBODY, text="门外有人")
        rows = page.locator(".rows [data-alarm]")
        await expect(rows).to_have_count(FREE + 5)
        order = await rows.evaluate_all("rows => rows.map((row) => row.dataset.alarm)")
        assert order.index(real) == FREE
        await expect(page.locator(".group.burst")).to_contain_text("同一来源，数量异常")
        await rows.last.click()
        await page.click(act("close_burst"))
        await expect(page.locator("[data-form=close_burst]")).to_contain_text("4 起")
        await page.click("[data-field=false_alarm]")
        await page.click(act("form-send"))
        await expect(page.locator(".group.burst")).to_have_count(0)
        await page.click(act("undo_close_burst"))
        await expect(page.locator(".group.burst .count")).to_have_text("4")
        await town.clock.advance(3)
    town.stops_watching(*town.people)
