"""Whoever would be recorded is, or is told that they are not, and what else there is (F2, P9)."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.citizen import act, raises, timed
from tests.browser.conftest import Phone
from tests.flow.town import Town
from tests.nightly import mostly_by_night

ENGINE = """
navigator.mediaDevices.getUserMedia = async () => new MediaStream();
window.MediaRecorder = class {
  static isTypeSupported() { return false; }
  state = "inactive";
  mimeType = "";
  constructor() { if ("KIND" === "throws") throw new DOMException("no encoder", "NotSupportedError"); }
  start() {
    this.state = "recording";
    if ("KIND" === "cut") setTimeout(() => this.ondataavailable({ data: new Blob([new Uint8Array(500)]) }), 20);
    if ("KIND" === "errs" || "KIND" === "cut") setTimeout(() => this.fails(), 200);
  }
  fails() {
    this.state = "inactive";
    this.onerror?.(new Event("error"));
    this.onstop?.();
  }
  stop() {
    this.state = "inactive";
    this.onstop?.();
  }
};
"""
"""An engine as it may be: none of its recorders is Chromium's."""


@pytest.mark.parametrize("kind", mostly_by_night(["throws", "errs", "silent", "cut"], by_day=["silent", "cut"]))
async def test_an_engine_that_does_not_record(town: Town, phone: Phone, kind: str) -> None:
    """It has no encoder, fails, gives nothing, or stops in the middle: that is said, and nothing stands as recorded."""
    officer = await town.officer("V01")
    town.stops_watching(officer)

    async def before(page: Page) -> None:
        await timed(page)
        await page.add_init_script(ENGINE.replace("KIND", kind))

    async with phone(town.url, before=before) as page:
        await raises(page, "门外有人")
        await page.click(act("record"))
        if kind == "silent":
            await expect(page.locator("#record-word")).to_have_text("停止录音")
        await page.clock.run_for(7000)
        note = page.locator("#record-note")
        await expect(note).to_have_text(
            "录音中断了，已录到的部分会发送。可以再录，也可以写字或拍照。" if kind == "cut"
            else "录音没有成功，没有录到声音。可以写字，或者拍照。"
        )  # fmt: skip
        await expect(page.locator("#record-word")).to_have_text("录音")
        await expect(page.locator("#sent li")).to_have_count(1 if kind == "cut" else 0)


@pytest.mark.parametrize("lack", mostly_by_night(["recorder", "devices"], by_day=["devices"]))
async def test_an_engine_without(town: Town, phone: Phone, lack: str) -> None:
    """What it cannot do has no button; the page says so once, where the button would be, and what else there is."""
    town.stops_watching(await town.officer("V01"))
    without = {
        "recorder": "delete window.MediaRecorder",
        "devices": "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })",
    }[lack]
    async with phone(town.url, before=lambda page: page.add_init_script(without)) as page:
        await raises(page)
        await expect(page.locator("#record-note")).to_have_text("这个浏览器不能录音。可以写字，或者发照片。")
        await expect(page.locator(act("record"))).to_be_hidden()
        await expect(page.locator(act("camera"))).to_be_visible(visible=lack == "recorder")
        told = "不能在这一页里拍照" if lack == "devices" else "在这一页里拍，没有快门声"
        await expect(page.locator("#camera-note")).to_contain_text(told)
        await expect(page.locator("#camera-note")).to_contain_text("可能会有快门声")


async def test_a_question_that_nobody_answers(town: Town, phone: Phone) -> None:
    """The browser asks for microphone or camera, and nobody looks: after 20 s the page says what else there is.

    Who presses again meanwhile is not asked twice; an answer that comes late is taken.
    """
    town.stops_watching(await town.officer("V01"))

    async def before(page: Page) -> None:
        await timed(page)
        await page.add_init_script("""
            window.asked = [];
            navigator.mediaDevices.getUserMedia = (wanted) => new Promise((go) => window.asked.push({ wanted, go }));
        """)

    async with phone(town.url, before=before) as page:
        await raises(page)
        for button, note in (("record", "还没有允许使用麦克风"), ("camera", "还没有允许使用摄像头")):
            for _ in range(2):
                await page.click(act(button))
            await page.clock.run_for(20_500)
            await expect(page.locator(f"#{button}-note")).to_contain_text(note)
        assert await page.evaluate("asked.map(({ wanted }) => Object.keys(wanted)[0])") == ["audio", "video"]
        await page.evaluate("asked[1].go(new MediaStream())")
        await expect(page.locator("#camera")).to_be_visible()
        await expect(page.locator("#camera-note")).to_contain_text("没有快门声")
