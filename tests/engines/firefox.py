"""Firefox, as it is installed: it speaks WebDriver BiDi (W3C) itself, which is JSON over a WebSocket."""

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from tests.engines.screen import FREE, Screen
from tests.patience import PATIENCE_S

HERE = {"latitude": 41.80312, "longitude": 123.46587, "accuracy": 18}
PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "media.navigator.permission.disabled": True,  # nobody is there to be asked
    "media.navigator.streams.fake": True,
    "network.protocol-handler.external-default": False,
}
_LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_LOOK_S = 0.05
_UNTIL = f"""async (...all) => {{
  for (;;) {{
    const found = (SCRIPT)(...all);
    if (found) return found;
    await new Promise((go) => setTimeout(go, {int(_LOOK_S * 1000)}));
  }}
}}"""
_FIRST = "(what) => document.querySelector(what)"


class Told(Exception):
    """The browser answered with an error; `what` is the standard's name of it."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(f"{answer['error']}: {answer['message']}")
        self.what = str(answer["error"])


class Line:
    """The one connection to a browser: who asks waits for the answer, and what the browser tells meanwhile is kept."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._asked = 0
        self.faults: list[tuple[str, str]] = []
        """The window in which something went wrong, and what."""

    async def asks(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        mine = self._asked
        await self._socket.send(json.dumps({"id": mine, "method": method, "params": params}))
        while True:
            told = json.loads(await self._socket.recv())
            if told.get("method") == "log.entryAdded" and told["params"]["type"] == "javascript":
                self._note(told["params"])
            if told.get("id") == mine:
                if told["type"] == "error":
                    raise Told(told)
                return dict(told["result"])

    def _note(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            self.faults.append((str(entry["source"].get("context")), str(entry["text"])))


class FirefoxScreen(Screen):
    """A window of a device of its own.

    Args:
        line: to the browser.
        device: what the browser calls it.
        window: likewise.
    """

    def __init__(self, line: Line, device: str, window: str) -> None:
        self._line, self._device, self._window = line, device, window

    @property
    def faults(self) -> list[str]:
        return [text for window, text in self._line.faults if window == self._window]

    async def goes(self, address: str) -> None:
        parts = urlsplit(address)
        await self._line.asks(
            "permissions.setPermission", descriptor={"name": "geolocation"}, state="granted",
            origin=f"{parts.scheme}://{parts.netloc}", userContext=self._device,
        )  # fmt: skip
        await self._line.asks("browsingContext.navigate", context=self._window, url=address, wait="complete")

    async def presses(self, what: str) -> None:
        element = await self._waits_for(FREE, what)
        await self._acts(
            type="pointer", id="mouse", actions=[
                {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": element}},
                {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0},
            ],
        )  # fmt: skip

    async def writes(self, where: str, words: str) -> None:
        await self.presses(where)
        strokes = [{"type": kind, "value": letter} for letter in words for kind in ("keyDown", "keyUp")]
        await self._acts(type="key", id="keyboard", actions=strokes)

    async def hands(self, where: str, file: Path) -> None:
        element = await self._waits_for(_FIRST, where)
        await self._line.asks("input.setFiles", context=self._window, element=element, files=[str(file)])

    async def runs(self, script: str, *arguments: Any) -> Any:
        told = await self._calls(f"(...all) => JSON.stringify(({script})(...all) ?? null)", arguments)
        return json.loads(told["value"])

    async def until(self, script: str, *arguments: Any) -> None:
        await self._waits_for(f"(...all) => !!({script})(...all)", *arguments)

    async def only(self) -> bool:
        tree = await self._line.asks("browsingContext.getTree", maxDepth=0)
        others = [one["context"] for one in tree["contexts"] if one["userContext"] == self._device]
        others.remove(self._window)
        for other in others:
            await self._line.asks("browsingContext.close", context=other)
        return not others

    async def picture(self, path: Path) -> None:
        told = await self._line.asks("browsingContext.captureScreenshot", context=self._window)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(told["data"]))

    async def _waits_for(self, script: str, *arguments: Any) -> dict[str, Any]:
        """What the function gives once it is something; the page may be another one meanwhile."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    with suppress(Told):  # the page that was asked is gone
                        return await self._calls(_UNTIL.replace("SCRIPT", script), arguments)
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as late:
            there = await self.runs("() => [location.href, document.body.innerText]")
            raise AssertionError(f"never: {script} of {arguments}; {there}; {self.faults}") from late

    async def _calls(self, script: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
        told = await self._line.asks(
            "script.callFunction", functionDeclaration=script, awaitPromise=True, target={"context": self._window},
            arguments=[{"type": "string" if isinstance(one, str) else "number", "value": one} for one in arguments],
        )  # fmt: skip
        if told["type"] == "exception":
            raise AssertionError(f"{script} of {arguments}: {told['exceptionDetails']['text']}")
        return dict(told["result"])

    async def _acts(self, **source: Any) -> None:
        await self._line.asks("input.performActions", context=self._window, actions=[source])


class Firefox:
    """One running Firefox; each device is a user context of it, as its "containers" are."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @asynccontextmanager
    async def opens(self, width: int, height: int) -> AsyncIterator[Screen]:
        device = (await self._line.asks("browser.createUserContext"))["userContext"]
        await self._line.asks("emulation.setGeolocationOverride", coordinates=HERE, userContexts=[device])
        window = (await self._line.asks("browsingContext.create", type="window", userContext=device))["context"]
        await self._line.asks(
            "browsingContext.setViewport", context=window, viewport={"width": width, "height": height}
        )
        screen = FirefoxScreen(self._line, device, window)
        yield screen
        assert screen.faults == []
        await self._line.asks("browser.removeUserContext", userContext=device)


@asynccontextmanager
async def firefox(program: str, env: dict[str, str], folder: Path) -> AsyncIterator[Firefox]:
    """Firefox without its windows, with a new profile in `folder`."""
    process = _starts(program, env, folder)
    try:
        address = await asyncio.to_thread(_listens, process)
        async with connect(f"{address}/session", max_size=None, ping_interval=None) as socket:
            line = Line(socket)
            await line.asks("session.new", capabilities={})
            await line.asks("session.subscribe", events=["log.entryAdded"])
            yield Firefox(line)
            await line.asks("browser.close")
    finally:
        process.terminate()
        with process:
            process.communicate()


def _starts(program: str, env: dict[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    folder.mkdir()
    told = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    (folder / "user.js").write_text(told)
    command = [program, "--headless", "--remote-debugging-port=0", "--no-remote", "--profile", str(folder)]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _listens(process: "subprocess.Popen[bytes]") -> str:
    """Where it is spoken to, as it says when it can be."""
    assert process.stderr is not None
    said = b""
    for line in process.stderr:
        if found := _LISTENS.search(line):
            return found[1].decode()
        said += line
    raise AssertionError(f"Firefox did not start: {said.decode()}")
