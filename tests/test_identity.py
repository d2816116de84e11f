"""Sign-ins: the same answer whatever was wrong, bounded attempts, cookies that scripts and other sites cannot use."""

import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from dispatch.alarm.clock import from_text
from dispatch.identity import LEAST_PASSWORD, SWEEP_EVERY_S, hash_password
from tests.flow.people import Answered, Http
from tests.flow.town import PASSWORD, Town
from tests.intake.link import Link


async def signs_in(town: Town, user: str, password: str, **headers: str) -> httpx.Response:
    async with Http(town.url, town.rests) as http:
        return await http.post("/session", json={"user": user, "password": password}, headers=headers)


async def test_right_and_wrong(town: Town) -> None:
    """A wrong password, an unknown name and a disabled user get the same status and body."""
    await town.user("V01")
    await town.user("V02")
    await town.dispatch.identity.disable("V02")
    right = await signs_in(town, "V01", PASSWORD)
    assert (right.status_code, right.json()) == (200, {"name": "V01", "role": "officer", "station": "dadongmen"})
    wrong = [
        await signs_in(town, user, password)
        for user, password in (("V01", "wrong-password"), ("V99", PASSWORD), ("V02", PASSWORD), ("V01 ", PASSWORD))
    ]
    assert {(answer.status_code, answer.content) for answer in wrong} == {(401, wrong[0].content)}
    assert wrong[0].json()["code"] == "wrong_sign_in"
    assert all("set-cookie" not in answer.headers for answer in wrong)


async def test_attempts_are_bounded(town: Town) -> None:
    """After ten wrong passwords of one name even the right one has to wait; others are not kept waiting."""
    await town.user("V01")
    await town.user("V02")
    for _ in range(town.settings.limits.sign_in_attempts):
        assert (await signs_in(town, "V01", "wrong-password")).status_code == 401
    late = await signs_in(town, "V01", PASSWORD)
    assert (late.status_code, late.json()["code"], late.json()["retry"]) == (429, "too_many_attempts", True)
    assert "retry-after" in late.headers
    assert (await signs_in(town, "V02", PASSWORD)).status_code == 200
    for _ in range(town.settings.limits.sign_in_attempts):
        assert (await signs_in(town, "nobody", "wrong-password")).status_code == 401
    assert (await signs_in(town, "nobody", "x")).status_code == 429, "unknown names are bounded alike"


async def test_a_right_password_forgets_the_wrong_ones(town: Town) -> None:
    await town.user("V01")
    for _ in range(2):
        for _ in range(town.settings.limits.sign_in_attempts - 1):
            assert (await signs_in(town, "V01", "wrong-password")).status_code == 401
        assert (await signs_in(town, "V01", PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"user": "V01"}, {"user": 1, "password": "x"}, {"user": "", "password": "x"}, {"user": "V01", "password": ""},
     {"user": "x" * 65, "password": "x"}, {"user": "V01", "password": "x" * 1025},
     {"user": "V01", "password": "x", "otp": 1}],
)  # fmt: skip
async def test_what_is_no_sign_in(town: Town, body: dict[str, Any]) -> None:
    """Named as any other bad message, and the password is not repeated."""
    answer = await town.citizen().http.post("/session", json=body)
    assert answer.status_code in (413, 422)
    assert "xxxx" not in answer.text


