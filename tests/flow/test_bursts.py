"""Many alarms of one sender: each is stored, one escalates for all, others go first, and one act closes them (P8)."""

import asyncio
from typing import Any

import pytest

from dispatch.alarm.clock import to_text
from dispatch.alarm.state import Alarm, Status
from tests.flow.people import Answered, Officer
from tests.flow.town import Town

FLOODER, SOMEBODY = "203.0.113.7", "198.51.100.20"
FREE = 10
"""`limits.sender_alarms`"""


async def presses(town: Town, address: str, **body: Any) -> str:
    """One press, as a proxy on this machine hands it on."""
    citizen = town.citizen()
    citizen.http.headers["x-forwarded-for"] = address
    return await citizen.raises(**body)


async def many(town: Town, count: int, address: str = FLOODER, **body: Any) -> list[str]:
    """As many alarms of one sender, one after the other, each stored when it is its turn."""
    found = []
    for _ in range(count):
        press = asyncio.create_task(presses(town, address, **body))
        while not press.done():
            await town.clock.advance(0.05)
        found.append(await press)
    return found


async def alarm(town: Town, which: str) -> Alarm:
    loaded = await town.dispatch.alarms.load(which)
    assert loaded is not None
    return loaded.alarm


async def alarms(town: Town, ids: list[str]) -> list[Alarm]:
    return [await alarm(town, each) for each in ids]


@pytest.fixture
async def officer(town: Town) -> Officer:
    """On duty; what their console shows is not what is looked at here."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    return officer


async def test_one_escalates_for_all(town: Town, officer: Officer) -> None:
    """Beyond the allowance all are stored and of one burst; the first of it calls, the others are quiet."""
    first, *rest = await alarms(town, await many(town, FREE + 4)), await alarm(town, await presses(town, SOMEBODY))
    marked = first[FREE:]
    assert [each.burst for each in first[:FREE]] == [None] * FREE
    assert {each.burst for each in marked} == {marked[0].burst} != {None}
    assert [each.quiet for each in marked] == [None, True, True, True]
    assert [each.step for each in marked] == [0, None, None, None]
    assert [(each.burst, each.step) for each in rest] == [(None, 0)]
    await town.clock.advance(400)
    later = await alarms(town, [each.id for each in marked])
    assert later[0].loop > 0
    # Its citizen is told that nobody has answered, as any is; nothing else comes of it.
    assert [each.unanswered_at is not None for each in later] == [True] * 4
    assert [each.version for each in later[1:]] == [each.version + 1 for each in marked[1:]]


async def test_the_next_escalates_once_that_one_is_closed(town: Town, officer: Officer) -> None:
    """No burst falls silent while one of its alarms waits: each gets its turn, as if it had just been raised."""
    ids = (await many(town, FREE + 3))[FREE:]
    for leads, waits in ((ids[0], ids[1]), (ids[1], ids[2])):
        await officer.asks("ack", alarm=leads)
        await town.clock.advance(3)
        assert (await alarm(town, waits)).quiet
        await officer.asks("close", alarm=leads, disposition="false_alarm")
        await town.clock.advance(3)
        next_one = await alarm(town, waits)
        assert (next_one.quiet, next_one.step) == (None, 0)
        assert next_one.since > next_one.raised_at


async def test_one_that_never_came_leads_nobody(town: Town, officer: Officer) -> None:
    """A hub that died between the two writes leaves no burst without one that escalates."""
    [name] = {each.burst for each in (await alarms(town, await many(town, FREE + 1)))[FREE:]}
    assert name is not None
    keys = town.dispatch.stream.of("dadongmen")
    ghost = "0" * 32
    await town.dispatch.stream.redis.hset(keys.bursts, f"dadongmen|{name}", ghost)
    [quiet] = await many(town, 1)
    assert (await alarm(town, quiet)).quiet
    await town.clock.advance(15)
    led = await town.dispatch.stream.redis.hget(keys.bursts, f"dadongmen|{name}")
    assert led is not None
    assert (await alarm(town, led.decode())).step is not None


async def test_one_act_closes_them_and_takes_it_back(town: Town, officer: Officer) -> None:
    """What waits and was seen is closed, what somebody has or nobody saw is not; undone, one escalates again."""
    ids = (await many(town, FREE + 5))[FREE:]
    await officer.asks("ack", alarm=ids[2])
    seen = await alarms(town, ids)
    last = max(each.raised_at for each in seen)
    [unseen] = await many(town, 1)
    act = {"alarm": ids[0]}
    closed = await officer.asks("close_burst", **act, until=to_text(last), disposition="false_alarm", note="同一来源")
    assert closed["closed"] == 4
    assert [each.status for each in await alarms(town, [*ids, unseen])] == [
        Status.CLOSED, Status.CLOSED, Status.ACKNOWLEDGED, Status.CLOSED, Status.CLOSED, Status.RAISED,
    ]  # fmt: skip
    await town.clock.advance(3)
    assert (await alarm(town, unseen)).step == 0
    opened = await officer.asks("undo_close_burst", **act)
    assert opened["opened"] == 4
    assert {each.status for each in await alarms(town, [ids[0], ids[1], ids[3], ids[4]])} == {Status.RAISED}
    await town.clock.advance(3)
    back = await alarms(town, [ids[0], ids[1], ids[3], ids[4]])
    assert [each.owner for each in back] == [None] * 4
    assert any(each.step is not None and not each.quiet for each in back)


async def test_only_where_it_is_theirs(town: Town, officer: Officer) -> None:
    """Another station's burst is not theirs to close, and an alarm by itself is none."""
    ids = await many(town, FREE + 1)
    other = await town.officer("V31", "wanquan")
    town.stops_watching(other)
    act = {"until": "2099-01-01T00:00:00Z", "disposition": "false_alarm"}
    for who, which, code in ((other, ids[FREE], "not_found"), (officer, ids[0], "not_possible")):
        with pytest.raises(Answered, match=code):
            await who.asks("close_burst", alarm=which, **act)
        with pytest.raises(Answered, match=code):
            await who.asks("undo_close_burst", alarm=which)


