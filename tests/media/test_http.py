"""Over HTTP: chunks in from who has the secret, copies and originals out to who may see it, 404 for the rest."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatch.alarm import errors
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.media.http import citizen_routes, officer_routes
from dispatch.stream.alarms import Loaded
from tests.media.conftest import LIMITS, House

OFFICERS = {"V01": Actor("V01", "dadongmen"), "N01": Actor("N01", "nanta"), "S01": Actor("S01", None, "supervisor")}
V01 = {"authorization": "V01"}


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async def citizen(request: Request, alarm_id: str) -> Loaded:
        loaded = await house.alarms.load(alarm_id)
        if loaded is None or request.headers.get("authorization") != "Bearer right":
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        return loaded

    async def officer(request: Request) -> Actor:
        if (found := OFFICERS.get(request.headers.get("authorization", ""))) is None:
            raise Refused(errors.NOT_SIGNED_IN, "not signed in")
        return found

    async def refused(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, Refused)
        return JSONResponse(fault.body(), fault.error.status)

    routes = [
        *citizen_routes(house.chunks, citizen),
        *officer_routes(house.alarms, house.chunks, house.copies, officer),
    ]
    app = Starlette(routes=routes, exception_handlers={Refused: refused})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


SECRET = {"authorization": "Bearer right"}


async def put(http: httpx.AsyncClient, alarm: str, data: Any, media: str = "m1", **headers: str) -> httpx.Response:
    sent = {
        **SECRET,
        "content-type": "image/webp",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return await http.put(f"/alarms/{alarm}/media/{media}/0", content=data, headers=sent)


async def test_from_the_citizen_to_the_officer(house: House, http: httpx.AsyncClient) -> None:
    """A photo that a citizen sent is, once copied, what the officer sees, and no browser keeps it or runs it."""
    alarm = await house.raises()
    data = house.bytes_of("photo.webp")
    assert (await put(http, alarm, data)).status_code == 204
    end = {"kind": "photo", "chunks": 1, "sha256": hashlib.sha256(data).hexdigest()}
    assert (await http.post(f"/alarms/{alarm}/media/m1", json=end, headers=SECRET)).status_code == 204
    assert await house.copies.step()
    answer = await http.get(f"/media/{alarm}/m1", headers=V01)
    assert answer.status_code == 200
    assert answer.content == await house.copy(alarm)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'inline; filename="photo-m1.jpg"'
    assert answer.headers["content-length"] == str(len(answer.content))


async def test_kinds(house: House, http: httpx.AsyncClient) -> None:
    """A chunk needs no type, or may have a wrong one: its bytes say what it is, and where they do not, its sender."""
    alarm = await house.raises()
    heic = house.bytes_of("photo-gps.heic")[:9000]
    house.chunks.limits = {**LIMITS, "media_per_alarm": 9}
    for nth, mime in enumerate(("text/html", "video/quicktime", "", "application/octet-stream")):
        assert (await put(http, alarm, heic, media=f"h{nth}", content_type=mime)).status_code == 204
        assert (await put(http, alarm, b"abc", media=f"m{nth}", content_type=mime)).status_code == 204
        known, unknown = await house.item(alarm, f"h{nth}"), await house.item(alarm, f"m{nth}")
        assert (known["kind"], known["mime"]) == ("photo", "image/heic")
        assert unknown["kind"] == ("audio" if "video" in mime else "photo")
    assert (await put(http, alarm, b"abc", media="m9", x_media_kind="film")).status_code == 422
    assert (await http.post(f"/alarms/{alarm}/media/h0", json={"chunks": 1}, headers=SECRET)).status_code == 204


@pytest.mark.parametrize("told", [True, False], ids=["length told", "length not told"])
async def test_too_large(house: House, http: httpx.AsyncClient, told: bool) -> None:
    """A chunk over the limit is refused by the limit's name, whether or not it says how long it is."""
    parts: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for number in range(1000):
            parts.append(number)
            yield bytes(10_000)

    alarm = await house.raises()
    answer = await put(http, alarm, bytes(LIMITS["chunk_bytes"] + 1) if told else body())
    assert answer.status_code == 413
    assert answer.json()["message"] == "body: at most 65536 bytes (chunk_bytes)"
    assert len(parts) < 1000 or told
    assert house.files() == []


