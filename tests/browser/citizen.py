"""What tests do with the citizen's page: find its controls, open it, raise an alarm, look for what it left behind."""

import asyncio
import re

from playwright.async_api import Page, WebSocket, expect

from tests.browser.conftest import Before
from tests.flow.people import Officer
from tests.patience import PATIENCE_S

RECEIPT = "#receipt:not([hidden])"

_LEFT = """async () => [
  ...Object.keys(localStorage), ...Object.keys(sessionStorage), ...(document.cookie ? [document.cookie] : []),
  ...(await indexedDB.databases()).map((base) => base.name), ...(await caches.keys()),
  ...(await navigator.serviceWorker.getRegistrations()).map((one) => one.scope),
]"""


def act(name: str) -> str:
    return f'[data-act="{name}"]'


def rung(step: str) -> str:
    return f'#ladder [data-step="{step}"].reached'


async def opens(page: Page, whole: bool = False) -> None:
    """Wait until the modules have taken the served form over; `whole`: and nothing more is on its way, as words are."""
    await page.wait_for_selector("html.js")
    if whole:
        await page.wait_for_load_state("networkidle")


async def raises(page: Page, text: str = "") -> str:
    """Send the alarm; its receipt code."""
    await opens(page)
    if text:
        await page.fill("#raise textarea", text)
    await page.click(act("raise"))
    await page.wait_for_selector(RECEIPT)
    return await page.inner_text("#code")


def sockets_of(into: list[WebSocket]) -> Before:
    """Before a page is opened: have every socket that it opens noted, before anything is on it."""

    async def listens(page: Page) -> None:
        page.on("websocket", lambda socket: into.append(socket))

    return listens


async def without_sockets(page: Page) -> None:
    """Before a page is opened: WebSockets are blocked for it."""
    await page.add_init_script("WebSocket = class { close() {} }; WebSocket.CONNECTING = 0;")


async def timed(page: Page) -> None:
    """Before a page is opened: the test can move its time on (`page.clock`), which goes on by itself as well."""
    await page.clock.install()


async def left_behind(page: Page) -> list[str]:
    """The names of everything that the page left on the device: storage, databases, caches, workers, cookies."""
    names: list[str] = await page.evaluate(_LEFT)
    return names


async def leaves_nothing(page: Page) -> None:
    """What the page drops is gone as soon as the browser has done it; fails when something stays."""
    found = await left_behind(page)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while found:
                found = await left_behind(page)
    except TimeoutError:
        raise AssertionError(f"left on the device: {found}") from None


async def first_alarm(officer: Officer) -> str:
    """Wait until the officer's console has an alarm; its id. There is no other."""
    async with asyncio.timeout(PATIENCE_S):
        while not officer.alarms:
            await asyncio.sleep(0)
    [alarm] = officer.alarms
    return alarm


async def alarm_with(officer: Officer, code: str) -> str:
    """Wait until the officer's console has the alarm with this receipt code; its id."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := [alarm["id"] for alarm in officer.alarms.values() if alarm["code"] == code]):
            await asyncio.sleep(0)
    return str(found[0])


async def elsewhere(page: Page) -> None:
    """The neutral page that the exit leads to answers without a network."""
    await page.context.route(
        re.compile(r"^https://"), lambda route: route.fulfill(body="elsewhere", content_type="text/html")
    )


async def left(page: Page) -> None:
    """Wait until the neutral page is there."""
    await page.wait_for_url(re.compile(r"^https://"))
    await expect(page.locator("body")).to_have_text("elsewhere")
