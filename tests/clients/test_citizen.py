"""A citizen's program: raise, talk, show, follow, come back."""

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from fujin_client import Alarm, Asked, Citizen, Ladder, News, Officer, Refused, Said, Unreachable, media_type
from fujin_client.news import Story
from tests.clients.near import Near
from tests.patience import PATIENCE_S

WAYS = [("socket", "msgpack"), ("socket", "json"), ("http", "msgpack")]


async def until(alarm: Alarm, last: Callable[[News], bool]) -> list[News]:
    """The news that come, up to the one that is `last`."""
    news = []
    async with asyncio.timeout(PATIENCE_S):
        async for piece in alarm.follow():
            news.append(piece)
            if last(piece):
                break
    return news


@pytest.mark.parametrize(("over", "codec"), WAYS)
async def test_from_raise_to_closed(
    served: Near, officer: Officer, over: Literal["socket", "http"], codec: Literal["json", "msgpack"]
) -> None:
    """Over socket and HTTP, in both codecs: what a citizen sends is what officers have, and the other way round."""
    async with Citizen(served.url, over=over, codec=codec) as citizen:
        alarm = await citizen.raise_alarm(text="有人在门外", needs=["deaf", "signs"], lang="en", place="三楼")
        raised = await officer.next_event("alarm_raised", alarm.id)
        assert raised.changes is not None
        assert (raised.changes["text"], raised.changes["code"], raised.changes["home"]) == (
            "有人在门外", alarm.code, alarm.station["id"],
        )  # fmt: skip
        await officer.acknowledge(alarm.id)
        await officer.ask(alarm.id, "Are you safe?")
        await alarm.say("他们走了")
        await alarm.report((41.8, 123.4))
        question = (await until(alarm, lambda piece: isinstance(piece, Asked)))[-1]
        assert isinstance(question, Asked)
        assert question == Asked(question.question, "Are you safe?", ("yes", "no", "cannot_say", "danger_now"))
        await alarm.answer(question, "yes")
        await officer.say(alarm.id, "On our way")
        for step in (officer.seen, officer.move, officer.arrive, officer.close):
            await step(alarm.id)
        news = await until(alarm, lambda piece: isinstance(piece, Ladder) and piece.status == "closed")
        assert [p.text for p in news if isinstance(p, Said)][-2:] == ["yes", "On our way"]
        assert alarm.ladder is not None
        steps = ["stored", "acknowledged", "seen", "en_route", "on_scene", "closed"]
        assert [step for step in alarm.ladder.steps if step != "delivered"] == steps
        await officer.next_event("alarm_closed", alarm.id)
        known = officer.alarms[alarm.id]
        known["position"].pop("received")  # the hub's time
        assert known["position"] == {"lat": 41.8, "lon": 123.4, "datum": "wgs84"}
        assert [entry["text"] for entry in known["talk"].values() if entry["who"] == "citizen"] == ["他们走了", "yes"]
        assert (await alarm.look())["status"] == "closed"


@pytest.mark.parametrize(("over", "codec"), WAYS)
async def test_same_names_same_alarm(
    served: Near, over: Literal["socket", "http"], codec: Literal["json", "msgpack"]
) -> None:
    """Raised again with its id and secret it is the same alarm with the same receipt; the id belongs to that secret."""
    async with Citizen(served.url, over=over, codec=codec) as citizen:
        first = await citizen.raise_alarm(text="one")
        again = await citizen.raise_alarm(text="one", alarm_id=first.id, secret=first.secret, pin=first.pin)
        assert again.receipt == first.receipt
        with pytest.raises(Refused) as refused:
            await citizen.raise_alarm(alarm_id=first.id)
        assert refused.value.code == "alarm_exists"
        assert uuid.UUID(first.id).version == 7
        assert uuid.UUID(first.id).variant == uuid.RFC_4122


@pytest.mark.parametrize("over", ["socket", "http"])
async def test_wrong_secret_and_no_alarm_look_alike(served: Near, over: Literal["socket", "http"]) -> None:
    """Nobody learns from the answer whether there is such an alarm."""
    async with Citizen(served.url, over=over) as citizen:
        alarm = await citizen.raise_alarm()
        with pytest.raises(Refused) as wrong:
            await citizen.resume(alarm.id, "x" * 32)
        with pytest.raises(Refused) as none:
            await citizen.resume(str(uuid.uuid4()), alarm.secret)
        assert str(wrong.value) == str(none.value)
        assert (wrong.value.code, wrong.value.retry) == ("not_found", False)
        assert "secret" in wrong.value.advice


async def test_what_is_wrong_is_named(served: Near) -> None:
    """A field that is wrong is named: a name without which nothing can be stored."""
    async with Citizen(served.url) as citizen:
        with pytest.raises(Refused, match=r"secret: ") as refused:
            await citizen.raise_alarm(secret="short")
        assert refused.value.code == "bad_message"
        with pytest.raises(ValueError, match="is not the address of a server"):
            Citizen("ftp://127.0.0.1")


async def test_cancel(served: Near, officer: Officer) -> None:
    """Right and wrong number are answered alike; only officers learn of duress. No cancel closes an alarm."""
    async with Citizen(served.url) as citizen:
        free, forced = await citizen.raise_alarm(), await citizen.raise_alarm(pin="1234")
        await free.cancel(free.pin)
        await forced.cancel("4321")
        assert (await officer.next_event("cancel_requested", free.id)).data["duress"] is False
        assert (await officer.next_event("cancel_requested", forced.id)).data["duress"] is True
        views = [await alarm.look() for alarm in (free, forced)]
        assert {view["cancel"] for view in views} == {"requested"}
        assert "closed" not in {view["status"] for view in views}


