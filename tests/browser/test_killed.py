"""An alarm that was pressed outlives the browser: killed before the receipt, opened again, it goes out, and once."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Error, Page, async_playwright, expect

from tests.browser.citizen import RECEIPT, act, first_alarm, leaves_nothing, opens
from tests.browser.conftest import ARGUMENTS, CHROMIUMS
from tests.browser.line import Line
from tests.flow.town import Town

Opened = Callable[[], AbstractAsyncContextManager[Page]]


@pytest.fixture
async def device(program: Callable[..., str], tmp_path: Path) -> AsyncIterator[Opened]:
    """A phone with a disk: each time the same browser with the same profile, as it is left by the time before."""
    path = program(*CHROMIUMS)

    async with async_playwright() as playwright:

        @asynccontextmanager
        async def opened() -> AsyncIterator[Page]:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "profile", executable_path=path, args=ARGUMENTS, locale="zh-CN"
            )
            page = context.pages[0]
            try:
                yield page
            finally:
                with contextlib.suppress(Error):  # it may be noticed only now that it was killed
                    await context.close()

        yield opened


def kill(profile: Path) -> None:
    """Kill -9 to every process of the browser with this profile: nothing is said, nothing is put away."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if f"--user-data-dir={profile}".encode() in command:
                os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.parametrize(
    "heard",
    [pytest.param(True, id="stored, not answered"), pytest.param(False, id="not sent", marks=pytest.mark.nightly)],
)
async def test_killed_between_press_and_receipt(town: Town, device: Opened, tmp_path: Path, heard: bool) -> None:
    """Killed while it waited, or while the receipt was on its way: opened again, one alarm, and nothing is left."""
    officer = await town.officer("V01")
    async with Line(int(town.url.rsplit(":", 1)[1])).serves() as line:
        async with device() as page:
            await page.goto(line.url)
            await opens(page, whole=True)
            if heard:
                line.hold_answers()
            else:
                await page.context.set_offline(True)
                line.doom()
            await page.fill("#raise textarea", "断网了，门外有人")
            await page.click(act("raise"))
            await expect(page.locator("#now-leave")).to_contain_text("浏览器关了也不要紧")
            if heard:
                await first_alarm(officer)
            kill(tmp_path / "profile")
        line.release_answers()
        assert len(officer.alarms) == heard
        async with device() as page:
            await page.goto(line.url)
            await page.wait_for_selector(RECEIPT)
            alarm = officer.alarms[await first_alarm(officer)]
            assert alarm["text"] == "断网了，门外有人"
            await expect(page.locator("#code")).to_have_text(alarm["code"])
            await leaves_nothing(page)
            await page.reload()
            await opens(page, whole=True)
            await expect(page.locator("#raise")).to_be_visible()
        assert len(officer.alarms) == 1
        town.stops_watching(officer)
