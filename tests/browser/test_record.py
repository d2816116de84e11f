"""Whoever presses to be recorded is recorded, or is told that they are not, and what else there is (F2, P9)."""

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
