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
from tests.browser.staff import act, checks_sound, desk
from tests.flow.people import Citizen
from tests.flow.town import Town
from tests.media.live import seconds, slices
from tests.patience import PATIENCE_S

CUT_AFTER_S = 8
AT = "document.querySelector('.live-sound audio').currentTime"
BUFFERED = "document.querySelector('.live-sound audio').buffered"
PLAYED = "document.querySelector('.live-sound audio').played"
BEHIND = "Number(document.querySelector('[data-behind]').dataset.behind)"
NO_MEDIA_SOURCE = "for (const name of ['MediaSource', 'ManagedMediaSource']) delete window[name];"


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Time stands still: a recording is cut only when the test lets time pass."""
    async with Town(tmp_path, env={"DISPATCH_MEDIA_CUT_AFTER_S": str(CUT_AFTER_S)}) as town:
        yield town


async def listens(page: Page, alarm: str) -> None:
    """Open the alarm and ask for the sound; nothing plays before."""
    await page.click(f'[data-alarm="{alarm}"]')
    await page.wait_for_selector(act("listen"))
    assert await page.evaluate("[...document.querySelectorAll('audio')].every(one => one.paused && !one.src)")
    await page.click(act("listen"))


async def comes_true(page: Page, what: str) -> None:
    """Asked again and again: the page's policy lets no test wait inside it."""
    async with asyncio.timeout(PATIENCE_S):
        while not await page.evaluate(what):
            await page.evaluate("new Promise(requestAnimationFrame)")


async def hears(page: Page, until_s: float) -> None:
    """The sound goes on to there."""
    await comes_true(page, f"{AT} > {until_s}")


async def test_from_page_to_officer(town: Town, browser: Browser) -> None:
    """Heard while it is made, at most 3 s behind; who joins late hears it from the start; killed, it ends as cut."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    await town.user("V02")
    phone = await browser.new_context(permissions=list(ALLOWED), locale="zh-CN")
    page = await phone.new_page()
    await page.goto(town.url)
    await raises(page, "门外有人")
    alarm = await first_alarm(officer)
    async with desk(browser, town, "V01") as console, desk(browser, town, "V02") as late:
        await page.click(act("record"))
        await listens(console, alarm)
        await hears(console, 3)
        if await console.locator(act("to-now")).count():  # a slow machine: it began late
            await console.click(act("to-now"))
        await comes_true(console, f"{AT} > 4 && {BEHIND} <= 3")
        await expect(console.locator(".live-behind")).to_contain_text("延后")
        await listens(late, alarm)
        await comes_true(late, f"{PLAYED}.length > 0")
        assert await late.evaluate(f"{BUFFERED}.start(0)") < 0.1
        assert await late.evaluate(f"{PLAYED}.start(0)") < 3  # from the start, while over four seconds are there
        await late.click(act("to-now"))
        await comes_true(late, f"{AT} > 4 && {BEHIND} <= 3")
        await late.click(act("live-toggle"))
        assert await late.evaluate("document.querySelector('.live-sound audio').paused")
        await phone.close()  # no last word
        await town.clock.advance(CUT_AFTER_S + 2)
        await console.wait_for_selector('[data-live-phase="cut"]')
        await officer.hears(alarm, "media_ready")
        [[media, item]] = officer.alarms[alarm]["media"].items()
        assert item["cut"]
        assert item["chunks"] > 4
        copy = await console.context.request.get(f"{town.url}/media/{alarm}/{media}")
        assert seconds(await copy.body()) > item["chunks"] - 1
        await console.wait_for_selector(f'[data-media="{media}"] [data-cut]')
        # What was being heard goes on to its end; then the whole recording stands in its place.
        await console.wait_for_selector(f'[data-media="{media}"] audio[controls]')


async def puts(citizen: Citizen, alarm: str, parts: list[bytes], *seqs: int) -> None:
    headers = {**citizen.headers, "content-type": "audio/webm;codecs=opus"}
    for seq in seqs:
        answer = await citizen.http.put(f"/alarms/{alarm}/media/m1/{seq}", content=parts[seq], headers=headers)
        assert answer.is_success, answer.text


async def ends(citizen: Citizen, alarm: str, parts: list[bytes]) -> None:
    body = {"kind": "audio", "chunks": len(parts), "sha256": hashlib.sha256(b"".join(parts)).hexdigest()}
    answer = await citizen.http.post(f"/alarms/{alarm}/media/m1", json=body, headers=citizen.headers)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("source", [True, False], ids=["MediaSource", "ranges"])
async def test_a_gap(town: Town, browser: Browser, fixtures: Path, source: bool) -> None:
    """A missing second is marked and heard over, with MediaSource and, where a browser has none, by ranges."""
    await town.user("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(text="录音")
    parts = slices((fixtures / "voice-zh.webm").read_bytes())
    await puts(citizen, alarm, parts, 0, 1, 3)
    asked: list[str] = []

    def note(request: Request) -> None:
        if "upto=" in request.url:
            asked.append(request.headers.get("range", ""))

    async with desk(browser, town, "V01") as page:
        if not source:
            await page.add_init_script(NO_MEDIA_SOURCE)
            await page.reload()
            await page.wait_for_selector('[data-live="live"]')
            await checks_sound(page)
        page.on("request", note)
        await listens(page, alarm)
        mark = page.locator("[data-gap]")
        await hears(page, 1)
        for _ in range(6):
            await town.clock.advance(0.5)  # longer than `live_gap_s`
        await expect(mark).to_have_text("0:02 处缺 1 秒")
        assert await mark.count() == 1
        await hears(page, 3.2)
        await puts(citizen, alarm, parts, 4, 5)
        await hears(page, 5)
        await puts(citizen, alarm, parts, 2, *range(6, len(parts)))
        await ends(citizen, alarm, parts)
        await page.wait_for_selector('[data-live-phase="ended"]')
        await page.wait_for_selector("[data-media=m1] audio[controls]")
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
    await expect(far).to_have_text(re.compile("已送 [1-9] 秒"))
    assert await page.evaluate("window.started") == [[1000, "audio/webm;codecs=opus"]]
    assert sent[0] == "0"
    alarm = await first_alarm(officer)
    await officer.hears(alarm, "media_added")
    slices_before = await page.evaluate("window.slices")
    await phone.set_offline(True)
    await comes_true(page, f"window.slices >= {slices_before + 4}")
    await town.clock.advance(CUT_AFTER_S + 2)
    await officer.hears(alarm, "media_ended")
    await phone.set_offline(False)
    await expect(page.locator("#sent li")).to_have_count(1)
    await officer.hears(alarm, "media_added")
    await expect(far).to_have_text(re.compile("已送 ([4-9]|1[0-9]) 秒"))
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
