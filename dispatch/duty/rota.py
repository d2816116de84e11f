"""Who is on duty at an instant: a pure function of the rota, right across midnight, time zones and clock changes.

A shift lasts from one handover to the next; an override (leave, a swap) replaces the officers of any span of time.
Never reads the time or a file; never asks whether an officer's console is ready (that is readiness).
Field's term: duty rota, on-call schedule, shift.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field

from dispatch.alarm.faults import Found, Table, check, did_you_mean

_DAY = timedelta(days=1)
_YEARS = range(1900, 2200)  # beyond, a date is a slip of the pen


@dataclass(frozen=True, slots=True)
class Override:
    """From `start` until before `end` (UTC) these officers and no others; nobody at all when empty."""

    start: datetime
    end: datetime
    officers: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Rota:
    """One station's rota. `officers` are call signs in the order in which their turn comes."""

    timezone: ZoneInfo
    handover: time  # by the clock on the station's wall
    officers: tuple[str, ...]
    per_day: int
    start: date  # the day on which the first officers of the list have their turn
    overrides: tuple[Override, ...] = ()  # by start, without overlap


@dataclass(frozen=True, slots=True)
class Duty:
    """These officers from `since` until before `until` (UTC); `override` names the one that says so, if any."""

    officers: tuple[str, ...]
    since: datetime
    until: datetime
    override: str | None


def on_duty(rota: Rota, instant: datetime) -> Duty:
    """Who is on duty at `instant` (aware), and for how long that has been and will be so.

    Raises:
        ValueError: `instant` has no offset from UTC.
    """
    if instant.tzinfo is None:
        raise ValueError("the instant needs an offset from UTC")
    instant = instant.astimezone(UTC)
    i = bisect_right(rota.overrides, instant, key=lambda override: override.start)
    before = rota.overrides[i - 1] if i > 0 else None
    after = rota.overrides[i] if i < len(rota.overrides) else None
    if before and instant < before.end:
        return Duty(before.officers, before.start, before.end, before.name)

    day = instant.astimezone(rota.timezone).date()
    while instant < _handover(rota, day):
        day -= _DAY
    while instant >= _handover(rota, day + _DAY):  # the clock went back over midnight, as in St. John's until 2011
        day += _DAY
    since, until = _handover(rota, day), _handover(rota, day + _DAY)
    turn = (day - rota.start).days * rota.per_day
    officers = tuple(rota.officers[(turn + k) % len(rota.officers)] for k in range(rota.per_day))
    return Duty(
        officers,
        max(since, before.end) if before else since,
        min(until, after.start) if after else until,
        None,
    )


def next_change(rota: Rota, instant: datetime) -> datetime:
    """When the next duty begins, UTC; always after `instant`."""
    return on_duty(rota, instant).until


def shifts(rota: Rota, start: datetime, end: datetime) -> Iterator[Duty]:
    """Every duty that touches the span from `start` until before `end`, whole, in order and without a gap."""
    while start < end:
        duty = on_duty(rota, start)
        yield duty
        start = duty.until


def _handover(rota: Rota, day: date) -> datetime:
    return _wall(rota.timezone, datetime.combine(day, rota.handover))


def _wall(zone: tzinfo, wall: datetime) -> datetime:
    """The instant at which the station's clock shows `wall`.

    When the clock shows it twice, the first time; when it skips it, as much later as the clock skipped.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


# What is read from config/rota.toml


def _handover_time(value: object) -> time:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    if isinstance(value, time) and value.tzinfo is None:
        return value
    raise ValueError('must be a time of day such as "08:00"')


def _day(value: object) -> date:
    day = _from_text(value, date)
    if isinstance(day, date) and not isinstance(day, datetime) and day.year in _YEARS:
        return day
    raise ValueError("must be a day such as 2026-01-31")


def _moment(value: object) -> datetime | date:
    """A day, a time by the station's clock, or a time with an offset."""
    moment = _from_text(value, date if isinstance(value, str) and len(value) == 10 else datetime)
    if isinstance(moment, date) and moment.year in _YEARS:
        return moment
    raise ValueError("must be a day (its handover is meant) or a time such as 2026-01-31T20:00:00")


def _from_text(value: object, kind: type[date]) -> object:
    try:
        return kind.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _zone(value: object) -> ZoneInfo:
    try:
        if isinstance(value, str):
            return ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        pass
    raise ValueError(f'must be a time zone such as "Asia/Shanghai"{did_you_mean(value, available_timezones())}')


