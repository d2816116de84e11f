"""A console wakes: louder and louder until someone takes the alarm, then silent everywhere; it says when it can't."""

import asyncio
import re

from playwright.async_api import Browser, Page, Route, expect

from dispatch import voice
from tests.browser.staff import act, checks_sound, desk, signs_out
from tests.flow.town import Town
from tests.patience import PATIENCE_S

# Notes what goes to the loudspeaker: every gain that is joined to it, until it is taken off again.
LISTENER = """
(() => {
  const laid = [];
  const there = () => laid.filter((one) => one.there);
  const rounds = (least, most) =>
    new Promise((done) => {
      const look = () => {
        const now = there().length;
        if (now >= least && now <= most) done(there().map(({ loud, voices }) => [loud, voices.length]));
        else requestAnimationFrame(look);
      };
      look();
    });
  Object.assign(window, { rounds, contexts: [] });
  window.decoded = new Promise((done) => (window.isDecoded = done));
  const { decodeAudioData } = BaseAudioContext.prototype;
  BaseAudioContext.prototype.decodeAudioData = async function (...what) {
    const clip = await decodeAudioData.apply(this, what);
    window.isDecoded();
    return clip;
  };
  const Context = window.AudioContext;
  window.AudioContext = class extends Context { constructor(...how) { super(...how); window.contexts.push(this); } };
  const { connect, disconnect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (to, ...more) {
    const inner = laid.find((one) => one.gain === to);
    if (to instanceof AudioDestinationNode) laid.push({ gain: this, loud: this.gain.value, there: true, voices: [] });
    else if (inner && this instanceof AudioBufferSourceNode) inner.voices.push(this.buffer.duration);
    return connect.call(this, to, ...more);
  };
  AudioNode.prototype.disconnect = function (...from) {
    for (const one of laid) if (one.gain === this) one.there = false;
    return disconnect.apply(this, from);
  };
})();
"""
STATION = {"dadongmen": {"zh": "大东门派出所", "en": "Dadongmen station"}}
LEAST = 4  # rounds of tone and voice that are laid ahead
CLIP = re.compile(r"/voice/dadongmen\.(\w+)\.wav$")


async def rounds(page: Page, least: int, most: int = 1000) -> tuple[list[float], int]:
    """How loud what sounds or is laid ahead is, in its order, and how much of it speaks; waits for as many."""
    async with asyncio.timeout(PATIENCE_S):
        found = await page.evaluate("([least, most]) => window.rounds(least, most)", [least, most])
    return [round(loud, 2) for loud, _ in found], sum(voices for _, voices in found)


async def rings(page: Page) -> list[float]:
    await expect(page.locator("html")).to_have_attribute("data-ringing", "true")
    loud, voices = await rounds(page, LEAST)
    assert voices == len(loud)
    return loud


async def silent(page: Page) -> None:
    await rounds(page, 0, 0)


async def test_two_consoles_ring_until_one_takes_it(town: Town, browser: Browser) -> None:
    """Tone and voice repeat and grow on both; taken on one, nothing is left to sound on either, and none begins again.

    The voice is a clip that the hub made, in the language of the page. A new alarm rings though another is taken, and
    so does an alarm while a person only writes.

    Not checked, not heard, stopped by the browser: a console that cannot ring says each in red words, and is not on
    duty until it is heard again. An officer is signed out only when that is true.
    """
    await asyncio.to_thread(voice.make_clips, town.folder / "voice", STATION)
    await town.user("V01")
    await town.user("V02")
    clips: list[str] = []

    def noted(page: Page) -> None:
        page.on("response", lambda got: clips.extend(CLIP.findall(got.url) if got.ok else []))

    async with desk(browser, town, "V01", checked=False, script=LISTENER) as first:
        noted(first)
        await cannot_ring(town, first)
        assert clips == ["zh"]
        clips.clear()
        async with desk(browser, town, "V02", script=LISTENER, locale="en-GB") as second:
            noted(second)
            await rings(second)
            await second.click("[data-alarm]")
            await second.click(act("ack"))
            for page in (first, second):
                await silent(page)  # the sound check's own round is over, too
            alarm = await town.citizen().raises(text="又有人")
            for page in (first, second):
                grown = await rings(page)
                assert grown == [0.25, 0.4, 0.55, 0.7, 0.85, 1.0][: len(grown)]
            await second.click(f'[data-alarm="{alarm}"]')
            await second.click(act("ack"))
            for page in (first, second):
                await expect(page.locator("html")).to_have_attribute("data-ringing", "false")
                await silent(page)
            await town.fast_forward(6)  # a beat: rounds are laid at each
            await town.citizen().raises(text="又一起")
            assert (await rings(first))[0] == 0.25
        assert clips == []  # both had them from the sound check
        await signs_out(first, town.url)


