"""What comes faster for one alarm than a person sends waits for its turn; other alarms' do not (P8)."""

import asyncio
from datetime import timedelta

import pytest

from dispatch.alarm.errors import Refused
from dispatch.intake.pace import Pace
from tests.flow.clock import FakeClock
from tests.flow.town import Town


async def test_what_is_more_waits_for_its_turn() -> None:
    """So many at once, then one in each interval, in the order in which they came; another alarm's goes at once."""
    clock = FakeClock()
    pace, order = Pace(clock.work(), 3, 0.5), list[str]()

    async def goes(alarm: str, name: str) -> None:
        async with pace.turn(alarm):
            order.append(name)

    tasks = [asyncio.create_task(goes("a", f"a{n}")) for n in range(6)]
    tasks.append(asyncio.create_task(goes("b", "b0")))
    await clock.advance(0.1)
    assert order == ["a0", "a1", "a2", "b0"]
    await clock.advance(1.0)
    assert order == ["a0", "a1", "a2", "b0", "a3", "a4"]
    await clock.advance(30)
    await asyncio.gather(*tasks)
    await asyncio.gather(*(goes("a", "later") for _ in range(3)))


async def test_who_would_wait_too_long_is_told_when_to_come_back() -> None:
    """It is sent again then, as the answer says; what is waited for is not pushed further away by it."""
    clock = FakeClock()
    pace = Pace(clock.work(), 3, 0.5)

    async def goes() -> None:
        async with pace.turn("a"):
            pass

    tasks = [asyncio.create_task(goes()) for _ in range(23)]
    await clock.advance(0)
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            await goes()
        assert refused.value.error.retry
        assert refused.value.details["retry_after_s"] == 1
    await clock.advance(10)
    assert all(task.done() for task in tasks)


async def test_a_clock_that_is_set_back_holds_up_nobody() -> None:
    """What was said in an hour that comes twice does not stand in the way of what is said then."""
    clock = FakeClock()
    pace = Pace(clock.work(), 3, 0.5)
    pace._full_at["a"] = clock.now() + timedelta(hours=1)
    async with pace.turn("a") as waited:
        assert not waited


async def test_a_flood_of_places_in_one_alarm(town: Town) -> None:
    """Two in a second become events once the allowance is spent; each is answered, and none is refused."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    citizen = town.citizen()
    alarm = await citizen.raises()
    town.dispatch.citizens._pace = Pace(town.dispatch.work, 20, 0.5)
    places = [{"lat": 41.79 + n / 10_000, "lon": 123.46} for n in range(30)]
    sent = [asyncio.create_task(citizen.does("position", **place)) for place in places]
    await town.clock.advance(0.1)
    loaded = await town.dispatch.alarms.load(alarm)
    assert loaded is not None
    assert len(loaded.alarm.track) < 20
    await town.clock.advance(10)
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {200}
    after = await town.dispatch.alarms.load(alarm)
    assert after is not None
    assert len(after.alarm.track) == 29
