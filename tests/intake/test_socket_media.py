"""Photos and recordings by the citizen's socket: in any order, any number of times, across a lost network."""

import asyncio
import hashlib
import uuid
from pathlib import Path
from typing import Any

from tests.flow.people import Officer
from tests.flow.town import Town
from tests.intake.link import Link

CHUNK = 40_000


def chunks(data: bytes) -> list[tuple[int, bytes]]:
    return list(enumerate(data[at : at + CHUNK] for at in range(0, len(data), CHUNK)))


async def opens(town: Town, names: dict[str, str], kind: str) -> Link:
    link = await Link.open(town.url, codec="msgpack")
    assert (await link.asks(kind, **names))["type"] == "ok"
    return link


async def put(link: Link, media: str, seq: int, data: bytes, **more: Any) -> dict[str, Any]:
    return await link.asks("media_chunk", media=media, seq=seq, data=data, **more)


async def original(officer: Officer, alarm: str, media: str) -> bytes:
    answer = await officer.http.post(f"/media/{alarm}/{media}/original", json={"reason": "取证"})
    assert answer.status_code == 200
    return answer.content


async def test_a_photo_and_a_recording(town: Town, fixtures: Path) -> None:
    """Chunks backwards, doubled, from two connections: each file arrives once and whole, and is told to the page."""
    officer = await town.officer("V01")
    names = {"id": str(uuid.uuid4()), "secret": uuid.uuid4().hex}
    link = await opens(town, names, "raise")
    photo, voice = (fixtures / "photo-gps-rotated.jpg").read_bytes(), (fixtures / "voice-zh.webm").read_bytes()
    about = {"kind": "photo", "mime": "image/jpeg"}
    parts = chunks(photo)
    assert len(parts) > 3
    for seq, data in reversed(parts[2:]):
        assert (await put(link, "p1", seq, data, **about))["type"] == "ok"
        assert (await put(link, "p1", seq, data, **about))["type"] == "ok"
    early = await link.asks("media_end", media="p1", chunks=len(parts))
    assert (early["code"], early["missing"], early["retry"]) == ("chunks_missing", [0, 1], True)
    other = await put(link, "p1", 2, b"other bytes", **about)
    assert other["code"] == "chunk_conflict"

    link.socket.transport.abort()
    link = await opens(town, names, "resume")
    for seq, data in parts[:3]:
        assert (await put(link, "p1", seq, data, **about))["type"] == "ok"
    wrong = await link.asks("media_end", media="p1", chunks=len(parts), sha256="0" * 64)
    assert wrong["type"] == "error"
    for _ in range(2):
        digest = hashlib.sha256(photo).hexdigest()
        assert (await link.asks("media_end", media="p1", chunks=len(parts), sha256=digest))["type"] == "ok"
    for seq, data in chunks(voice):
        assert (await put(link, "v1", seq, data, kind="audio", mime="audio/webm"))["type"] == "ok"
    assert (await link.asks("media_end", media="v1", chunks=1))["type"] == "ok"

    await officer.hears(names["id"], "alarm_raised", "step_run", "media_added", "media_ended")
    await officer.hears(names["id"], "media_ready", "media_ready")
    assert await original(officer, names["id"], "p1") == photo
    assert await original(officer, names["id"], "v1") == voice
    shown: dict[str, str] = {}
    while shown != {"p1": "ready", "v1": "ready"}:
        shown = (await link.hears("ladder"))["media"]
    await link.closes()
    await town.forgets(officer)


async def test_no_type_and_a_wrong_one(town: Town, fixtures: Path) -> None:
    """A device that knows no type, or says a wrong one: its bytes say what came, and officers see and hear it."""
    officer = await town.officer("V01")
    names = {"id": str(uuid.uuid4()), "secret": uuid.uuid4().hex}
    link = await opens(town, names, "raise")
    heic, amr = (fixtures / "photo-gps.heic").read_bytes(), (fixtures / "voice-zh.amr").read_bytes()
    said: list[tuple[str, bytes, dict[str, Any]]] = [
        ("none", heic, {}), ("empty", heic, {"mime": "", "kind": None}), ("film", amr, {"mime": "video/3gpp"}),
        ("long", amr, {"kind": "photo", "mime": "x" * 5000}), ("number", amr, {"mime": 5}),
    ]  # fmt: skip
    for media, data, about in said:
        for seq, part in chunks(data):
            answer = await link.asks("media_chunk", media=media, seq=seq, data=part, **about)
            assert answer["type"] == "ok", answer
        assert (await link.asks("media_end", media=media, chunks=len(chunks(data))))["type"] == "ok"
    await officer.hears(names["id"], "alarm_raised", "step_run", *["media_ready"] * len(said))
    kinds = {media: item["kind"] for media, item in officer.alarms[names["id"]]["media"].items()}
    assert kinds == {media: "photo" if data is heic else "audio" for media, data, _ in said}
    await link.closes()
    await town.forgets(officer)


async def test_two_connections_send_one_recording(town: Town, fixtures: Path) -> None:
    """Two pages of one alarm that send the same chunks at the same time: stored once, and ended once."""
    officer = await town.officer("V01")
    names = {"id": str(uuid.uuid4()), "secret": uuid.uuid4().hex}
    links = [await opens(town, names, "raise"), await opens(town, names, "resume")]
    voice = (fixtures / "voice-en.m4a").read_bytes()
    parts = list(enumerate(voice[at : at + 2048] for at in range(0, len(voice), 2048)))

    async def sends(link: Link) -> None:
        for seq, data in parts:
            assert (await put(link, "v1", seq, data, kind="audio", mime="audio/mp4"))["type"] == "ok"
        assert (await link.asks("media_end", media="v1", chunks=len(parts)))["type"] == "ok"

    with town.clock.under_way():
        await asyncio.gather(*(sends(link) for link in links))
    await town.quiet()
    await officer.hears(names["id"], "alarm_raised", "step_run", "media_added", "media_ended", "media_ready")
    assert await original(officer, names["id"], "v1") == voice
    await officer.hears(names["id"], "original_opened")
    for link in links:
        await link.closes()


async def test_media_of_another_alarm(town: Town) -> None:
    """Chunks belong to the connection's own alarm; a name used there and here is two recordings."""
    mine, theirs = ({"id": str(uuid.uuid4()), "secret": uuid.uuid4().hex} for _ in range(2))
    links = [await opens(town, mine, "raise"), await opens(town, theirs, "raise")]
    for link, data in zip(links, (b"mine", b"theirs"), strict=True):
        assert (await put(link, "m1", 0, data, kind="photo", mime="image/jpeg"))["type"] == "ok"
        refused = await link.asks("media_chunk", media="m1", seq=1, data=b"x", kind="photo", mime="image/jpeg",
                                  alarm=theirs["id"])  # fmt: skip
        assert refused["code"] == "bad_message"
    early = await Link.open(town.url, codec="msgpack")
    assert (await put(early, "m1", 0, b"x", kind="photo", mime="image/jpeg"))["code"] == "not_possible"
    officer = await town.officer("V01")
    for link, names, data in zip(links, (mine, theirs), (b"mine", b"theirs"), strict=True):
        assert (await link.asks("media_end", media="m1", chunks=1))["type"] == "ok"
        assert await original(officer, names["id"], "m1") == data
        await link.closes()
    await early.closes()
    await town.quiet()
    town.stops_watching(officer)
