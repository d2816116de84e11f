"""Consoles that cost next to nothing, so that one process can play a whole district.

Raw sockets, and of each frame only what is measured is read. Consoles do what real ones do: they are ready, confirm
what they show, acknowledge, close. Never judges anything.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable
from time import monotonic
from typing import Any

STATION = "dadongmen"
_CONFIRM_S = 0.25
_READY_S = 10
_LOOK_S = 0.02
_KEY_BYTES = 16  # of a frame from its offset on: the offset, and the brace behind it
_KNOWN = 4096

Event = tuple[int, bytes, bool]
"""Of an event: offset, the alarm's id if this is its first, whether it closes the alarm."""


class Socket(asyncio.Protocol):
    """A WebSocket client that never looks at more than it must."""

    def __init__(self, url: str, path: str, headers: str = "", protocol: str = "dispatch.v1.json") -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        host = url.removeprefix("http://")
        headers += f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"{headers}\r\n"
        ).encode()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed_with: int | None = None
        self._transport: Any = None
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before it was opened"))
        self.lost()

    def lost(self) -> None:
        """The connection has ended, whoever ended it."""

    def data_received(self, data: bytes) -> None:
        now = monotonic()
        if self._rest:
            data = self._rest + data
        at = 0
        if not self.opened.done():
            at = data.find(b"\r\n\r\n") + 4
            if at == 3:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(data[:200].decode(errors="replace")))
                return
            self.opened.set_result(None)
        end = len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size > 125:  # a server's frames are not masked: the size is all that stands here
                wide = 2 if size == 126 else 8
                size, start = int.from_bytes(data[start : start + wide], "big"), start + wide
            if start + size > end:
                break
            kind = data[at] & 15
            if kind < 8:
                self.frame(data, start, start + size, now)
            elif kind == 8:
                self.closed_with = int.from_bytes(data[start : start + 2], "big")
            elif kind == 9:  # a ping has 125 bytes at most
                self._transport.write(bytes([0x8A, 0x80 | size]) + bytes(4) + data[start : start + size])
            at = start + size
        self._rest = data[at:]

    def frame(self, data: bytes, start: int, stop: int, now: float) -> None:
        """One message came at `now`: `data[start:stop]`."""
        raise NotImplementedError

    def send(self, message: dict[str, Any]) -> None:
        """Nothing when the connection has ended."""
        self.send_text(json.dumps(message).encode())

    def send_text(self, body: bytes) -> None:
        """The same, of JSON; less than 64 KiB."""
        if self._transport is None or self._transport.is_closing():
            return
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
        self._transport.write(b"\x81" + size + bytes(4) + body)  # masked with zeroes, which changes nothing

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Consoles:
    """What all consoles of a measurement have seen.

    `arrived` is called with (console, alarm id, instant) for each new alarm, `lost` with each console whose connection
    ended.
    """

    def __init__(
        self, arrived: Callable[[Console, bytes, float], None], lost: Callable[[Console], None] | None = None
    ) -> None:
        self.arrived = arrived
        self.lost = lost
        self.all: list[Console] = []
        self.frames = 0
        self.gaps = 0
        self.closed = 0  # alarms, as the first console heard of it
        self.faults: list[str] = []
        self.known: dict[bytes, dict[bytes, Event]] = {}  # of each station's stream: its latest events, as they begin

    async def open(self, url: str, cookies: list[str], station: str = STATION) -> list[Console]:
        """A console of `station` for each cookie: connected, subscribed, ready."""
        opened = []
        for number, cookie in enumerate(cookies, len(self.all)):
            console = Console(self, number, url, cookie, station)
            await console.connect()
            opened.append(console)
        self.all += opened
        for console in opened:
            console.subscribe()
        await asyncio.wait_for(asyncio.gather(*(console.subscribed for console in opened)), 30)
        for console in opened:
            console.ready()
        return opened

    def learn(self, known: dict[bytes, Event], rest: bytes) -> Event:
        """The event of a frame, from its offset on. All consoles of a station get the same: it is read once for all."""
        if len(known) > _KNOWN:
            known.clear()
        end = rest.index(b"}")
        alarm = b""
        if rest.find(b'"type":"alarm_raised"', end, end + 160) > 0:
            at = rest.index(b'"alarm":"', end) + 9
            alarm = rest[at : at + 36]
        event = int(rest[:end]), alarm, rest.find(b'"type":"alarm_closed"', end, end + 160) > 0
        known[rest[:_KEY_BYTES]] = event
        return event

    async def shut(self) -> None:
        self.faults += [f"a console was closed with {c.closed_with}" for c in self.all if c.closed_with]
        for console in self.all:
            console.stop()


