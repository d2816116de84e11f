"""The store goes away under a hub: the citizen and the officer are told what is true, and all goes on by itself."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Phone
from tests.browser.staff import act, desk
from tests.flow.people import Citizen
from tests.process import HubProcess, store_pid

RECEIPT = "#receipt:not([hidden])"
STALE = re.compile(r"已断开：\d\d:\d\d:\d\d 起（\d+ 秒）")
SILENT_MS = 12_000
"""Longer than a console waits for a sign of its hub."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub with its built-in store."""
    hub = HubProcess(tmp_path / "data")
    try:
        hub.start()
        yield hub
    finally:
        hub.end()


async def raised_before(hub: HubProcess, text: str) -> str:
    """An alarm that is stored; its id."""
    citizen = Citizen(hub.url)
    alarm = await citizen.raises(text=text)
    await citizen.http.aclose()
    return alarm


async def alarms_in_log(page: Page, hub: HubProcess) -> int:
    """How many alarms the record has."""
    answer = await page.request.get(f"{hub.url}/log?type=alarm_raised")
    return len((await answer.json())["events"])


async def test_a_store_that_hangs(hub: HubProcess, browser: Browser, phone: Phone) -> None:
    """The citizen reads "not stored yet", also after opening the page anew, and gets no receipt; all of it waits.

    The officer reads STALE since when. When the store wakes, both go through, once, and nobody has to do anything.
    """
    before = await raised_before(hub, "之前")
    async with (
        desk(browser, hub, "V01", checked=False, timed=True) as console,
        phone(hub.url) as citizen,
        phone(hub.url) as other,
    ):
        await console.click(act("sound-later"))
        await console.click(f'[data-alarm="{before}"]')
        for page in (citizen, other):
            await page.wait_for_selector("html.js")
        os.kill(store_pid(hub.data), signal.SIGSTOP)
        for page, text in ((citizen, "门外有人"), (other, "楼下有人")):
            await page.fill("#raise textarea", text)
            await page.click(act("raise"))
        await console.click(act("ack"))
        await console.click(act("sign-out"))
        # Said for 7 s, which the jump of the page's time below would end.
        await expect(console.locator("[data-told=bad]", has_text="您可能仍在登录状态")).to_have_count(1)
        await expect(other.locator("#now-leave")).to_contain_text("浏览器关了也不要紧")
        await other.reload()
        for page in (citizen, other):
            await expect(page.locator("#now-head")).to_have_text("还没有存好")
            await expect(page.locator("#now-note")).to_contain_text("会一直重试")
            await expect(page.locator(RECEIPT)).to_have_count(0)
        await console.clock.fast_forward(SILENT_MS)
        await expect(console.locator("[data-live]")).to_have_text(STALE)
        await expect(console.locator(".pending")).to_be_visible()
        os.kill(store_pid(hub.data), signal.SIGCONT)
        for page in (citizen, other):
            await page.wait_for_selector(RECEIPT)
        await console.wait_for_selector('[data-live="live"]')
        for text in ("门外有人", "楼下有人"):
            await expect(console.locator(f'.row:has-text("{text}")')).to_have_count(1)
        await expect(console.locator('[data-part="now"]')).to_contain_text("您于")
        assert await alarms_in_log(console, hub) == 3
