"""What takes away a console's power to wake is heard first, and said; no page goes to the sign-in by itself (P5)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from dispatch.alarm.clock import to_ms
from tests import shared
from tests.browser.staff import act, desk
from tests.browser.test_accessible import findings
from tests.flow.town import PASSWORD, Town
from tests.nightly import mostly_by_night
from tests.patience import PATIENCE_S

# Notes the pitch of each tone that is made.
TONES = """
window.tones = [];
const Plain = window.OscillatorNode;
window.OscillatorNode = class extends Plain {
  constructor(context, how) { super(context, how); window.tones.push(how.frequency); }
};
"""
NO_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("forbidden", "SecurityError"); } });
"""
PITCH = 294
AGAIN_MS = 4_000
ASKS_S = 21
"""After so long a page near the known end has asked the hub once more."""
HOUR = 3600
SMALL: Any = {"viewport": {"width": 390, "height": 844}}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}


async def hears(page: Page) -> None:
    """The tone of what ends sounds, and goes on doing so."""
    for _ in range(2):
        await page.wait_for_function(f"tones.includes({PITCH})", timeout=PATIENCE_S * 1000)
        await page.evaluate("tones.length = 0")
        await page.clock.run_for(AGAIN_MS)


async def time_passes(town: Town, page: Page, seconds: float = 10) -> None:
    """Enough for a page to have told that it can ring, or to have come back."""
    for _ in range(2):
        await town.clock.advance(seconds / 2)
        await page.clock.run_for(int(seconds * 500))


async def bars(town: Town) -> None:
    await town.dispatch.identity.disable("V01")


async def moves(town: Town) -> None:
    await town.dispatch.identity.move("V01", "dongta")


async def forbids(town: Town) -> None:
    """As a hub closes it to which an officer comes back as a helper."""
    for console in list(town.dispatch.hub.consoles):
        town.dispatch.hub.cut(console, 4503, "not_allowed")


async def ends_for_good(town: Town) -> None:
    """A reason that this page does not know yet."""
    for console in list(town.dispatch.hub.consoles):
        town.dispatch.hub.cut(console, 4599, "something new")


ENDS: dict[str, tuple[Callable[[Town], Awaitable[None]], str, dict[str, str]]] = {
    "disabled": (bars, "signed_out", {"zh": "登录已结束", "en": "is signed out"}),
    "another station": (moves, "signed_out", {"zh": "您不算在岗", "en": "do not count as on duty"}),
    "4503": (forbids, "forbidden", {"zh": "报告值班领导", "en": "tell the supervisor"}),
    "another code": (ends_for_good, "ended", {"zh": "服务器已断开", "en": "server ended"}),
}


@pytest.mark.parametrize("how", mostly_by_night(ENDS, by_day=["disabled"]))
async def test_what_ends_is_heard_until_someone_comes(town: Town, browser: Browser, axe: str, how: str) -> None:
    """A tone of its own, again and again, the words in the place of the page, nothing left of any alarm on it.

    The title says it in a tab behind others. Only who presses is led to the sign-in, and back from there.
    """
    end, why, words = ENDS[how]
    lang = "en" if why == "forbidden" else "zh"
    await town.user("V01")
    alarm = await town.citizen().raises(text="门外有人")
    path = f"/console?lang={lang}"
    async with desk(browser, town, "V01", path, script=TONES, timed=True, locale=LOCALES[lang]) as page:
        await expect(page.locator(f'[data-alarm="{alarm}"]')).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("data-ringing", "true")
        await end(town)
        await time_passes(town, page)
        gone = page.locator(f'[data-part=gone][data-why="{why}"]')
        await expect(gone).to_contain_text(words[lang], timeout=PATIENCE_S * 1000)
        await hears(page)
        await expect(page.locator("html")).to_have_attribute("data-ringing", "false")
        assert "门外有人" not in await page.content()
        assert await page.title() == await gone.locator("h1").inner_text()
        assert await findings(page, axe) == []
        assert page.url.startswith(f"{town.url}/console")
        await page.click(act("sign-in-again"))
        await page.wait_for_url("**/sign-in?next=%2Fconsole")


async def nearly_over(town: Town, page: Page, left_s: int) -> None:
    """Nearly twelve hours have passed, and so much of the sign-in is left."""
    stream = town.dispatch.stream
    town.clock.jump(11.8 * HOUR)
    for digest in await stream.redis.zrange(stream.keys.sign_ins, 0, -1):
        await stream.redis.zadd(stream.keys.sign_ins, {digest: to_ms(town.clock.now()) + 1000 * left_s})
    await time_passes(town, page)
    await time_passes(town, page, ASKS_S)


@pytest.mark.parametrize("lang", mostly_by_night(["zh", "en"], by_day=["zh"]))
async def test_a_sign_in_that_nobody_uses(town: Town, browser: Browser, axe: str, lang: str) -> None:
    """It is said a quarter of an hour before its end; one tap and it goes on; left alone it ends, which is said too."""
    await town.user("V01")
    path = f"/console?lang={lang}"
    async with desk(browser, town, "V01", path, checked=False, timed=True, locale=LOCALES[lang]) as page:
        await page.click(act("sound-later"))
        line = page.locator("[data-part=ends-soon]")
        await expect(line).to_have_count(0)
        await nearly_over(town, page, 600)
        await expect(line).to_contain_text("10")
        assert await findings(page, axe) == []
        await page.click(act("stay"))
        await expect(line).to_have_count(0)
        await nearly_over(town, page, 600)
        await expect(line).to_be_visible()
        await nearly_over(town, page, 0)
        await expect(page.locator("[data-part=gone]")).to_be_visible()


