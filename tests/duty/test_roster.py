"""Who is called: the rota, who signed on or off, and whose console is ready (P5)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flow.people import Answered
from tests.flow.town import Town

BACKUPS = ("xiaodong", "wanquan")


@pytest.fixture
async def evening(tmp_path: Path) -> AsyncIterator[Town]:
    """A town 10 s before the handover of 08:00 in Shanghai."""
    async with Town(tmp_path, start=datetime(2026, 11, 22, 23, 59, 50, tzinfo=UTC)) as town:
        yield town


async def test_duty_is_who_is_on_the_rota(town: Town) -> None:
    """On that Sunday V01 and V02: meant whether or not a console is ready, reached only with one."""
    called = await town.dispatch.roster.called("dadongmen", BACKUPS, ("on_duty",))
    assert (called.officers, called.reached, called.stations, called.nobody) == (
        ("V01", "V02"),
        (),
        (),
        "no_console_ready",
    )
    await town.officer("V02")
    await town.officer("V07")
    called = await town.dispatch.roster.called("dadongmen", BACKUPS, ("on_duty",))
    assert (called.officers, called.reached, called.nobody) == (("V01", "V02"), ("V02",), "")


async def test_all_of_the_station(town: Town) -> None:
    """`station` means every officer of it; reached are those who are awake, on duty or not."""
    await town.officer("V07")
    called = await town.dispatch.roster.called("dadongmen", BACKUPS, ("on_duty", "station"))
    assert called.officers == town.settings.rotas["dadongmen"].officers
    assert (called.reached, called.nobody) == (("V07",), "")


async def test_backups(town: Town) -> None:
    """Of a backup station its duty, if one of them is awake; else all of it: better too many than no one."""
    xiaodong, wanquan = town.settings.rotas["xiaodong"].officers, town.settings.rotas["wanquan"].officers
    duty = (await town.dispatch.roster.duty("xiaodong"))["officers"]
    there = (await town.dispatch.roster.duty("wanquan"))["officers"]
    off_duty = next(officer for officer in wanquan if officer not in there)
    await town.officer(duty[0], station="xiaodong")
    await town.officer(off_duty, station="wanquan")
    called = await town.dispatch.roster.called("dadongmen", BACKUPS, ("on_duty", "backups"))
    assert called.stations == BACKUPS
    assert set(called.officers) == {"V01", "V02", *duty, *wanquan}
    assert set(xiaodong) - set(called.officers)
    assert set(called.reached) == {duty[0], off_duty}


async def test_a_supervisor_is_reached_only_when_called(town: Town) -> None:
    """A supervisor's ready console counts for the step that calls supervisors, and not before."""
    await town.officer("S01", station=None, role="supervisor")
    called = await town.dispatch.roster.called("dadongmen", BACKUPS, ("on_duty",))
    assert called.reached == ()
    called = await town.dispatch.roster.called("dadongmen", BACKUPS, ("on_duty", "supervisor"))
    assert (called.reached, called.nobody) == (("S01",), "")


async def test_signing_on_and_off(evening: Town) -> None:
    """Beside the rota until the next handover: told as an event, shown on consoles, and called accordingly."""
    town = evening
    on_duty, extra = await town.officer("V01"), await town.officer("V07")
    await extra.asks("duty", on=True)
    await on_duty.asks("duty", on=False)
    signed = await extra.hears(None, "duty_signed")
    assert (signed["event"]["officer"], signed["event"]["on"]) == ("V07", True)
    assert signed["event"]["until"] == "2026-11-23T00:00:00.000Z"
    called = await town.dispatch.roster.called("dadongmen", (), ("on_duty",))
    assert (called.officers, called.reached) == (("V02", "V07"), ("V07",))
    duty = await town.dispatch.roster.duty("dadongmen")
    assert (duty["officers"], duty["signed"]) == (["V01", "V02"], {"V01": False, "V07": True})
    assert [each.split()[0] for each in duty["ready"]] == ["V01", "V07"]
    await town.fast_forward(10)
    called = await town.dispatch.roster.called("dadongmen", (), ("on_duty",))
    assert called.officers == ("V03", "V04"), "the handover ends it"
    on_duty.unexpected.clear()


async def test_nobody_left_on_duty(town: Town) -> None:
    """All signed off: `no_officer_on_duty`, and an alarm moves on at once."""
    for name in ("V01", "V02"):
        officer = await town.officer(name)
        await officer.asks("duty", on=False)
    called = await town.dispatch.roster.called("dadongmen", (), ("on_duty",))
    assert (called.officers, called.reached, called.nobody) == ((), (), "no_officer_on_duty")
    colleague = await town.officer("V07")
    alarm = await town.citizen().raises()
    moved = await colleague.hears(alarm, "alarm_raised", "step_run", "step_run")
    assert (moved["event"]["step"], moved["event"]["why"]) == (1, "no_officer_on_duty")
    for each in town.people:
        each.unexpected.clear()


async def test_the_handover_is_told_once(evening: Town) -> None:
    """At 08:00 by the station's clock every console learns the new shift, from one event, whatever hubs there are."""
    await evening.opens_hub()
    officer = await evening.officer("V01")
    await evening.fast_forward(9)
    officer.every.clear()
    await evening.fast_forward(1)
    told = await officer.hears(None, "duty_changed")
    assert (told["event"]["officers"], told["at"]) == (["V03", "V04"], "2026-11-23T00:00:00.000Z")
    await evening.fast_forward(5)
    assert [event for event in officer.every if event["event"]["type"] == "duty_changed"] == []


async def test_who_belongs_to_no_station_cannot_sign(town: Town) -> None:
    supervisor = await town.officer("S01", station=None, role="supervisor")
    with pytest.raises(Answered, match="not_allowed"):
        await supervisor.asks("duty", on=True)
