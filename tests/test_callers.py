"""Nobody shuts an officer out by trying passwords: attempts count by place and device, and each place has its turn."""

import asyncio
import math
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.requests import HTTPConnection

from dispatch.alarm.errors import Refused
from dispatch.callers import Callers
from dispatch.hashing import Hashing
from tests.flow.clock import FakeClock
from tests.flow.people import Http
from tests.flow.town import PASSWORD, Town

HERE, THERE = "203.0.113.7", "198.51.100.9"
WRONG = "wrong-password"


def connection(host: str, cookie: str = "") -> HTTPConnection:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return HTTPConnection({"type": "http", "client": (host, 1234), "headers": headers})


async def tries(town: Town, password: str, source: str = HERE, user: str = "V01", device: str = "") -> httpx.Response:
    """One attempt, as a proxy on this machine hands it on."""
    headers = {"x-forwarded-for": source} | ({"cookie": device} if device else {})
    async with Http(town.url, town.rests) as http:
        return await http.post("/session", json={"user": user, "password": password}, headers=headers)


async def known_device(town: Town, user: str = "V01") -> str:
    """The cookie of a device on which the user signed in before."""
    answer = await tries(town, PASSWORD, "192.0.2.1", user)
    assert answer.status_code == 200
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith("dispatch_device_")]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/session"} <= flags
    assert "max-age=15552000" in flags
    return cookie.partition(";")[0]


# -- by place and device -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "on_device", "user", "status"),
    [
        (HERE, False, "V01", 429),  # who tried
        (THERE, False, "V01", 200),
        (HERE, True, "V01", 200),  # a known device, also behind the same address
        (THERE, True, "V01", 200),
        (HERE, False, "V02", 200),
    ],
)
async def test_who_is_shut_out(town: Town, source: str, on_device: bool, user: str, status: int) -> None:
    """Who tried ten wrong passwords as somebody, and they alone."""
    for name in ("V01", "V02"):
        await town.user(name)
    device = await known_device(town, user) if on_device else ""
    attempts = [(await tries(town, WRONG)).status_code for _ in range(12)]
    assert attempts == [401] * 10 + [429] * 2
    assert (await tries(town, PASSWORD, source, user, device)).status_code == status


