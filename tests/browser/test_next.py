"""An officer with one alarm reaches the next that nobody has, wherever it stands; and what has photos says so (P12)."""

import re
import uuid

from playwright.async_api import Browser, expect

from tests.browser.staff import act, desk
from tests.browser.test_unread import PHOTO
from tests.flow.town import Town

PHONE = {"width": 390, "height": 844}


async def test_the_next_that_nobody_has(town: Town, browser: Browser) -> None:
    """One key and one button with the count lead to who waits longest, then on, and round; not to what is somebody's.

    On a phone the button is there too; the key is in the table of keys, and is switched off with the others.
    """
    await town.user("V01")
    async with desk(browser, town, "V01") as page:
        ids = []
        for text in ("先来的", "我的", "后来的"):
            ids.append(await town.citizen().raises(text=text))
            await town.clock.advance(1)
        older, own, newer = ids
        button = page.locator(act("next"))
        await expect(button).to_have_attribute("data-nobody", "3")
        await page.click(f'[data-alarm="{own}"]')
        await page.keyboard.press("a")
        await expect(button).to_have_attribute("data-nobody", "2")
        for wanted in (older, newer, older):
            await page.keyboard.press("n")
            await page.wait_for_selector(f'[data-alarm-open="{wanted}"]')
            await expect(page.locator(".story-head h2")).to_be_focused()

        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(button).to_have_text(re.compile("2$"))
        await button.click()
        await page.wait_for_selector(f'[data-alarm-open="{newer}"]')
        await page.keyboard.press("a")
        await expect(button).to_have_attribute("data-nobody", "1")

        await page.keyboard.press("?")
        await expect(page.locator("dialog.help")).to_contain_text("无人接警")
        await page.click(act("keys"))
        await page.keyboard.press("Escape")
        await page.keyboard.press("n")
        await expect(page.locator("[data-alarm-open]")).to_have_attribute("data-alarm-open", newer)
        await page.click(act("next"))
        await page.wait_for_selector(f'[data-alarm-open="{older}"]')
        await page.click(act("ack"))
        await expect(button).to_have_count(0)


async def test_what_has_photos_says_so(town: Town, browser: Browser) -> None:
    """Row and head of an alarm say how many photos there are; the head leads to them, and they stand above helpers."""
    await town.user("V01")
    async with desk(browser, town, "V01", viewport=PHONE) as page:
        citizen = town.citizen()
        alarm = await citizen.raises(text="门外有人")
        row = page.locator(f'[data-alarm="{alarm}"]')
        await expect(row).to_be_visible()
        await expect(row.locator("[data-media-mark]")).to_have_count(0)
        for n in ("m1", "m2"):
            await citizen.http.put(
                f"/alarms/{alarm}/media/{n}/0", content=PHOTO + uuid.uuid4().bytes,
                headers={**citizen.headers, "content-type": "image/jpeg"},
            )  # fmt: skip
        await expect(row.locator('[data-media-mark="photo"]')).to_have_text("照片2")
        await row.click()
        await page.click(act("to-media"))
        await expect(page.locator(".media h3")).to_be_focused()
        await expect(page.locator(".media h3")).to_be_in_viewport()
        tops = [
            await page.locator(part).evaluate("one => one.getBoundingClientRect().top")
            for part in (".media", ".helpers")
        ]
        assert tops == sorted(tops)