async def test_the_cookie(town: Town) -> None:
    """No script reads it, no other site sends it; over TLS it travels only over TLS. The store has only its hash."""
    await town.user("V01")
    plain = (await signs_in(town, "V01", PASSWORD)).headers["set-cookie"]
    flags = {part.strip().lower() for part in plain.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert "secure" not in flags
    behind_tls = (await signs_in(town, "V01", PASSWORD, **{"x-forwarded-proto": "https"})).headers["set-cookie"]
    assert "secure" in {part.strip().lower() for part in behind_tls.split(";")}
    token = plain.split(";")[0].partition("=")[2]
    assert len(token) >= 32
    redis = town.dispatch.stream.redis
    keys = [key async for key in redis.scan_iter(match=f"{town.prefix}*", count=1000)]
    assert keys
    assert not any(token.encode() in key for key in keys)


async def test_sign_out_ends_it(town: Town) -> None:
    """The token is worth nothing afterwards, and the console says why it closes."""
    officer = await town.officer("V01")
    token = dict(officer.http.cookies)
    assert (await officer.http.delete("/session")).status_code == 204
    async with Http(town.url, town.rests) as stolen:
        stolen.cookies.update(token)
        gone = await stolen.get("/session")
    assert (gone.status_code, gone.json()["code"]) == (401, "not_signed_in")
    with pytest.raises(ConnectionError, match="4501"):
        await officer.asks("ready", sound=True, visible=True)
    assert await officer.is_closed_with() == 4501


@pytest.mark.parametrize("how", ["disable", "password"])
async def test_every_sign_in_ends(town: Town, how: str) -> None:
    """Disabling a user, or a new password, ends all their sign-ins; others stay signed in."""
    first, second = await town.user("V01"), await town.user("V01")
    other = await town.user("V02")
    if how == "disable":
        await town.dispatch.identity.disable("V01")
    else:
        await town.dispatch.identity.set_password("V01", "another-password")
    assert [(await officer.http.get("/session")).status_code for officer in (first, second, other)] == [401, 401, 200]
    assert (await signs_in(town, "V01", PASSWORD)).status_code == 401
    again = await signs_in(town, "V01", "another-password")
    assert again.status_code == (401 if how == "disable" else 200)


async def test_a_sign_in_ends_by_itself(town: Town) -> None:
    """After the configured hours it is over, and a little later the store has nothing of it."""
    officer = await town.user("V01")
    town.clock.jump(town.settings.session.hours * 3600 - 1)
    ends = (await officer.http.get("/session")).status_code  # whoever only looks does not use it
    await town.clock.advance(2)
    assert (ends, (await officer.http.get("/session")).status_code) == (200, 401)
    await town.clock.advance(SWEEP_EVERY_S)
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    assert [key async for key in redis.scan_iter(match=f"{town.prefix}*:session:*", count=1000)] == []
    assert await redis.exists(keys.sign_ins, keys.sessions_of("V01")) == 0


async def test_no_use_revives_it(town: Town) -> None:
    """Once it has ended, whoever says that they are there is as signed out as before: at once, and a little later."""
    officer = await town.user("V01")
    town.clock.jump(town.settings.session.hours * 3600 + 1)
    answers = [await officer.http.post("/session/stay"), await officer.http.get("/session")]
    assert [answer.status_code for answer in answers] == [401, 401]


async def test_a_sign_in_of_the_build_before_goes_on(town: Town) -> None:
    """One whose end was left to the store's expiry ends when it would have, is renewed by use, and expires no more."""
    officer = await town.user("V01")
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    [digest] = await redis.smembers(keys.sessions_of("V01"))
    both = [keys.session(digest.decode()), keys.sessions_of("V01")]
    await redis.delete(keys.sign_ins)
    for key in both:
        await redis.expire(key, 3600)
    left_s = []
    for answer in (await officer.http.get("/session"), await officer.http.post("/session/stay")):
        left = from_text(answer.json()["ends_at"]) - from_text(answer.json()["now"])
        left_s.append(left.total_seconds())
    assert 3500 < left_s[0] <= 3600
    assert left_s[1] == town.settings.session.hours * 3600
    assert [await redis.ttl(key) for key in both] == [-1, -1]


async def test_no_clock_of_the_store_ends_it(town: Town) -> None:
    """Nothing of a sign-in is left to the store's own expiry, which a clock that is set ahead makes come at once."""
    await town.user("V01")
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    sessions = [key async for key in redis.scan_iter(match=f"{town.prefix}*:session*", count=1000)]
    assert [await redis.ttl(key) for key in (*sessions, keys.sign_ins)] == [-1] * (len(sessions) + 1)
    assert len(sessions) == 2


async def test_roles(town: Town) -> None:
    """An officer sees their own station; a supervisor without one sees all; nobody without sign-in sees anything."""
    officer = await town.user("V01")
    supervisor = await town.user("S01", station=None, role="supervisor")
    assert (await officer.http.get("/log", params={"station": "xiaodong"})).status_code == 403
    assert (await supervisor.http.get("/log", params={"station": "xiaodong"})).status_code == 200
    async with Http(town.url, town.rests) as nobody:
        for path in ("/session", "/log", "/log/verify", "/log/alarms/x", "/media/x/m1", "/voice/dadongmen.zh.wav"):
            seen = await nobody.get(path)
            assert (seen.status_code, seen.json()["code"]) == (401, "not_signed_in"), path
        nobody.cookies.set("dispatch_session", secrets.token_urlsafe(32))
        assert (await nobody.get("/session")).status_code == 401
    link = await Link.open(
        town.url, "/ws/console", origin=town.url,
        additional_headers={"cookie": "; ".join(f"{k}={v}" for k, v in supervisor.http.cookies.items())},
    )  # fmt: skip
    answer = await link.asks("subscribe")
    assert sorted(answer["recovered"]) == sorted(town.dispatch.stations)
    await link.closes()
    await officer.opens_console()
    with pytest.raises(Answered, match="not_allowed"):
        await officer.asks("subscribe", stations=["xiaodong"])


async def test_a_user_without_sense_is_refused(town: Town, tmp_path: Path) -> None:
    """Names that would break other things, unknown roles, officers without a station, short passwords, doubles."""
    add = town.dispatch.identity.add
    for name in ("", "a|b", "a b", "x" * 65, "a\nb"):
        with pytest.raises(ValueError, match="name"):
            await add(name, "hash", "officer", "dadongmen")
    with pytest.raises(ValueError, match="role"):
        await add("V01", "hash", "king", "dadongmen")
    with pytest.raises(ValueError, match="station"):
        await add("V01", "hash", "officer", None)
    with pytest.raises(ValueError, match=f"at least {LEAST_PASSWORD}"):
        await hash_password("short")
    await add("V01", "hash", "officer", "dadongmen")
    with pytest.raises(ValueError, match="already"):
        await add("V01", "hash", "officer", "dadongmen")
    with pytest.raises(ValueError, match="no user"):
        await town.dispatch.identity.disable("V99")
