"""Intake over a WebSocket: the citizen's page raises or resumes its alarm and is told what becomes of it.

The answer to `raise` is the receipt, given when it is stored. What is pushed is read from the store after each event,
so a slow page gets the latest truth and nothing piles up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from dispatch.alarm import errors
from dispatch.alarm import messages as m
from dispatch.alarm.clock import to_text
from dispatch.alarm.codec import MSGPACK, choose, decode, encode
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work, end
from dispatch.intake.citizens import Citizens
from dispatch.intake.understand import Understood, understand
from dispatch.stream.answer import ok

PutChunk = Callable[[str, str, int, bytes, str | None, str], Awaitable[None]]
"""(alarm, media, seq, data, kind, mime) -> stored."""

EndMedia = Callable[[str, str, int, str | None], Awaitable[None]]
"""(alarm, media, chunks, sha256) -> all of it is stored."""

_LOOK_AGAIN = timedelta(seconds=1)


class CitizenSocket:
    """One citizen's connection.

    Args:
        socket: accepted here.
        citizens: what can be done.
        put_chunk: stores media.
        end_media: finishes media.
        work: what goes on, and time.
        beat_s: seconds between beats.
        sender: what is known of where it comes from.
        known: called once the citizen has an alarm: the connection stays however many come.
    """

    def __init__(self, socket: WebSocket, citizens: Citizens, put_chunk: PutChunk, end_media: EndMedia,
                 work: Work, beat_s: float, sender: str, known: Callable[[], None]) -> None:  # fmt: skip
        self._socket = socket
        self._citizens = citizens
        self._put_chunk = put_chunk
        self._end_media = end_media
        self._work = work
        self._beat = timedelta(seconds=beat_s)
        self._known = known
        self._sender = sender
        self._packed = False
        self._alarm: tuple[str, str] | None = None  # id and secret, once raised or resumed
        self._told = 0  # version up to which the talk was pushed
        self._shown: dict[str, Any] = {}
        self._changed = work.bell()
        self._unfollow: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Serve the connection until it ends."""
        chosen = choose(self._socket.scope["subprotocols"])
        self._packed = chosen == MSGPACK
        await self._socket.accept(subprotocol=chosen)
        tasks = [self._work.spawn(self._beats(), "citizen beats"), self._work.spawn(self._push(), "citizen push")]
        try:
            while True:
                frame = await self._socket.receive()
                if frame["type"] == "websocket.disconnect":
                    return
                data = frame.get("bytes") if frame.get("bytes") is not None else frame.get("text")
                await self._receive(data if data is not None else b"")
        except (WebSocketDisconnect, WebSocketDisconnected, OSError):
            return
        finally:
            self._unfollow()
            await end(tasks)

    async def _receive(self, data: bytes | str) -> None:
        ref: str | None = None
        try:
            members = decode(data, self._packed)
            given = members.get("ref") if isinstance(members, dict) else None
            ref = given[:64] if isinstance(given, str) else None
            if isinstance(members, dict) and members.get("type") == "raise":
                raised = understand(m.Raise, members, self._citizens.limits)
                message, said = raised.body, await self._raise(raised)
            else:
                message = m.check_typed(m.CITIZEN, members, self._citizens.limits)
                said = await self._handle(message)
            await self._send(ok(self._citizens.stream, message, said))
            if isinstance(message, m.Raise | m.Resume):
                self._known()
                await self._follow()
        except Refused as refused:
            if refused.error is errors.UNDECODABLE:
                await self._socket.close(errors.UNDECODABLE_FRAME, refused.message)
                raise WebSocketDisconnect(errors.UNDECODABLE_FRAME) from None
            await self._send(refused.answer(ref))

    async def _raise(self, said: Understood[m.Raise]) -> dict[str, Any]:
        receipt, _ = await self._citizens.raise_alarm(said, "web", self._sender)
        self._alarm, self._told = (said.body.id, said.body.secret), 0
        return receipt

    async def _handle(self, message: Any) -> dict[str, Any]:
        citizens = self._citizens
        if isinstance(message, m.Resume):
            loaded = await citizens.authorise(message.id, message.secret)
            self._alarm, self._told = (message.id, message.secret), loaded.alarm.version
            return await citizens.view(loaded.alarm, message.after)
        if self._alarm is None:
            raise Refused(errors.NOT_POSSIBLE, "raise or resume an alarm first", possible=["raise", "resume"])
        alarm_id, secret = self._alarm
        match message:
            case m.MediaChunk():
                said = (message.kind, message.mime or "")
                await self._put_chunk(alarm_id, message.media, message.seq, message.data, *said)
                return {}
            case m.MediaEnd():
                await self._end_media(alarm_id, message.media, message.chunks, message.sha256)
                return {}
        loaded = await citizens.authorise(alarm_id, secret)
        match message:
            case m.CitizenSays():
                return {"version": await citizens.say(loaded, message)}
            case m.AnswerQuestion():
                return {"version": await citizens.answer(loaded, message)}
            case m.ReportPosition():
                return {"version": await citizens.report(loaded, message.position)}
            case m.Heard():
                return await citizens.heard(loaded, message)
            case m.Cancel():
                return await citizens.cancel(loaded, secret, message)
            case m.CheckIn():
                return await citizens.check_in(loaded, message)
            case m.EndPlan():
                return await citizens.end_plan(loaded, secret, message)
        raise TypeError(f"{type(message).__name__} has no handler")

    async def _follow(self) -> None:
        self._unfollow()
        if self._alarm is not None:
            alarm_id, secret = self._alarm
            home = (await self._citizens.authorise(alarm_id, secret)).alarm.home
            self._unfollow = await self._citizens.town.follow(home, alarm_id, lambda _: self._changed.ring())
            self._changed.ring()  # what happened before the following began

    async def _push(self) -> None:
        """After each change: the talk that is new, the question, and the ladder when it moved."""
        while True:
            await self._changed.wait()
            if self._alarm is None:
                continue
            try:
                alarm = (await self._citizens.authorise(*self._alarm)).alarm
            except Refused as refused:
                if refused.error is errors.NOT_FOUND:  # the store went back to before it: the device still has it
                    await self._socket.close(errors.RESTORED, "the store was restored: send the alarm again")
                    return
                # The store is away: look again until it is back.
                await self._work.sleep_until(self._work.now() + _LOOK_AGAIN)
                self._changed.ring()
                continue
            view = await self._citizens.view(alarm, self._told)
            for said in view["talk"]:
                await self._send({"type": "said", **said})
            self._told = alarm.version
            names = ("status", "ladder", "media", "cancel", "officer", "read", "check_in_by", "check_in_s")
            ladder: dict[str, Any] = {name: view[name] for name in names if name in view}
            if ladder != self._shown.get("ladder"):
                await self._send({"type": "ladder", "version": alarm.shown, **ladder})
            if view.get("question") not in (None, self._shown.get("question")):
                await self._send({"type": "asked", **view["question"]})
            self._shown = {"ladder": ladder, "question": view.get("question")}

    async def _beats(self) -> None:
        while True:
            now = self._work.now()
            if self._citizens.town.lives():
                await self._send({"type": "beat", "at": to_text(now)})
            await self._work.sleep_until(now + self._beat)

    async def _send(self, message: dict[str, Any]) -> None:
        data = encode(message, self._packed)
        if self._packed:
            await self._socket.send_bytes(data)
        else:
            await self._socket.send_text(data.decode())