class Console(Socket):
    """One officer's console, for as long as its connection lasts.

    Args:
        consoles: what all have seen.
        number: its own.
        url: of the hub.
        cookie: who its officer is.
        station: the officer's.
        after: the (epoch, offset) of a console that comes back.
        address: of this machine, to connect from; any without.
    """

    def __init__(
        self, consoles: Consoles, number: int, url: str, cookie: str, station: str = STATION,
        after: tuple[str, int] | None = None, address: str = "",
    ) -> None:  # fmt: skip
        super().__init__(url, "/ws/console", f"Origin: {url}\r\nCookie: {cookie}\r\n")
        self._consoles = consoles
        self._url = url
        self._from = (address, 0) if address else None
        self._count = 0
        self._head, self._head_size = b"\0", 1
        self._known: dict[bytes, Event] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.number = number
        self.counts_closed = number == 0  # one of a station does
        self.cookie = cookie
        self.station = station
        self.after = after
        self.epoch, self.last = after or ("", 0)
        self.recovered = False
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if after is not None:
            self._follow()

    async def connect(self) -> None:
        """Be connected, and let in.

        Raises:
            OSError: nobody listens, or it was closed again.
        """
        host, port = self._url.removeprefix("http://").split(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port), local_addr=self._from)
        await self.opened

    def subscribe(self) -> None:
        after = {self.station: {"epoch": self.epoch, "offset": self.last}} if self.after else {}
        self.send({"type": "subscribe", "ref": self.ref(), "after": after})

    def frame(self, data: bytes, start: int, stop: int, now: float) -> None:
        consoles = self._consoles
        if data.startswith(self._head, start):
            at = start + self._head_size
            known = self._known.get(data[at : at + _KEY_BYTES])
            offset, alarm, closed = known or consoles.learn(self._known, data[at:stop])
            consoles.frames += 1
            if offset != self.last + 1:
                consoles.gaps += 1
            self.last = offset
            if alarm:
                consoles.arrived(self, alarm, now)
            elif closed and self.counts_closed:
                consoles.closed += 1
            if "confirm" not in self._timers:
                self._later("confirm", _CONFIRM_S, self._confirm)
        elif data.startswith(b'{"type":"snapshot"', start):
            self._snapshot(json.loads(data[start:stop]), now)
        elif not self.subscribed.done() and data.startswith(b'{"type":"ok"', start):
            self.recovered = json.loads(data[start:stop])["recovered"][self.station]
            if self.recovered:
                self.subscribed.set_result(None)
        elif data.startswith(b'{"type":"error"', start):
            consoles.faults.append(data[start:stop].decode())

    def lost(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        if self._consoles.lost is not None:
            self._consoles.lost(self)

    def ref(self) -> str:
        self._count += 1
        return f"{self.number}-{self._count}"

    def ready(self) -> None:
        self.send({"type": "ready", "ref": self.ref(), "sound": True, "visible": True})
        self._later("ready", _READY_S, self.ready)

    def acknowledge(self, alarm: str, then_close_s: float) -> None:
        """Take the alarm, and close it so many seconds later."""
        self.send({"type": "ack", "ref": self.ref(), "alarm": alarm})
        close = {"type": "close", "alarm": alarm, "disposition": "test"}
        asyncio.get_running_loop().call_later(then_close_s, lambda: self.send({**close, "ref": self.ref()}))

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self.close()

    def _snapshot(self, snapshot: dict[str, Any], now: float) -> None:
        self.epoch, self.last = snapshot["position"]["epoch"], snapshot["position"]["offset"]
        self._follow()
        for alarm in snapshot["alarms"]:
            self._consoles.arrived(self, alarm["id"].encode(), now)
        if not self.subscribed.done():
            self.subscribed.set_result(None)

    def _follow(self) -> None:
        """Know the beginning of the frames that count."""
        self._head = b'{"type":"event","station":"%b","position":{"epoch":"%b","offset":' % (
            self.station.encode(), self.epoch.encode()
        )  # fmt: skip
        self._head_size = len(self._head)
        self._known = self._consoles.known.setdefault(self._head, {})

    def _confirm(self) -> None:
        del self._timers["confirm"]
        text = '{"type":"delivered","station":"%s","position":{"epoch":"%s","offset":%d}}'
        self.send_text((text % (self.station, self.epoch, self.last)).encode())

    def _later(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, what)


async def own_lateness(into: list[float]) -> None:
    """Until cancelled: by how much (ms) this process itself is late, which is then part of every figure."""
    while True:
        wanted = monotonic() + _LOOK_S
        await asyncio.sleep(_LOOK_S)
        into.append((monotonic() - wanted) * 1000)
