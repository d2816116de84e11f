"""The citizen's socket tells nobody more than they may know: not whose alarm it is, not which cancel it was."""

import asyncio
import json
import uuid
from typing import Any

import msgpack
import pytest

from tests.flow.people import Officer
from tests.flow.town import Town
from tests.intake.link import CODECS, Link
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.parametrize("codec", CODECS)
OTHERS = "another-citizens-secret-0"


def decoded(frame: str | bytes) -> dict[str, Any]:
    return dict(json.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame))


async def raised(town: Town, link: Link, **more: Any) -> dict[str, str]:
    """The names of an alarm raised by `link`."""
    names = {"id": str(uuid.uuid4()), "secret": uuid.uuid4().hex}
    assert (await link.asks("raise", **names, **more))["type"] == "ok"
    return names


async def test_the_receipt_is_that_of_http(town: Town, codec: str) -> None:
    """An alarm raised by the socket and again by HTTP, or the other way round: one alarm, one receipt."""
    link = await Link.open(town.url, codec=codec)
    citizen = town.citizen()
    body = {"id": citizen.id, "secret": citizen.secret, "pin": citizen.pin, "text": "门外有人", "lang": "en"}
    first = await link.asks("raise", ref="1", **body)
    again = await citizen.http.post("/alarms", json=body)
    assert again.status_code == 200
    assert first == {"type": "ok", "ref": "1", **again.json()}
    other = town.citizen()
    await other.raises(text="喂")
    by_socket = await link.asks("raise", ref="2", id=other.id, secret=other.secret, pin=other.pin, text="喂")
    assert by_socket == {"type": "ok", "ref": "2", **other.answer.json()}
    await link.closes()


async def test_another_citizens_secret(town: Town, codec: str) -> None:
    """It opens nothing, is told as an unknown alarm is, changes nothing, and hears nothing of that alarm."""
    officer = await town.officer("V01")
    mine = await Link.open(town.url, codec=codec)
    names = await raised(town, mine, text="我的")
    await mine.hears("ladder")
    other = await Link.open(town.url, codec=codec)
    theirs = await raised(town, other, text="别人的")
    await other.hears("ladder")
    for alarm in (names["id"], str(uuid.uuid4())):
        for secret in (theirs["secret"], OTHERS):
            refused = await other.asks("resume", ref="1", id=alarm, secret=secret)
            assert refused["code"] == "not_found"
            assert set(refused) == {"type", "ref", "code", "message", "retry", "advice"}
            assert "别人" not in str(refused)
    taken = await other.asks("raise", id=names["id"], secret=theirs["secret"], text="我来改")
    assert taken["code"] == "alarm_exists"
    assert "我的" not in str(taken)
    assert (await other.asks("say", text="还是我的报警"))["type"] == "ok", "the connection is its own alarm's still"
    await officer.asks("say", alarm=names["id"], text="只给你")
    await officer.asks("ack", alarm=names["id"])
    assert (await mine.hears("said"))["text"] == "只给你"
    said = await other.hears("said")
    assert said["text"] == "还是我的报警"
    await officer.asks("say", alarm=theirs["id"], text="给别人的")
    assert (await other.hears("said"))["text"] == "给别人的", "and nothing of the first alarm came between"
    loaded = await town.dispatch.alarms.load(names["id"], whole=True)
    assert loaded is not None
    assert loaded.alarm.text == "我的"
    assert [entry["text"] for entry in loaded.alarm.talk.values()] == ["只给你"]
    for link in (mine, other):
        await link.closes()
    await town.forgets(officer)


async def test_cancels_are_alike_to_the_byte(town: Town, codec: str) -> None:
    """All that comes after the right number, a wrong one and none: the same frames, also as the talk goes on."""
    officer = await town.officer("V01")
    heard = []
    for pin in ("4821", "0000", None):
        link = await Link.open(town.url, codec=codec)
        names = await raised(town, link, pin="4821")
        await link.hears("ladder")
        await link.sends({"type": "cancel", "ref": "c", **({"pin": pin} if pin else {})})
        came = sorted(await told(link, "ok", "ladder"), key=len)  # the answer and the stream go their own ways
        await link.sends({"type": "cancel", "ref": "c2", **({"pin": pin} if pin else {})})
        came += await told(link, "ok")
        came += await goes_on(officer, link, names["id"])
        heard.append(came)
        await link.closes()
        resumed = await Link.open(town.url, codec=codec)
        answer = await resumed.asks("resume", ref="r", **names)
        heard[-1].append(str({name: answer[name] for name in answer if name not in ("id", "code")}))
        await resumed.closes()
    assert heard[0] == heard[1] == heard[2]
    await town.forgets(officer)


async def goes_on(officer: Officer, link: Link, alarm: str) -> list[str | bytes]:
    """What the page is told of an officer who takes the alarm and writes, step by step."""
    await officer.acknowledges(alarm)
    came = await told(link, "ladder")
    await officer.asks("say", alarm=alarm, text="来了")
    return came + await told(link, "said")


async def told(link: Link, *kinds: str) -> list[str | bytes]:
    """The frames until one of each kind has come; beats are left out, for they come by the clock."""
    came: list[str | bytes] = []
    while not {*kinds} <= {decoded(frame)["type"] for frame in came}:
        frame = await asyncio.wait_for(link.socket.recv(), PATIENCE_S)
        if decoded(frame)["type"] != "beat":
            came.append(frame)
    return came
