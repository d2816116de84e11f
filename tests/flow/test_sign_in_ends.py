"""A sign-in lasts while its console is used; whatever ends it counts as not ready at once (P5)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from dispatch.alarm.clock import from_text, to_ms
from dispatch.identity import SWEEP_EVERY_S
from tests.flow.people import Officer
from tests.flow.town import PASSWORD, Town

MIN = 60


async def left_min(town: Town) -> float:
    """What is left of the only sign-in of the store."""
    stream = town.dispatch.stream
    [(_, until)] = await stream.redis.zrange(stream.keys.sign_ins, 0, -1, withscores=True)
    return float(until - to_ms(town.clock.now())) / 60_000


async def nearly_over(town: Town) -> None:
    """What is left is ten minutes."""
    stream = town.dispatch.stream
    [digest] = await stream.redis.zrange(stream.keys.sign_ins, 0, -1)
    await stream.redis.zadd(stream.keys.sign_ins, {digest: to_ms(town.clock.now()) + 10 * MIN * 1000})


async def is_ready(officer: Officer) -> None:
    await officer.opens_console(ready=False)
    await officer.is_awake()


async def acts(officer: Officer) -> None:
    await officer.opens_console(ready=False)
    await officer.asks("duty", on=True)


async def reads(officer: Officer) -> None:
    assert (await officer.http.get("/log")).status_code == 200


async def says_so(officer: Officer) -> None:
    assert (await officer.http.post("/session/stay")).status_code == 200


async def only_looks_whose_it_is(officer: Officer) -> None:
    assert (await officer.http.get("/session")).status_code == 200


async def is_open(officer: Officer) -> None:
    await officer.opens_console(ready=False)
    await officer.is_awake(sound=False)


async def test_none_outlasts_its_whole_time(town: Town) -> None:
    """One that was renewed while time was ahead lasts its whole time from when that is seen, and no longer."""
    await town.user("V01")
    stream, hours = town.dispatch.stream, town.settings.session.hours
    [digest] = await stream.redis.zrange(stream.keys.sign_ins, 0, -1)
    ahead = to_ms(town.clock.now() + timedelta(days=3650))
    await stream.redis.zadd(stream.keys.sign_ins, {digest: ahead})
    await town.clock.advance(SWEEP_EVERY_S)
    assert hours * 60 - 1 <= await left_min(town) <= hours * 60


USES: dict[str, tuple[Callable[[Officer], Awaitable[None]], bool]] = {
    "a console that can ring": (is_ready, True),
    "a command": (acts, True),
    "a page that is read": (reads, True),
    "a person who says so": (says_so, True),
    "who it is": (only_looks_whose_it_is, False),
    "a page that is only open": (is_open, False),
}


@pytest.mark.parametrize(("use", "renews"), USES.values(), ids=USES)
async def test_it_is_renewed_by_use(town: Town, use: Callable[[Officer], Awaitable[None]], renews: bool) -> None:
    """Whatever an officer does, and a console that can ring, has the sign-in last its whole time from then on."""
    officer = await town.user("V01")
    await nearly_over(town)
    await use(officer)
    assert (await left_min(town) > town.settings.session.hours * 60 - 1) is renews
    assert (await left_min(town) <= 10) is not renews
    told = (await officer.http.get("/session")).json()
    ends_at = from_text(told["ends_at"])
    assert abs(ends_at - town.clock.now() - timedelta(minutes=await left_min(town))) < timedelta(seconds=5)
    town.stops_watching(officer)


async def test_a_shift_longer_than_a_sign_in(town: Town) -> None:
    """A console that is ready for two days is as signed in at the end as at the start, and is called."""
    officer = await town.officer("V01")
    for _ in range(16):
        town.clock.jump(3 * 60 * MIN)
        await nearly_over(town)
        await officer.is_cut()
        await officer.opens_console()
    assert (await left_min(town)) > 11 * 60
    alarm = await town.citizen().raises()
    await officer.has(alarm)
    assert officer.closed is None
    town.stops_watching(officer)


async def test_it_is_written_seldom(town: Town) -> None:
    """A thousand consoles that say every few seconds that they can ring do not have the store write each time."""
    officer = await town.officer("V01")
    for _ in range(5):
        await nearly_over(town)
        await officer.is_awake()
        assert await left_min(town) <= 10
    await town.fast_forward(5 * MIN)
    assert await left_min(town) > 11 * 60
    town.stops_watching(officer)


async def signs_out(town: Town, officer: Officer) -> None:
    assert (await officer.http.delete("/session")).status_code == 204


async def ends_by_itself(town: Town, officer: Officer) -> None:
    stream = town.dispatch.stream
    [digest] = await stream.redis.zrange(stream.keys.sign_ins, 0, -1)
    await stream.redis.zadd(stream.keys.sign_ins, {digest: to_ms(town.clock.now())})


async def another_role(town: Town, officer: Officer) -> None:
    """As an older version, or a hand, writes it."""
    keys = town.dispatch.stream.keys
    row = await town.dispatch.stream.redis.hget(keys.users, officer.name)
    await town.dispatch.stream.redis.hset(keys.users, officer.name, row.replace(b'"officer"', b'"supervisor"'))


ENDS: dict[str, Callable[[Town, Officer], Awaitable[Any]]] = {
    "sign-out": signs_out,
    "its time": ends_by_itself,
    "disabled": lambda town, officer: town.dispatch.identity.disable(officer.name),
    "password": lambda town, officer: town.dispatch.identity.set_password(officer.name, PASSWORD + "!"),
    "station": lambda town, officer: town.dispatch.identity.move(officer.name, "dongta"),
    "role": another_role,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_what_ends_it_ends_readiness(town: Town, end: Callable[[Town, Officer], Awaitable[Any]]) -> None:
    """The console is closed for good when it next says that it can ring, is not ready, and the escalation moves on.

    Of an alarm that nobody has, and that rang only there.
    """
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    before = await town.dispatch.alarms.load(alarm)
    await end(town, officer)
    with pytest.raises(ConnectionError):
        await officer.is_awake()
    assert await officer.is_closed_with() == 4501
    events = [entry.members["event"] for entry in await town.dispatch.stream.read("dadongmen", 0)]
    lost = [event for event in events if event["type"] == "console_lost" and event["officer"] == "V01"]
    assert [event["why"] for event in lost] == ["signed_out"]
    after = await town.dispatch.alarms.load(alarm)
    assert before is not None
    assert after is not None
    assert (before.alarm.step, after.alarm.step) == (0, 2), "nobody is left to hear the first, nor the second"
    steps = [event for event in events if event["type"] == "step_run"]
    assert [step["why"] for step in steps] == ["due", "console_lost", "no_console_ready"]
