"""A real browser with a fake microphone, camera and place."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Geolocation, Page, Playwright, async_playwright, expect

from tests.flow.town import Town
from tests.patience import PATIENCE_S

expect.set_options(timeout=PATIENCE_S * 1000)
Phone = Callable[..., AbstractAsyncContextManager[Page]]
Before = Callable[[Page], Awaitable[object]]

FOLDER = Path(__file__).parent
HERE: Geolocation = {"latitude": 41.80312, "longitude": 123.46587, "accuracy": 18}
# Chromium heeds the last list only, so Playwright's own stands in it as well (`disabledFeatures` in its coreBundle.js).
_PLAYWRIGHTS = """
    AvoidUnnecessaryBeforeUnloadCheckSync DestroyProfileOnBrowserClose HttpsUpgrades HttpsFirstBalancedModeAutoEnable
    LensOverlay MediaRouter PaintHolding ThirdPartyStoragePartitioning AvoidCorsURLLoaderRestartOnRedirect
    TcpPortRandomizationWin OptimizationHints NetworkTimeServiceQuerying AimEnabled PreconnectToSearch
"""
# Each window would have two renderers of its own for what drops down from an address bar that nobody sees, and one that
# waits for a page that never comes.
_SPARE = "WebUIOmniboxPopup WebUIOmniboxAimPopup SpareRendererForSitePerProcess"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    f"--disable-features={','.join((_PLAYWRIGHTS + _SPARE).split())}",
)
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
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


SESSION = pytest.mark.asyncio(loop_scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The loop is made for all of them; else it, and so the browser, would be made anew for each."""
    metafunc.definition.add_marker(SESSION, append=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder share the loop of the one browser; elsewhere each has its own."""
    for item in items:
        if item.path.is_relative_to(FOLDER) and pytest_asyncio.is_async_test(item):
            item.add_marker(SESSION, append=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """What they are given lives in that loop too."""
    with pytest.MonkeyPatch.context() as patch:
        if inspect.isasyncgenfunction(fixturedef.func) or inspect.iscoroutinefunction(fixturedef.func):
            patch.setattr(fixturedef.func, "_loop_scope", "session", raising=False)
        return (yield)


class Browsers:
    """Each browser is started once, by the first test that needs it: that costs more than most tests.

    Debian's `chromium-headless-shell` is the engine without the windows, profile and bars that nobody sees here, and
    takes half the work. It has no microphone and no notifications: tests of these are marked `whole_browser`, and get
    Chromium itself, as do all where there is no shell.
    """

    def __init__(self, playwright: Playwright, program: Callable[..., str]) -> None:
        self._playwright, self._program = playwright, program
        self._running: dict[str, Browser] = {}

    async def started(self, whole: bool) -> Browser:
        path = self._program(*(() if whole else SHELLS), *CHROMIUMS)
        if path not in self._running:
            self._running[path] = await self._playwright.chromium.launch(
                executable_path=path,
                args=[*ARGUMENTS, "--use-fake-device-for-media-stream"],
                # People's browsers keep pages whole for going back; Playwright switches that off.
                ignore_default_args=["--disable-back-forward-cache"],
            )
        return self._running[path]

    async def close(self) -> None:
        for each in self._running.values():
            await each.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers(program: Callable[..., str]) -> AsyncIterator[Browsers]:
    async with async_playwright() as playwright:
        browsers = Browsers(playwright, program)
        try:
            yield browsers
        finally:
            await browsers.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(browsers: Browsers, request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """The browser, in which nothing is open; each context in it is a device of its own, and ends with the test."""
    browser = await browsers.started(whole=request.node.get_closest_marker("whole_browser") is not None)
    assert browser.contexts == []
    yield browser
    for context in browser.contexts:  # of a test that failed
        await context.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """One hub on a real store, and a clock that is moved by hand; a browser acts whom the town does not know."""
    async with Town(tmp_path, watched=True) as town:
        yield town


@pytest.fixture
def phone(browser: Browser) -> Phone:
    """Opens a page on a phone of its own; at its end, nothing was heard and nothing went wrong in it.

    What `before` does to the page is done before it is opened.
    """

    @asynccontextmanager
    async def opened(
        address: str, script: bool = True, before: Before | None = None, **options: Any
    ) -> AsyncIterator[Page]:
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
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        if before:
            await before(page)
        await page.goto(address)
        yield page
        if script and page.url.startswith(address.split("?")[0]):
            assert await page.evaluate("window.heard") == []
        assert faults == []
        await context.close()

    return opened


@pytest.fixture
def axe(node_modules: Path) -> str:
    """The script that finds what keeps people from using a page."""
    return (node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
