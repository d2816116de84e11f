"""No input gives a 500, a traceback or a socket that breaks: every route and message, nearly right (P1, P8)."""

import asyncio
import random
import uuid
from contextlib import suppress
from typing import Any

import httpx
import pytest
from starlette.routing import Mount, Route
from websockets.exceptions import ConnectionClosed

from dispatch.alarm import messages as m
from dispatch.intake.pace import Pace
from dispatch.underway import UnderWay
from dispatch.web import Guard
from tests.flow.town import Town
from tests.fuzz import TYPES, Fuzz
from tests.intake.link import CODECS, Link
from tests.nightly import often

SEEDS = range(2)
SECRET = "0123456789abcdefghijklmn"
OFTEN = 50


def known(alarm: str) -> dict[str, list[Any]]:
    """What is there, by the name of the field that may hold it."""
    return {
        "id": [alarm, str(uuid.uuid4())], "alarm": [alarm, str(uuid.uuid4())], "secret": [SECRET], "media": ["m1"],
        "station": ["dadongmen", "xiaodong"], "stations": ["dadongmen"], "seq": [0, 1], "ref": ["1", "2"],
        "lang": ["zh", "en"], "pin": ["4821"], "user": ["V01"], "password": ["x"], "part": ["citizen.zh", "console.en"],
        "name": ["V01", "x.wav"], "token": ["x"], "question": ["2"], "to": ["V02"], "helpers": ["H01"],
        "call": ["0" * 32], "path": ["console/main.js"], "at": ["2026-11-22T02:15:00Z"],
    }  # fmt: skip


def routes(town: Town) -> list[tuple[str, str]]:
    """Every (method, path) of a hub."""
    counted = town.dispatch.asgi
    assert isinstance(counted, UnderWay)
    guard = counted._application
    assert isinstance(guard, Guard)
    every: list[Any] = guard._app.routes  # type: ignore[attr-defined]
    found = [(method, each.path) for each in every if isinstance(each, Route) for method in sorted(each.methods or ())]
    found += [("GET", f"{each.path}/{{path}}") for each in every if isinstance(each, Mount)]
    assert len(found) > 40
    return found


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
async def test_requests(town: Town, seed: int) -> None:
    """Signed in or not, with any body, type and head: an answer below 500, and the alarm that was raised is there."""
    supervisor = await town.user("S01", station=None, role="supervisor")
    citizen = town.citizen()
    citizen.secret = SECRET
    alarm = await citizen.raises(text="门外有人")
    chance = random.Random(seed)
    fuzz, every = Fuzz(chance, known(alarm)), routes(town)
    with town.clock.under_way():
        for _ in range(often(OFTEN, at_night=10_000)):
            method, template = chance.choice(every)
            if template == "/session" and method == "DELETE":
                continue
            head = {"content-type": chance.choice(TYPES[:5] if chance.random() < 0.7 else TYPES)}
            if chance.random() < 0.8:
                head["authorization"] = f"Bearer {SECRET}"
            if chance.random() < 0.1:
                head["accept"] = "text/html"
            sent = (method, fuzz.path(template), fuzz.body())
            http = chance.choice((supervisor.http, citizen.http))
            heads = [(name.encode(), value.encode("latin-1")) for name, value in head.items()]
            try:
                answer = await http.request(method, sent[1], content=sent[2], headers=heads)
            except httpx.RemoteProtocolError:
                raise AssertionError(sent) from None
            assert answer.status_code < 500 or "live_busy" in answer.text, (sent, head, answer.status_code, answer.text)
    assert (await citizen.sees())["code"] == citizen.answer.json()["code"]


CLOSED = (4000, 4400, 4404, 4413, 4501)
"""Come back (the store of a busy machine was slow), undecodable, restored, too slow, signed out."""


async def reads(link: Link) -> None:
    """Take whatever comes, until it is closed."""
    with suppress(ConnectionClosed):
        async for _ in link.socket:
            pass


@pytest.mark.long
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("path", ["/ws/alarm", "/ws/console", "/ws/helper"])
async def test_frames(town: Town, path: str, codec: str) -> None:
    """To each socket in both codecs: an answer or a close that says why, never 1011; then a new one is served."""
    officer = await town.user("V01") if path != "/ws/helper" else await town.user("H01", role="helper")
    # Thousands of frames are no person's: here none of them waits for its turn, for time stands still.
    town.dispatch.citizens._pace = Pace(town.dispatch.work, 1_000_000, 0.001)
    citizen = town.citizen()
    citizen.secret = SECRET
    alarm = await citizen.raises(text="门外有人")
    cookie = f"dispatch_session={officer.http.cookies['dispatch_session']}"
    signed: dict[str, Any] = {"origin": town.url, "additional_headers": {"cookie": cookie}}
    if path == "/ws/alarm":
        signed = {}

    async def opened() -> tuple[Link, asyncio.Task[None]]:
        link = await Link.open(town.url, path, codec, **signed)
        return link, town.work.spawn(reads(link), "reads")

    chance = random.Random(path + codec)
    fuzz = Fuzz(chance, known(alarm), packed=codec == "msgpack")
    known_to: dict[str, Any] = {"/ws/alarm": m.CITIZEN, "/ws/console": m.CONSOLE, "/ws/helper": m.HELPER}
    models = list(known_to[path].values())
    with town.clock.under_way():
        link, reading = await opened()
        for _ in range(often(OFTEN, at_night=10_000)):
            frame = fuzz.frame(chance.choice(models), codec == "msgpack")
            try:
                await link.sends_raw(frame, text=codec == "json")
            except ConnectionClosed:
                await reading
                assert link.socket.close_code in CLOSED, (link.socket.close_code, link.socket.close_reason)
                link, reading = await opened()
        await link.closes()
        await reading
    assert (await citizen.sees())["code"] == citizen.answer.json()["code"]
