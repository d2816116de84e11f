"""Citizens under load: each raises an alarm, says and shows things, and sends everything again until it is confirmed.

The device makes the names of all requests before the first attempt. Field's term: idempotency key.
"""

import asyncio
import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

from tests.faults.history import History
from tests.faults.line import Line, Lost
from tests.faults.web import Meanwhile, Request, Web

ELSEWHERE = {"lat": 41.8375, "lon": 123.4654}  # of station xiaodong
CHUNK_BYTES = 2000


def name(chance: random.Random) -> str:
    """A UUID that the seed decides."""
    return f"{(h := f'{chance.getrandbits(128):032x}')[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:]}"


def home_of(alarm: str) -> str:
    """The station to which the citizen of an alarm is near."""
    return "xiaodong" if int(alarm[:2], 16) % 3 == 0 else "dadongmen"


@dataclass(slots=True)
class Citizen:
    """One citizen with one alarm.

    Args:
        web: the hubs.
        history: where everything is written down.
        chance: their own.
        again: called with each request after its answer: sends it once more, late and to another hub.
    """

    web: Web
    history: History
    chance: random.Random
    again: Any = None
    id: str = ""
    secret: str = ""
    text: str = ""
    kind: str = "alarm"
    media: dict[str, list[bytes]] = field(default_factory=dict)
    raised: bool = False

    def __post_init__(self) -> None:
        self.id = name(self.chance)
        self.secret = f"{self.chance.getrandbits(160):040x}"
        self.text = f"门外有人 {self.chance.getrandbits(32):08x}"

    async def lives(self) -> None:
        """Their whole story."""
        by_line = self.chance.random() < 0.4
        line = Line(self.web.urls, "/ws/alarm", "", self.history, self.chance, self._hello)
        if by_line:
            line.open()
        try:
            await (self._raise_by_line(line) if by_line else self._ask(self.raising()))
            self.raised = True
            for _ in range(self.chance.randint(0, 3)):
                await asyncio.sleep(self.chance.uniform(0, 0.3))
                await self._does(line if by_line else None)
        finally:
            await line.close()

    async def raises(self) -> None:
        """Raise the alarm and do no more."""
        await self._ask(self.raising())
        self.raised = True

    async def says(self, words: str) -> None:
        """Say something long."""
        ref = name(self.chance)
        text = f"{ref} {words}"
        await self._ask(self._request(text, "say", f"/alarms/{self.id}/say", {"ref": ref, "text": text}))

    async def moves(self) -> None:
        """Tell where they are: each time somewhere else, near their station."""
        place = {"lat": 41.79 + self.chance.uniform(0, 0.005), "lon": 123.46 + self.chance.uniform(0, 0.005)}
        await self._ask(self._request(name(self.chance), "position", f"/alarms/{self.id}/position", place))

    async def _does(self, line: Line | None) -> None:
        kind = self.chance.random()
        if kind < 0.65:
            ref = name(self.chance)
            if line is None:
                await self._ask(self._request(ref, "say", f"/alarms/{self.id}/say", {"ref": ref, "text": ref}))
            else:
                await line.insist(ref, "citizen", "say", self.id, {}, {"type": "say", "text": ref})
        elif kind < 0.9:
            await self._shows()
        else:
            await self._ask(self._request(name(self.chance), "cancel", f"/alarms/{self.id}/cancel", {}))

    async def _shows(self) -> None:
        """A photo in chunks, in any order; sometimes it is not finished."""
        media = f"m{self.chance.getrandbits(40):010x}"
        chunks = [self.chance.randbytes(CHUNK_BYTES) for _ in range(self.chance.randint(1, 3))]
        self.media[media] = chunks
        for seq in self.chance.sample(range(len(chunks)), len(chunks)):
            await self._ask(self.chunk(media, seq))
        if self.chance.random() < 0.7:
            await self._ask(self.end(media), lambda answer: self._sends_again(media, answer))

    def chunk(self, media: str, seq: int) -> Request:
        data = self.media[media][seq]
        body = {"media": media, "seq": seq, "sha256": hashlib.sha256(data).hexdigest()}
        return Request(
            ref=f"{media}/{seq}", who="citizen", what="chunk", alarm=self.id, body=body, method="PUT",
            path=f"/alarms/{self.id}/media/{media}/{seq}", headers={**self._headers, "content-type": "image/jpeg"},
            content=data,
        )  # fmt: skip

    def end(self, media: str) -> Request:
        digest = hashlib.sha256(b"".join(self.media[media])).hexdigest()
        told = {"kind": "photo", "chunks": len(self.media[media]), "sha256": digest}
        body = {"media": media, "sha256": digest}
        return self._request(f"{media}/end", "end", f"/alarms/{self.id}/media/{media}", told, body)

    def look(self) -> Request:
        return Request(
            ref=f"{self.id}/look", who="citizen", what="look", alarm=self.id, body={}, method="GET",
            path=f"/alarms/{self.id}", headers=self._headers,
        )  # fmt: skip

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    def _request(self, ref: str, what: str, path: str, json: Any, body: dict[str, Any] | None = None) -> Request:
        return Request(
            ref=ref, who="citizen", what=what, alarm=self.id, body=body or {}, method="POST", path=path,
            headers=self._headers, json=json,
        )  # fmt: skip

    def raising(self) -> Request:
        return self._request(f"{self.id}/raise", "raise", "/alarms", self._alarm, {"text": self.text})

    @property
    def _alarm(self) -> dict[str, Any]:
        place = {"position": ELSEWHERE} if home_of(self.id) == "xiaodong" else {}
        return {"id": self.id, "secret": self.secret, "text": self.text, "kind": self.kind, **place}

    async def _ask(self, request: Request, meanwhile: Meanwhile | None = None) -> None:
        _, answer = await self.web.insist(request, meanwhile)
        if answer.get("code") == "not_found" and self.history.doubted:  # the store lost the alarm, the device did not
            await self.web.insist(self.raising())
            await self.web.insist(request)
        if self.again is not None:
            self.again(request)

    async def _sends_again(self, media: str, answer: dict[str, Any]) -> None:
        """The chunks that the store lost."""
        if answer.get("code") == "chunks_missing" and self.history.doubted:
            for seq in answer["missing"]:
                await self._ask(self.chunk(media, seq))

    async def _raise_by_line(self, line: Line) -> None:
        message = {"type": "raise", **self._alarm}
        await line.insist(f"{self.id}/raise", "citizen", "raise", self.id, {"text": self.text}, message)
        if self.again is not None:
            self.again(self.raising())

    async def _hello(self, line: Line) -> None:
        if self.raised:
            message = {"type": "resume", "ref": name(self.chance), "id": self.id, "secret": self.secret}
            answer = await line.exchange(message)
            if answer["type"] != "ok":
                if answer["code"] == "not_found" and self.history.doubted:
                    await self.web.insist(self.raising())
                elif not answer["retry"]:
                    self.history.stuck(f"a citizen could not come back to alarm {self.id}: {answer['code']}")
                raise Lost
