"""The demonstration's policy, as a table: who is called at which second, and what is due in which state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dispatch import resources
from dispatch.alarm import events as e
from dispatch.alarm.fold import evolve
from dispatch.alarm.state import Alarm, Status
from dispatch.escalation.policy import Policy, choose, deadlines, parse
from dispatch.settings import load

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDNIGHT = (14 * 3600.0, "overdue", 0, 0)
ON_DUTY = {"after_s": 0, "audience": ["on_duty"]}


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    return dict(load(resources.demo_config(), {}).policies)


def alarm(**members: Any) -> Alarm:
    raised = e.AlarmRaised(station="dadongmen", backups=("xiaodong",), why="in_area", code="A", kind="alarm",
                           lang="zh", channel="web")  # fmt: skip
    return replace(evolve(None, raised, START, "a"), **members)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("kind", "step", "at", "audience"),
    [
        ("alarm", 0, 0, ["on_duty"]),
        ("alarm", 1, 15, ["on_duty", "station"]),
        ("alarm", 2, 30, ["on_duty", "station", "backups", "supervisor"]),
        ("tip", 0, 0, ["on_duty"]),
        ("tip", 1, 300, ["on_duty", "station", "supervisor"]),
    ],
)
def test_who_is_called_when(policies: dict[str, Policy], kind: str, step: int, at: float, audience: list[str]) -> None:
    """Every step calls those before it too; steps of an alarm are 15 s apart."""
    policy = choose(policies, "dadongmen", kind)
    assert (policy.steps[step].after_s, list(policy.audience(step))) == (at, audience)


@pytest.mark.parametrize(
    ("members", "due"),
    [
        ({}, [(0, "step", 0, 0), (15, "unanswered", 0, 0), MIDNIGHT]),
        ({"step": 0, "step_at": START}, [(15, "step", 1, 0), (15, "unanswered", 0, 0), MIDNIGHT]),
        ({"step": 1, "step_at": after(15), "unanswered_at": after(15)}, [(30, "step", 2, 0), MIDNIGHT]),
        ({"step": 2, "step_at": after(30), "unanswered_at": after(15)}, [(60, "step", 2, 1), MIDNIGHT]),
        ({"step": 2, "loop": 4, "step_at": after(150), "unanswered_at": after(15), "overdue_at": after(20)},
         [(180, "step", 2, 5)]),
        ({"status": Status.ACKNOWLEDGED, "owner": "V01", "owned_at": after(10)}, [(130, "remind", 0, 0), MIDNIGHT]),
        ({"status": Status.ACKNOWLEDGED, "owner": "V01", "owned_at": after(10), "reminded_at": after(130)},
         [(190, "reopen", 0, 0), MIDNIGHT]),
        ({"status": Status.EN_ROUTE, "owner": "V01", "owned_at": after(10)}, [MIDNIGHT]),
        ({"status": Status.ON_SCENE, "owner": "V01", "owned_at": after(10)}, [MIDNIGHT]),
        ({"status": Status.CLOSED, "owner": "V01", "closed_at": after(99)}, []),
        ({"kind": "practice"}, []),
    ],
)  # fmt: skip
def test_what_is_due(policies: dict[str, Policy], members: dict[str, Any], due: list[tuple[Any, ...]]) -> None:
    """All deadlines of an alarm of `alarm` kind in each state, in seconds after it was raised."""
    found = deadlines(alarm(**members), choose(policies, "dadongmen", "alarm"), SHANGHAI)
    assert [((d.at - START).total_seconds(), d.what, d.step, d.loop) for d in found] == due


def test_a_station_may_have_its_own(policies: dict[str, Policy]) -> None:
    """A table for a station changes only the keys it has; a tip stays a tip there."""
    steps = [ON_DUTY]
    raw = {"default": {"step": steps, "remind_after_s": 90}, "stations": {"dadongmen": {"repeat_every_s": 10}}}
    own, faults = parse(raw, ["dadongmen", "xiaodong"])
    assert faults == []
    assert (own["stations.dadongmen"].repeat_every_s, own["stations.dadongmen"].remind_after_s) == (10, 90)
    assert choose(own, "dadongmen", "alarm") is own["stations.dadongmen"]
    assert choose(own, "xiaodong", "alarm") is own["default"]
    assert choose(policies, "dadongmen", "tip") is policies["tip"]


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({}, "default"),
        ({"default": {}}, "default.step"),
        ({"default": {"step": [{"after_s": 5, "audience": ["on_duty"]}]}}, "default.step[0].after_s"),
        ({"default": {"step": [{"after_s": 0, "audience": ["everyone"]}]}}, "default.step[0].audience"),
        ({"default": {"step": [{"after_s": 0, "audience": []}]}}, "default.step[0].audience"),
        ({"default": {"step": [{"after_s": 0, "audience": ["on_duty"], "afer_s": 3}]}}, "default.step[0].afer_s"),
        ({"default": {"step": [ON_DUTY] * 2}}, "default.step[1].after_s"),
        ({"default": {"step": [ON_DUTY], "repeat_every_s": 1}}, "default.repeat_every_s"),
        ({"default": {"step": [ON_DUTY], "same_day": 1}}, "default.same_day"),
        ({"default": {"step": [ON_DUTY]}, "stations": {"mars": {}}}, "stations.mars"),
        ({"default": {"step": [ON_DUTY]}, "alarm": {}}, "alarm"),
        ({"default": {"step": [ON_DUTY]}, "stations": 3}, "stations"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(raw: dict[str, Any], key: str) -> None:
    """A fault names its key."""
    assert key in [found for found, _, _ in parse(raw, ["dadongmen"])[1]]
