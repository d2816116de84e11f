"""At every instant exactly one duty applies, right across midnight, time zones and clock changes."""

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.duty.rota import Duty, Override, Rota, next_change, on_duty, parse, shifts

CREW = tuple(f"V{i:02d}" for i in range(1, 11))
SHANGHAI = Rota(ZoneInfo("Asia/Shanghai"), time(8), CREW, 2, date(2026, 1, 1))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def london(handover: str) -> Rota:
    return Rota(ZoneInfo("Europe/London"), time.fromisoformat(handover), ("A", "B", "C"), 1, date(2026, 3, 1))


def test_the_demonstration_rota(root: Path) -> None:
    """Dadongmen has V01 to V10, two each day; every other station at least four officers, two on duty."""
    raw = tomllib.loads((root / "config" / "rota.toml").read_text("utf-8"))
    rotas, faults = parse(raw, list(raw))
    assert faults == []
    assert rotas["dadongmen"] == SHANGHAI
    assert all(len(r.officers) >= 4 and r.per_day == 2 for r in rotas.values())
    named = [officer for r in rotas.values() for officer in r.officers]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("instant", "officers"),
    [
        ("2026-01-01T00:00:00", ("V01", "V02")),  # 08:00 in Shanghai: the first handover
        ("2025-12-31T23:59:59.999", ("V09", "V10")),
        ("2026-01-01T15:59:59", ("V01", "V02")),  # 23:59:59
        ("2026-01-01T16:00:00", ("V01", "V02")),  # midnight is no handover
        ("2026-01-01T23:59:59", ("V01", "V02")),
        ("2026-01-02T00:00:00", ("V03", "V04")),
        ("2026-01-05T12:00:00", ("V09", "V10")),
        ("2026-01-06T12:00:00", ("V01", "V02")),  # the list begins again
        ("2016-01-01T12:00:00", ("V05", "V06")),  # 3653 days before, and -3653 = 5 * -731 + 2
    ],
)
def test_two_each_day_in_turn(instant: str, officers: tuple[str, ...]) -> None:
    """The next two have duty each day from 08:00 by the station's clock, also long before the first day."""
    assert on_duty(SHANGHAI, utc(instant)).officers == officers


def test_any_time_zone_may_ask() -> None:
    """The same instant gives the same answer in whatever zone it is written; without an offset it is refused."""
    instant = utc("2026-01-02T00:00:00")
    assert on_duty(SHANGHAI, instant.astimezone(ZoneInfo("America/New_York"))) == on_duty(SHANGHAI, instant)
    with pytest.raises(ValueError, match="offset"):
        on_duty(SHANGHAI, datetime(2026, 1, 2))  # noqa: DTZ001


def test_a_skipped_handover_comes_when_the_clock_is_past_it() -> None:
    """In London on 29 March 2026 there is no 01:30: the handover is at 02:30, and that day's shift is 23 hours."""
    rota = london("01:30")
    assert on_duty(rota, utc("2026-03-29T01:29:59")).officers == ("A",)
    duty = on_duty(rota, utc("2026-03-29T01:30:00"))
    assert duty == Duty(("B",), utc("2026-03-29T01:30:00"), utc("2026-03-30T00:30:00"), None)


def test_a_doubled_handover_comes_once_the_first_time() -> None:
    """In London on 25 October 2026 it is 01:30 twice: the handover is at the first, and the shift lasts 25 hours."""
    rota = london("01:30")
    before, first = utc("2026-10-25T00:29:59"), utc("2026-10-25T00:30:00")
    assert on_duty(rota, before).officers != on_duty(rota, first).officers
    assert on_duty(rota, first) == on_duty(rota, utc("2026-10-25T01:30:00"))
    assert next_change(rota, first) - first == timedelta(hours=25)


def test_a_day_that_never_was() -> None:
    """Samoa had no 30 December 2011: its officers' shift has no length, and nobody else's is lost."""
    apia = Rota(ZoneInfo("Pacific/Apia"), time(8), ("A", "B", "C", "D"), 1, date(2011, 12, 28))
    seen = [d.officers[0] for d in shifts(apia, utc("2011-12-28T18:00:00"), utc("2012-01-01T00:00:00"))]
    assert seen == ["A", "B", "D", "A"]


