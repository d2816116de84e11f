"""What is due is run whatever stands beside it."""

from datetime import timedelta

from dispatch.alarm.clock import to_ms
from tests.flow.town import Town


async def test_an_alarm_that_cannot_be_run_holds_up_no_other(town: Town) -> None:
    """One alarm's record is damaged in the store: every other alarm still escalates on time."""
    officer = await town.officer("V01")
    damaged = await town.citizen().raises()
    sound = await town.citizen().raises()
    stream = town.dispatch.stream
    await stream.redis.hset(stream.keys.alarm(damaged), "s", b'{"id": "nothing else"}')
    await town.fast_forward(15)
    step = await officer.hears(sound, "alarm_raised", "step_run", "step_run")
    assert (step["event"]["step"], step["at"]) == (1, "2026-11-22T02:00:15.000Z")
    await town.forgets(officer)


async def test_a_stale_index_is_mended(town: Town) -> None:
    """A deadline in the index that the alarm does not have runs nothing, and the index follows the alarm again."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    stream = town.dispatch.stream
    right = await stream.redis.zscore(stream.keys.deadlines, alarm)
    await stream.redis.zadd(stream.keys.deadlines, {alarm: to_ms(town.clock.now())})
    await town.fast_forward(2)
    assert await stream.redis.zscore(stream.keys.deadlines, alarm) == right
    await stream.redis.zadd(stream.keys.deadlines, {"no-such-alarm": 0})
    await town.fast_forward(2)
    assert await stream.redis.zscore(stream.keys.deadlines, "no-such-alarm") is None


async def test_who_lost_the_lease_runs_nothing(town: Town) -> None:
    """A hub that was frozen goes on with a step that was due: another one has the lease, and the step is not taken."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    stream, timer = town.dispatch.stream, town.dispatch.timer
    (held,) = town.dispatch.leases.held
    late = town.clock.now() + timedelta(seconds=20)
    await stream.redis.hincrby(held.keys.lease, "token", 1)
    await timer.run_alarm(held.keys, alarm, late, held.token)
    await town.quiet()
    assert officer.pending() == []
    await timer.run_alarm(held.keys, alarm, late, str(int(held.token) + 1))
    await officer.hears(alarm, "step_run")
