"""Escalation policy: who is called when, in seconds, and what an alarm's deadlines are. Pure.

Field's terms: escalation policy, step, repeat; GoAlert and healthchecks call the deadline "next alert after".
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dispatch.alarm.state import Alarm, Status

AUDIENCES = ("on_duty", "station", "backups", "supervisor")
What = Literal["step", "unanswered", "remind", "reopen", "overdue", "missed"]


@dataclass(frozen=True, slots=True)
class Step:
    """`after_s` seconds after the wait for a person began, `audience` is called too."""

    after_s: float
    audience: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one kind of alarm escalates. All times in seconds."""

    steps: tuple[Step, ...]
    repeat_every_s: float = 30
    unanswered_after_s: float = 15
    remind_after_s: float = 120
    reopen_after_s: float = 60
    same_day: bool = True
    seen_by_all: bool = False  # two officers rule: marked until every officer on duty has seen it

    @property
    def longest(self) -> timedelta:
        """No deadline of an alarm but the end of its day is further ahead than this."""
        times = (self.steps[-1].after_s, self.repeat_every_s, self.unanswered_after_s, self.remind_after_s,
                 self.reopen_after_s)  # fmt: skip
        return timedelta(seconds=max(times))

    def audience(self, step: int) -> tuple[str, ...]:
        """Everyone who is called at `step`: those of the steps before it too."""
        return tuple(dict.fromkeys(word for s in self.steps[: step + 1] for word in s.audience))


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """One deadline: when, and what then. `step` and `loop` only for steps."""

    at: datetime
    what: What
    step: int = 0
    loop: int = 0


def deadlines(alarm: Alarm, policy: Policy, timezone: ZoneInfo) -> list[Due]:
    """Every deadline that `alarm` has now, earliest first; an unacknowledged one always has its next step.

    Args:
        alarm: as folded from its events.
        policy: the one for its station and kind.
        timezone: the station's, for the end of the day.
    """
    if alarm.status is Status.PLANNED and alarm.check_in_by is not None:
        return [Due(alarm.check_in_by, "missed")]
    if not alarm.open:
        return []
    found: list[Due] = []
    if alarm.status is Status.RAISED:
        if not alarm.quiet:
            found.append(_next_step(alarm, policy))
        if alarm.unanswered_at is None:
            found.append(Due(alarm.since + timedelta(seconds=policy.unanswered_after_s), "unanswered"))
    elif alarm.status is Status.ACKNOWLEDGED and alarm.owned_at is not None:
        if alarm.reminded_at is None:
            found.append(Due(alarm.owned_at + timedelta(seconds=policy.remind_after_s), "remind"))
        else:
            found.append(Due(alarm.reminded_at + timedelta(seconds=policy.reopen_after_s), "reopen"))
    if policy.same_day and alarm.overdue_at is None:
        found.append(Due(day_end(alarm.since, timezone), "overdue"))
    return sorted(found)


def day_end(instant: datetime, timezone: ZoneInfo) -> datetime:
    """The midnight that ends the local day of `instant`; whatever the clocks do that night."""
    midnight = datetime.combine(instant.astimezone(timezone).date() + timedelta(days=1), datetime.min.time(), timezone)
    return midnight.astimezone(instant.tzinfo)


def choose(policies: Mapping[str, Policy], station: str, kind: str) -> Policy:
    """The policy for an alarm: that of its kind, else of its station, else the default."""
    return policies.get(kind) or policies.get(f"stations.{station}") or policies["default"]


def _next_step(alarm: Alarm, policy: Policy) -> Due:
    if alarm.step is None or alarm.step_at is None:
        return Due(alarm.since + timedelta(seconds=policy.steps[0].after_s), "step", 0, 0)
    if alarm.step + 1 < len(policy.steps):
        step = alarm.step + 1
        return Due(alarm.since + timedelta(seconds=policy.steps[step].after_s), "step", step, alarm.loop)
    last = len(policy.steps) - 1
    return Due(alarm.step_at + timedelta(seconds=policy.repeat_every_s), "step", last, alarm.loop + 1)


# -- from config/policies.toml ---------------------------------------------------------------------------------

Fault = tuple[str, object, str]
"""(key path, value, what would be legal)"""