async def test_attempts_that_are_sent_at_once(town: Town) -> None:
    """Fifty together are fifty: ten are looked at, whatever their order."""
    await town.user("V01")
    answers = await asyncio.gather(*(tries(town, WRONG) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 40


async def test_a_known_device_has_its_own_attempts(town: Town) -> None:
    """Mistakes on it are counted for it; when they are used up it is as any other, and others are not shut out."""
    await town.user("V01")
    device = await known_device(town)
    for _ in range(20):
        assert (await tries(town, WRONG, HERE, device=device)).status_code == 401
    assert (await tries(town, WRONG, HERE, device=device)).status_code == 429
    assert (await tries(town, PASSWORD, THERE, device=device)).status_code == 200
    assert (await tries(town, PASSWORD, HERE, device=device)).status_code == 200, "signing in forgets the mistakes"


@pytest.mark.parametrize("what", ["another user's", "made up", "changed", "empty"])
async def test_a_device_that_is_not_known(town: Town, what: str) -> None:
    """No cookie but the one that the hub gave for this user makes a device known."""
    for name in ("V01", "V02"):
        await town.user(name)
    name, _, value = (await known_device(town)).partition("=")
    forged = {
        "another user's": f"{name}={(await known_device(town, 'V02')).partition('=')[2]}",
        "made up": f"{name}=abcdefghijkl.mnopqrstuvwxyzabcdefghij",
        "changed": f"{name}={'y' if value[0] == 'x' else 'x'}{value[1:]}",
        "empty": f"{name}=",
    }[what]
    for _ in range(10):
        await tries(town, WRONG)
    assert (await tries(town, PASSWORD, HERE, device=forged)).status_code == 429


async def test_retry_after_is_true(town: Town) -> None:
    """It is what is left of the time, in the header and the body; when it is over the next attempt is looked at."""
    await town.user("V01")
    for _ in range(10):
        await tries(town, WRONG)
    redis = town.dispatch.stream.redis
    [key] = [key async for key in redis.scan_iter(match=f"{town.prefix}*:attempts:*", count=1000)]
    for left_ms in (41_500, 2_500):
        await redis.pexpire(key, left_ms)
        refused = await tries(town, PASSWORD)
        told = int(refused.headers["retry-after"])
        assert told == refused.json()["retry_after_s"] == math.ceil(left_ms / 1000)
        assert f"wait {told} s" in refused.json()["message"]
    await redis.pexpireat(key, 1)
    assert (await tries(town, PASSWORD)).status_code == 200


# -- an address is kept nowhere ------------------------------------------------------------------------------------


async def test_nothing_of_an_address_is_kept(town: Town, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither in the store nor in a log, whoever comes from it and whatever they do."""
    await town.user("V01")
    for password in (WRONG, PASSWORD):
        await tries(town, password)
    redis = town.dispatch.stream.redis
    kept = b""
    async for key in redis.scan_iter(match=f"{town.prefix}*", count=1000):
        kept += key + (await redis.dump(key) or b"")
    assert kept
    said = "".join(capfd.readouterr())
    for mark in (HERE, "203.0.113", HERE.replace(".", "")):
        assert mark.encode() not in kept
        assert mark not in said


def test_places() -> None:
    """The same address is the same place on one day at all hubs with the key; a network of IPv6 is one place."""
    clock, key = FakeClock(), b"k" * 32
    one, other = Callers(key, clock), Callers(key, clock)
    source = one.source(connection(HERE))
    assert source == other.source(connection(HERE)) == one.source(connection(f"::ffff:{HERE}"))
    assert HERE not in source
    assert source != one.source(connection(THERE))
    assert source != Callers(b"x" * 32, clock).source(connection(HERE))
    line = one.source(connection("2001:db8:1:2::1"))
    assert line == one.source(connection("2001:db8:1:2:ffff::9"))
    assert line != one.source(connection("2001:db8:1:3::1"))
    assert one.source(connection("fe80::1%eth0")) == one.source(connection("fe80::2"))
    assert one.source(connection("")) == one.source(HTTPConnection({"type": "http", "headers": []}))
    clock.jump(86_400)
    assert one.source(connection(HERE)) != source


async def test_only_a_proxy_that_is_trusted_names_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client says of itself counts for nothing: it would be somebody else at each attempt."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.5")
    async with Town(tmp_path) as town:
        await town.user("V01")
        for n in range(10):
            assert (await tries(town, WRONG, f"203.0.113.{n}")).status_code == 401
        assert (await tries(town, WRONG, "203.0.113.99")).status_code == 429


# -- in turn -------------------------------------------------------------------------------------------------------


async def test_each_place_has_its_turn() -> None:
    """Forty of one place wait: who comes from elsewhere is next, and who is on a known device before them."""
    hashing = Hashing(1, 64)
    held = threading.Event()
    order: list[str] = []
    first = asyncio.ensure_future(hashing.run(held.wait, "first", False))
    await asyncio.sleep(0)

    def check(name: str) -> Callable[[], None]:
        return partial(order.append, name)

    flood = [asyncio.ensure_future(hashing.run(check("flood"), "flood", False)) for _ in range(40)]
    await asyncio.sleep(0)
    other = asyncio.ensure_future(hashing.run(check("other"), "other", False))
    known = asyncio.ensure_future(hashing.run(check("known"), "flood", True))
    await asyncio.sleep(0)
    flood.pop(5).cancel()
    held.set()
    await asyncio.gather(first, *flood, other, known)
    assert order[:3] == ["known", "flood", "other"]
    assert order[3:] == ["flood"] * 38
    hashing.close()


async def test_so_many_wait_from_one_place() -> None:
    """The next is told when to come back; from elsewhere one still waits, and all threads are free again at the end."""
    hashing = Hashing(3, 4)
    held = threading.Event()
    waiting = [asyncio.ensure_future(hashing.run(held.wait, "flood", False)) for _ in range(6)]
    await asyncio.sleep(0)
    assert await hashing.run(lambda: 1, "flood", True) == 1, "a thread is kept for known devices"
    with pytest.raises(Refused) as refused:
        await hashing.run(held.wait, "flood", False)
    assert refused.value.details["retry_after_s"] >= 1
    waiting.append(asyncio.ensure_future(hashing.run(held.wait, "elsewhere", False)))
    waiting[-2].cancel()
    await asyncio.sleep(0)
    held.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await hashing.run(lambda: 1, "flood", False) == 1
    assert hashing._free == 3
    hashing.close()
