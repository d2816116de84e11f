"""A citizen's device: raises an alarm, says, shows, moves, cancels, and follows what becomes of it.

Never gives up an alarm's names: every retry uses the same id and secret, so that one alarm stays one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import orjson

from fujin_client.errors import Refused
from fujin_client.link import Codec, Link, Members
from fujin_client.news import Asked, Ladder, News, Story
from fujin_client.web import Web, media_type, new_id, new_pin, new_ref, new_secret

Place = tuple[float, float] | Mapping[str, Any]
"""A position: (latitude, longitude) in WGS 84, or the protocol's members."""

_CHUNK_BYTES = 65_536
_ROUNDS = 5


class Citizen:
    """A device of a citizen.

    Args:
        url: the server, such as `https://dispatch.example.org`.
        over: how requests go: `socket` or `http`. Photos and recordings always go over HTTP.
        codec: of the socket.
        channel: how the alarm came, as its log will say: `web`, `cli` or `http`; only over HTTP.
        patience_s: how long each request is tried again while the server is away.
    """

    def __init__(self, url: str, *, over: Literal["socket", "http"] = "socket", codec: Codec = "msgpack",
                 channel: str = "http", patience_s: float = 60) -> None:  # fmt: skip
        if over not in ("socket", "http"):
            raise ValueError(f"over: {over!r} must be 'socket' or 'http'")
        self.web = Web(url, {"x-dispatch-channel": channel}, patience_s)
        self.over = over
        self.codec: Codec = codec
        self._alarms: list[Alarm] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None,
                        where: TracebackType | None) -> None:  # fmt: skip
        for alarm in self._alarms:
            await alarm.aclose()
        await self.web.aclose()

    async def raise_alarm(self, *, text: str | None = None, position: Place | None = None, needs: Collection[str] = (),
                          kind: str = "alarm", lang: str | None = None, category: str | None = None,
                          place: str | None = None, alarm_id: str | None = None,
                          secret: str | None = None, pin: str | None = None) -> Alarm:  # fmt: skip
        """Raise an alarm; returns when it is stored. All may be left out: an empty alarm is an alarm.

        Args:
            text: what happens.
            position: where.
            needs: such as `deaf`, `text_only`.
            kind: `alarm`, `tip` or `practice`.
            lang: of the citizen; the server's without.
            category: of the alarm.
            place: where, in words.
            alarm_id: a UUID; made here without, as `secret` and `pin` (with which to cancel) are.
            secret: base64url of 128 bits or more.
            pin: 4 to 8 digits.

        Raises:
            Refused: the server said no, naming the field.
            Unreachable: not known to be stored within `patience_s`; the same id and secret may be raised again.
        """
        body: Members = {"id": alarm_id or new_id(), "secret": secret or new_secret(), "pin": pin or new_pin()}
        if position is not None:
            body["position"] = position_members(position)
        if needs:
            body["needs"] = list(needs)
        more = {"kind": kind, "text": text, "lang": lang, "category": category, "place": place}
        body |= {name: value for name, value in more.items() if value is not None}
        alarm = Alarm(self, body["id"], body["secret"], body["pin"])
        self._alarms.append(alarm)
        await alarm.begin(body)
        return alarm

    async def resume(self, alarm_id: str, secret: str, pin: str | None = None) -> Alarm:
        """Come back to an alarm by its names.

        Raises:
            Refused: `not_found`, also when the secret is wrong.
        """
        alarm = Alarm(self, alarm_id, secret, pin)
        self._alarms.append(alarm)
        await alarm.begin(None)
        return alarm