def _call_sign(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\w[\w.-]{0,31}", value):
        return value
    raise ValueError("must be a call sign such as V01, without spaces")


CallSign = Annotated[str, BeforeValidator(_call_sign)]


class _Override(Table):
    from_: Annotated[datetime | date, BeforeValidator(_moment)] = Field(alias="from", description="a day or a time")
    to: Annotated[datetime | date, BeforeValidator(_moment)] = Field(description="a day or a time")
    officers: list[CallSign] = Field(description="a list of call signs; empty for nobody")
    name: str = Field(default="", max_length=64)


class _Station(Table):
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = Field(description='a time zone such as "Asia/Shanghai"')
    handover: Annotated[time, BeforeValidator(_handover_time)] = Field(description='a time of day such as "08:00"')
    officers: list[CallSign] = Field(min_length=1, description="a list of call signs, at least one")
    pattern: Literal["in turn"] = Field(default="in turn", description='"in turn"')
    per_day: int
    start: Annotated[date, BeforeValidator(_day)] = Field(description="a day such as 2026-01-31")
    override: list[dict[str, Any]] = Field(default_factory=list, description="a list of tables")


def parse(raw: Mapping[str, Any], stations: Collection[str]) -> tuple[dict[str, Rota], list[Found]]:
    """The rota of each station in decoded TOML, and all faults; exactly the `stations` must have one."""
    rotas: dict[str, Rota] = {}
    faults: list[Found] = []
    for station, table in raw.items():
        if station not in stations:
            legal = f"must be the id of a station in stations.geojson{did_you_mean(station, stations)}"
            faults.append((station, None, legal))
        rota, found = _rota(table, station)
        faults += found
        if rota:
            rotas[station] = rota
    faults += [(station, None, "must be given: every station has a rota") for station in stations if station not in raw]
    return rotas, faults


def _rota(raw: object, at: str) -> tuple[Rota | None, list[Found]]:
    # What spans several keys is looked up in `table`, not in `station`: one fault must not hide another.
    table = raw if isinstance(raw, Mapping) else {}
    station, faults = check(_Station, raw, at)
    officers = table["officers"] if isinstance(table.get("officers"), list) else []
    doubled = [i for i, officer in enumerate(officers) if officer in officers[:i]]
    faults += [(f"{at}.officers[{i}]", officers[i], "must be listed once") for i in doubled]
    per_day = table.get("per_day")
    if officers and type(per_day) is int and not 1 <= per_day <= len(officers):
        faults.append((f"{at}.per_day", per_day, f"must be 1 to {len(officers)}"))
    zone = station.timezone if station else UTC
    handover = station.handover if station else time(8)
    overrides, found = _overrides(table.get("override"), officers, zone, handover, f"{at}.override")
    faults += found
    if station is None or faults:
        return None, faults
    crew = tuple(station.officers)
    return Rota(station.timezone, station.handover, crew, station.per_day, station.start, overrides), []


def _overrides(
    raw: object, officers: list[object], zone: tzinfo, handover: time, at: str
) -> tuple[tuple[Override, ...], list[Found]]:
    faults: list[Found] = []
    taken: list[tuple[Override, str]] = []

    def instant(moment: datetime | date) -> datetime:
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, handover)
        return moment.astimezone(UTC) if moment.tzinfo else _wall(zone, moment)

    for i, table in enumerate(raw if isinstance(raw, list) else []):
        here = f"{at}[{i}]"
        if not isinstance(table, dict):
            continue  # told by the station's own check
        read, found = check(_Override, table, here)
        faults += found
        for j, officer in enumerate(table["officers"] if isinstance(table.get("officers"), list) else []):
            if officers and officer not in officers:
                legal = f"must be one of the station's officers{did_you_mean(officer, map(str, officers))}"
                faults.append((f"{here}.officers[{j}]", officer, legal))
        if read:
            start, end = instant(read.from_), instant(read.to)
            if start >= end:
                faults.append((f"{here}.to", table["to"], f"must be later than {here}.from"))
            name = read.name or f"{read.from_} to {read.to}"
            taken.append((Override(start, end, tuple(read.officers), name), here))
    taken.sort(key=lambda pair: pair[0].start)
    last: tuple[Override, str] | None = None  # the one that ends last so far
    for override, here in taken:
        if last and override.start < last[0].end:
            faults.append((f"{here}.from", override.name, f"must not be before the end of {last[1]} ({last[0].name})"))
        if last is None or override.end > last[0].end:
            last = override, here
    return tuple(override for override, _ in taken), faults
