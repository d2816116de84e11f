"""A growing copy over HTTP: range after range to who may hear it, the same 404 to everyone else."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatch.alarm import errors
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.media.http import officer_routes
from dispatch.media.live_http import live, live_routes
from tests.media.conftest import House
from tests.media.live import AUDIO, Air, seconds, slices
from tests.media.test_http import OFFICERS, V01
from tests.media.test_live import airing


@pytest.fixture
async def air(house: House) -> AsyncIterator[Air]:
    async with airing(house, workers=1) as air:
        yield air


@pytest.fixture
def parts(house: House) -> list[bytes]:
    return slices(house.bytes_of("voice-zh.webm"))


@pytest.fixture
async def http(house: House, air: Air) -> AsyncIterator[httpx.AsyncClient]:
    async def officer(request: Request) -> Actor:
        if (found := OFFICERS.get(request.headers.get("authorization", ""))) is None:
            raise Refused(errors.NOT_SIGNED_IN, "not signed in")
        return found

    async def refused(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, Refused)
        return JSONResponse(fault.body(), fault.error.status)

    growing = live(house.alarms, air.live, officer)
    routes = [*officer_routes(house.alarms, house.chunks, house.copies, officer, growing), *live_routes(growing)]
    app = Starlette(routes=routes, exception_handlers={Refused: refused})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=30) as client:
        yield client


async def test_range_after_range(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """A player asks for what follows what it has, gets it when it is there, and in the end is told how it ended."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0)
    have, states = b"", []
    tag: dict[str, str] = {}
    for seq in range(1, len(parts) + 20):
        answer = await http.get(f"/media/{alarm}/m1/live", headers={**V01, **tag, "range": f"bytes={len(have)}-"})
        states.append(answer.headers["live-state"])
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.status_code == 206:
            assert answer.headers["content-type"] == "audio/mp4"
            first, last = len(have), len(have) + len(answer.content) - 1
            assert answer.headers["content-range"] == f"bytes {first}-{last}/*"
            tag = {"if-match": answer.headers["etag"]}
            have += answer.content
        if states[-1] != "growing" and answer.status_code == 204:
            break
        if seq < len(parts):
            await air.put(alarm, parts, seq)
        elif seq == len(parts):
            await house.chunks.end(alarm, "m1", len(parts))
    assert states[-1] == "ended"
    assert 10.2 < seconds(have) < 10.6
    assert float(answer.headers["live-seconds"]) == pytest.approx(seconds(have), abs=0.2)
    assert "live-gaps" not in answer.headers


async def test_gaps_are_told(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """Where sound is missing the answer says when and how long."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 2, 3)
    look = await air.as_time_passes(alarm, 3.9)
    answer = await http.get(f"/media/{alarm}/m1/live", headers=V01)
    assert (answer.status_code, len(answer.content)) == (200, look.size)
    at, length = map(float, answer.headers["live-gaps"].split("+"))
    assert (round(at), round(length)) == (1, 1)


async def test_nothing_new(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """Who has everything waits, and after five seconds is told that nothing came."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0)
    look = await air.until(alarm, 0.9)
    asked = http.get(f"/media/{alarm}/m1/live", headers={**V01, "range": f"bytes={look.size}-"})
    waiting = asyncio.create_task(asked)
    for _ in range(60):
        await air.clock.advance(0.1)
        await asyncio.wait([waiting], timeout=0.01)
    answer = await waiting
    assert (answer.status_code, answer.headers["live-state"], answer.content) == (204, "growing", b"")


async def test_another_copy(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """Bytes of two copies are never mixed: who has a part of another is told to begin anew."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0)
    await air.until(alarm, 0.9)
    url = f"/media/{alarm}/m1/live"
    headers = {**V01, "range": "bytes=100-", "if-match": '"another"'}
    assert (await http.get(url, headers=headers)).status_code == 412
    assert (await http.get(f"{url}?copy=another&upto=100", headers=V01)).status_code == 412


async def test_as_a_file(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """A player without MediaSource reads what is there by its own ranges, as a file that does not change under it."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 1)
    look = await air.until(alarm, 1.9)
    url = f"/media/{alarm}/m1/live?copy={look.name}&upto={look.size}"
    whole = await http.get(url, headers=V01)
    assert (whole.status_code, len(whole.content)) == (200, look.size)
    await air.put(alarm, parts, 2)
    await air.until(alarm, 2.9, look)
    part = await http.get(url, headers={**V01, "range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{look.size}"
    rest = await http.get(url, headers={**V01, "range": f"bytes={look.size}-"})
    assert rest.status_code == 416
    assert seconds(whole.content) > 1.6


async def test_the_usual_address_too(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """While a recording grows, its own address has what there is; a photo that is being sent has nothing."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0)
    answer = await http.get(f"/media/{alarm}/m1", headers={**V01, "range": "bytes=0-"})
    assert answer.status_code == 206
    assert seconds(answer.content) > 0.5
    await house.chunks.put(alarm, "p1", 0, b"abc", "photo", "image/jpeg")
    for url in (f"/media/{alarm}/p1", f"/media/{alarm}/p1/live"):
        answer = await http.get(url, headers=V01)
        assert (answer.status_code, answer.json()["state"]) == (409, "receiving")


async def test_who_may_not(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """Another station's officer, a guessed alarm and a guessed media get the same 404, and no worker is started."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0)
    nowhere = "/media/00000000-0000-0000-0000-000000000000/m1/live"
    answers = [
        await http.get(f"/media/{alarm}/m1/live", headers={"authorization": "N01"}),
        await http.get(f"/media/{alarm}/m2/live", headers=V01),
        await http.get(nowhere, headers=V01),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert (await http.get(f"/media/{alarm}/m1/live")).status_code == 401
    assert air.pids == []
    assert (await http.get(f"/media/{alarm}/m1/live", headers={"authorization": "S01"})).status_code == 200


async def test_not_live(house: House, air: Air, http: httpx.AsyncClient, parts: list[bytes]) -> None:
    """What cannot be heard live says why; a hub that has no worker left says so, and that it helps to come again."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m2", 0, b"<script>alert(1)</script>", *AUDIO)
    answer = await http.get(f"/media/{alarm}/m2/live", headers=V01)
    while answer.status_code == 204:
        answer = await http.get(f"/media/{alarm}/m2/live", headers=V01)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    again = await http.get(f"/media/{alarm}/m2/live", headers=V01)
    assert (again.status_code, again.json()["reason"]) == (409, "unknown_format")
    assert b"script" not in answer.content + again.content
    assert len(air.pids) == 1
    await air.put(alarm, parts, 0)
    await air.until(alarm, 0.9)
    await house.chunks.put(alarm, "m3", 0, parts[0], *AUDIO)
    busy = await http.get(f"/media/{alarm}/m3/live", headers=V01)
    assert (busy.status_code, busy.json()["code"], busy.json()["retry"]) == (503, "live_busy", True)
    await house.chunks.end(alarm, "m3", 1)
    over = await http.get(f"/media/{alarm}/m3/live", headers=V01)
    assert (over.status_code, over.json()["possible"]) == (409, ["copy"])
