"""Where the keyboard is can be seen on every page at every size, and it is never lost (WCAG 2.2: 2.4.3, 2.4.11)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.citizen import opens, raises
from tests.browser.conftest import HERE, Phone
from tests.browser.staff import act, desk
from tests.browser.test_helpers import helper_page
from tests.flow.town import Town
from tests.nightly import AT_NIGHT, mostly_by_night

SIZES: dict[str, ViewportSize] = {
    "a phone": {"width": 390, "height": 844},
    "a phone on its side": {"width": 844, "height": 390},
    "a desk at 200 %": {"width": 640, "height": 400},
    "a desk at 400 %": {"width": 320, "height": 256},
}
PAGES = ("citizen", "sign-in", "console", "supervisor", "helper")
CASES = [(page, size) for page in PAGES for size in SIZES]
BY_DAY = [("console", "a phone")]
MOST = 150
"""More stops than any page has."""
# What covers the one that has the focus: each of 25 points of its rectangle must be in the window and show it; of what
# is more than half as high as the window, a row of them. What stands for an input that is not drawn is its label.
COVERED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return ["nothing", null];
  const one = at.closest("label.tool, label.chip") ?? at;
  const name = at.dataset.act ?? at.dataset.alarm ?? (at.getAttribute("name") || at.id || at.className || at.tagName);
  const again = (window.passed ??= new Set()).has(at);
  window.passed.add(at);
  const box = one.getBoundingClientRect();
  const wrong = new Set();
  let shown = 0;
  for (let n = 0; n < 25; n++) {
    const x = box.left + ((n % 5) + 0.5) / 5 * box.width;
    const y = box.top + (Math.floor(n / 5) + 0.5) / 5 * box.height;
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) {
      wrong.add("the edge of the window");
      continue;
    }
    const top = document.elementFromPoint(x, y);
    const around = top?.contains(one) && !top.matches("html, body, #app, main"); // beside a round corner
    if (one.contains(top) || top?.closest("label")?.contains(one) || around) shown += 1;
    else wrong.add(top ? `${top.tagName}.${top.className?.baseVal ?? top.className}` : "nothing");
  }
  if (box.height > innerHeight / 2 && shown >= 5) wrong.clear();
  return [again ? "again" : "new", wrong.size ? `${name}: under ${[...wrong].join(", ")}` : null];
}"""
LANGUAGE = "en-GB"  # the longer words


async def covered(page: Page) -> list[str]:
    """Tab through the whole page and back: what had the focus and was covered."""
    found: list[str] = []
    for key in ("Tab", "Shift+Tab"):
        await page.evaluate("() => { window.passed = new Set(); }")
        for _ in range(MOST):
            await page.keyboard.press(key)
            how, wrong = await page.evaluate(COVERED)
            if how == "again":
                break
            if wrong:
                found.append(f"{key} {wrong}")
        else:
            raise AssertionError(f"{key} comes to no end")
        assert await page.evaluate("window.passed.size") > 2
    return found


async def on_citizen(town: Town, phone: Phone, size: ViewportSize) -> list[str]:
    """The form with everything open, and the story of an alarm with everything open."""
    async with phone(f"{town.url}/?lang=en", viewport=size) as page:
        await opens(page, whole=True)
        await page.click(act("more"))
        found = await covered(page)
        await raises(page)
        await page.wait_for_selector(act("phrase"))
        for one in ("cancel-open", "keep-open", "spot"):
            await page.click(act(one))
        await page.wait_for_selector("#spot-picture path")
        return found + await covered(page)


async def on_sign_in(town: Town, phone: Phone, size: ViewportSize) -> list[str]:
    async with phone(f"{town.url}/sign-in?lang=en", viewport=size) as page:
        await page.click(act("sign-in"))
        await page.wait_for_selector("#fault:not([hidden])")
        return await covered(page)


async def on_console(town: Town, browser: Browser, size: ViewportSize) -> list[str]:
    """One's own alarm with what else can be done unfolded; by night the list, a form and helpers being called too."""
    await town.user("V01")
    async with desk(browser, town, "V01", viewport=size, locale=LANGUAGE) as page:
        await town.citizen().raises(text="第二起")
        alarm = await town.citizen().raises(text="门外有人", place="东顺城街 12 号", position=POSITION, needs=["deaf"])
        await page.wait_for_selector(f'[data-alarm="{alarm}"]')
        found = await covered(page) if AT_NIGHT else []
        await page.click(f'[data-alarm="{alarm}"]')
        await page.click(act("ack"))
        await page.wait_for_selector(f"{act('move')}:enabled")
        await page.wait_for_selector(act("helpers-call"))
        await unfolds(page)
        found += await covered(page)
        if not AT_NIGHT:
            return found
        await unfolds(page)
        await page.click(act("close"))
        await page.wait_for_selector('[data-form="close"]')
        found += await covered(page)
        await page.click(act("form-cancel"))
        await page.click(act("helpers-call"))
        await page.wait_for_selector('[data-form="helpers"]')
        return found + await covered(page)