async def test_a_console_that_hears_nothing_any_more(town: Town, browser: Browser) -> None:
    """Cut off from the hub, a console that can sound is heard before its sign-in ends as far as it knows."""
    await town.user("V01")
    async with desk(browser, town, "V01", script=TONES, timed=True) as page:
        await page.context.set_offline(True)
        await page.clock.fast_forward(int(11.8 * HOUR * 1000))
        await expect(page.locator("[data-part=ends-soon]")).to_be_visible(timeout=PATIENCE_S * 1000)
        await page.wait_for_function(f"tones.includes({PITCH})")
        await page.click(act("stay"))
        await expect(page.locator("[data-part=ends-soon]")).to_contain_text("没有得到确认")


async def test_a_station_that_is_no_more(town: Town, browser: Browser) -> None:
    """An officer whose station is in no file any more is told so, and never looks at an empty list that seems live."""
    await town.dispatch.identity.add("X01", shared.hashed(PASSWORD), "officer", "renamed")
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    data: Any = {"user": "X01", "password": PASSWORD}
    answer = await context.request.post(f"{town.url}/session", data=data, headers={"origin": town.url})
    assert answer.ok
    page = await context.new_page()
    await page.goto(f"{town.url}/console")
    await expect(page.locator("[data-part=gone]")).to_contain_text("配置里已经没有您所在的派出所")
    await context.close()


async def test_a_helper_hears_it_too(town: Town, browser: Browser, axe: str) -> None:
    """A helper on watch whose sign-in ends hears it, reads that no call comes any more, and is followed no longer."""
    await town.user("H01", role="helper")
    there: Any = {"geolocation": {"latitude": 41.806, "longitude": 123.466}, "permissions": ["geolocation"]}
    async with desk(browser, town, "H01", "/helper", checked=False, script=TONES, timed=True, **SMALL, **there) as page:
        await page.click(act("watch-on"))
        await page.click(act("sound-check"))
        await page.click(act("sound-heard"))
        await expect(page.locator(act("watch-off"))).to_be_visible()
        await town.dispatch.identity.disable("H01")
        await time_passes(town, page)
        await expect(page.locator("[data-part=gone]")).to_contain_text("您不在值守，也没有共享位置")
        await hears(page)
        assert await findings(page, axe) == []
        await page.click(act("sign-in-again"))
        await page.wait_for_url("**/sign-in?next=%2Fhelper")


@pytest.mark.parametrize("path", mostly_by_night(["/console", "/supervisor"], by_day=["/console"]))
async def test_a_browser_that_keeps_nothing(town: Town, browser: Browser, path: str) -> None:
    """Where storage is forbidden the pages open, ring and can be set all the same; choices last as long as the page."""
    await town.user("S01", None, "supervisor")
    async with desk(browser, town, "S01", path, script=NO_STORAGE) as page:
        await page.click(act("theme"))
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await town.citizen().raises()
        await expect(page.locator("[data-alarm]").first).to_be_visible()


async def test_a_new_version(town: Town, browser: Browser, axe: str) -> None:
    """A console that comes back to a newer hub is heard, says so and rings on; only a person loads it anew."""
    await town.user("V01")
    async with desk(browser, town, "V01", script=TONES, timed=True) as page:
        line = page.locator("[data-part=outdated]")
        await expect(line).to_have_count(0)
        town.dispatch.desk = replace(town.dispatch.desk, version="9.9.9")  # as of the hub that follows this one
        for console in list(town.dispatch.hub.consoles):
            town.dispatch.hub.cut(console, 4000, "the hub stops")
        await time_passes(town, page)
        await expect(line).to_contain_text("服务器已更新")
        assert await page.evaluate(f"tones.includes({PITCH})")
        await town.citizen().raises()
        await expect(page.locator("html")).to_have_attribute("data-ringing", "true")
        assert await findings(page, axe) == []
        await page.click(act("reload"))
        await expect(page.locator("[data-part=not-ready]")).to_be_visible()
        await expect(line).to_have_count(0)


async def test_a_browser_that_forgets(town: Town, browser: Browser) -> None:
    """Cookies that are cleared are noticed when the console comes back to its hub: heard, and said."""
    await town.user("V01")
    async with desk(browser, town, "V01", script=TONES, timed=True) as page:
        await page.context.clear_cookies()
        for console in list(town.dispatch.hub.consoles):
            town.dispatch.hub.cut(console, 4000, "the hub stops")
        await time_passes(town, page)
        await expect(page.locator("[data-part=gone][data-why=signed_out]")).to_be_visible()
        await hears(page)


async def test_who_signs_out_hears_nothing(town: Town, browser: Browser) -> None:
    """A sign-out on purpose leads to the sign-in page at once, without a tone."""
    await town.user("V01")
    async with desk(browser, town, "V01", script=TONES) as page:
        await page.evaluate("tones.length = 0")
        await page.expose_function("left", lambda tones: heard.extend(tones))
        heard: list[float] = []
        await page.evaluate("window.addEventListener('pagehide', () => window.left([...tones]))")
        await page.click(act("sign-out"))
        await page.wait_for_url("**/sign-in*")
        assert PITCH not in heard
