"""A real browser with a fake microphone, camera and place."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Geolocation, Page, async_playwright

Phone = Callable[..., AbstractAsyncContextManager[Page]]

HERE: Geolocation = {"latitude": 41.80312, "longitude": 123.46587, "accuracy": 18}
ALLOWED = ("geolocation", "microphone", "camera")

# Notes every call that could be heard, felt or read by someone else; P9.
LISTENER = """
(() => {
  const heard = [];
  Object.defineProperty(window, "heard", { value: heard });
  const note = (owner, name) => { if (owner && name in owner) owner[name] = () => { heard.push(name); }; };
  note(HTMLMediaElement.prototype, "play");
  note(Navigator.prototype, "vibrate");
  note(window.SpeechSynthesis?.prototype, "speak");
  note(window.Notification, "requestPermission");
  for (const name of ["AudioContext", "webkitAudioContext", "Notification", "Audio"]) {
    if (name in window) window[name] = class { constructor() { heard.push(name); } };
  }
})();
"""


@pytest.fixture
async def browser(program: Callable[..., str]) -> AsyncIterator[Browser]:
    """Chromium, as Debian has it."""
    path = program("chromium", "chromium-browser", "google-chrome")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--use-fake-device-for-media-stream"]
        )
        try:
            yield running
        finally:
            await running.close()


@pytest.fixture
def phone(browser: Browser) -> Phone:
    """Opens a page on a phone of its own; at its end, nothing was heard and nothing went wrong in it."""

    @asynccontextmanager
    async def opened(address: str, script: bool = True, **options: Any) -> AsyncIterator[Page]:
        context = await browser.new_context(
            **{
                "viewport": {"width": 390, "height": 844},
                "locale": "zh-CN",
                "timezone_id": "Asia/Shanghai",
                "geolocation": HERE,
                "permissions": ALLOWED,
                "java_script_enabled": script,
                **options,
            }
        )
        faults: list[str] = []
        if script:
            await context.add_init_script(LISTENER)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        await page.goto(address)
        yield page
        if script and page.url.startswith(address.split("?")[0]):
            assert await page.evaluate("window.heard") == []
        assert faults == []
        await context.close()

    return opened
