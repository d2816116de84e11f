"""No state of the console keeps anybody out: axe finds nothing moderate or worse, phone and desk, light and dark."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.line import Line
from tests.browser.staff import act, desk
from tests.browser.test_accessible import SCHEMES, findings
from tests.flow.town import Town

SIZES = ((1440, 900), (390, 844))
WAYS = list(itertools.product(SIZES, SCHEMES))
BEFORE_EIGHT = datetime(2026, 11, 22, 23, 47, tzinfo=UTC)  # 07:47 there: thirteen minutes to the end of the shift
SMALL = """() => [...document.querySelectorAll("button, textarea, select, input, summary, a")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !/^(radio|checkbox)$/.test(one.type))
  .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 47.5 || box.width < 44 || box.right > innerWidth))
  .map(([html, box]) => `${html} ${box.width} x ${box.height}`)"""


class Looks:
    """Looks at one state, and remembers what was wrong in which way: axe in all, or for each state in the next."""

    def __init__(self, page: Page, axe: str, all_ways: bool) -> None:
        self.page, self.axe = page, axe
        self.wrong: list[object] = []
        self._turn = itertools.cycle([way] for way in WAYS) if not all_ways else itertools.repeat(WAYS)

    async def at(self, state: str) -> None:
        ways = next(self._turn)
        for size in SIZES:
            width, height = size
            await self.page.set_viewport_size({"width": width, "height": height})
            if await self.page.evaluate("document.documentElement.scrollWidth") > width:
                self.wrong.append((state, width, "over the side"))
            if width < 500 and (small := await self.page.evaluate(SMALL)):
                self.wrong.append((state, width, small))
            for scheme in [scheme for at, scheme in ways if at == size]:
                await self.page.emulate_media(color_scheme=scheme)
                if found := await findings(self.page, self.axe):
                    self.wrong.append((state, width, scheme, found))
        await self.page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


@pytest.fixture
async def morning(tmp_path: Path) -> Town:
    return Town(tmp_path, start=BEFORE_EIGHT, watched=True)


@pytest.mark.parametrize(
    "all_ways", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["by turns", "in all ways"]
)
async def test_every_state(morning: Town, browser: Browser, axe: str, all_ways: bool) -> None:
    """Not checked, calm, new, own with each form, a call, leaving, the shift's end, a flood, STALE."""
    async with morning as town, Line(int(town.url.rsplit(":", 1)[1])).serves() as line:
        await town.user("V01")
        colleague = await town.officer("V02")
        town.stops_watching(colleague)
        async with desk(browser, town, "V01", by=line.url, checked=False, timed=True, locale="en-GB") as page:
            looks = Looks(page, axe, all_ways)
            await looks.at("sound check")
            await page.click(act("sound-later"))
            await looks.at("not ready")
            await page.click(f".not-ready {act('sound-open')}")
            await page.click(act("sound-check"))
            await page.click(act("sound-heard"))
            await page.wait_for_selector('[data-sound="on"]', state="attached")
            await looks.at("calm")

            citizen = town.citizen()
            position = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 18}
            alarm = await citizen.raises(text="门外有人", needs=["deaf"], position=position)
            row = page.locator(f'[data-alarm="{alarm}"]')
            await row.wait_for()
            await looks.at("new")
            await row.click()
            await page.click(act("ack"))
            await page.wait_for_selector(act("move"))
            await page.click('[data-question="weapon"]')
            await page.wait_for_selector('[data-said="officer"]')
            await page.wait_for_selector('[data-part="shift-end"]')
            await looks.at("own, at the end of the shift")
            for name in ("close", "handover", "release", "note"):
                await page.click(act(name))
                await page.wait_for_selector(f'[data-form="{name}"]')
                await looks.at(f"form: {name}")
                await page.click(act(name))
            await page.click(act("call"))
            await looks.at("call")
            await page.click(act("call-not"))
            await page.click(act("sign-out"))
            await page.wait_for_selector('[data-part="leaving"]')
            await looks.at("leaving")
            await page.click(act("leaving-stay"))

            for n in range(11):
                await town.citizen().raises(text=f"第 {n} 起", position=position)
            offered = await town.citizen().raises(text="交给您")
            await colleague.acknowledges(offered)
            await colleague.asks("handover", alarm=offered, to="V01", summary="人在楼上")
            await town.clock.advance(1)  # floods are counted once a second
            await page.wait_for_selector('[data-part="flood"]')
            await page.click(f'[data-alarm="{offered}"]')
            await page.wait_for_selector(act("handover_accept"))
            await looks.at("flood, a handover offered")
            line.hold_answers()
            await page.clock.fast_forward(11_000)
            await page.wait_for_selector('[data-live="stale"]')
            await page.click(act("handover_accept"))
            await expect(page.locator(".bar .pending")).to_be_visible()
            await looks.at("stale")
            line.release_answers()
            await page.clock.fast_forward(11_000)
            await page.wait_for_selector('[data-live="live"]')
        assert not looks.wrong, "\n".join(map(str, looks.wrong))
