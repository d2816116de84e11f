"""The helper's socket: on watch or off it, the calls that are theirs, and what they say to them.

Says what the alarms are now, read from the store after each change; nothing is queued, so coming back is enough.
Never sends anything of an alarm but `calls.call`; that the exact place is shown is stored before it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from dispatch.alarm import commands as c
from dispatch.alarm import errors, helping
from dispatch.alarm import messages as m
from dispatch.alarm.clock import to_text
from dispatch.alarm.codec import JSON, decode, encode
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work, end
from dispatch.nearby import calls
from dispatch.nearby.calls import Ground
from dispatch.nearby.places import Places
from dispatch.stream.alarms import Alarms
from dispatch.stream.answer import ok

log = structlog.get_logger()
_LOOK_AGAIN = timedelta(seconds=1)

Told = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a helper's socket is handed.

    Args:
        alarms: where the alarms are.
        places: where helpers on watch are.
        ground: what must be known of places and stations.
        work: what goes on, and time.
        limits: by name, from the settings.
        beat_s: seconds between beats.
        follow: (station, told) -> what ends it; `told` gets each of its events, {} when some may have been missed.
        lives: whether the store answers.
        kind: (helper) -> guard, grid worker, volunteer or None.
    """

    alarms: Alarms
    places: Places
    ground: Ground
    work: Work
    limits: Mapping[str, int]
    beat_s: float
    follow: Callable[[str, Told], Awaitable[Callable[[], None]]]
    lives: Callable[[], bool]
    kind: Callable[[str], Awaitable[str | None]]


