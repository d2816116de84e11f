"""The officer's and supervisor's socket: subscribe, commands, readiness, confirmations.

Every request gets exactly one answer, after its effect is stored. Rules are `lifecycle`'s, order and gaps `hub`'s;
here messages become commands.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from starlette.websockets import WebSocket

from dispatch.alarm import commands as c
from dispatch.alarm import errors
from dispatch.alarm import messages as m
from dispatch.alarm.clock import to_text
from dispatch.alarm.codec import MSGPACK, choose, decode
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Status
from dispatch.alarm.work import Work
from dispatch.fanout.admission import Admission
from dispatch.fanout.feed import Console, Frame
from dispatch.fanout.hub import Hub
from dispatch.fanout.receipts import Receipts
from dispatch.fanout.requests import Windows, to_command
from dispatch.fanout.session import Session
from dispatch.fanout.transport import DIRECT, Protocol
from dispatch.stream.alarms import Alarms
from dispatch.stream.answer import ok

log = structlog.get_logger()
_SENT_ON = "sent_on"
_WHY = {
    errors.GO_AWAY: _SENT_ON,
    errors.SILENT: "silent",
    errors.SLOW_CONSUMER: "slow",
    errors.SIGNED_OUT: "signed_out",
}
_IN_TURN = (m.Subscribe, m.Ready)
"""Of which thousands come at once: for these the sign-in is asked when it is their turn."""

Asked = Callable[[Actor, Any], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the console's socket is handed of the other stages.

    Args:
        alarms: where the alarms are.
        hub: this process's fan-out.
        receipts: confirmations.
        work: what goes on, and time.
        limits: by name, from the settings.
        stations: every station's id.
        ready: (station, officer, role, console) -> renew its readiness.
        lost: (station, officer, role, console, why) -> end it.
        send_on: (station, officer, role, console) -> let it come back to another hub.
        asked: message type -> (who, message) -> what the answer says; of what concerns no alarm.
        notices: what officers must know of the system itself, as a message.
        admission: to be recognised, to subscribe and to renew.
        heard: (officer, station or None for all) -> a console of theirs lives.
        windows: what may be done for some seconds only.
        version: of this hub.
    """

    alarms: Alarms
    hub: Hub
    receipts: Receipts
    work: Work
    limits: Mapping[str, int]
    stations: Collection[str]
    ready: Callable[[str, str, str, str], Awaitable[None]]
    lost: Callable[[str, str, str, str, str], Awaitable[None]]
    send_on: Callable[[str, str, str, str], Awaitable[None]]
    asked: Mapping[type[m.Message], Asked]
    notices: Callable[[], dict[str, Any]]
    admission: Admission
    heard: Callable[[str, str | None], Awaitable[None]]
    windows: Windows
    version: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in with which a connection was opened.

    Args:
        actor: whose it was then.
        holds: whether it is still theirs, with the same role and station; asked of the store.
        keep: (what ends it) -> what is called when it has ended by itself.
        used: told that its holder is at work: they act, or their console can ring.
    """

    actor: Actor
    holds: Callable[[], Awaitable[bool]]
    keep: Callable[[Callable[[], None]], Callable[[], None]]
    used: Callable[[], Awaitable[None]]


class ConsoleSocket:
    """One console's connection.

    Args:
        wire: the connection, accepted; already known to be signed in and from an allowed origin.
        packed: whether MessagePack is spoken.
        desk: the other stages.
        sign_in: with which it was opened, and with which it ends; asked for at whatever the console wants.
    """

    def __init__(self, wire: Protocol, packed: bool, desk: Desk, sign_in: SignIn) -> None:
        self._wire = wire
        self._actor = sign_in.actor
        self._desk = desk
        self._sign_in = sign_in
        session = Session(uuid.uuid4().hex[:12], sign_in.actor, desk.work.now())
        self._console = Console(session, wire, packed)
        self._ready_at: set[str] = set()  # stations at which this console counts as ready

    @classmethod
    async def open(cls, socket: WebSocket, desk: Desk, sign_in: SignIn) -> None:
        """Accept `socket` and leave it to its connection, which serves it when the application has returned."""
        chosen = choose(socket.scope["subprotocols"])
        wire: Protocol = socket.scope["extensions"][DIRECT]
        wire.known = True
        await socket.accept(subprotocol=chosen)
        wire.afterwards = cls(wire, chosen == MSGPACK, desk, sign_in).run

    async def run(self) -> None:
        """Serve the connection until it ends."""
        wire = self._wire
        wire.forget_request()
        wire.at_once = self._at_once
        why = "closed"
        work = self._desk.work
        release = self._sign_in.keep(self._signed_out)
        try:
            while True:
                frame = await work.outside(wire.receive())
                if frame["type"] == "websocket.disconnect":
                    why = _WHY.get(frame.get("code", 0), "closed")
                    return
                self._console.session.heard_at = self._desk.work.now()
                data = frame.get("bytes") if frame.get("bytes") is not None else frame.get("text")
                await self._receive(data if data is not None else b"")
        finally:
            release()
            wire.at_once = wire.afterwards = None
            self._desk.hub.detach(self._console)
            await self._not_ready(why)

    def _at_once(self, data: bytes) -> bool:
        """Take a `delivered` that wants no answer, in the very call that read it from the socket.

        The hot path of what consoles send: after each alarm every one of them confirms, and a queue, a task's turn and
        an await for each of a thousand would hold up the next alarm. All else, and what is wrong, goes the common way.
        """
        if b"delivered" not in data:
            return False
        try:
            members = decode(data, self._console.packed)
            if not isinstance(members, dict) or members.get("type") != "delivered" or "ref" in members:
                return False
            message = m.check(m.Delivered, members, self._desk.limits)
        except Refused:
            return False
        self._console.session.heard_at = self._desk.work.now()
        self._delivered(message)
        return True

    def _delivered(self, message: m.Delivered) -> None:
        """Answered when it is stored; without a `ref` only when it is not: a thousand need no thousand answers."""
        station, position = message.station, message.position
        confirmed: list[str] = []
        if position.epoch == self._desk.alarms.stream.epoch(station):
            confirmed = self._desk.hub.confirmed(self._console, station, position.offset)

        def stored(refused: Refused | None) -> None:
            try:
                if refused is not None:
                    raise refused
                answer = ok(self._desk.alarms.stream, message, {})
            except Refused as why:
                self._console.session.unconfirm(station, position.offset, confirmed)
                self._answer(why.answer(message.ref))
                return
            if message.ref is not None:
                self._answer(answer)

        self._desk.receipts.confirm(confirmed, self._actor.name, stored)

    async def _receive(self, data: bytes | str) -> None:
        ref: str | None = None
        try:
            members = decode(data, self._console.packed)
            given = members.get("ref") if isinstance(members, dict) else None
            ref = given[:64] if isinstance(given, str) else None
            message = m.check_typed(m.CONSOLE, members, self._desk.limits)
            if isinstance(message, m.Delivered):
                self._delivered(message)
                return
            if not isinstance(message, _IN_TURN) and not await self._sign_in.holds():
                self._signed_out()
                return
            if isinstance(message, m.Subscribe):
                await self._subscribe(message)
                return
            said = await self._handle(message)
            self._answer(ok(self._desk.alarms.stream, message, said))
        except Refused as refused:
            if refused.error is errors.UNDECODABLE:
                self._desk.hub.cut(self._console, errors.UNDECODABLE_FRAME, "undecodable")
                return
            self._answer(refused.answer(ref))

    async def _subscribe(self, message: m.Subscribe) -> None:
        allowed = [s for s in self._desk.stations if self._actor.station in (None, s)]
        wanted = tuple(dict.fromkeys(message.stations if message.stations is not None else allowed))
        for station in wanted:
            if station not in allowed:
                raise Refused(errors.NOT_ALLOWED, f"stations: {station!r} is not one of {', '.join(allowed)}")

        def hello(recovered: dict[str, bool]) -> Frame:
            who = {"name": self._actor.name, "role": self._actor.role, "station": self._actor.station}
            now = to_text(self._desk.work.now())
            said = {"recovered": recovered, "user": who, "now": now, "hub_version": self._desk.version}
            return Frame(orjson.dumps(ok(self._desk.alarms.stream, message, said)))

        after = {station: (at.epoch, at.offset) for station, at in message.after.items()}
        async with self._desk.admission.place():
            if not await self._sign_in.holds():
                self._signed_out()
                return
            await self._desk.heard(self._actor.name, self._actor.station)
            await self._desk.hub.attach(self._console, wanted, after, hello)
        self._desk.hub.send(self._console, self._desk.notices())

    async def _handle(self, message: Any) -> dict[str, Any]:
        match message:
            case m.Ready(sound=sound):
                async with self._desk.admission.place():
                    await self._readiness(sound)
                return {}
        await self._sign_in.used()
        match message:
            case m.OfAlarm(alarm=alarm_id) if type(message) not in self._desk.asked:
                return await self._command(alarm_id, message)
        return await self._desk.asked[type(message)](self._actor, message)

    async def _command(self, alarm_id: str, message: Any) -> dict[str, Any]:
        if isinstance(message, m.Transfer) and message.station not in self._desk.stations:
            raise Refused(errors.BAD_MESSAGE, f"station: must be one of {', '.join(self._desk.stations)}")
        command = to_command(message, self._actor, self._desk.work.now(), self._desk.windows)
        if isinstance(command, c.Ask):
            await self._room_for_question(alarm_id)
        key = f"{self._actor.name}:{message.ref}"
        outcome = await self._desk.alarms.handle(alarm_id, command, key=key)
        alarm = outcome.alarm
        if outcome.events:
            log.info("command_done", command=message.type, alarm=alarm_id, by=self._actor.name)
        owner = {"owner": alarm.owner} if alarm.owner and alarm.status is not Status.RAISED else {}
        return {"version": alarm.version, "status": alarm.status, **owner}

    async def _room_for_question(self, alarm_id: str) -> None:
        loaded = await self._desk.alarms.load(alarm_id)
        asked = len(loaded.alarm.tally.get("asked", ())) if loaded else 0
        if asked >= self._desk.limits["questions_per_alarm"]:
            raise Refused(errors.TOO_MANY, f"question: {asked} were asked already; that is the limit")

    async def _readiness(self, sound: bool) -> None:
        if not await self._sign_in.holds():
            self._signed_out()
            return
        await self._desk.heard(self._actor.name, self._actor.station)
        if not sound:
            await self._not_ready("sound_off")
            return
        await self._sign_in.used()
        for station in self._console.stations:
            self._ready_at.add(station)
            await self._desk.ready(station, self._actor.name, self._actor.role, self._console.session.id)

    def _signed_out(self) -> None:
        self._desk.hub.cut(self._console, errors.SIGNED_OUT, "signed out")

    async def _not_ready(self, why: str) -> None:
        who = (self._actor.name, self._actor.role, self._console.session.id)
        for station in sorted(self._ready_at):
            try:
                if why == _SENT_ON:
                    await self._desk.send_on(station, *who)
                else:
                    await self._desk.lost(station, *who, why)
            except Refused as refused:  # it lapses by itself, and any hub sees that
                log.warning("readiness_not_ended", station=station, code=refused.error.code)
        self._ready_at.clear()

    def _answer(self, message: dict[str, Any]) -> None:
        self._desk.hub.send(self._console, message)
