"""Hands on the keyboard and no pointer, from the sign-in to the end of an alarm; and the keys can be switched off."""

import re

from playwright.async_api import Browser, Page, expect

from tests.flow.town import PASSWORD, Town

SEEN = "one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).boxShadow]"
TABS = 60  # more controls than these stand between no two


def focused(name: str) -> str:
    return f'[data-act="{name}"]:focus'


async def tabs_to(page: Page, wanted: str) -> None:
    """Tab until the control has the focus; where it is must be seen."""
    for _ in range(TABS):
        await page.keyboard.press("Tab")
        if await page.locator(wanted).count():
            outline = await page.locator(wanted).evaluate(SEEN)
            assert outline != ["none", "none"], wanted
            return
    raise AssertionError(f"no Tab leads to {wanted}")


async def presses(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def test_from_sign_in_to_close(town: Town, browser: Browser) -> None:
    """Sign in, hear the sound, take, write, go, offer it and keep it, arrive, close, sign out."""
    await town.user("V01")
    colleague = await town.officer("V02")
    town.stops_watching(colleague)
    context = await browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.goto(f"{town.url}/sign-in?next=/console")
    await page.wait_for_selector("input[name=user]:focus")
    await page.keyboard.type("V01")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")

    await page.wait_for_selector('dialog.sound-check:modal [data-act="sound-check"]')
    await tabs_to(page, focused("sound-check"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector('[data-act="sound-heard"]')
    await tabs_to(page, focused("sound-heard"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector('[data-sound="on"]')

    alarm = await town.citizen().raises(text="门外有人")
    await page.wait_for_selector(f'[data-alarm="{alarm}"]')
    await presses(page, "j", "Enter")
    await page.wait_for_selector(f'[data-alarm-open="{alarm}"]')
    now = page.locator('[data-part="now"]')
    await page.keyboard.press("a")
    await expect(now).to_have_class(re.compile("acknowledged"))
    await page.wait_for_selector('[data-act="move"]:enabled')
    await page.keyboard.press("t")
    await page.wait_for_selector(focused("write"))
    await page.keyboard.type("ahjkm?/")  # letters, and no commands
    await page.keyboard.press("Enter")
    await expect(page.locator('[data-said="officer"]')).to_contain_text("ahjkm?/")
    await presses(page, "Escape", "m")
    await expect(now).to_have_class(re.compile("en_route"))
    await page.wait_for_selector('[data-act="arrive"]:enabled')

    await page.keyboard.press("h")
    await page.wait_for_selector('[data-field="to"]:focus')
    await page.keyboard.press("Escape")  # out of the field, then out of the form
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-form]")).to_have_count(0)
    await page.keyboard.press("h")
    await page.wait_for_selector('[data-field="to"]:focus')
    await tabs_to(page, focused("form-send"))
    await page.keyboard.press("Enter")
    await tabs_to(page, focused("handover_withdraw"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector('[data-act="handover"]:enabled')

    await tabs_to(page, focused("arrive"))
    await page.keyboard.press("Enter")
    await expect(now).to_have_class(re.compile("on_scene"))
    await page.wait_for_selector('[data-act="close"]:enabled')
    await tabs_to(page, focused("close"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector('[data-form="close"]')
    await tabs_to(page, '[data-form="close"] input[type=radio]:focus')
    await page.keyboard.press("Space")
    await tabs_to(page, focused("form-send"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector('[data-act="undo_close"]')

    other = await town.citizen().raises(text="第二起")
    await page.wait_for_selector(f'[data-alarm="{other}"]')
    await page.keyboard.press("/")
    await page.wait_for_selector(focused("search"))
    await page.keyboard.type("第二")
    await expect(page.locator("[data-alarm]")).to_have_count(1)
    await presses(page, "Escape", "Escape")
    await expect(page.locator("[data-alarm]")).to_have_count(2)
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog.help:modal")
    await tabs_to(page, focused("keys"))
    await page.keyboard.press("Space")  # off
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog.help")).to_have_count(0)
    before = await page.evaluate_handle("document.activeElement")
    await presses(page, "j", "a", "m", "t", "h", "/")
    assert await page.evaluate("(before) => document.activeElement === before", before)
    await expect(page.locator(f'[data-alarm="{other}"]')).to_have_attribute("data-status", "raised")
    await page.keyboard.press("?")  # the way back is there
    await tabs_to(page, focused("keys"))
    await presses(page, "Space", "Escape", "j")
    await page.wait_for_selector("[data-alarm]:focus")

    await tabs_to(page, focused("sign-out"))
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sign-in*")
    await context.close()