_TIMES = {"repeat_every_s": 5.0, "unanswered_after_s": 1.0, "remind_after_s": 1.0, "reopen_after_s": 1.0}
"""The least each time may be, in seconds."""

_KEYS = {f.name for f in fields(Policy)} - {"steps"} | {"step"}


def parse(raw: Mapping[str, Any], stations: Collection[str]) -> tuple[dict[str, Policy], list[Fault]]:
    """The policies of the tables `default` (needed), `tip` and `stations.ID`, and every fault found.

    A table that leaves out a key has the default's.
    """
    faults: list[Fault] = []
    policies: dict[str, Policy] = {}
    tables: dict[str, Any] = {name: table for name, table in raw.items() if name != "stations"}
    of_stations = raw.get("stations", {})
    if isinstance(of_stations, Mapping):
        tables |= {f"stations.{name}": table for name, table in of_stations.items()}
    else:
        faults.append(("stations", of_stations, "tables [stations.ID]"))
    if "default" not in tables:
        faults.append(("default", None, "a table [default] with [[default.step]] entries"))
    default = tables.get("default")
    base: Mapping[str, Any] = default if isinstance(default, Mapping) else {}
    for name, table in tables.items():
        kind, _, station = name.partition(".")
        if kind not in ("default", "tip", "stations"):
            faults.append((name, "a table", "default, tip, or stations.ID"))
        elif station and station not in stations:
            faults.append((name, station, f"one of the stations {', '.join(sorted(stations))}"))
        elif not isinstance(table, Mapping):
            faults.append((name, table, "a table"))
        else:
            before = len(faults)
            policy = _policy(name, {**base, **table}, faults)
            if len(faults) == before:
                policies[name] = policy
    return policies, faults


def _policy(name: str, table: Mapping[str, Any], faults: list[Fault]) -> Policy:
    faults += [(f"{name}.{key}", table[key], f"one of {', '.join(sorted(_KEYS))}") for key in table if key not in _KEYS]
    times: dict[str, float] = {}
    for key, least in _TIMES.items():
        if key in table:
            times[key] = _seconds(f"{name}.{key}", table[key], least, faults)
    marks = {key: table[key] for key in ("same_day", "seen_by_all") if key in table}
    faults += [(f"{name}.{key}", value, "true or false") for key, value in marks.items() if not isinstance(value, bool)]
    rows = table.get("step")
    if not isinstance(rows, list) or not rows:
        faults.append((f"{name}.step", rows, "at least one [[...step]] entry"))
        return Policy(steps=())
    steps = tuple(_step(f"{name}.step[{i}]", row, faults) for i, row in enumerate(rows))
    for i, (before, after) in enumerate(itertools.pairwise(steps), start=1):
        if after.after_s <= before.after_s:
            faults.append(
                (f"{name}.step[{i}].after_s", after.after_s, f"more than {before.after_s:g}, the step before")
            )
    if steps[0].after_s != 0:
        faults.append(
            (f"{name}.step[0].after_s", steps[0].after_s, "0: the first step is run when the alarm is stored")
        )
    return Policy(
        steps=steps,
        same_day=bool(marks.get("same_day", True)),
        seen_by_all=bool(marks.get("seen_by_all", False)),
        **times,
    )


def _step(key: str, row: Any, faults: list[Fault]) -> Step:
    if not isinstance(row, Mapping):
        faults.append((key, row, "a table with after_s and audience"))
        return Step(0, ())
    faults += [
        (f"{key}.{name}", row[name], "after_s or audience") for name in row if name not in ("after_s", "audience")
    ]
    audience = row.get("audience")
    if not isinstance(audience, list) or not audience or any(word not in AUDIENCES for word in audience):
        faults.append((f"{key}.audience", audience, f"a list of {', '.join(AUDIENCES)}"))
        audience = []
    return Step(_seconds(f"{key}.after_s", row.get("after_s"), 0.0, faults), tuple(audience))


def _seconds(key: str, value: Any, least: float, faults: list[Fault]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 86400:
        faults.append((key, value, f"seconds, {least:g} to 86400"))
        return least
    return round(float(value), 3)  # deadlines are stored in milliseconds, and must come back as they were