async def test_who_takes_one_has_an_alarm_like_any_other(town: Town, officer: Officer) -> None:
    """Released it escalates by itself, though another one does for its burst."""
    ids = (await many(town, FREE + 2))[FREE:]
    await officer.asks("ack", alarm=ids[1])
    await officer.asks("release", alarm=ids[1], reason="我在别处")
    await town.clock.advance(3)
    assert (await alarm(town, ids[1])).step == 0


async def test_plans_that_are_missed_are_a_burst_too(town: Town, officer: Officer) -> None:
    """Many plans of one sender become alarms of which one escalates."""
    ids = (await many(town, FREE + 3, check_in_s=60))[FREE:]
    await town.clock.advance(70)
    raised = await alarms(town, ids)
    assert {each.status for each in raised} == {Status.RAISED}
    assert sorted(bool(each.quiet) for each in raised) == [False, True, True]
    assert sum(each.step is not None for each in raised) == 1


async def test_a_retry_is_the_same_alarm(town: Town, officer: Officer) -> None:
    """Sent again and again it costs its sender one of the allowance."""
    citizen = town.citizen()
    citizen.http.headers["x-forwarded-for"] = SOMEBODY
    for _ in range(3 * FREE):
        await citizen.raises()
    assert (await alarm(town, await presses(town, SOMEBODY))).burst is None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.7.9"])
async def test_a_proxy_is_no_sender(town: Town, officer: Officer, address: str) -> None:
    """Where a proxy does not say for whom it asks nobody is marked for what others send."""
    assert {each.burst for each in await alarms(town, await many(town, FREE + 5, address))} == {None}


async def test_who_hangs_up_before_their_turn_is_not_stored(town: Town, officer: Officer) -> None:
    """They have no receipt and send it again; what nobody waits for takes no one's turn afterwards."""
    await many(town, FREE + 1)
    lane, people = town.dispatch.citizens.lane, [town.citizen() for _ in range(3)]
    presses_now = []
    for person in people:  # the first may go at once
        person.http.headers["x-forwarded-for"] = FLOODER
        presses_now.append(asyncio.create_task(person.raises()))
    while lane.waiting < 2:
        await asyncio.sleep(0)
    open_before = len(town.hubs[0].connections)
    presses_now[2].cancel()
    await asyncio.gather(presses_now[2], return_exceptions=True)
    await people[2].http.aclose()
    while len(town.hubs[0].connections) == open_before:
        await asyncio.sleep(0)
    while not presses_now[1].done():
        await town.clock.advance(0.05)
    await town.clock.advance(1)
    assert (await alarm(town, await presses_now[1])).burst
    assert await town.dispatch.alarms.load(people[2].id) is None


@pytest.mark.nightly
async def test_what_many_sent_before_goes_with_it(town: Town, officer: Officer) -> None:
    """A dozen who each go on: their first alarms are of the burst too, and quiet; what somebody has stays as it is.

    A person's only alarm among them has no mark and calls by itself.
    """
    addresses = [f"203.0.113.{n}" for n in range(1, 14)]
    firsts = [await presses(town, address) for address in addresses]
    await officer.asks("ack", alarm=firsts[3])
    theirs = await presses(town, SOMEBODY)
    for _ in range(FREE):
        for address in addresses:
            await many(town, 1, address)
    them = await alarms(town, firsts)
    assert [(each.burst, each.step is None) for each in await alarms(town, [firsts[3], theirs])] == [(None, False)] * 2
    burst = them[-1].burst
    assert burst is not None
    assert burst.startswith("many-")
    assert [each.burst for each in them[9:]] == [burst] * 4
    assert [(each.quiet, each.step) for each in them[9:]] == [(True, None)] * 4
    await town.clock.advance(60)
    assert [each.step for each in await alarms(town, firsts[9:])] == [None] * 4


async def test_quiet_alarms_cost_the_audit_a_look_in_the_index(town: Town, officer: Officer) -> None:
    """They have no deadline but the end of their day: thousands of them are not loaded one by one, again and again."""
    quiet = (await many(town, FREE + 3))[FREE + 1 :]
    await town.clock.advance(20)
    looked, look = list[str](), town.dispatch.auditor._look

    async def noted(alarm_id: str, now: Any) -> None:
        looked.append(alarm_id)
        await look(alarm_id, now)

    town.dispatch.auditor._look = noted  # type: ignore[method-assign]
    await town.clock.advance(3)
    assert not set(quiet) & set(looked)
