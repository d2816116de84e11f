"""In a person's own few colours (forced colours) nothing is turned round: what is reached is told from what is not."""

import pytest
from playwright.async_api import Browser, Page

from tests.browser.citizen import opens
from tests.browser.conftest import Phone
from tests.browser.staff import desk
from tests.flow.town import Town

# Whether the middle of what stands before the element is filled, as it is painted: its colour is not the ground's.
FILLED = """(one) => {
  const { backgroundColor } = getComputedStyle(one, "::before");
  const ground = getComputedStyle(document.body).backgroundColor;
  return backgroundColor !== ground && backgroundColor !== "rgba(0, 0, 0, 0)";
}"""


async def filled(page: Page, what: str) -> set[bool]:
    return {await one.evaluate(FILLED) for one in await page.locator(what).all()}


async def test_the_ladder_of_the_console(town: Town, browser: Browser) -> None:
    """A step that is reached has a filled dot, one that is not an empty one; who is ready has a filled one too."""
    await town.user("V01")
    alarm = await town.citizen().raises(text="门外有人")
    async with desk(browser, town, "V01", forced_colors="active") as page:
        assert await filled(page, ".on-duty li.awake") == {True}
        await page.click(f'[data-alarm="{alarm}"]')
        await page.wait_for_selector('.ladder li.true[data-step="seen"]')
        assert await filled(page, ".ladder li.true") == {True}
        assert await filled(page, ".ladder li.not-yet") == {False}


@pytest.mark.nightly
async def test_what_is_tapped_on_the_citizens_page(town: Town, phone: Phone) -> None:
    """What is tapped has a tick, whatever the colours are; what is not has none."""
    ticks = """(one) => {
      const { content, borderBottomStyle } = getComputedStyle(one, "::after");
      return content === "none" ? "none" : borderBottomStyle;
    }"""
    async with phone(town.url, forced_colors="active") as page:
        await opens(page)
        tapped = page.locator(".tool:has([value=threat])")
        assert await tapped.evaluate(ticks) == "none"
        await tapped.click()
        assert await tapped.evaluate(ticks) == "solid"
        await tapped.click()  # taken back
        assert await tapped.evaluate(ticks) == "none"
