"""No page keeps anybody out: axe finds nothing serious and nothing moderate, in either language."""

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page

from tests.browser.citizen import opens
from tests.browser.conftest import Phone
from tests.browser.staff import act, desk
from tests.flow.town import Town

BAD = ("moderate", "serious", "critical")


async def findings(page: Page, axe: str, only: str = "") -> list[Any]:
    """What axe minds more than slightly: by all of its rules, or by one."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe)  # as a debugger would, past the page's own policy
    options = {"resultTypes": ["violations"], **({"runOnly": [only]} if only else {})}
    found: dict[str, Any] = await page.evaluate("(options) => axe.run(document, options)", options)
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


LANGUAGES = ("en", "zh")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = ((390, 844), (320, 568), (160, 284))  # a phone, the smallest one, and that at 200 %


async def in_both_schemes(page: Page, axe: str) -> None:
    """Nothing that axe minds, and in the other scheme nothing about the colours: there is no other difference."""
    for scheme, only in zip(SCHEMES, ("", "color-contrast"), strict=True):
        await page.emulate_media(color_scheme=scheme)
        assert await findings(page, axe, only) == [], (page.viewport_size, scheme)


WHOLE = [pytest.param(False, id="once"), pytest.param(True, id="every size", marks=pytest.mark.nightly)]
"""Whether axe looks at every size in every language, or at a phone's in the first: what it minds hangs on neither."""


async def fits_everybody(page: Page, axe: str, every: bool, axed: bool) -> None:
    """In every size nothing over the side, every target at least 44 px; light and dark, nothing that axe minds."""
    for size in SIZES:
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert await page.evaluate(SMALL) == []
        if axed and (every or size == SIZES[0]):
            await in_both_schemes(page, axe)


async def fits_in_both(page: Page, axe: str, every: bool) -> None:
    """The same in both languages, changed in place; at the end it is as at first."""
    for lang in LANGUAGES:
        await page.click(f'[data-act="language"][lang="{lang}"]')
        await page.wait_for_selector(f'html[lang="{lang}"]')
        await fits_everybody(page, axe, every, axed=every or lang == LANGUAGES[-1])
    await page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


@pytest.mark.parametrize("every", WHOLE)
async def test_citizen(town: Town, phone: Phone, axe: str, every: bool) -> None:
    """The form, a check-in, and the story, with all that can be opened open, keep nobody out."""
    async with phone(town.url) as page:
        await opens(page)
        await page.click('[data-act="more"]')
        await fits_in_both(page, axe, every)
        await page.click('[data-act="plan"]')
        await page.wait_for_selector("select[name=within]")
        await fits_in_both(page, axe, every)
        await page.click('[data-act="plan-start"]')
        await page.click('[data-act="end-open"]')
        await fits_in_both(page, axe, every)
        await page.click('[data-act="raise-now"]')
        await page.wait_for_selector("#receipt:not([hidden])")
        await town.fast_forward(16)
        await page.wait_for_selector("#ways:not([hidden])")
        for act in ("cancel-open", "keep-open", "spot"):
            await page.click(f'[data-act="{act}"]')
        await page.wait_for_selector("#spot-picture path")
        await fits_in_both(page, axe, every)


async def test_sign_in(town: Town, phone: Phone, axe: str) -> None:
    """The sign-in page, also with its fault shown, in both languages."""
    async with phone(f"{town.url}/sign-in?lang=en") as page:
        for lang in LANGUAGES:
            await page.goto(f"{town.url}/sign-in?lang={lang}")
            await page.click('[data-act="sign-in"]')
            await page.wait_for_selector("#fault:not([hidden])")
            assert await findings(page, axe) == []


@pytest.mark.parametrize("path", [pytest.param("/console", marks=pytest.mark.nightly), "/supervisor"])
async def test_staff(town: Town, browser: Browser, axe: str, path: str) -> None:
    """Axe has no serious finding: with the sound check, an alarm that waits, its story, the log, what was found.

    By day `test_accessible_console` looks at the console.
    """
    await town.user("S01", None, "supervisor")
    async with desk(browser, town, "S01", path, checked=False) as page:
        citizen = town.citizen()
        alarm = await citizen.raises(text="门外有人", needs=["deaf"], position={"lat": 41.80312, "lon": 123.46587})
        if path == "/console":
            await in_both_schemes(page, axe)
            await page.click(act("sound-later"))
        await page.click(f'[data-alarm="{alarm}"]')
        await page.wait_for_selector(f'[data-alarm-open="{alarm}"], [data-timeline="{alarm}"] [data-event]')
        await citizen.does("cancel", pin="0000")
        await in_both_schemes(page, axe)
        if path == "/console":
            await page.click(act("ack"))
            await page.click(act("close"))
        else:
            await page.click(act("log-only"))
            await page.wait_for_selector("tr[data-event]")
            await in_both_schemes(page, axe)
            await page.click(act("view-find"))
            await page.click(act("find-more"))
            await page.wait_for_selector(f'.hit[data-alarm="{alarm}"]')
        await in_both_schemes(page, axe)
