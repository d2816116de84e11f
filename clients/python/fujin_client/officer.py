"""An officer's console: signs in, keeps its stations' alarms by their events, commands, confirms.

Holds no rule of an alarm's life: what it knows is the snapshot and the events' changes, applied in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from fujin_client.board import Board, Event, Position
from fujin_client.errors import FujinError, Gap, Refused
from fujin_client.link import Codec, Link, Members, log
from fujin_client.web import Web, origin_of

T = TypeVar("T")

_EVENTS = 20_000
_COALESCE_S = 0.25
_SIGN_OUT_S = 2.0


class Officer:
    """A console of an officer or supervisor.

    Args:
        url: the server, such as `https://dispatch.example.org`.
        user: name.
        password: of the user.
        codec: of the socket.
        auto_ready: answer every beat with `ready`, so that this console counts as one that can wake its officer.
        auto_deliver: confirm what was applied, at most every 250 ms.
        origin: what to send as `Origin`; the server's own without.
        patience_s: how long each request is tried again while the server is away.

    `board` is what is known, `heard` the events that `next_event` has not taken yet (at most 20,000; the oldest are
    forgotten), `recovered` (station -> whether the last subscription went on without a snapshot), `user` who is
    signed in (`name`, `role`, `station`), `notices` what is wrong with the system itself (each with `code` and `since`;
    empty when all is well).

    When the record went back to an older copy, the console comes back by itself: `recovered` is False, `board` is the
    fresh snapshot, and `notices` has `store_restored`. What was heard before stays in `heard`, and may be gone there.
    """

    def __init__(self, url: str, user: str, password: str, *, codec: Codec = "json", auto_ready: bool = True,
                 auto_deliver: bool = True, origin: str | None = None, patience_s: float = 30) -> None:  # fmt: skip
        origin = origin or origin_of(url)
        self.web = Web(url, {"origin": origin}, patience_s)
        self.user: Mapping[str, Any] = {"name": user}
        self.board = Board()
        self.recovered: dict[str, bool] = {}
        self.notices: list[Mapping[str, Any]] = []
        self._password = password
        self._patience_s = patience_s
        self._auto_ready = auto_ready
        self._auto_deliver = auto_deliver
        self._sound = True
        self._wanted: Members | None = None
        self._awaited: set[str] = set()  # stations whose snapshot is still to come
        self._subscribing = False
        self._gap: Gap | None = None
        self.heard: deque[Event] = deque(maxlen=_EVENTS)
        self._turn = asyncio.Event()
        self._confirmed: dict[str, Position] = {}
        self._confirming: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.link = Link(
            self.web.url, "/ws/console", codec=codec, headers=lambda: {"cookie": self.web.cookies}, origin=origin,
            greeting=self._greeting, greeted=self._greeted, heard=self._heard, ended=self._turn.set,
            patience_s=patience_s,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        try:
            await self.sign_in()
        except BaseException:
            await self.web.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None,
                        where: TracebackType | None) -> None:  # fmt: skip
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.link.aclose()
        self.web.patience_s = _SIGN_OUT_S
        try:
            await self.web.ask("DELETE", "/session")
        except FujinError as refused:
            log.info("not signed out: %s", refused)
        await self.web.aclose()

    async def sign_in(self) -> None:
        """Sign in.

        Raises:
            Refused: `wrong_sign_in`, `too_many_attempts`.
        """
        members = {"user": self.user["name"], "password": self._password}
        self.user = orjson.loads((await self.web.ask("POST", "/session", members=members)).content)

    @property
    def alarms(self) -> dict[str, dict[str, Any]]:
        """Every alarm that is known, by id."""
        return self.board.alarms

    @property
    def positions(self) -> dict[str, Position]:
        """By station."""
        return self.board.positions

    # -- hearing -------------------------------------------------------------------------------------------------

    async def subscribe(self, stations: Collection[str] | None = None) -> None:
        """Hear stations, all that one may without names; returns when their alarms are known. After a `Gap`: go on.

        Raises:
            Refused: `not_allowed` for a station of others.
        """
        before = self._wanted
        self._wanted = {"type": "subscribe", "stations": None if stations is None else list(stations)}
        self._gap = None
        try:
            await self.link.greet()
        except Refused:
            self._wanted = before
            if before is not None:
                await self.link.greet()
            raise
        await self.until(lambda: not self._awaited or None, timeout_s=self._patience_s)

    async def next_event(self, type: str | None = None, alarm: str | None = None, *,  # noqa: A002 - the wire's word
                         timeout_s: float | None = 30) -> Event:  # fmt: skip
        """The oldest event that was not taken yet, of this type and alarm if they are given; others stay.

        Raises:
            Gap: an offset was skipped; `subscribe` again goes on in order.
            SignedOut: the server closed for good.
            TimeoutError: none came in time.
        """

        def found() -> Event | None:
            for event in self.heard:
                if type in (None, event.type) and alarm in (None, event.alarm):
                    self.heard.remove(event)
                    return event
            return None

        return await self.until(found, timeout_s=timeout_s)

    async def until(self, found: Callable[[], T | None], *, timeout_s: float | None = 30) -> T:
        """Wait until `found`, which is asked after everything that is heard, gives something; what it gives.

        Raises:
            Gap, SignedOut, TimeoutError: as `next_event`.
        """
        async with asyncio.timeout(timeout_s):
            while (result := found()) is None:
                if self._gap is not None:
                    raise self._gap
                if self.link.failed is not None:
                    raise self.link.failed
                self._turn.clear()
                await self._turn.wait()
        return result

    # -- commands ------------------------------------------------------------------------------------------------

    async def command(self, type: str, **members: Any) -> Members:  # noqa: A002 - the wire's word
        """Send any request of the protocol; its answer. Members that are None are left out.

        Raises:
            Refused: with `code`, `retry`, `advice` and `details` (`by` who was first, `possible` steps, ...).
            Unreachable: no answer in time.
        """
        if self._wanted is None:
            raise RuntimeError("subscribe first")
        return await self.link.request({"type": type, **{n: v for n, v in members.items() if v is not None}})

    async def acknowledge(self, alarm: str) -> Members:
        """Take an alarm that nobody has.

        Raises:
            Refused: `already_acknowledged`; `details["by"]` was first.
        """
        return await self.command("ack", alarm=alarm)

    async def take(self, alarm: str, reason: str) -> Members:
        """Take an alarm that another officer has."""
        return await self.command("take", alarm=alarm, reason=reason)

    async def release(self, alarm: str, reason: str) -> Members:
        """Give it back: open for everyone."""
        return await self.command("release", alarm=alarm, reason=reason)

    async def move(self, alarm: str) -> Members:
        """En route."""
        return await self.command("move", alarm=alarm)

    async def arrive(self, alarm: str) -> Members:
        """On scene."""
        return await self.command("arrive", alarm=alarm)

    async def close(self, alarm: str, disposition: str = "handled", note: str | None = None) -> Members:
        """Close it; `disposition`: handled, no_one_found, false_alarm, duplicate, test, passed_on."""
        return await self.command("close", alarm=alarm, disposition=disposition, note=note)

    async def reopen(self, alarm: str, reason: str) -> Members:
        return await self.command("reopen", alarm=alarm, reason=reason)

    async def say(self, alarm: str, text: str) -> Members:
        return await self.command("say", alarm=alarm, text=text)

    async def ask(self, alarm: str, question: str, choices: Collection[str] | None = None) -> Members:
        """Ask the citizen; yes, no, cannot_say, danger_now without `choices`."""
        given = None if choices is None else list(choices)
        return await self.command("ask", alarm=alarm, question=question, choices=given)

    async def note(self, alarm: str, text: str) -> Members:
        """For officers only."""
        return await self.command("note", alarm=alarm, text=text)

    async def transfer(self, alarm: str, station: str, reason: str) -> Members:
        """Offer it to another station."""
        return await self.command("transfer", alarm=alarm, station=station, reason=reason)

    async def accept(self, alarm: str) -> Members:
        """Accept an offered transfer."""
        return await self.command("transfer_accept", alarm=alarm)

    async def reject(self, alarm: str, reason: str) -> Members:
        """Reject an offered transfer."""
        return await self.command("transfer_reject", alarm=alarm, reason=reason)

    async def hold(self, alarm: str, reason: str) -> Members:
        """Supervisors: keep its content beyond its end date."""
        return await self.command("hold", alarm=alarm, reason=reason)

    async def unhold(self, alarm: str, reason: str) -> Members:
        """Supervisors: its end date counts again."""
        return await self.command("unhold", alarm=alarm, reason=reason)

    async def wipe(self, alarm: str, reason: str) -> Members:
        """Supervisors: wipe the content of a closed alarm for good; the reason stays."""
        return await self.command("wipe", alarm=alarm, reason=reason)

    async def seen(self, alarm: str) -> Members:
        """A person has opened it."""
        return await self.command("seen", alarm=alarm)

    async def delivered(self, station: str, position: Position | None = None) -> None:
        """Everything up to `position` is shown; all that was applied without."""
        await self.command("delivered", station=station, position=(position or self.positions[station]).members())

    async def ready(self, sound: bool = True, visible: bool = True) -> None:
        """Whether this console can wake its officer; what was said last is repeated at every beat (`auto_ready`)."""
        self._sound = sound
        await self.command("ready", sound=sound, visible=visible)

    async def duty(self, on: bool) -> None:
        """Come on duty beside the rota, or leave it."""
        await self.command("duty", on=on)

    async def media(self, alarm: str, media: str) -> tuple[bytes, str]:
        """(bytes, MIME type) of the copy without metadata."""
        answer = await self.web.ask("GET", f"/media/{alarm}/{media}")
        return answer.content, answer.headers["content-type"]

    async def original(self, alarm: str, media: str, reason: str) -> bytes:
        """The sealed original; that it was opened, and why, is logged."""
        return (await self.web.ask("POST", f"/media/{alarm}/{media}/original", members={"reason": reason})).content

    # -- what is heard -------------------------------------------------------------------------------------------

    def _greeting(self) -> Members:
        self._subscribing = True  # what still comes of the old subscription is sent again by the new one
        self._gap = None  # and so is what was skipped
        return {**(self._wanted or {}), "after": {station: at.members() for station, at in self.board.whole.items()}}

    def _greeted(self, answer: Members) -> None:
        self._subscribing = False
        self.user = answer.get("user", self.user)
        self.recovered = answer["recovered"]
        self._awaited = {station for station, recovered in self.recovered.items() if not recovered}
        self.board.keep_only(self.recovered)
        self._confirmed = {}
        if self._auto_ready:
            self._spawn("ready", sound=self._sound, visible=True)
        self._confirm_soon()

    def _heard(self, message: Members) -> None:
        if message["type"] == "notices":
            self.notices = message["notices"]
        elif self._subscribing:
            return
        match message["type"]:
            case "event" if self._gap is None:
                try:
                    self.heard.append(self.board.apply(message))
                except Gap as gap:
                    self._gap = gap
                self._confirm_soon()
            case "snapshot":
                self.board.replace(message)
                self._awaited.discard(message["station"])
                self._confirm_soon()
            case "story":
                self.board.tell(message)
            case "beat" if self._auto_ready:
                self._spawn("ready", sound=self._sound, visible=True)
        self._turn.set()

    # -- what is said by itself ----------------------------------------------------------------------------------

    def _confirm_soon(self) -> None:
        if self._auto_deliver and (self._confirming is None or self._confirming.done()):
            self._confirming = self._keep(asyncio.create_task(self._confirm()))

    async def _confirm(self) -> None:
        """Confirm what is new, until nothing is."""
        while new := {s: at for s, at in self.positions.items() if self._confirmed.get(s) != at}:
            for station, at in new.items():
                if not await self._quietly(partial(self.delivered, station, at)):
                    return  # after the next event or connection
                self._confirmed[station] = at
            await asyncio.sleep(_COALESCE_S)

    def _spawn(self, type: str, **members: Any) -> None:  # noqa: A002 - the wire's word
        self._keep(asyncio.create_task(self._quietly(partial(self.command, type, **members))))

    async def _quietly(self, request: Callable[[], Awaitable[object]]) -> bool:
        try:
            await request()
        except FujinError as fault:
            log.warning("not confirmed: %s", fault)
            return False
        return True

    def _keep(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
