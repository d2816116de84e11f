"""WebKitGTK, as it is installed: its own driver speaks WebDriver (W3C), which is JSON over HTTP."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.engines.around import running
from tests.engines.screen import FREE, Screen
from tests.patience import PATIENCE_S

_LOOK_S = 0.1
"""A script that waits in a page is never answered when the page is replaced meanwhile: so it is asked anew."""
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""What an element is called in WebDriver, whatever the driver."""
_FIRST = "(what) => document.querySelector(what)"
# The driver tells nothing of what goes wrong in a page; so the page is asked to note it, from the first question on.
_FAULTS = """
    window.faults ??= (() => {
      const faults = [];
      addEventListener("error", (event) => faults.push(String(event.message)));
      addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
      return faults;
    })();
"""
_RUN = f"{_FAULTS} return (SCRIPT)(...arguments);"
_PASSING = {"no such element", "element not interactable", "element click intercepted", "stale element reference"}


class Told(Exception):
    """The driver answered with an error; `what` is the standard's name of it."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.what = what


class WebKitScreen(Screen):
    """A session of the driver: a browser of its own with one window."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._path = ""

    async def begins(self, browser: list[str], width: int, height: int) -> None:
        options = {"args": browser}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        told = await self._asks("POST", "/session", capabilities=wanted)
        self._path = f"/session/{told['sessionId']}"
        await self._asks("POST", "/timeouts", pageLoad=PATIENCE_S * 1000, implicit=0)
        await self._sizes(width, height)

    async def _sizes(self, width: int, height: int) -> None:
        """The page, not the window, has this size."""
        await self._asks("POST", "/window/rect", width=width, height=height)
        inner = await self.runs("() => [innerWidth, innerHeight]")
        await self._asks("POST", "/window/rect", width=2 * width - inner[0], height=2 * height - inner[1])

    async def ends(self) -> None:
        if self._path:
            await self._asks("DELETE", "")

    @property
    async def faults(self) -> list[str]:
        return list(await self.runs("() => window.faults"))

    async def goes(self, address: str) -> None:
        assert await self.faults == []
        await self._asks("POST", "/url", url=address)

    async def presses(self, what: str) -> None:
        async def press() -> None:
            await self._asks("POST", f"/element/{await self._one(FREE, what)}/click")

        await self._again(press, what)

    async def writes(self, where: str, words: str) -> None:
        async def write() -> None:
            await self._asks("POST", f"/element/{await self._one(FREE, where)}/value", text=words)

        await self._again(write, where)

    async def hands(self, where: str, file: Path) -> None:
        async def hand() -> None:
            await self._asks("POST", f"/element/{await self._one(_FIRST, where)}/value", text=str(file))

        await self._again(hand, where)

    async def runs(self, script: str, *arguments: Any) -> Any:
        return await self._asks("POST", "/execute/sync", script=_RUN.replace("SCRIPT", script), args=list(arguments))

    async def until(self, script: str, *arguments: Any) -> None:
        async def look() -> None:
            if not await self.runs(script, *arguments):
                raise Told("no such element", "not yet")

        await self._again(look, f"{script} of {arguments}", "javascript error", "no such frame")

    async def only(self) -> bool:
        mine, all_of_them = await self._asks("GET", "/window"), await self._asks("GET", "/window/handles")
        for other in all_of_them:
            if other != mine:
                await self._asks("POST", "/window", handle=other)
                await self._asks("DELETE", "/window")
        await self._asks("POST", "/window", handle=mine)
        return bool(all_of_them == [mine])

    async def picture(self, path: Path) -> None:
        told = await self._asks("GET", "/screenshot")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(told))

    async def _one(self, script: str, what: str) -> str:
        found = await self.runs(script, what)
        if found is None:
            raise Told("no such element", what)
        return str(found[_ELEMENT])

    async def _again(self, does: Callable[[], Awaitable[None]], what: str, *passing: str) -> None:
        """Until it works: what is not there, or is covered, may still come."""
        last: Told | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        return await does()
                    except Told as told:
                        last = told
                        if told.what not in _PASSING | {*passing}:
                            raise
                    await asyncio.sleep(_LOOK_S)
        except (TimeoutError, Told) as late:
            there = await self.runs("() => [location.href, document.body.innerText, window.faults]")
            raise AssertionError(f"never: {what}; {last}; {there}") from late

    async def _asks(self, method: str, path: str, **body: Any) -> Any:
        answer = await self._http.request(method, self._path + path, json=body if method == "POST" else None)
        value = answer.json()["value"]
        if answer.is_error:
            raise Told(value["error"], value["message"])
        return value


class WebKit:
    """WebKitGTK's driver; it has one session, so each device has a driver of its own."""

    def __init__(self, driver: str, env: dict[str, str], features: str = "MockCaptureDevices") -> None:
        self._driver, self._env = driver, env
        self._browser = ["--automation", f"--features={features}"]

    @asynccontextmanager
    async def opens(self, width: int, height: int) -> AsyncIterator[Screen]:
        port = _free_port()
        address = f"http://127.0.0.1:{port}"
        with running(self._driver, f"--port={port}", env=self._env):
            async with httpx.AsyncClient(base_url=address, timeout=2 * PATIENCE_S, verify=False) as http:
                await _answers(http)
                screen = WebKitScreen(http)
                try:
                    await screen.begins(self._browser, width, height)
                    yield screen
                    assert await screen.faults == []
                finally:
                    await screen.ends()


def _free_port() -> int:
    """The driver takes no socket that is open already, and tells no port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def _answers(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await http.get("/status")
                return
            except httpx.TransportError:
                await asyncio.sleep(_LOOK_S)
