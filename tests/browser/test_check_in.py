"""A plan to check in on the citizen's page: begun, put off, missed with the page closed, ended by force (line 19)."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.citizen import act, first_alarm, opens
from tests.browser.conftest import Phone
from tests.flow.town import Town


async def begins(page: Page, text: str = "我去见他") -> None:
    """Open the page and plan to check in within 15 minutes."""
    await opens(page)
    await page.fill("#raise textarea", text)
    await page.click(act("more"))
    await page.click(act("plan"))
    await page.select_option("select[name=within]", "900")
    await page.click(act("plan-start"))
    await expect(page.locator(act("check-in"))).to_be_visible()


async def test_a_check_in_on_the_page(town: Town, phone: Phone) -> None:
    """The page says until when; one tap begins the chosen time anew, also after coming back; missed, it is an alarm."""
    officer = await town.officer("V01")
    async with phone(town.url) as page:
        await begins(page)
        head = page.locator("#now-head")
        await expect(head).to_contain_text("前报平安")
        for hidden in ("#ladder", "#talk", "#tools", "#cancelling"):
            await expect(page.locator(hidden)).to_be_hidden()
        assert officer.alarms == {}
        await town.fast_forward(60)
        await page.click(act("check-in"))
        await expect(page.locator("#check-in .small").first).to_have_text("已报平安，重新计时。")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.click(act("keep-open"))
        await page.click(act("keep"))
        await page.reload()
        await opens(page)
        await page.click(act("back"))
        await town.fast_forward(60)
        await page.click(act("check-in"))
        await expect(page.locator("#check-in .small").first).to_have_text("已报平安，重新计时。")
        await officer.is_cut()
        town.clock.jump(840)
        await officer.opens_console()
        await town.fast_forward(59)
        assert not [event for event in officer.every if event["alarm"]]
        assert officer.alarms == {}
        await town.fast_forward(1)
        await expect(page.locator('#ladder [data-step="stored"].reached')).to_be_visible()
        await expect(page.locator(act("check-in"))).to_be_hidden()
        [(alarm_id, alarm)] = officer.alarms.items()
        assert (alarm["text"], alarm["plan"]) == ("我去见他", "missed")
        await officer.hears(alarm_id, "alarm_raised", "step_run")
        town.stops_watching(officer)


@pytest.mark.nightly  # by day: tests/flow/test_check_in.py
async def test_the_page_is_closed_and_the_phone_off(town: Town, phone: Phone) -> None:
    """Nobody is at the page when the time is over: the server raises the alarm."""
    async with phone(town.url) as page:
        await begins(page)
    town.clock.jump(840)
    officer = await town.officer("V01")
    await town.fast_forward(60)
    alarm = officer.alarms[await first_alarm(officer)]
    assert alarm["plan"] == "missed"
    town.stops_watching(officer)


async def test_an_end_that_is_forced(town: Town, phone: Phone) -> None:
    """With the number and with another one the page ends alike; officers have the second as an alarm under duress."""
    officer = await town.officer("V01")
    shown = []
    for forced in (False, True):
        async with phone(town.url) as page:
            await begins(page)
            number = (await page.inner_text("#pin")).strip()
            await page.click(act("end-open"))
            await page.fill("#end-plan input", "0000" if forced and number != "0000" else "1111" if forced else number)
            await page.click(act("end-plan"))
            await expect(page.locator("#now-head")).to_have_text("约定已结束")
            if forced:
                await town.quiet()
            shown.append(await page.inner_text("#now"))
    assert shown[0] == shown[1]
    alarm = officer.alarms[await first_alarm(officer)]
    assert (alarm["plan"], alarm["cancel"]) == ("duress", "duress")
    town.stops_watching(officer)


async def test_the_alarm_at_once(town: Town, phone: Phone) -> None:
    """A plan becomes an alarm by one tap, with the words of the plan."""
    officer = await town.officer("V01")
    async with phone(town.url) as page:
        await begins(page, "他来了")
        await page.click(act("raise-now"))
        await expect(page.locator('#ladder [data-step="stored"].reached')).to_be_visible()
        await expect(page.locator("#talk")).to_be_visible()
    alarm = officer.alarms[await first_alarm(officer)]
    assert (alarm["plan"], alarm["text"], alarm["status"]) == ("pressed", "他来了", "raised")
    town.stops_watching(officer)
