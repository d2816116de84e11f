"""An alarm whose place becomes known late, or better, reaches the station that answers there while nobody has it."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.alarm.clock import to_text
from tests.flow.town import Town
from tests.nightly import mostly_by_night

WANQUAN = {"lat": 41.785, "lon": 123.4756, "accuracy_m": 10}
XIAODONG = {"lat": 41.8375, "lon": 123.4654, "accuracy_m": 10}
FIRST: dict[str, dict[str, Any]] = {
    "none": {},
    "absurd": {"position": {"lat": 0, "lon": 0}},
    "coarse": {"position": {**XIAODONG, "accuracy_m": 4000}},
    "far": {"position": {"lat": 31.2, "lon": 121.4, "accuracy_m": 10}},
    "moved": {"position": XIAODONG},
}
"""No place, none that can be, a coarse one, one far away, and a good one that they have left."""


@pytest.mark.parametrize("first", mostly_by_night(FIRST, by_day=["coarse", "moved"]))
@pytest.mark.parametrize("late_s", [1, 40])
async def test_the_place_comes_late(town: Town, first: str, late_s: float) -> None:
    """Its station is called at once, from the first step, whenever the place comes; who was called keeps the alarm."""
    officer, before = await town.officer("W03", "wanquan"), await town.officer("V01", "dadongmen")
    town.stops_watching(officer, before)
    citizen = town.citizen()
    alarm = await citizen.raises(**FIRST[first])
    await town.fast_forward(late_s)
    assert (await citizen.does("position", **WANQUAN)).status_code == 200
    await officer.has(alarm)
    shown = officer.alarms[alarm]
    assert (shown["station"], shown["why"], shown["step"]) == ("wanquan", "in_area", 0 if late_s == 1 else 2)
    assert "W03" in shown["called"]
    assert (await citizen.sees())["station"]["name"] == town.settings.station_name("wanquan", "zh")
    await officer.acknowledges(alarm)


async def test_a_way_along_a_border_calls_each_station_once(town: Town) -> None:
    """Fixes that go to and fro between two areas are not a hundred calls."""
    citizen = town.citizen()
    alarm = await citizen.raises(position=WANQUAN)
    for place in (XIAODONG, WANQUAN, XIAODONG, WANQUAN):
        await citizen.does("position", **place)
    assert await rerouted(town, "wanquan", alarm) == ["xiaodong"]


async def test_who_has_it_decides(town: Town) -> None:
    """After an acknowledgement a place moves nothing: a transfer does. Nor does a place that is no better known."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    taken, coarse = town.citizen(), town.citizen()
    alarm = await taken.raises()
    await officer.acknowledges(alarm)
    await taken.does("position", **WANQUAN)
    other = await coarse.raises(position={"lat": 41.8049, "lon": 123.4607, "accuracy_m": 10})
    await coarse.does("position", **{**WANQUAN, "accuracy_m": 3000})
    await coarse.does("position", lat=0, lon=0)
    practice = await town.citizen().raises(kind="practice")
    assert [await rerouted(town, "dadongmen", each) for each in (alarm, other, practice)] == [[], [], []]


@pytest.mark.parametrize("how", ["missed", "pressed", "duress"])
async def test_a_plan_that_began_elsewhere(town: Town, how: str) -> None:
    """A plan made without a place, checked in with one: the alarm that it becomes calls the station of that place."""
    citizen = town.citizen()
    alarm = await citizen.raises(check_in_s=120, pin="1357")
    assert (await citizen.does("check-in", ref="1", check_in_s=60, position=WANQUAN)).status_code == 200
    if how == "missed":
        await town.fast_forward(61)
    elif how == "pressed":
        await citizen.raises(position=WANQUAN)
    else:
        await citizen.does("end-plan", pin="0000")
    assert await rerouted(town, "dadongmen", alarm) == ["wanquan"]


@pytest.mark.parametrize(
    "ahead", [timedelta(minutes=10), timedelta(hours=8), timedelta(days=2000), -timedelta(hours=1)]
)
async def test_a_phone_whose_clock_is_wrong(town: Town, ahead: timedelta) -> None:
    """Places count in the order in which they come: a time that a device says is shown beside, and never relied on."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    citizen = town.citizen()
    alarm = await citizen.raises(position={"lat": 41.8049, "lon": 123.4607, "at": to_text(town.clock.now() + ahead)})
    await town.clock.advance(5)
    there = {"datum": "wgs84", "lat": 41.8102, "lon": 123.4607, "at": to_text(town.clock.now())}
    await citizen.does("position", **there)
    await officer.has(alarm)
    assert officer.alarms[alarm]["position"] == {**there, "received": to_text(town.clock.now())}
    (first,) = officer.alarms[alarm]["track"].values()
    assert (first["at"], first["received"]) == (to_text(town.clock.now() + ahead - timedelta(seconds=5)),
                                                to_text(town.clock.now() - timedelta(seconds=5)))  # fmt: skip


async def rerouted(town: Town, home: str, alarm: str) -> list[str]:
    """The stations that the alarm's places called, in order."""
    entries = await town.dispatch.stream.read(home, 0)
    events = [entry.members["event"] for entry in entries if entry.members["alarm"] == alarm]
    return [event["station"] for event in events if event["type"] == "alarm_rerouted"]