class HelperSocket:
    """One helper's connection.

    Args:
        socket: accepted here; already known to be a helper's, from an allowed origin.
        actor: who.
        post: the other stages.
        alive: whether the sign-in still holds; asked at whatever the helper says. Who ends it closes the socket.
    """

    def __init__(self, socket: WebSocket, actor: Actor, post: Post, alive: Callable[[], Awaitable[bool]]) -> None:
        self._socket = socket
        self._actor = actor
        self._name, self._station = actor.name, str(actor.station)
        self._post = post
        self._alive = alive
        self._kind: str | None = None
        self._here: Mapping[str, Any] | None = None  # the helper's own place, as long as they are on watch
        self._alarms: dict[str, str] = {}  # call -> alarm, of all that this connection ever showed
        self._open: set[str] = set()  # alarms to look at
        self._shown: bytes = b""
        self._changed = post.work.bell()

    async def run(self) -> None:
        """Serve the connection until it ends."""
        await self._socket.accept(subprotocol=JSON if JSON in self._socket.scope["subprotocols"] else None)
        async with AsyncExitStack() as ends:
            try:
                ends.callback(await self._post.follow(self._station, self._told))
                await self._greet()
                await self._look()
                work = self._post.work
                parts = {"reads": self._read(), "beats": self._beats(), "push": self._push()}
                tasks = [work.spawn(each, f"helper {name}") for name, each in parts.items()]
                ends.push_async_callback(end, tasks)
                ended, _ = await work.outside(asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))
                for task in ended:
                    task.result()  # whichever of them cannot go on, the helper must not be left with old calls
            except Refused:  # the store does not answer
                with suppress(WebSocketDisconnected, OSError):
                    await self._socket.close(errors.GO_AWAY, "come back")
            except (WebSocketDisconnect, WebSocketDisconnected, OSError):
                return

    async def _read(self) -> None:
        while (frame := await self._post.work.outside(self._socket.receive()))["type"] != "websocket.disconnect":
            data = frame.get("bytes") if frame.get("bytes") is not None else frame.get("text")
            await self._receive(data if data is not None else b"")

    # -- from the helper ---------------------------------------------------------------------------------------

    async def _receive(self, data: bytes | str) -> None:
        ref: str | None = None
        try:
            members = decode(data, packed=False)
            given = members.get("ref") if isinstance(members, dict) else None
            ref = given[:64] if isinstance(given, str) else None
            message = m.check_typed(m.HELPER, members, self._post.limits)
            said = await self._handle(message)
            await self._send(ok(self._post.alarms.stream, message, said))
        except Refused as refused:
            if refused.error is errors.UNDECODABLE:
                await self._close(errors.UNDECODABLE_FRAME, "undecodable")
            await self._send(refused.answer(ref))

    async def _handle(self, message: Any) -> dict[str, Any]:
        if not await self._alive():
            await self._close(errors.SIGNED_OUT, "signed out")
        match message:
            case m.Watch():
                return await self._watch(message)
            case m.SawCall():
                command: c.OfHelper = c.SeeCall(helper=self._actor)
            case m.Accept():
                command = c.AcceptCall(helper=self._actor)
            case m.Decline(why=why):
                command = c.DeclineCall(helper=self._actor, why=why)
            case _:
                command = c.FinishCall(helper=self._actor)
        alarm_id = self._alarms.get(message.call)
        if alarm_id is None:
            raise helping.no_such_call()
        outcome = await self._post.alarms.handle(alarm_id, command, key=f"{self._name}:{message.ref}")
        log.info("helper_answered", answer=message.type, alarm=alarm_id, by=self._name)
        return {"state": outcome.alarm.helpers[self._name]["state"]}

    async def _watch(self, message: m.Watch) -> dict[str, Any]:
        self._changed.ring()  # distances change
        if not message.on:
            self._here = None
            await self._post.places.end(self._station, self._name)
            return {"on": False}
        self._here = None if message.position is None else message.position.model_dump(exclude_none=True)
        sharer = await self._post.places.share(self._station, self._name, "helper", self._kind, self._here)
        sent = {"sent_at": to_text(sharer.at)} if self._here is not None else {}
        return {"on": True, "until": to_text(sharer.until), **sent}

    # -- to the helper -----------------------------------------------------------------------------------------

    async def _greet(self) -> None:
        self._kind = await self._post.kind(self._name)
        sharer = await self._post.places.one(self._station, self._name)
        self._here = sharer.position if sharer else None
        await self._send({
            "type": "hello", "now": to_text(self._post.work.now()), "name": self._name, "kind": self._kind,
            "station": self._post.ground.station_name(self._station), "on": sharer is not None,
            "sent_at": to_text(sharer.at) if sharer and sharer.position else None,
            "until": to_text(sharer.until) if sharer else None, "coarse_m": self._post.ground.coarse_m,
        })  # fmt: skip

    def _told(self, members: dict[str, Any]) -> None:
        """An event of the station: mine when it changes what I was called to, or calls me."""
        if not members:
            self._open.add("")  # some may have been missed: look at all
        elif self._name in (members.get("changes") or {}).get("helpers", {}):
            self._open.add(members["alarm"])
        elif members["alarm"] not in self._open:
            return
        self._changed.ring()

    async def _look(self) -> None:
        """See which of the station's open alarms are mine."""
        found = await self._post.alarms.stream.open_snapshots(self._station)
        mine = (each for each in map(orjson.loads, found) if self._name in each.get("helpers", ()))
        self._open.discard("")
        self._open.update(each["id"] for each in mine)
        self._changed.ring()

    async def _push(self) -> None:
        """After each change: all calls as they are now, when that differs from what was shown."""
        while True:
            await self._changed.wait()
            try:
                if "" in self._open:
                    await self._look()
                found = {alarm_id: await self._call(alarm_id) for alarm_id in sorted(self._open)}
            except Refused:  # the store is away: look again until it is back
                await self._post.work.sleep_until(self._post.work.now() + _LOOK_AGAIN)
                self._changed.ring()
                continue
            mine = sorted((each for each in found.values() if each), key=lambda each: str(each["called_at"]))
            self._open.difference_update(alarm_id for alarm_id, each in found.items() if each is None)
            message = {"type": "calls", "calls": mine}
            if (data := encode(message, packed=False)) != self._shown:
                self._shown = data
                await self._send(message)

    async def _call(self, alarm_id: str) -> dict[str, Any] | None:
        loaded = await self._post.alarms.load(alarm_id)
        if loaded is None:
            return None
        alarm = loaded.alarm
        if calls.shows_place(alarm, self._name) and "shown_at" not in alarm.helpers[self._name]:
            alarm = (await self._post.alarms.handle(alarm_id, c.ShowPlace(helper=self._actor))).alarm
            self._post.alarms.stream.vouch()
        self._alarms[calls.handle(alarm_id, self._name)] = alarm_id
        return calls.call(alarm, self._name, self._here, self._post.ground)

    async def _beats(self) -> None:
        while True:
            now = self._post.work.now()
            if self._post.lives():
                await self._send({"type": "beat", "at": to_text(now)})
            await self._post.work.sleep_until(now + timedelta(seconds=self._post.beat_s))

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(encode(message, packed=False).decode())

    async def _close(self, code: int, why: str) -> NoReturn:
        await self._socket.close(code, why)
        raise WebSocketDisconnect(code, why)