async def test_a_voice_that_does_not_come(town: Town, browser: Browser) -> None:
    """A clip that a line holds back holds up no tone; once it is there, the alarm that rings speaks."""
    await asyncio.to_thread(voice.make_clips, town.folder / "voice", STATION)
    await town.user("V01")
    async with desk(browser, town, "V01", checked=False, script=LISTENER) as page:
        held: asyncio.Queue[Route] = asyncio.Queue()
        await page.route(CLIP, held.put)
        await checks_sound(page)
        await town.citizen().raises(text="门外有人")
        loud, voices = await rounds(page, LEAST)
        assert (loud[0], voices) == (0.8, 0) or (loud[0], voices) == (0.25, 0)
        await (await held.get()).continue_()
        await page.evaluate("window.decoded")
        await town.fast_forward(6)  # a beat: what waits to be spoken is laid anew
        loud, voices = await rounds(page, LEAST)
        assert voices == len(loud)
    assert held.empty()


async def cannot_ring(town: Town, page: Page) -> None:
    """Until it can, at last."""
    line, mine = page.locator('[data-part="not-ready"]'), page.locator('[data-officer="V01"]')
    assert await page.locator("dialog.sound-check").evaluate("one => one.matches(':modal')")  # it is forced

    async def cannot(words: str) -> None:
        await expect(line).to_contain_text(words)
        await expect(line).to_contain_text("您不算在岗")
        red = await line.evaluate("one => getComputedStyle(one).backgroundColor")
        assert red == "rgb(179, 38, 30)", red
        await expect(mine).to_have_attribute("data-ready", "false")
        assert await ready(town) == []

    await page.click(act("sound-check"))
    await page.click(act("sound-not-heard"))
    await expect(page.locator("dialog.sound-check")).to_contain_text("静音")  # where to look
    await page.click(act("sound-later"))
    await cannot("还没有做声音检查")
    await town.citizen().raises(text="门外有人")
    await expect(page.locator("[role=alert]")).to_contain_text("新警情 1 起")
    assert await page.locator("html").get_attribute("data-ringing") == "false"

    await line.locator(act("sound-open")).click()
    await page.click(act("sound-check"))
    await page.click(act("sound-heard"))
    await expect(line).to_have_count(0)
    await rings(page)
    await expect(mine).to_have_attribute("data-ready", "true")

    await page.evaluate("window.contexts[0].suspend()")  # as a browser does that wants a click again
    await cannot("浏览器停用了声音")
    await expect(page.locator("html")).to_have_attribute("data-ringing", "false")
    await page.evaluate("window.contexts[0].resume()")
    await expect(line).to_have_count(0)
    await rings(page)
    assert (await page.locator("[data-sound]").get_attribute("data-sound")) == "on"
    await expect(mine).to_have_attribute("data-ready", "true")
    assert await ready(town) == ["V01"]


async def ready(town: Town) -> list[str]:
    """Who has a ready console, as the hub tells another one."""
    officer = await town.user("V03")
    await officer.opens_console(ready=False)
    await officer.closes()
    return [str(name).split(" ")[0] for name in officer.duty["ready"]]
