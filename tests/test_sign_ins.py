"""What was opened with a sign-in ends with it, within a second, however it ends; and asks for it at every command."""

import hashlib
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from dispatch.alarm.clock import to_ms
from dispatch.stream.keys import Keys
from tests.edge.raw import Raw
from tests.flow.helpers import Helper
from tests.flow.people import Officer
from tests.flow.town import Town
from tests.nightly import mostly_by_night

ROLES: dict[str, dict[str, Any]] = {
    "officer": {"name": "V01"},
    "supervisor of all": {"name": "S01", "station": None, "role": "supervisor"},
    "helper": {"name": "H01", "role": "helper"},
}


async def changes(town: Town, name: str, **members: Any) -> None:
    """What an administrator changes of a user, whatever the command line offers for it."""
    redis, key = town.dispatch.stream.redis, town.dispatch.stream.keys.users
    record = orjson.loads(await redis.hget(key, name))
    await redis.hset(key, name, json.dumps({**record, **members}))


async def lapses(town: Town, user: Officer) -> None:
    """Its time is over."""
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    assert isinstance(keys, Keys)
    for digest in await redis.smembers(keys.sessions_of(user.name)):
        await redis.zadd(keys.sign_ins, {digest: to_ms(town.clock.now())})


ENDS: dict[str, Callable[[Town, Officer], Awaitable[Any]]] = {
    "disabled": lambda town, user: town.dispatch.identity.disable(user.name),
    "a new password": lambda town, user: town.dispatch.identity.set_password(user.name, "another-password"),
    "another role": lambda town, user: changes(town, user.name, role="admin"),
    "another station": lambda town, user: changes(town, user.name, station="xiaodong"),
    "gone": lambda town, user: town.dispatch.stream.redis.hdel(town.dispatch.stream.keys.users, user.name),
    "signed out": lambda town, user: town.dispatch.identity.sign_out(*user.http.cookies.values()),
    "its time is over": lapses,
}


@pytest.mark.parametrize("how", mostly_by_night(ENDS, by_day=["disabled", "another role", "its time is over"]))
@pytest.mark.parametrize("who", ROLES)
async def test_a_socket_ends_with_its_sign_in(town: Town, who: str, how: str) -> None:
    """Closed with 4501 within a second, though it says nothing; of an alarm that comes then it hears nothing."""
    other = await town.officer("V09")
    about = ROLES[who]
    if who == "helper":
        user = await town.user(**about)
        page = Helper(user)
        await page.opens_page()
        await town.quiet()
        await page.watches(41.8, 123.4)
    else:
        user = await town.officer(**about)
    await ENDS[how](town, user)
    await town.clock.advance(1)
    closed = page.closed if who == "helper" else user.closed
    assert closed == 4501
    alarm = await town.citizen().raises(text="救命")
    await town.quiet()
    assert alarm not in user.alarms
    assert other.closed is None
    town.stops_watching(other, user)


@pytest.mark.parametrize("how", mostly_by_night(ENDS, by_day=["disabled"]))
async def test_a_place_that_is_shared_ends_with_the_sign_in(town: Town, how: str) -> None:
    """A helper's, within a second, and not only when it lapses."""
    page = Helper(await town.user("H01", role="helper"))
    await page.opens_page()
    await town.quiet()
    await page.watches(41.8, 123.4)
    await ENDS[how](town, page.user)
    await town.clock.advance(1)
    assert await town.dispatch.nearby.places.one("dadongmen", "H01") is None


async def test_who_is_there_on_another_device(town: Town) -> None:
    """Where the sign-in of one device is over, the other one's page and place stay."""
    one, other = [Helper(await town.user("H01", role="helper")) for _ in range(2)]
    for page in (one, other):
        await page.opens_page()
        await town.quiet()
    await other.watches(41.8, 123.4)
    token = one.user.http.cookies["dispatch_session"]
    keys = town.dispatch.stream.keys
    await town.dispatch.stream.redis.pexpireat(keys.session(hashlib.sha256(token.encode()).hexdigest()), 1)
    await town.clock.advance(1)
    assert (one.closed, other.closed) == (4501, None)
    assert await town.dispatch.nearby.places.one("dadongmen", "H01") is not None
    await other.closes()


@pytest.mark.parametrize("how", mostly_by_night(ENDS, by_day=["disabled"]))
@pytest.mark.parametrize(
    "command",
    [
        {"kind": "ack"}, {"kind": "note", "text": "x"}, {"kind": "ask", "question": "?", "choices": ["1", "2"]},
        {"kind": "subscribe"}, {"kind": "ready", "sound": True, "visible": True}, {"kind": "duty", "on": False},
    ],
    ids=lambda command: command["kind"],
)  # fmt: skip
async def test_a_command_after_the_end(town: Town, how: str, command: dict[str, Any]) -> None:
    """Before anybody could look, a command has no effect: the socket is closed instead."""
    user = await town.officer("V01")
    alarm = await town.citizen().raises(text="救命")
    await town.quiet()
    before = await town.dispatch.alarms.load(alarm)
    await ENDS[how](town, user)
    of_alarm = {"alarm": alarm} if command["kind"] in ("ack", "note", "ask") else {}
    with pytest.raises(ConnectionError, match="4501"):
        await user.asks(**command, **of_alarm)
    town.stops_watching(user)
    await town.quiet()
    after = await town.dispatch.alarms.load(alarm)
    assert before is not None
    assert after is not None
    assert (after.alarm.owner, after.alarm.talk, after.alarm.notes) == (None, before.alarm.talk, before.alarm.notes)


@pytest.mark.parametrize("how", mostly_by_night(ENDS, by_day=["disabled"]))
@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/csv"])
async def test_an_export_ends_with_its_sign_in(tmp_path: Path, how: str, accept: str) -> None:
    """An answer that is still being given breaks off within a second; that of another officer goes on to its end."""
    async with Town(tmp_path) as town:
        user, other = await town.user("V01"), await town.user("V02")
        for _ in range(12):
            await town.citizen().raises(text="救" * 4000)
        town.hubs[0]._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # those that come from now on
        links = []
        for each in (user, other):
            cookie = "; ".join(f"{name}={value}" for name, value in each.http.cookies.items())
            link = await Raw.open(town.url, receives=2048)
            link.reads_nothing()
            await link.sends(f"GET /log HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nCookie: {cookie}\r\n"
                             "Connection: close\r\n\r\n".encode())  # fmt: skip
            links.append(link)
        with town.clock.under_way():
            await town.hubs[0].begins_to_answer(2)
            await ENDS[how](town, user)
            town.clock.jump(1)
            await town.dispatch.sign_ins.step(town.clock.now())
            for link in links:
                link.reads_on()
            ended, whole = [await link.rest() for link in links]
        assert whole.endswith(b"\r\n0\r\n\r\n")
        assert b"200 OK" in ended[:100]
        assert not ended.endswith(b"0\r\n\r\n")
        assert len(ended) < len(whole) * 0.9
        await town.quiet()


async def test_the_store_is_asked_once_for_all(town: Town) -> None:
    """However many are connected, a look is three commands; with nobody connected there is none."""

    async def costs() -> int:
        before = (await town.dispatch.stream.redis.info("stats"))["total_commands_processed"]
        await town.dispatch.sign_ins.step(town.clock.now())
        after = (await town.dispatch.stream.redis.info("stats"))["total_commands_processed"]
        return int(after - before) - 1

    assert await costs() == 0
    for name in ("V01", "V02", "V03", "V04"):
        await town.officer(name)
    assert await costs() == 3
