"""What the citizen's page says where it is looked for, on a phone held in one hand."""

from playwright.async_api import expect

from tests.browser.citizen import act, raises
from tests.browser.conftest import Phone
from tests.flow.town import Town

CUT = "(one) => one.scrollWidth > one.clientWidth"


async def test_after_the_alarm(town: Town, phone: Phone) -> None:
    """What is known of the place is in sight without scrolling, with the way to write it; a call is said to sound.

    What is to be entered for a cancel is a label that is not cut; a fold and the button in it have their own words.
    """
    async with phone(f"{town.url}/?lang=en", permissions=["microphone"]) as page:
        await raises(page)
        await expect(page.locator("#position")).to_contain_text("You can write where you are.")
        await expect(page.locator("#position")).to_be_in_viewport(ratio=1)
        await page.click(act("where"))
        await expect(page.locator("#place input")).to_be_focused()
        await expect(page.locator("#place input")).to_be_in_viewport(ratio=1)

        await town.fast_forward(16)
        await expect(page.locator('#ways a[href^="tel:"]')).to_have_text("Call 110 makes sound")
        await expect(page.locator('#ways a[href^="sms:"]')).to_have_text("Text 12110")
        await page.click(f'{act("language")}[lang="zh"]')
        await expect(page.locator('#ways a[href^="tel:"]')).to_have_text("拨打 110 会出声")
        await page.click(f'{act("language")}[lang="en"]')
        await expect(page.locator("html")).to_have_attribute("lang", "en")

        await page.click(act("cancel-open"))
        number = page.get_by_label("Four-digit cancel number")
        await expect(number).to_be_visible()
        assert not await page.locator("#cancel .field > span").evaluate(CUT)
        await page.click(act("keep-open"))
        summary, button = [await page.inner_text(act(one)) for one in ("keep-open", "keep")]
        assert summary != button
