"""An officer hears the citizen's page record: on request, seconds behind, from the first chunk, to where it was cut."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, expect

from tests.browser.citizen import first_alarm, raises
from tests.browser.conftest import ALLOWED
from tests.browser.staff import act, desk
from tests.flow.people import Citizen
from tests.flow.town import Town
from tests.media.live import seconds, slices
from tests.patience import PATIENCE_S

CUT_AFTER_S = 8
AT = "document.querySelector('.live-sound audio').currentTime"
BUFFERED = "document.querySelector('.live-sound audio').buffered"
PLAYED = "document.querySelector('.live-sound audio').played"
BEHIND = "Number(document.querySelector('[data-behind]').dataset.behind)"
# Sound plays so many times as fast: how fast the page wants it to be counts from there.
# So much faster it also stops sooner where little is left, and where a busy machine once let it stop, it wants more
# than that before it goes on: whoever waits for a second to be heard has to leave one and a half after it.
FASTER = """
const rate = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "playbackRate");
Object.defineProperty(HTMLMediaElement.prototype, "playbackRate", {
  ...rate, set(wanted) { rate.set.call(this, 4 * wanted); },
});
"""
# What was said of the sound that is made, however shortly.
PHASES = """
window.phases = [];
new MutationObserver(() => {
  for (const one of document.querySelectorAll("[data-live-phase]")) window.phases.push(one.dataset.livePhase);
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-live-phase"] });
"""
NO_MEDIA_SOURCE = "for (const name of ['MediaSource', 'ManagedMediaSource']) delete window[name];"


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Time stands still: a recording is cut only when the test lets time pass."""
    async with Town(tmp_path, env={"DISPATCH_MEDIA_CUT_AFTER_S": str(CUT_AFTER_S)}, watched=True) as town:
        yield town


async def listens(page: Page, alarm: str) -> None:
    """Open the alarm and ask for the sound; nothing plays before."""
    await page.click(f'[data-alarm="{alarm}"]')
    await page.wait_for_selector(act("listen"))
    assert await page.evaluate("[...document.querySelectorAll('audio')].every(one => one.paused && !one.src)")
    await page.click(act("listen"))


async def comes_true(page: Page, what: str) -> None:
    """The page looks at it again and again; its policy lets no test hand it what to look at by a function."""
    look = f"new Promise((done) => {{ const look = () => ({what}) ? done() : setTimeout(look, 20); look(); }})"
    async with asyncio.timeout(PATIENCE_S):
        await page.evaluate(look)


async def hears(page: Page, until_s: float) -> None:
    """The sound goes on to there."""
    await comes_true(page, f"{AT} > {until_s}")


def ranges(page: Page) -> list[str]:
    """What the page asks for of files of a copy that grows, from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if "upto=" in request.url:
            asked.append(request.headers.get("range", ""))

    page.on("request", note)
    return asked


@pytest.mark.whole_browser
async def test_from_page_to_officer(town: Town, browser: Browser) -> None:
    """Heard while it is made, at most 3 s behind; who joins late hears it from the start; killed, it ends as cut.

    The late one's browser has no MediaSource, and reads it by ranges.
    """
    officer = await town.officer("V01")
    town.stops_watching(officer)
    await town.user("V02")
    phone = await browser.new_context(permissions=list(ALLOWED), locale="zh-CN")
    page = await phone.new_page()
    await page.goto(town.url)
    await raises(page, "门外有人")
    alarm = await first_alarm(officer)
    await page.click(act("record"))
    async with (
        desk(browser, town, "V01", script=PHASES) as console,
        desk(browser, town, "V02", script=NO_MEDIA_SOURCE) as late,
    ):
        asked = ranges(late)
        await listens(console, alarm)
        await hears(console, 2)
        if await console.locator(act("to-now")).count():  # a slow machine: it began late
            await console.click(act("to-now"))
        await comes_true(console, f"{AT} > 3 && {BEHIND} <= 3")
        await expect(console.locator(".live-behind")).to_contain_text("延迟")
        await listens(late, alarm)
        await comes_true(late, f"{PLAYED}.length > 0")
        assert await late.evaluate(f"{BUFFERED}.start(0)") < 0.1
        assert await late.evaluate(f"{PLAYED}.start(0)") < 2  # from the start, while over three seconds are there
        assert asked, "no file of what is there so far"
        await late.click(act("to-now"))
        await comes_true(late, f"{AT} > 3 && {BEHIND} <= 3")
        await late.click(act("live-toggle"))
        assert await late.evaluate("document.querySelector('.live-sound audio').paused")
        await phone.close()  # no last word
        await town.clock.advance(CUT_AFTER_S + 2)
        await officer.hears(alarm, "media_ready")
        [[media, item]] = officer.alarms[alarm]["media"].items()
        assert item["cut"]
        assert item["chunks"] > 3
        copy = await console.context.request.get(f"{town.url}/media/{alarm}/{media}")
        assert seconds(await copy.body()) > item["chunks"] - 1
        await console.wait_for_selector(f'[data-media="{media}"] [data-cut]')
        # What was being heard goes on to its end; then the whole recording stands in its place.
        await console.wait_for_selector(f'[data-media="{media}"] audio[controls]')
        # For how long that it was cut stood there hangs on which came first: its end, or the whole recording.
        assert await console.evaluate("window.phases.at(-1)") == "cut"


async def puts(citizen: Citizen, alarm: str, parts: list[bytes], *seqs: int) -> None:
    headers = {**citizen.headers, "content-type": "audio/webm;codecs=opus"}
    for seq in seqs:
        answer = await citizen.http.put(f"/alarms/{alarm}/media/m1/{seq}", content=parts[seq], headers=headers)
        assert answer.is_success, answer.text


async def ends(citizen: Citizen, alarm: str, parts: list[bytes]) -> None:
    body = {"kind": "audio", "chunks": len(parts), "sha256": hashlib.sha256(b"".join(parts)).hexdigest()}
    answer = await citizen.http.post(f"/alarms/{alarm}/media/m1", json=body, headers=citizen.headers)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    "source",
    [pytest.param(True, id="MediaSource"), pytest.param(False, id="ranges", marks=pytest.mark.nightly)],
)
async def test_a_gap(town: Town, browser: Browser, fixtures: Path, source: bool) -> None:
    """A missing second is marked and heard over, with MediaSource and, where a browser has none, by ranges."""
    await town.user("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(text="录音")
    parts = slices((fixtures / "voice-zh.webm").read_bytes())
    await puts(citizen, alarm, parts, 0, 1, 2, 3, 5, 6)
    async with desk(browser, town, "V01", script=FASTER + PHASES + ("" if source else NO_MEDIA_SOURCE)) as page:
        asked = ranges(page)
        await listens(page, alarm)
        mark = page.locator("[data-gap]")
        await hears(page, 1)
        for _ in range(6):
            await town.clock.advance(0.5)  # longer than `live_gap_s`
        await expect(mark).to_have_text("0:04 处缺 1 秒")
        assert await mark.count() == 1
        await hears(page, 5.2)
        await puts(citizen, alarm, parts, 7, 8)
        await hears(page, 7.2)
        await puts(citizen, alarm, parts, 4, *range(9, len(parts)))
        await ends(citizen, alarm, parts)
        await page.wait_for_selector("[data-media=m1] audio[controls]")
        assert await page.evaluate("[...new Set(window.phases)]") == ["idle", "starting", "growing", "ended"]
        assert bool(asked) is not source
        assert all(one.startswith("bytes=") for one in asked)


RECORDER = """
window.started = [];
window.slices = 0;
const start = MediaRecorder.prototype.start;
MediaRecorder.prototype.start = function (slice) {
  window.started.push([slice, this.mimeType]);
  this.addEventListener("dataavailable", () => { window.slices += 1; });
  start.call(this, slice);
  this.ondataavailable(new BlobEvent("dataavailable", { data: new Blob([]) }));  // as Safari's are now and then
};
"""


@pytest.mark.whole_browser
async def test_the_page_comes_back_after_a_cut(town: Town, browser: Browser) -> None:
    """Slices of a second, none of them empty; cut off for too long, the page sends all of it anew and loses nothing."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    phone = await browser.new_context(permissions=list(ALLOWED), locale="zh-CN")
    page = await phone.new_page()
    await page.add_init_script(RECORDER)
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url.rpartition("/")[2]) if one.method == "PUT" else None)
    await page.goto(town.url)
    await raises(page, "门外有人")
    await page.click(act("record"))
    far = page.locator("#sent .how-far").last
    await expect(far).to_have_text(re.compile(r"已发送 [1-9]\d* 秒"))
    assert await page.evaluate("window.started") == [[1000, "audio/webm;codecs=opus"]]
    assert sent[0] == "0"
    alarm = await first_alarm(officer)
    await officer.hears(alarm, "media_added")
    slices_before = await page.evaluate("window.slices")
    await phone.set_offline(True)
    await comes_true(page, f"window.slices >= {slices_before + 3}")
    await town.clock.advance(CUT_AFTER_S + 2)
    await officer.hears(alarm, "media_ended")
    await phone.set_offline(False)
    await expect(page.locator("#sent li")).to_have_count(1)
    await officer.hears(alarm, "media_added")
    await expect(far).to_have_text(re.compile("已发送 ([4-9]|[1-9][0-9]) 秒"))
    await page.click(act("record"))
    await expect(page.locator("#sent .there")).to_have_count(1)
    while not all(item["state"] == "ready" for item in officer.alarms[alarm]["media"].values()):
        await officer.hears(alarm, "media_ready")
    first, second = sorted(officer.alarms[alarm]["media"].values(), key=lambda item: "cut" not in item)
    assert first["cut"]
    assert "cut" not in second
    assert second["size"] > first["size"]
    assert second["chunks"] < await page.evaluate("window.slices")  # what waited went together
    await phone.close()