class Alarm:
    """One alarm, as its citizen has it; made by `Citizen`.

    `code` is the short receipt code, `station` its station (`id`, `name`), `receipt` all that was answered when it
    was stored. With `over="http"`, `ladder` is heard only while it is followed.
    """

    def __init__(self, citizen: Citizen, alarm_id: str, secret: str, pin: str | None) -> None:
        self.id = alarm_id
        self.secret = secret
        self.pin = pin
        self.receipt: Mapping[str, Any] = {}
        self._over = citizen.over
        self._web = citizen.web
        self._raising: Members | None = None
        self._story = Story()
        self._turn = asyncio.Event()
        self._ended = False
        self.link = Link(
            self._web.url, "/ws/alarm", codec=citizen.codec, headers=dict, origin=None, greeting=self._greeting,
            greeted=self._greeted, heard=self._heard, ended=self._turn.set, patience_s=self._web.patience_s,
        )  # fmt: skip

    @property
    def ladder(self) -> Ladder | None:
        """What was heard last."""
        return self._story.ladder

    @property
    def code(self) -> str:
        return str(self.receipt["code"])

    @property
    def station(self) -> Mapping[str, str]:
        station: Mapping[str, str] = self.receipt["station"]
        return station

    # -- what a citizen does -----------------------------------------------------------------------------------

    async def look(self) -> dict[str, Any]:
        """The alarm as its citizen may see it, asked for now (over HTTP)."""
        view: dict[str, Any] = orjson.loads((await self._http("GET", "")).content)
        return view

    async def say(self, text: str) -> int:
        """Say something; the version of the alarm at which it is stored."""
        return int((await self._do("say", {"text": text}, ref=True))["version"])

    async def answer(self, question: Asked | str, answer: str) -> int:
        """Answer an officer's question."""
        asked = question if isinstance(question, str) else question.question
        return int((await self._do("answer", {"question": asked, "answer": answer}))["version"])

    async def report(self, position: Place) -> int:
        """Tell a new position."""
        members = position_members(position)
        if self._over == "http":
            return int((await self._do("position", members))["version"])
        return int((await self.link.request({"type": "position", "position": members}))["version"])

    async def cancel(self, pin: str | None) -> None:
        """Ask to cancel. Without the right number the answer is the same, and officers are told of duress."""
        await self._do("cancel", {} if pin is None else {"pin": pin})

    async def send_photo(self, photo: str | Path | bytes, mime: str | None = None, *, media: str | None = None) -> str:
        """Send a photo: a file or its bytes. Returns its id when all of it is stored.

        Args:
            photo: a path, or the bytes.
            mime: its type; by its first bytes without. What the server cannot open it keeps sealed all the same.
            media: its id, to go on with one that was begun; made here without.

        Raises:
            Refused: the server said no; what was stored before stays.
        """
        return await self._send("photo", photo, mime, media)

    async def send_audio(self, audio: str | Path | bytes, mime: str | None = None, *, media: str | None = None) -> str:
        """Send a recording; as `send_photo`."""
        return await self._send("audio", audio, mime, media)

    async def follow(self) -> AsyncIterator[News]:
        """What becomes of the alarm, from the beginning, without end: the ladder whenever it moves, talk, questions.

        Comes back by itself after a cut, with what was missed. News wait here until they are read; of more than 4096
        the oldest are forgotten. One follower at a time.

        Raises:
            Refused: the alarm cannot be followed (any more).
        """
        if not self._ended and self._over == "http" and self.link.connections == 0:
            await self.link.greet()
        while True:
            while self._story.unread:
                yield self._story.unread.popleft()
            if self.link.failed is not None:
                raise self.link.failed
            if self._ended:
                return
            self._turn.clear()
            await self._turn.wait()

    async def aclose(self) -> None:
        """Stop following. The alarm stays what it is."""
        self._ended = True
        self._turn.set()
        await self.link.aclose()

    # -- how -----------------------------------------------------------------------------------------------------

    async def begin(self, raising: Members | None) -> None:
        """Called by `Citizen` once: raise the alarm with this body, or come back to it."""
        self._raising = raising
        if self._over == "socket":
            await self.link.greet()
        elif raising is None:
            self.receipt = await self.look()
        else:
            self.receipt = orjson.loads((await self._web.ask("POST", "/alarms", members=raising)).content)
            self._raising = None

    async def _do(self, what: str, members: Members, ref: bool = False) -> dict[str, Any]:
        """`ref`: the HTTP body has one too, because the same words may be meant twice."""
        if self._over == "socket":
            return await self.link.request({"type": what, **members})
        if ref:
            members = {"ref": new_ref(), **members}
        answer: dict[str, Any] = orjson.loads((await self._http("POST", f"/{what}", members=members)).content)
        return answer

    async def _http(self, method: str, path: str, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return await self._web.ask(method, f"/alarms/{self.id}{path}", headers=headers, **more)

    async def _send(self, kind: str, source: str | Path | bytes, mime: str | None, media: str | None) -> str:
        data = source if isinstance(source, bytes) else await asyncio.to_thread(Path(source).read_bytes)
        headers = {"content-type": mime or media_type(data) or "application/octet-stream", "x-media-kind": kind}
        media = media or new_ref()
        size = await self._chunk_bytes()
        chunks = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        end = {"kind": kind, "chunks": len(chunks), "sha256": hashlib.sha256(data).hexdigest()}
        missing = range(len(chunks))
        for _ in range(_ROUNDS):
            for seq in missing:
                await self._http("PUT", f"/media/{media}/{seq}", data=chunks[seq], headers=headers)
            try:
                await self._http("POST", f"/media/{media}", members=end)
                return media
            except Refused as refused:
                if refused.code != "chunks_missing":
                    raise
                missing, fault = refused.details["missing"], refused
        raise fault

    async def _chunk_bytes(self) -> int:
        """The server's limit of a chunk."""
        try:
            config = orjson.loads((await self._web.ask("GET", "/static/config.json")).content)
            return int(config["limits"]["chunk_bytes"])
        except (Refused, LookupError, ValueError):
            return _CHUNK_BYTES

    # -- what is heard -------------------------------------------------------------------------------------------

    def _greeting(self) -> Members:
        if self._raising is not None:
            return {"type": "raise", **self._raising}
        return {"type": "resume", "id": self.id, "secret": self.secret, "after": self._story.after}

    def _greeted(self, answer: Members) -> None:
        self._raising = None  # from now on it is resumed
        self.receipt = self.receipt or {n: v for n, v in answer.items() if n not in ("type", "ref")}
        if "talk" in answer:
            self._story.view(answer)
            self._turn.set()

    def _heard(self, message: Members) -> None:
        self._story.message(message)
        self._turn.set()


def position_members(position: Place) -> Members:
    """A position as the protocol has it."""
    if isinstance(position, Mapping):
        return dict(position)
    lat, lon = position
    return {"lat": lat, "lon": lon}
