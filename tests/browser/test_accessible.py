"""No page keeps anybody out: axe has no serious finding in either language."""

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import Phone
from tests.browser.staff import act, desk
from tests.flow.town import Town

BAD = ("serious", "critical")


async def findings(page: Page, axe: str) -> list[Any]:
    await page.evaluate(axe)  # as a debugger would, past the page's own policy
    found: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found["violations"]
        if fault["impact"] in BAD
    ]


SMALL = """() => [...document.querySelectorAll(
    "a, button, summary, textarea, select, input, label:has(input), [tabindex]"
  )]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("label:has(input) input"))
  .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 44 || box.width < 44))
  .map(([html, box]) => `${html} ${box.width} x ${box.height}`)"""


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = ((390, 844), (320, 568), (160, 284))  # a phone, the smallest one, and that at 200 %


async def fits_everybody(page: Page, axe: str) -> None:
    """In every size, light and dark: nothing that axe minds, nothing over the side, every target at least 44 px."""
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(SMALL) == []
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            assert await findings(page, axe) == [], (width, scheme)


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_check_in(town: Town, phone: Phone, axe: str, lang: str) -> None:
    """Planning a check-in, and the page that waits for it, keep nobody out."""
    async with phone(f"{town.url}/?lang={lang}") as page:
        await page.wait_for_selector("html.js")
        await page.click('[data-act="more"]')
        await page.click('[data-act="plan"]')
        await page.wait_for_selector("select[name=within]")
        await fits_everybody(page, axe)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.click('[data-act="plan-start"]')
        await page.click('[data-act="end-open"]')
        await fits_everybody(page, axe)


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_citizen(town: Town, phone: Phone, axe: str, lang: str) -> None:
    """The form and the story, with all that can be opened open, keep nobody out."""
    async with phone(f"{town.url}/?lang={lang}") as page:
        await page.wait_for_selector("html.js")
        await page.click('[data-act="more"]')
        await fits_everybody(page, axe)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.click('[data-act="raise"]')
        await page.wait_for_selector("#receipt:not([hidden])")
        await town.fast_forward(16)
        await page.wait_for_selector("#ways:not([hidden])")
        for act in ("cancel-open", "keep-open", "spot"):
            await page.click(f'[data-act="{act}"]')
        await page.wait_for_selector("#spot-picture path")
        await fits_everybody(page, axe)


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_sign_in(town: Town, phone: Phone, axe: str, lang: str) -> None:
    """The sign-in page, also with its fault shown."""
    async with phone(f"{town.url}/sign-in?lang={lang}") as page:
        await page.click('[data-act="sign-in"]')
        await page.wait_for_selector("#fault:not([hidden])")
        assert await findings(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/console", "/supervisor"])
async def test_staff(town: Town, browser: Browser, axe: str, path: str, scheme: str) -> None:
    """Axe has no serious finding: with the sound check, the red line, an alarm that waits, its story, and the log."""
    await town.user("S01", None, "supervisor")
    async with desk(browser, town, "S01", path, checked=False, color_scheme=scheme) as page:
        citizen = town.citizen()
        alarm = await citizen.raises(text="门外有人", needs=["deaf"], position={"lat": 41.80312, "lon": 123.46587})
        if path == "/console":
            assert await findings(page, axe) == []
            await page.click(act("sound-later"))
        await page.click(f'[data-alarm="{alarm}"]')
        await page.wait_for_selector(f'[data-alarm-open="{alarm}"], [data-timeline="{alarm}"] [data-event]')
        await citizen.does("cancel", pin="0000")
        assert await findings(page, axe) == []
        if path == "/console":
            await page.click(act("ack"))
            await page.click(act("close"))
        else:
            await page.click(act("log-only"))
            await page.wait_for_selector("tr[data-event]")
        assert await findings(page, axe) == []
