"""The store goes away under real hubs: the citizen and the officer are told what is true, and all goes on by itself."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Phone
from tests.browser.staff import act, desk
from tests.flow.people import Citizen
from tests.process import HubProcess, store_pid
from tests.stores import Single

RECEIPT = "#receipt:not([hidden])"
STALE = re.compile(r"已断开：\d\d:\d\d:\d\d 起（\d+ 秒）")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub with its built-in store."""
    hub = HubProcess(tmp_path / "data")
    try:
        hub.start()
        yield hub
    finally:
        hub.end()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[tuple[HubProcess, Single]]:
    """A hub, and its store in a process of its own."""
    hub = HubProcess(tmp_path / "data")
    async with Single() as store:
        try:
            await asyncio.to_thread(hub.start, "--store", store.url)
            yield hub, store
        finally:
            hub.end()


async def raised_before(hub: HubProcess, text: str) -> str:
    """An alarm that is stored; its id."""
    citizen = Citizen(hub.url)
    alarm = await citizen.raises(text=text)
    await citizen.http.aclose()
    return alarm


async def presses(page: Page, text: str) -> None:
    """The citizen writes and sends."""
    await page.wait_for_selector("html.js")
    await page.fill("#raise textarea", text)
    await page.click(act("raise"))


async def alarms_in_log(page: Page, hub: HubProcess) -> int:
    """How many alarms the record has."""
    answer = await page.request.get(f"{hub.url}/log?type=alarm_raised")
    return len((await answer.json())["events"])


async def test_a_store_that_hangs(hub: HubProcess, browser: Browser, phone: Phone) -> None:
    """The citizen reads "not stored yet" and gets no receipt; the officer reads STALE since when; all of it waits.

    When the store wakes, both go through, once, and nobody has to do anything.
    """
    before = await raised_before(hub, "之前")
    async with desk(browser, hub, "V01", checked=False) as console, phone(hub.url) as citizen:
        await console.click(act("sound-later"))
        await console.click(f'[data-alarm="{before}"]')
        os.kill(store_pid(hub.data), signal.SIGSTOP)
        await presses(citizen, "门外有人")
        await console.click(act("ack"))
        await expect(citizen.locator("#now-head")).to_have_text("还没有存好")
        await expect(citizen.locator("#now-note")).to_contain_text("在不停地重试")
        await expect(citizen.locator(RECEIPT)).to_have_count(0)
        await expect(console.locator("[data-live]")).to_have_text(STALE)
        await expect(console.locator(".pending")).to_be_visible()
        await console.click(act("sign-out"))
        await expect(console.locator("[data-told=bad]").last).to_contain_text("您可能仍在登录状态")
        os.kill(store_pid(hub.data), signal.SIGCONT)
        await citizen.wait_for_selector(RECEIPT)
        await console.wait_for_selector('[data-live="live"]')
        await expect(console.locator('.row:has-text("门外有人")')).to_have_count(1)
        await expect(console.locator('[data-part="now"]')).to_contain_text("您于")
        assert await alarms_in_log(console, hub) == 2


async def test_a_store_that_is_killed_comes_back_by_itself(hub: HubProcess, browser: Browser, phone: Phone) -> None:
    """Killed with -9 the built-in store is started again; an alarm pressed at that moment is stored once and rings."""
    await raised_before(hub, "之前")
    async with desk(browser, hub, "V01") as console, phone(hub.url) as citizen:
        await expect(console.locator(".row")).to_have_count(1)
        os.kill(store_pid(hub.data), signal.SIGKILL)
        await presses(citizen, "门外有人")
        await citizen.wait_for_selector(RECEIPT)
        await expect(console.locator('.row:has-text("门外有人")')).to_have_count(1)
        await expect(console.locator(".row")).to_have_count(2)
        await expect(console.locator('[data-live="live"]')).to_be_visible()
        assert await alarms_in_log(console, hub) == 2
    assert [line for line in hub.logged if line["event"] == "store_died_and_started_again"]


async def test_a_store_that_stays_away(elsewhere: tuple[HubProcess, Single], browser: Browser, phone: Phone) -> None:
    """While there is no store the citizen's page says so and keeps trying, also when it is opened anew."""
    hub, store = elsewhere
    async with phone(hub.url) as citizen:
        await citizen.wait_for_selector("html.js")
        node = await store.kill_primary()
        await presses(citizen, "门外有人")
        await expect(citizen.locator("#now-head")).to_have_text("还没有存好")
        await citizen.reload()
        await expect(citizen.locator("#now-head")).to_have_text("还没有存好")
        await store.restart(node)
        await citizen.wait_for_selector(RECEIPT)
    async with desk(browser, hub, "V01", checked=False) as console:
        assert await alarms_in_log(console, hub) == 1


async def test_a_store_that_went_back(elsewhere: tuple[HubProcess, Single], browser: Browser) -> None:
    """Restored from an older copy under its hub: what is not in the record goes from the pages, and they say why."""
    hub, store = elsewhere
    kept = await raised_before(hub, "备份之前")
    node = store.nodes[0]
    files = node.log.parent / "appendonlydir"
    async with (
        desk(browser, hub, "V01", checked=False) as console,
        desk(browser, hub, "S01", "/supervisor", checked=False) as office,
    ):
        await console.click(act("sound-later"))
        copy = shutil.copytree(files, node.log.parent / "copy")  # sign-ins are in it: one made later would be lost too
        lost = await raised_before(hub, "备份之后")
        for page in (console, office):
            await page.wait_for_selector(f'[data-alarm="{lost}"]')
        await store.kill(node)
        shutil.rmtree(files)
        copy.rename(files)
        await store.restart(node)
        for page in (console, office):
            await expect(page.locator('[data-notice="store_restored"]')).to_contain_text("可能缺失")
            await expect(page.locator(f'[data-alarm="{lost}"]')).to_have_count(0)
            await expect(page.locator(f'[data-alarm="{kept}"]')).to_have_count(1)
            await expect(page.locator('[data-live="live"]')).to_be_visible()
        await office.click(act("view-log"))
        await expect(office.locator('[data-event="store_restored"]').first).to_contain_text("退回到了较早的副本")