def test_a_clock_that_goes_back_over_midnight() -> None:
    """In St. John's on 7 November 2010 it was 6 November again at 00:01: who took over at midnight stays on duty."""
    rota = Rota(ZoneInfo("America/St_Johns"), time(0), ("A", "B"), 1, date(2010, 11, 6))
    assert on_duty(rota, utc("2010-11-07T02:29:59")).officers == ("A",)
    assert on_duty(rota, utc("2010-11-07T02:30:00")).officers == ("B",)
    assert on_duty(rota, utc("2010-11-07T03:00:00")).officers == ("B",)


def with_overrides(*spans: tuple[str, str, tuple[str, ...]]) -> Rota:
    overrides = tuple(Override(utc(start), utc(end), crew, "swap") for start, end, crew in spans)
    return Rota(SHANGHAI.timezone, SHANGHAI.handover, CREW, 2, SHANGHAI.start, overrides)


def test_an_override_replaces_and_ends() -> None:
    """For the override's span its officers have duty, exactly; the shifts around it are cut to fit."""
    rota = with_overrides(("2026-01-01T12:00:00", "2026-01-01T20:00:00", ("V09",)))
    assert list(shifts(rota, utc("2026-01-01T00:00:00"), utc("2026-01-02T00:00:00"))) == [
        Duty(("V01", "V02"), utc("2026-01-01T00:00:00"), utc("2026-01-01T12:00:00"), None),
        Duty(("V09",), utc("2026-01-01T12:00:00"), utc("2026-01-01T20:00:00"), "swap"),
        Duty(("V01", "V02"), utc("2026-01-01T20:00:00"), utc("2026-01-02T00:00:00"), None),
    ]


def test_a_gap_is_seen() -> None:
    """An override without officers is a duty with nobody: the coming seven days show it."""
    rota = with_overrides(("2026-01-03T00:00:00", "2026-01-04T00:00:00", ()))
    week = shifts(rota, utc("2026-01-01T00:00:00"), utc("2026-01-08T00:00:00"))
    assert [d.since for d in week if not d.officers] == [utc("2026-01-03T00:00:00")]


zones = st.sampled_from(["Asia/Shanghai", "Europe/London", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"])
instants = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def rotas(draw: st.DrawFn) -> Rota:
    crew = CREW[: draw(st.integers(1, 10))]
    edges = sorted(draw(st.lists(instants, max_size=8, unique=True)))
    spans = [pair for pair in pairwise(edges) if draw(st.booleans())]
    overrides = tuple(Override(start, end, crew[:1], "o") for start, end in spans)
    start = draw(st.dates(date(2000, 1, 1), date(2030, 1, 1)))
    handover = draw(st.times()).replace(microsecond=0)
    return Rota(ZoneInfo(draw(zones)), handover, crew, draw(st.integers(1, len(crew))), start, overrides)


@given(rotas(), instants)
def test_exactly_one_duty_at_every_instant(rota: Rota, instant: datetime) -> None:
    """The duty at an instant holds it, holds from its first to its last moment, and ends where the next begins."""
    duty = on_duty(rota, instant)
    assert duty.since <= instant < duty.until
    assert on_duty(rota, duty.since) == duty
    assert on_duty(rota, duty.until - timedelta(microseconds=1)) == duty
    assert on_duty(rota, duty.until).since == duty.until
    assert set(duty.officers) <= set(rota.officers)
    assert len(duty.officers) == len(set(duty.officers))


@given(rotas(), instants, st.integers(0, 20))
def test_shifts_tile_time(rota: Rota, start: datetime, days: int) -> None:
    """The duties of any span follow each other without gap or overlap and cover it."""
    end = start + timedelta(days=days)
    listed = list(shifts(rota, start, end))
    assert all(a.until == b.since for a, b in pairwise(listed))
    assert all(d.since < d.until for d in listed)
    if days:
        assert listed[0].since <= start
        assert end <= listed[-1].until
    else:
        assert listed == []