async def test_wrong_secret(house: House, http: httpx.AsyncClient) -> None:
    """Who does not know the secret stores nothing and ends nothing."""
    alarm = await house.raises()
    assert (await put(http, alarm, b"abc", authorization="Bearer wrong")).status_code == 404
    answer = await http.post(f"/alarms/{alarm}/media/m1", json={"kind": "photo", "chunks": 1})
    assert answer.status_code == 404
    assert house.files() == []


async def test_bad_ends(house: House, http: httpx.AsyncClient) -> None:
    """An end that is not JSON, or has a field that is not known, or misses chunks, is told so."""
    alarm = await house.raises()
    url = f"/alarms/{alarm}/media/m1"
    assert (await http.post(url, content=b"{", headers=SECRET)).json()["code"] == "undecodable"
    answer = await http.post(url, json={"kind": "photo", "chunks": 1, "more": 1}, headers=SECRET)
    assert (answer.status_code, answer.json()["message"]) == (422, "more: unknown field")
    answer = await http.post(url, json={"kind": "photo", "chunks": 2}, headers=SECRET)
    assert (answer.status_code, answer.json()["missing"]) == (409, [0, 1])


async def test_the_same_404(house: House, http: httpx.AsyncClient) -> None:
    """Another station's officer, a guessed alarm and a guessed media get the same answer, to the byte."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    assert await house.copies.step()
    other = {"authorization": "N01"}
    answers = [
        await http.get(f"/media/{alarm}/m1", headers=other),
        await http.get(f"/media/{alarm}/m2", headers=V01),
        await http.get("/media/00000000-0000-0000-0000-000000000000/m1", headers=V01),
        await http.post(f"/media/{alarm}/m1/original", json={"reason": "why"}, headers=other),
        await http.post(f"/media/{alarm}/m2/original", json={"reason": "why"}, headers=V01),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert (await http.get(f"/media/{alarm}/m1", headers={"authorization": "S01"})).status_code == 200
    assert (await http.get(f"/media/{alarm}/m1")).status_code == 401
    assert "original_opened" not in [event["type"] for event in await house.events(alarm)]


@pytest.mark.parametrize("name", ["bad-html.jpg", "bad-script.svg"])
async def test_script_is_never_served(house: House, http: httpx.AsyncClient, name: str) -> None:
    """Script under a picture's name is told as unreadable, and its bytes come only as a file to be kept."""
    alarm = await house.raises()
    data = await house.sends(alarm, name)
    waiting = await http.get(f"/media/{alarm}/m1", headers=V01)
    assert (waiting.status_code, waiting.json()["state"]) == (409, "stored")
    assert await house.copies.step()
    answer = await http.get(f"/media/{alarm}/m1", headers=V01)
    assert (answer.status_code, answer.json()["state"]) == (409, "unreadable")
    assert b"script" not in answer.content
    original = await http.post(f"/media/{alarm}/m1/original", json={"reason": "evidence"}, headers=V01)
    assert original.content == data
    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["content-disposition"].startswith("attachment")
    assert original.headers["x-content-type-options"] == "nosniff"


