"""A store that went back to an older copy is never taken for the record that was shown (P2)."""

from datetime import timedelta
from typing import Any

from dispatch.notices import REMEMBERED, Notices
from tests.flow.clock import START
from tests.flow.town import Town

HOME = "dadongmen"


async def goes_back(town: Town, events: int) -> None:
    """The station's stream loses its last events, as with a replica that took over without them."""
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    rows = (await redis.xrange(keys.stream(HOME)))[:-events]
    pipe = redis.pipeline()
    pipe.delete(keys.stream(HOME))
    for entry, fields in rows:
        pipe.xadd(keys.stream(HOME), fields, id=entry)
    last, fields = rows[-1]
    pipe.hset(keys.ends, HOME, last.split(b"-")[0] + b" " + fields[b"h"])
    await pipe.execute()


async def test_it_is_told_for_a_day() -> None:
    """That the store went back is a notice until a day later, and each change is told to the consoles once."""
    told: list[dict[str, Any]] = []

    async def tell(message: dict[str, Any]) -> None:
        told.append(message)

    async def nothing(*_: object) -> list[dict[str, Any]]:
        return []

    async def answers() -> None:
        pass

    notices = Notices(reach=answers, wrong=list, restored=lambda: {0: START}, late=nothing, tell=tell)
    for after in (timedelta(), REMEMBERED, REMEMBERED + timedelta(milliseconds=1)):
        await notices.step(START + after)
    assert [[notice["code"] for notice in message["notices"]] for message in told] == [["store_restored"], []]


async def test_consoles_are_told_and_begin_anew(town: Town) -> None:
    """The end of the stream is gone: each console is closed with 4409 and comes back to a snapshot of what is there."""
    await town.opens_hub()
    one, two = await town.officer("V01"), await town.officer("V02", hub=1)
    kept = await town.citizen().raises()
    for officer in (one, two):
        await officer.hears(kept, "alarm_raised", "step_run")
    before = town.dispatch.stream.epoch(HOME)
    await one.asks("note", alarm=kept, text="会丢的一条")
    for officer in (one, two):
        await officer.hears(kept, "note_added")
    await goes_back(town, 1)
    await town.clock.advance(5)
    for officer in (one, two):
        assert await officer.is_closed_with() == 4409
    for hub in town.hubs:
        assert hub.dispatch.stream.epoch(HOME) != before
    for officer in (one, two):
        await officer.opens_console()
        assert officer.recovered == {HOME: False}
        assert officer.position[HOME]["epoch"] != before
    kinds = [e.members["event"]["type"] for e in await town.dispatch.stream.read(HOME, 0)]
    assert kinds.count("store_restored") == 1
    await town.clock.advance(3)
    for hub in town.hubs:
        assert [n["code"] for n in hub.dispatch.notices.current] == ["store_restored"]
    await town.forgets(one, two)


async def test_another_history_is_seen_at_its_first_event(town: Town) -> None:
    """The stream went back and has grown again: the very next doorbell does not fit, and nothing of it is mixed in."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await officer.asks("note", alarm=alarm, text="会丢的一条")
    await officer.hears(alarm, "note_added")
    await goes_back(town, 2)  # the note and the step: offsets that will be given again
    other = await town.citizen().raises()
    assert await officer.is_closed_with() == 4409
    assert other not in officer.alarms
    await officer.opens_console()
    assert officer.recovered == {HOME: False}
    assert set(officer.alarms) == {alarm, other}
    await town.forgets(officer)


async def test_a_snapshot_is_never_ahead_of_what_was_heard(town: Town) -> None:
    """A console was shown an alarm that nobody was rung for, and it is lost: the console is told, not left with it."""
    first = await town.officer("V01")
    alarm = await town.citizen().raises()
    await first.hears(alarm, "alarm_raised", "step_run")
    doorbell = town.dispatch.hub.feeds.doorbell
    heard, doorbell.heard = doorbell.heard, lambda station, ring: None
    lost = await town.citizen().raises()
    second = await town.officer("V02", ready=False)
    await second.has(lost)
    await goes_back(town, 2)
    doorbell.heard = heard
    later = await town.citizen().raises()  # under the offsets of what was lost
    for officer in (first, second):
        assert await officer.is_closed_with() == 4409
        await officer.opens_console()
        assert officer.recovered == {HOME: False}
        await officer.has(later)
    await town.forgets(first, second)