async def unfolds(page: Page) -> None:
    """Have all that can be done on the screen; where there is room for it, it is."""
    more = page.locator(act("more"))
    if await more.is_visible() and await more.get_attribute("aria-expanded") == "false":
        await more.click()


async def on_supervisor(town: Town, browser: Browser, size: ViewportSize) -> list[str]:
    """What is open now, one alarm's timeline, and the log."""
    await town.user("S01", None, "supervisor")
    async with desk(browser, town, "S01", "/supervisor", checked=False, viewport=size, locale=LANGUAGE) as page:
        alarm = await town.citizen().raises(text="门外有人", position=POSITION)
        await page.wait_for_selector(f'[data-alarm="{alarm}"]')
        found = await covered(page)
        await page.click(f'[data-alarm="{alarm}"]')
        await page.wait_for_selector(f'[data-timeline="{alarm}"] [data-event]')
        found += await covered(page)
        await page.click(act("log-only"))
        await page.wait_for_selector("tr[data-event]")
        return found + await covered(page)


async def on_helper(town: Town, browser: Browser, size: ViewportSize) -> list[str]:
    """Off watch; and called, with the place not told yet."""
    await town.user("H01", role="helper")
    officer = await town.officer("V01")
    town.stops_watching(officer)
    async with helper_page(browser, town, "H01") as page:
        await page.set_viewport_size(size)
        found = await covered(page)
        await page.click(act("watch-on"))
        await page.click(act("sound-check"))
        await page.click(act("sound-heard"))
        await page.wait_for_selector('[data-watch="shared"]')
        alarm = await town.citizen().raises(text="门外有人", position=POSITION)
        await officer.acknowledges(alarm)
        await officer.asks("call_helpers", alarm=alarm, tasks=["guide_police"], helpers=["H01"])
        await page.wait_for_selector(act("accept"))
        found += await covered(page)
        await page.click(act("decline"))
        return found + await covered(page)


POSITION = {"lat": HERE["latitude"], "lon": HERE["longitude"], "accuracy_m": 18}


@pytest.mark.parametrize("case", mostly_by_night(CASES, BY_DAY), ids=lambda case: " on ".join(case))
async def test_nothing_that_has_the_focus_is_covered(
    town: Town, browser: Browser, phone: Phone, case: tuple[str, str]
) -> None:
    """Whoever goes through a page with Tab, and back, sees the whole of what has the focus: no bar lies over it."""
    page, size = case[0], SIZES[case[1]]
    if page in ("citizen", "sign-in"):
        found = await (on_citizen if page == "citizen" else on_sign_in)(town, phone, size)
    else:
        on = {"console": on_console, "supervisor": on_supervisor, "helper": on_helper}[page]
        found = await on(town, browser, size)
    assert not found, "\n".join(found)


@asynccontextmanager
async def on_a_phone(town: Town, browser: Browser) -> AsyncIterator[Page]:
    await town.user("V01")
    async with desk(browser, town, "V01", checked=False, viewport=SIZES["a phone"]) as page:
        yield page


async def test_the_focus_is_never_lost(town: Town, browser: Browser) -> None:
    """Through the sound check, into an alarm and back to its row, after a command, a form, a menu: it is somewhere."""
    alarm = await town.citizen().raises(text="门外有人")
    async with on_a_phone(town, browser) as page:

        async def has(what: str) -> None:
            await expect(page.locator(what)).to_be_focused()

        async def presses(what: str) -> None:
            await page.locator(what).focus()
            await page.keyboard.press("Enter")

        await has(act("sound-check"))
        await page.keyboard.press("Enter")
        await has('[data-check="asked"]')
        await presses(act("sound-heard"))
        await has("h1")
        await presses(act("menu"))
        await page.keyboard.press("Tab")
        await page.keyboard.press("Escape")
        await has(act("menu"))

        await presses(f'[data-alarm="{alarm}"]')
        await has(".story-head h2")
        await presses(act("ack"))
        await has(act("move"))
        await presses(act("more"))
        await presses(act("note"))
        await has('[data-form="note"] textarea')
        await presses(act("form-cancel"))
        await has(act("move"))
        await presses(act("more"))
        await page.keyboard.press("Escape")
        await has(act("more"))
        await presses(act("call"))
        await has(act("call-not"))
        await page.keyboard.press("Escape")
        await has(act("call"))
        await presses(act("back"))
        await has(f'[data-alarm="{alarm}"]')
