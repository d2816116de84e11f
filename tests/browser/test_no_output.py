"""A computer without a sound output says so, for no officer comes on duty by a button that does nothing (F1)."""

from playwright.async_api import Browser, expect

from tests.browser.staff import act, desk
from tests.flow.town import Town

NO_DEVICE = """
const Plain = window.AudioContext;
window.AudioContext = class extends Plain {
  plugged = false;
  get state() { return this.plugged ? super.state : "suspended"; }
  resume() {
    if (this.plugged) return super.resume();
    return new Promise((go) => { this.late = () => { this.plugged = true; void super.resume().then(go); }; });
  }
  constructor(...how) { super(...how); window.output = this; }
};
"""
"""As Firefox has it where nothing is plugged in: what is asked is never answered, or when the test says so."""
COUNTS = """
window.tones = 0;
const Silent = window.OscillatorNode;
window.OscillatorNode = class extends Silent {
  constructor(...how) { super(...how); window.tones += 1; }
};
"""


async def test_nothing_is_plugged_in(town: Town, browser: Browser) -> None:
    """After three seconds the page says what to do; with a speaker connected, the same button plays.

    What comes into the check later, as the phone's alerts do, moves no button away from under a finger.
    """
    await town.user("V01")
    async with desk(browser, town, "V01", checked=False, script=NO_DEVICE, timed=True) as page:
        top = "() => document.querySelector('dialog [data-act=sound-check]').getBoundingClientRect().top"
        stood = await page.evaluate(top)
        await page.evaluate("document.querySelector('dialog').style.paddingBottom = '200px'")
        assert await page.evaluate(top) == stood
        await page.click(act("sound-check"))
        await expect(page.locator("[data-check]")).to_have_attribute("data-check", "first")
        await page.clock.run_for(3100)
        await expect(page.locator("[data-check=nothing]")).to_contain_text("没有声音输出")
        await expect(page.locator(act("sound-heard"))).to_have_count(0)
        await page.evaluate("output.plugged = true")
        await page.click(act("sound-check"))
        await page.click(act("sound-heard"))
        await page.wait_for_selector('[data-sound="on"]', state="attached")


async def test_a_busy_computer_answers_late(town: Town, browser: Browser) -> None:
    """A sound that begins after the page gave it up is asked about all the same, unless the officer left the check."""
    await town.user("V01")
    async with desk(browser, town, "V01", checked=False, script=NO_DEVICE + COUNTS, timed=True) as page:
        await page.click(act("sound-check"))
        await page.clock.run_for(3100)
        await page.wait_for_selector("[data-check=nothing]")
        await page.click(act("sound-later"))
        await expect(page.locator("dialog.sound-check")).to_have_count(0)
        await page.evaluate("output.late()")
        await page.evaluate("output.resume()")  # what waited for the sound has gone on
        assert await page.evaluate("window.tones") == 0

        await page.click(f".not-ready {act('sound-open')}")
        await page.evaluate("output.plugged = false")
        await page.click(act("sound-check"))
        await page.clock.run_for(3100)
        await page.wait_for_selector("[data-check=nothing]")
        await page.evaluate("output.late()")
        await page.click(act("sound-heard"))
        await page.wait_for_selector('[data-sound="on"]', state="attached")
        assert await page.evaluate("window.tones") > 0