async def test_looking_is_logged(house: House, http: httpx.AsyncClient) -> None:
    """Who uncovers a photo is in the log before they have it, once; the covered one, or a look at its size, is not."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    assert await house.copies.step()

    async def opened() -> list[str]:
        return [event["by"] for event in await house.events(alarm) if event["type"] == "media_opened"]

    await http.get(f"/media/{alarm}/m1?copy=small", headers=V01)
    await http.head(f"/media/{alarm}/m1?copy=large", headers=V01)
    assert await opened() == []
    for who in ("V01", "V01", "S01"):
        answer = await http.get(f"/media/{alarm}/m1?copy=large", headers={"authorization": who})
        assert answer.status_code == 200
    assert await opened() == ["V01", "S01"]


async def test_original_is_logged(house: House, http: httpx.AsyncClient) -> None:
    """Whoever opens an original says why, and both are in the record before the first byte comes."""
    alarm = await house.raises()
    data = await house.sends(alarm, "photo-gps-rotated.jpg")
    url = f"/media/{alarm}/m1/original"
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}):
        assert (await http.post(url, json=body, headers=V01)).status_code in (413, 422)
    answer = await http.post(url, json={"reason": "court asks"}, headers=V01)
    assert answer.content == data
    opened = [event for event in await house.events(alarm) if event["type"] == "original_opened"]
    assert [(event["by"], event["media"], event["reason"]) for event in opened] == [("V01", "m1", "court asks")]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=100-", 100, -1), ("bytes=-7", -7, -1), ("bytes=5-99999999", 5, -1),
     ("bytes=-99999999", 0, -1), ("bytes=0-", 0, -1)],
)  # fmt: skip
async def test_ranges(house: House, http: httpx.AsyncClient, asked: str, first: int, last: int) -> None:
    """A player may ask for any part of a recording and gets exactly that."""
    alarm = await house.raises()
    await house.sends(alarm, "voice-en.m4a")
    assert await house.copies.step()
    copy = await house.copy(alarm)
    first, last = first % len(copy), last % len(copy)
    answer = await http.get(f"/media/{alarm}/m1", headers={**V01, "range": asked})
    assert answer.status_code == 206
    assert answer.content == copy[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(copy)}"
    assert answer.headers["content-type"] == "audio/mp4"


async def test_ranges_that_are_none(house: House, http: httpx.AsyncClient) -> None:
    """A part past the end is 416 with the size; what is not one range is answered with the whole."""
    alarm = await house.raises()
    await house.sends(alarm, "voice-en.m4a")
    assert await house.copies.step()
    copy = await house.copy(alarm)
    for asked in (f"bytes={len(copy)}-", "bytes=5-4", "bytes=-0"):
        answer = await http.get(f"/media/{alarm}/m1", headers={**V01, "range": asked})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(copy)}")
    for asked in ("bytes=0-1,4-5", "lines=1-2", "bytes=-", "nonsense"):
        answer = await http.get(f"/media/{alarm}/m1", headers={**V01, "range": asked})
        assert (answer.status_code, answer.content) == (200, copy)


async def test_a_range_over_two_segments(house: House, http: httpx.AsyncClient) -> None:
    """A long copy lies in several sealed pieces; a part that crosses their border is whole."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    copies = house.copies
    data = bytes(range(256)) * 2048  # 512 KiB
    for number in range(2):
        piece = data[number << 18 : (number + 1) << 18]
        await house.objects.put(f"{alarm}/m1/copy-abc/{number}", piece)
    await house.redis.hset(
        house.keys.media(alarm, "m1"),
        "copy",
        b'{"name": "abc", "size": 524288, "mime": "image/jpeg", "width": 1, "height": 1}',
    )
    assert await copies.step()
    answer = await http.get(f"/media/{alarm}/m1", headers={**V01, "range": "bytes=262100-262200"})
    assert answer.content == data[262100:262201]


async def test_a_damaged_copy(house: House, http: httpx.AsyncClient) -> None:
    """A copy that was changed on disk is an error that says so, not half a picture."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    assert await house.copies.step()
    for file in house.files():
        if "copy-" in str(file):
            file.write_bytes(b"changed")
    answer = await http.get(f"/media/{alarm}/m1", headers=V01)
    assert (answer.status_code, answer.json()["state"]) == (409, "damaged")
