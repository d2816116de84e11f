"""Whatever the configuration says, a waiting alarm has a deadline, in order and in whole milliseconds."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.alarm import events as e
from dispatch.alarm.clock import whole_milliseconds
from dispatch.alarm.fold import evolve
from dispatch.alarm.state import Alarm, Status, from_members, to_members
from dispatch.escalation.policy import AUDIENCES, Policy, choose, day_end, deadlines, parse
from tests.nightly import often

STATIONS = ("dadongmen", "xiaodong")
ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut"])
seconds = st.one_of(st.integers(1, 86400), st.floats(1, 86400))
instants = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - made aware here
    lambda t: whole_milliseconds(t.replace(tzinfo=UTC))
)
audiences = st.lists(st.sampled_from(AUDIENCES), min_size=1, max_size=3)
toml_values = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=8), st.dates(), st.times(),
              st.just(datetime(2026, 1, 1, tzinfo=UTC)), st.just(date(2026, 1, 1)), st.just(time(8, 0))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
rows = st.fixed_dictionaries({}, optional={
    "after_s": seconds | st.just(0) | toml_values, "audience": audiences | toml_values, "afters": toml_values,
})  # fmt: skip
tables = st.fixed_dictionaries({}, optional={
    "step": st.lists(rows | toml_values, max_size=3) | toml_values, "repeat_every_s": seconds | toml_values,
    "unanswered_after_s": seconds | toml_values, "remind_after_s": seconds | toml_values,
    "reopen_after_s": seconds | toml_values, "same_day": st.booleans() | toml_values, "same_dya": toml_values,
})  # fmt: skip
files = st.fixed_dictionaries({}, optional={
    "default": tables | toml_values, "tip": tables | toml_values, "odd": toml_values,
    "stations": st.dictionaries(st.sampled_from([*STATIONS, "mars", ""]), tables | toml_values) | toml_values,
})  # fmt: skip


@st.composite
def good_policies(draw: st.DrawFn) -> Policy:
    """A policy that came through `parse` as a file would."""
    after = sorted(draw(st.sets(seconds, max_size=4)))
    steps = [{"after_s": s, "audience": draw(audiences)} for s in [0, *after]]
    table: dict[str, Any] = {"step": steps, "same_day": draw(st.booleans())}
    for key, least in (("repeat_every_s", 5), ("unanswered_after_s", 1), ("remind_after_s", 1), ("reopen_after_s", 1)):
        table[key] = draw(st.integers(least, 86400) | st.floats(least, 86400))
    policies, faults = parse({"default": table}, STATIONS)
    near = any(b - a < 0.002 for a, b in zip([0, *after], after, strict=False))
    assert near or not faults, faults
    return policies["default"] if not faults else Policy(steps=parse({"default": _LEAST}, STATIONS)[0]["default"].steps)


_LEAST: dict[str, Any] = {"step": [{"after_s": 0, "audience": ["on_duty"]}]}


def raised(at: datetime) -> Alarm:
    event = e.AlarmRaised(
        station="dadongmen", backups=(), why="in_area", code="A", kind="alarm", lang="zh", channel="web"
    )
    return evolve(None, event, at, "a")


@given(good_policies(), instants, ZONES)
def test_a_waiting_alarm_climbs_every_step_and_then_for_ever(policy: Policy, start: datetime, zone: str) -> None:
    """P4: each step at its second after the alarm, then one every `repeat_every_s`; always exactly one is next."""
    alarm = raised(start)
    for n in range(len(policy.steps) + 3):
        due = [d for d in deadlines(alarm, policy, ZoneInfo(zone)) if d.what == "step"]
        assert len(due) == 1
        last = len(policy.steps) - 1
        assert (due[0].step, due[0].loop) == (min(n, last), max(0, n - last))
        if n <= last:
            assert abs((due[0].at - start).total_seconds() - policy.steps[n].after_s) < 0.001
        else:
            assert alarm.step_at is not None
            assert abs((due[0].at - alarm.step_at).total_seconds() - policy.repeat_every_s) < 0.001
        event = e.StepRun(
            step=due[0].step, loop=due[0].loop, audience=policy.audience(due[0].step), called=(), reached=(), why="due"
        )
        alarm = evolve(alarm, event, max(due[0].at, start))


@given(good_policies(), instants, ZONES, st.sampled_from(Status), st.booleans(), st.booleans())
def test_deadlines_of_any_alarm(
    policy: Policy, start: datetime, zone: str, status: Status, reminded: bool, late: bool
) -> None:
    """Earliest first, storable without loss, none for a closed alarm; an acknowledged one is watched too (P7)."""
    alarm = replace(
        raised(start), status=status, owner=None if status is Status.RAISED else "V01",
        owned_at=None if status is Status.RAISED else start, reminded_at=start if reminded else None,
        overdue_at=start if late else None,
    )  # fmt: skip
    found = deadlines(alarm, policy, ZoneInfo(zone))
    assert [d.at for d in found] == sorted(d.at for d in found)
    what = {d.what for d in found}
    match status:
        case Status.CLOSED | Status.ENDED | Status.PLANNED:
            assert not found
        case Status.RAISED:
            assert "step" in what
        case Status.ACKNOWLEDGED:
            assert what & {"remind", "reopen"} == {"reopen" if reminded else "remind"}
    if alarm.open:
        assert ("overdue" in what) == (policy.same_day and not late)
    for due in found:
        stored = replace(alarm, due=due.at)
        assert from_members(json.loads(orjson.dumps(to_members(stored)))).due == due.at, "lost by storing it"


@given(instants, ZONES)
def test_the_day_ends_at_the_next_local_midnight(instant: datetime, zone: str) -> None:
    """At most 25 h ahead, also in the nights in which clocks change; always ahead."""
    end = day_end(instant, ZoneInfo(zone))
    assert timedelta(0) < end - instant <= timedelta(hours=25)
    local = end.astimezone(ZoneInfo(zone))
    assert (local - timedelta(milliseconds=1)).astimezone(UTC).astimezone(ZoneInfo(zone)).date() >= instant.astimezone(
        ZoneInfo(zone)
    ).date()


@settings(max_examples=often(100, at_night=3000))
@given(files | st.dictionaries(st.text(max_size=10), toml_values, max_size=3))
def test_parse_tells_and_never_raises(raw: dict[str, Any]) -> None:
    """Whatever a TOML file holds: policies that can be used, or faults that name key and legal value."""
    policies, faults = parse(raw, STATIONS)
    assert all(legal for _, _, legal in faults)
    if not faults:
        assert choose(policies, "dadongmen", "alarm").steps
        assert choose(policies, "xiaodong", "tip").steps[0].after_s == 0
    for policy in policies.values():
        assert all(a.after_s < b.after_s for a, b in zip(policy.steps, policy.steps[1:], strict=False))
