"""Allowances and turns: what is marked, and in which order what is marked goes on (P8)."""

import asyncio
from datetime import timedelta

from dispatch.intake.senders import MANY, Lane, Senders
from tests.flow.clock import FakeClock


def test_an_allowance_comes_back() -> None:
    """So many at once, then one in each interval; after a while all of it is there again."""
    senders, now = Senders(3, 60, 1000, 0.01), FakeClock().now()
    marks = [bool(senders.mark("a", f"a{n}", now)) for n in range(5)]
    assert marks == [False, False, False, True, True]
    assert [bool(senders.mark("a", f"b{n}", now + timedelta(seconds=61))) for n in range(2)] == [False, True]
    assert not any(senders.mark("a", f"c{n}", now + timedelta(seconds=400)) for n in range(3))


def test_the_first_alarm_of_anyone_has_no_mark() -> None:
    """However many there are of others; a thousand senders are one burst."""
    senders, now = Senders(10, 60, 20, 1), FakeClock().now()
    firsts = [senders.mark(f"s{n}", f"first{n}", now) for n in range(1000)]
    assert set(firsts) == {""}
    [name] = {senders.mark(f"s{n}", f"second{n}", now) for n in range(1000)}
    assert name.startswith(MANY)
    assert senders.mark("somebody", "theirs", now) == ""


def test_hundreds_of_bursts_are_one() -> None:
    """Nobody closes hundreds: beyond some, those of further senders are one."""
    senders, now = Senders(1, 60, 10_000, 0.01), FakeClock().now()
    names = {senders.mark(f"s{n}", f"{n}-{each}", now) for n in range(200) for each in range(3)} - {""}
    assert len(names) == 9


async def test_each_sender_in_turn() -> None:
    """Who sends a thousand waits for their own, and holds up others by one turn."""
    clock = FakeClock()
    lane, order = Lane(clock.work(), 10), list[str]()

    async def goes(who: str) -> None:
        await lane.turn(who)
        order.append(who)

    tasks = [asyncio.create_task(goes("many")) for _ in range(30)]
    await clock.advance(0.05)
    tasks.append(asyncio.create_task(goes("one")))
    await clock.advance(0.3)
    assert order == ["many", "many", "one", "many"]
    tasks[5].cancel()
    await clock.advance(3)
    assert len(order) == 30
    assert lane.waiting == 0
    await asyncio.gather(*tasks, return_exceptions=True)


def test_what_a_thousand_sent_before_goes_with_what_they_send_now() -> None:
    """Of many who each go beyond their allowance nothing stays without a mark; of who sent one, their one does."""
    senders, now = Senders(3, 60, 20, 1), FakeClock().now()
    for each in range(3):
        for n in range(100):
            senders.mark(f"s{n}", f"{n}-{each}", now)
    assert senders.mark("somebody", "theirs", now) == ""
    assert senders.earlier("s50", now) == []
    assert all(senders.mark(f"s{n}", f"{n}-3", now) for n in range(100))
    assert [senders.earlier(f"s{n}", now) for n in range(100)] == [[f"{n}-0"] for n in range(100)]
    assert [senders.earlier(who, now) for who in ("s50", "somebody", "nobody")] == [[], [], []]


def test_of_few_senders_what_had_no_mark_keeps_none() -> None:
    """It is as few as their allowance, and others may share their address."""
    senders, now = Senders(3, 60, 20, 1), FakeClock().now()
    for n in range(5):
        assert [bool(senders.mark(who, f"{who}{n}", now)) for who in "abcd"] == [n > 2] * 4
    assert [senders.earlier(who, now) for who in "abcd"] == [[]] * 4


async def test_a_clock_that_is_set_back_marks_and_holds_up_nobody() -> None:
    """Whatever was counted before an hour that comes twice, the next alarm is one like any other."""
    senders, now = Senders(3, 60, 5, 1), FakeClock().now()
    earlier = now - timedelta(hours=1)
    assert [bool(senders.mark("a", f"a{n}", now)) for n in range(4)] == [False, False, False, True]
    assert [bool(senders.mark("a", f"b{n}", earlier)) for n in range(4)] == [False, False, False, True]
    clock = FakeClock()
    lane = Lane(clock.work(), 10)
    lane._free_at = clock.now() + timedelta(hours=1)
    waits = asyncio.create_task(lane.turn("a"))
    await clock.advance(0.2)
    assert waits.done()
