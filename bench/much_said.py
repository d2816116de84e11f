"""`python -m bench.much_said`: a console on 400 kB/s, where 20 MB of words stand in open alarms: when is it live?

The words are sent first; then a console opens over a line of that rate, while a new alarm comes every second. Exit
status 1 when it was cut, or had not listed all and shown a new alarm within `--within-s`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.citizens import ByHttp
from bench.hub import Hub, memory_bytes, serving
from bench.real import People
from bench.report import head, line, machine

_TEXT = "他还在门外，我不敢出声。" * 330
"""11,880 bytes, 3,960 characters: about the longest that one text may be."""
_OF_ONE = 170
"""Texts of one alarm: with these its own limit is reached."""
_MOST_S = 120.0
_SPEAKS_S = 9.0


async def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.much_said", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bytes", type=int, default=20_000_000, help="of words in open alarms (20,000,000)")
    parser.add_argument("--per-s", type=int, default=400_000, help="bytes a second of the console's line (400,000)")
    parser.add_argument("--within-s", type=float, default=10, help="it must be live within (10)")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(about, f"{chosen.bytes / 1e6:g} MB of open words, a console on {chosen.per_s / 1e3:g} kB/s")
    with serving(chosen.data) as hub:
        alarms = await _say(hub, chosen.bytes)
        people = People(hub, 1.0, lambda _: ByHttp(), memory_bytes)
        cookie = await people.signs_in("V01")
        pressing = asyncio.create_task(people.press())
        found = await Slow(hub, cookie, chosen.per_s).opens(alarms, people.alarms.get)
        pressing.cancel()
        found["hub_mib"] = people.most_bytes / 2**20
    print(f"{len(alarms)} alarms listed after {found['listed_s']:.1f} s, a new alarm after {found['live_s']:.1f} s"
          f" ({found['late_s']:.1f} s after its press), all words after {found['whole_s']:.1f} s; cut: {found['cut']};"
          f" {found['bytes'] / 1e6:.1f} MB; hub at most {found['hub_mib']:.0f} MiB")  # fmt: skip
    if chosen.json:
        line(about, vars(chosen), found)
    late = max(found["listed_s"], found["live_s"]) > chosen.within_s
    return 1 if late or found["cut"] else 0


async def _say(hub: Hub, size: int) -> set[str]:
    """Alarms in which so many bytes were said."""
    count = -(-size // (len(_TEXT.encode()) * _OF_ONE))
    alarms = {str(uuid.uuid4()): uuid.uuid4().hex for _ in range(count)}
    async with httpx.AsyncClient(base_url=hub.url) as http:

        async def one(alarm: str, secret: str) -> None:
            heads = {"authorization": f"Bearer {secret}"}
            (await http.post("/alarms", json={"id": alarm, "secret": secret})).raise_for_status()
            for _ in range(_OF_ONE):
                said = {"ref": str(uuid.uuid4()), "text": _TEXT}
                (await http.post(f"/alarms/{alarm}/say", json=said, headers=heads)).raise_for_status()

        await asyncio.gather(*(one(*each) for each in alarms.items()))
    return set(alarms)


class Slow:
    """A console that takes what it is sent at the rate of its line."""

    def __init__(self, hub: Hub, cookie: str, per_s: int) -> None:
        self._hub, self._cookie, self._per_s = hub, cookie, per_s

    async def opens(self, alarms: set[str], pressed: Callable[[str], float | None]) -> dict[str, Any]:
        """What it was shown when, in seconds from its first byte."""
        found: dict[str, Any] = {"cut": "", "bytes": 0}
        listed, whole = set[str](), set[str]()
        link = connect(
            self._hub.url.replace("http", "ws", 1) + "/ws/console", subprotocols=["dispatch.v1.json"],  # type: ignore[list-item]
            origin=self._hub.url, additional_headers={"cookie": self._cookie}, max_size=None, max_queue=1, proxy=None,  # type: ignore[arg-type]
            ping_interval=4, sock=self._socket(), compression=None,
        )  # fmt: skip
        began = monotonic()
        async with link as socket_:
            await socket_.send(json.dumps({"type": "subscribe", "ref": "1", "after": {}}))
            speaking = asyncio.create_task(_speak(socket_))
            try:
                async with asyncio.timeout(_MOST_S):
                    async for text in socket_:
                        found["bytes"] += len(text.encode() if isinstance(text, str) else text)
                        message = json.loads(text)
                        listed |= {one["id"] for one in message.get("alarms", [])} & alarms
                        if listed == alarms:
                            found.setdefault("listed_s", monotonic() - began)
                        if message["type"] == "story" and message.get("whole"):
                            whole.add(message["alarm"])
                        at = pressed(message.get("alarm") or "")
                        if at is not None and at > began and "live_s" not in found:
                            found |= {"live_s": monotonic() - began, "late_s": monotonic() - at}
                        if alarms <= whole and "live_s" in found:
                            found["whole_s"] = monotonic() - began
                            break
                        ahead = found["bytes"] / self._per_s - (monotonic() - began)
                        await asyncio.sleep(max(0.0, ahead))
                    else:
                        found["cut"] = f"{socket_.close_code} {socket_.close_reason}"
            except TimeoutError:
                found["cut"] = f"not whole within {_MOST_S:g} s"
            except ConnectionClosed as fault:
                found["cut"] = str(fault)
            speaking.cancel()
        return {"listed_s": _MOST_S, "live_s": _MOST_S, "late_s": _MOST_S, "whole_s": _MOST_S} | found

    def _socket(self) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        host, port = self._hub.url.removeprefix("http://").split(":")
        made.connect((host, int(port)))
        return made


async def _speak(link: ClientConnection) -> None:
    """Say again and again that it can sound, as a console does: a silent one is cut."""
    while True:
        await link.send(json.dumps({"type": "ready", "ref": str(uuid.uuid4()), "sound": True, "visible": True}))
        await asyncio.sleep(_SPEAKS_S)


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