@pytest.mark.parametrize(
    ("name", "kind", "copy"),
    [
        ("photo-gps-rotated.jpg", "photo", "image/jpeg"),
        ("photo-gps.heic", "photo", "image/jpeg"),
        ("voice-en.m4a", "audio", "audio/mp4"),
        ("voice-zh.amr", "audio", "audio/mp4"),
    ],
)
async def test_media_arrive_whole(
    served: Near, officer: Officer, fixtures: Path, name: str, kind: str, copy: str
) -> None:
    """A photo or recording arrives byte for byte; officers see a copy, and the original only with a reason."""
    async with Citizen(served.url) as citizen:
        alarm = await citizen.raise_alarm()
        path = fixtures / name
        sent = await (alarm.send_photo(path) if kind == "photo" else alarm.send_audio(path.read_bytes()))
        ended = await officer.next_event("media_ended", alarm.id)
        assert ended.data["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        await officer.next_event("media_ready", alarm.id)
        shown, mime = await officer.media(alarm.id, sent)
        assert mime == copy
        assert media_type(shown) == copy
        assert await officer.original(alarm.id, sent, "evidence") == path.read_bytes()
        assert (await officer.next_event("original_opened", alarm.id)).data["by"] == "V01"


async def test_what_nobody_can_open_is_sent(served: Near, officer: Officer, fixtures: Path) -> None:
    """A page under a picture's name, or bytes under a wrong type: sealed as they are, and said to be unreadable."""
    async with Citizen(served.url) as citizen:
        alarm = await citizen.raise_alarm()
        for photo, mime in ((fixtures / "bad-html.jpg", None), (b"<html>", "text/html")):
            await alarm.send_photo(photo, mime)
            assert (await officer.next_event("media_unreadable", alarm.id)).data["reason"] == "unknown_format"
        assert set((await alarm.look())["media"].values()) == {"unreadable"}


async def test_media_of_many_chunks(served: Near, officer: Officer) -> None:
    """What is larger than a chunk is sent as many, and put together as it was."""
    recording = b"#!AMR\n" + bytes(range(256)) * 4096  # 1 MiB
    async with Citizen(served.url) as citizen:
        alarm = await citizen.raise_alarm()
        await alarm.send_audio(recording)
        ended = await officer.next_event("media_ended", alarm.id)
        assert (ended.data["chunks"], ended.data["size"]) == (5, len(recording))
        assert ended.data["sha256"] == hashlib.sha256(recording).hexdigest()


async def test_comes_back_with_what_was_missed(served: Near, officer: Officer) -> None:
    """After a cut the talk that was missed comes once, in order, and nothing that was heard before."""
    async with Citizen(served.url) as citizen:
        alarm = await citizen.raise_alarm()
        await officer.say(alarm.id, "one")
        news = await until(alarm, lambda piece: isinstance(piece, Said))
        async with alarm.link.offline():
            await officer.say(alarm.id, "two")
            await officer.say(alarm.id, "three")
        news += await until(alarm, lambda piece: isinstance(piece, Said) and piece.text == "three")
        await alarm.say("four")
        news += await until(alarm, lambda piece: isinstance(piece, Said) and piece.text == "four")
        assert [piece.text for piece in news if isinstance(piece, Said)] == ["one", "two", "three", "four"]
        assert alarm.link.connections == 2


async def test_resumed_by_its_names(served: Near, officer: Officer) -> None:
    """Another program that has id and secret sees the whole alarm."""
    async with Citizen(served.url) as citizen:
        alarm = await citizen.raise_alarm(text="x")
        await alarm.say("hello")
    async with Citizen(served.url, over="http") as elsewhere:
        same = await elsewhere.resume(alarm.id, alarm.secret)
        assert same.code == alarm.code
        await officer.say(alarm.id, "read")
        news = await until(same, lambda piece: isinstance(piece, Said) and piece.text == "read")
        assert [piece.text for piece in news if isinstance(piece, Said)] == ["hello", "read"]


def test_heard_twice_is_no_news() -> None:
    """A receipt that was lost makes the server tell everything again; the citizen hears each piece once."""
    story = Story()
    said = {"type": "said", "n": 2, "who": "officer", "text": "one", "at": "t"}
    asked = {"type": "asked", "question": "3", "text": "safe?", "choices": ["yes"]}
    ladder = {"type": "ladder", "status": "raised", "ladder": [{"step": "stored", "at": "t"}]}
    for message in (said, asked, ladder, said, asked, ladder):
        story.message(message)
    assert [type(piece) for piece in story.unread] == [Said, Asked, Ladder]


async def test_no_server() -> None:
    """When nobody answers, that is said after the time that was given."""
    ways: tuple[Literal["socket", "http"], ...] = ("http", "socket")
    for over in ways:
        async with Citizen("http://127.0.0.1:9", over=over, patience_s=0.3) as citizen:
            with pytest.raises(Unreachable) as fault:
                await citizen.raise_alarm()
            assert fault.value.retry
            assert "127.0.0.1:9" in fault.value.message
