"""Every open alarm is looked at itself, not at its timer: none stays without a deadline or late (P4)."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from dispatch import resources
from dispatch.alarm.clock import from_text, to_ms, to_text
from dispatch.alarm.state import Status, to_members
from dispatch.escalation.auditor import POLICY_WAITS, policy_waits
from dispatch.escalation.policy import deadlines
from dispatch.settings import load
from tests.escalation.test_policy import SHANGHAI, after, alarm
from tests.flow.town import Town


async def indexed(town: Town, alarm: str) -> float | None:
    stream = town.dispatch.stream
    found: float | None = await stream.redis.zscore(stream.keys.deadlines, alarm)
    return found


def idle(town: Town) -> None:
    """The holder of the lease does nothing any more, as if its loop hung."""

    async def nothing(now: object, most_due: int = 0) -> list[Any]:
        return []

    town.dispatch.leases.look = nothing  # type: ignore[method-assign]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PLANNED])
@pytest.mark.parametrize("quiet", [None, True])
@pytest.mark.parametrize("unanswered", [False, True])
def test_what_waits_for_a_policy(status: Status, quiet: bool | None, unanswered: bool) -> None:
    """What the audit reads from the snapshot is what the deadlines say: in every state, of quiet alarms too."""
    policy = load(resources.demo_config(), {}).policies["default"]
    of = alarm(status=status, quiet=quiet, owned_at=after(1), unanswered_at=after(15) if unanswered else None)
    waits = any(due.what in POLICY_WAITS for due in deadlines(of, policy, SHANGHAI))
    assert policy_waits(orjson.dumps(to_members(of))) == waits


async def test_an_alarm_without_a_deadline_gets_it_back(town: Town) -> None:
    """Its deadline is gone from the index: the audit finds it by the alarm itself, and the step comes on time."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    right = await indexed(town, alarm)
    stream = town.dispatch.stream
    await stream.redis.zrem(stream.keys.deadlines, alarm)
    await town.fast_forward(2)
    assert await indexed(town, alarm) == right
    await town.fast_forward(13)
    step = await officer.hears(alarm, "alarm_raised", "step_run", "step_run")
    assert (step["event"]["step"], step["at"]) == (1, "2026-11-22T02:00:15.000Z")
    await town.forgets(officer)


async def test_a_wrong_deadline_is_put_right(town: Town) -> None:
    """One that the index has an hour too late is mended: the step comes on time."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    right = await indexed(town, alarm)
    stream = town.dispatch.stream
    await stream.redis.zadd(stream.keys.deadlines, {alarm: to_ms(town.clock.now()) + 3_600_000})
    await town.fast_forward(2)
    assert await indexed(town, alarm) == right
    await town.forgets(officer)


async def test_steps_go_on_when_the_timers_hang(town: Town) -> None:
    """Nobody runs the timers: the audit runs the step a little over a second late; nobody is told, for it was soon."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    idle(town)
    await town.fast_forward(17)
    step = await officer.hears(alarm, "alarm_raised", "step_run", "step_run")
    assert step["event"]["step"] == 1
    assert "2026-11-22T02:00:16.000Z" <= step["at"] <= "2026-11-22T02:00:17.000Z"
    assert town.dispatch.notices.current == []
    await town.forgets(officer)


async def test_a_late_step_is_told_to_the_supervisor(town: Town) -> None:
    """A step that came more than 2 s late is in the log with how late, and every page is told; once."""
    officer = await town.officer("V01")
    supervisor = await town.officer("S01", None, "supervisor")
    alarm = await town.citizen().raises()
    await supervisor.hears(alarm, "alarm_raised", "step_run")
    town.clock.jump(20)
    for _ in range(2):
        await town.dispatch.auditor.step(town.clock.now())
    await town.quiet()
    told = await supervisor.hears(None, "deadline_late")
    assert (told["event"]["about"], told["event"]["by_s"]) == (alarm, 5.0)
    await town.dispatch.notices.step(town.clock.now())
    notices = town.dispatch.notices.current
    assert [(n["code"], n["alarm"], n["by_s"]) for n in notices] == [("deadline_late", alarm, 5.0)]
    assert (await supervisor.http.get("/notices")).json() == {"notices": notices}
    kinds = [e.members["event"]["type"] for e in await town.dispatch.stream.read("dadongmen", 0)]
    assert kinds.count("deadline_late") == 1
    await town.forgets(officer, supervisor)


async def test_notices_are_for_staff(town: Town) -> None:
    """Who is not signed in is told nothing of the system."""
    answer = await town.citizen().http.get("/notices")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_a_wait_that_no_policy_has(town: Town) -> None:
    """An alarm that was written under a clock an hour ahead: its steps come at once, not in an hour."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    alarm = await town.citizen().raises()
    stream = town.dispatch.stream
    stored = orjson.loads(await stream.redis.hget(stream.keys.alarm(alarm), "s"))
    ahead = {
        name: to_text(from_text(stored[name]) + timedelta(hours=1))
        for name in ("raised_at", "since", "step_at", "due") if name in stored
    }  # fmt: skip
    await stream.redis.hset(stream.keys.alarm(alarm), "s", orjson.dumps({**stored, **ahead}))
    await stream.redis.zadd(stream.keys.deadlines, {alarm: to_ms(from_text(ahead["due"]))})
    await town.fast_forward(5)
    assert (await officer.hears(alarm, "alarm_raised", "step_run", "step_run"))["event"]["step"] == 1
    await town.fast_forward(65)
    run = [entry.members["event"] for entry in await stream.read("dadongmen", 0)]
    assert max(event["loop"] for event in run if event["type"] == "step_run") >= 1, "and they go on"
