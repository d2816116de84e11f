"""Who is called is who is on duty and can be woken; when that is nobody, it is said at once (P5)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.alarm.clock import to_text
from dispatch.alarm.work import end
from dispatch.duty.rota import Override
from tests.duty.conftest import HOME, LAPSE_S, Duty, Hub

HANDOVER = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
"""Monday 08:00 in Shanghai: V01 and V02 go, V03 and V04 come."""
BACKUPS = ("xiaodong", "wanquan")


async def to_handover(duty: Duty, less_s: float = 0) -> None:
    await duty.clock.advance((HANDOVER - duty.clock.now()).total_seconds() - less_s)


async def test_the_rota_is_called(duty: Duty, hub: Hub) -> None:
    """The officers of the shift that applies now, to the millisecond of the handover; who is awake is reached."""
    await hub.wakes("V01")
    called = await hub.called("on_duty")
    assert (called.officers, called.reached, called.stations, called.nobody) == (("V01", "V02"), ("V01",), (), "")
    await to_handover(duty, less_s=0.001)
    assert await hub.on_duty() == ("V01", "V02")
    await duty.clock.advance(0.001)
    assert await hub.on_duty() == ("V03", "V04")


async def test_nobody_awake(duty: Duty, hub: Hub) -> None:
    """Officers on duty without a ready console are nobody, and so is one who is awake and was not called."""
    assert (await hub.called("on_duty")).nobody == "no_console_ready"
    await hub.wakes("V05")
    called = await hub.called("on_duty")
    assert (called.reached, called.nobody) == ((), "no_console_ready")
    await hub.wakes("V02")
    await duty.clock.advance(LAPSE_S - 1)
    assert (await hub.called("on_duty")).reached == ("V02",)
    await duty.clock.advance(1)
    assert (await hub.called("on_duty")).nobody == "no_console_ready", "it fell silent"


async def test_the_whole_station(hub: Hub) -> None:
    """`station` means every officer of the rota, whoever's turn it is; the rota's order is kept."""
    await hub.wakes("V09")
    called = await hub.called("on_duty", "station")
    assert called.officers == tuple(f"V{n:02d}" for n in range(1, 11))
    assert (called.reached, called.nobody) == (("V09",), "")


async def test_signing_on_and_off(duty: Duty, hub: Hub, other_hub: Hub) -> None:
    """Beside the rota until the next handover, on every hub; each is an event that says until when."""
    await hub.roster.sign(HOME, "V07", on=True)
    await hub.roster.sign(HOME, "V01", on=False)
    assert await hub.on_duty() == await other_hub.on_duty() == ("V02", "V07")
    shown = await other_hub.roster.duty(HOME)
    assert shown["signed"] == {"V01": False, "V07": True}
    until = to_text(HANDOVER)
    assert await hub.events() == [
        {"type": "duty_signed", "officer": "V07", "on": True, "until": until},
        {"type": "duty_signed", "officer": "V01", "on": False, "until": until},
    ]
    await hub.roster.sign(HOME, "V01", on=True)
    assert await hub.on_duty() == ("V01", "V02", "V07")
    await hub.roster.sign(HOME, "V07", on=False)
    await to_handover(duty, less_s=0.001)
    assert await hub.on_duty() == ("V01", "V02")
    await hub.roster.sign(HOME, "V07", on=True)
    await duty.clock.advance(0.001)
    assert await hub.on_duty() == ("V03", "V04"), "whoever signed on or off did so until the handover"
    assert (await hub.roster.duty(HOME))["signed"] == {}


async def test_signing_off_is_told_to_escalation(hub: Hub) -> None:
    """Who leaves may have been the only one reached: what is waiting must move on. Coming on disturbs nothing."""
    await hub.roster.sign(HOME, "V07", on=True)
    assert hub.lost == []
    await hub.roster.sign(HOME, "V01", on=False)
    assert hub.lost == [HOME]


async def test_everyone_signed_off(hub: Hub) -> None:
    """With the shift signed off nobody is on duty, even if they are awake; the station as a whole still is."""
    for officer in ("V01", "V02"):
        await hub.wakes(officer)
        await hub.roster.sign(HOME, officer, on=False)
    called = await hub.called("on_duty")
    assert (called.officers, called.reached, called.nobody) == ((), (), "no_officer_on_duty")
    assert (await hub.called("on_duty", "station")).reached == ("V01", "V02")


async def test_one_station_does_not_sign_for_another(hub: Hub) -> None:
    await hub.roster.sign("xiaodong", "X01", on=True)
    assert await hub.on_duty() == ("V01", "V02")
    assert await hub.events() == []


async def test_a_rota_that_says_nobody(duty: Duty) -> None:
    """An override without officers is meant: nobody is on duty, and it is said; a shift beside it counts."""
    now = duty.clock.now()
    holiday = Override(now - timedelta(hours=1), now + timedelta(hours=1), (), "holiday")
    hub = duty.hub(dadongmen=duty.rota(overrides=(holiday,)))
    await hub.wakes("V01")
    assert (await hub.called("on_duty")).nobody == "no_officer_on_duty"
    await hub.roster.sign(HOME, "V01", on=True)
    assert (await hub.called("on_duty")).reached == ("V01",)
    await duty.clock.advance(3600)
    assert await hub.on_duty() == ("V01", "V02"), "the span is over, and with it what was signed in it"


# -- handover --------------------------------------------------------------------------------------------------


async def test_a_handover_is_one_event(duty: Duty, hub: Hub, other_hub: Hub) -> None:
    """Two hubs that look at the same time, and one that starts later, tell each shift once."""

    async def told() -> list[dict[str, Any]]:
        return [event for event in await hub.events() if event["type"] == "duty_changed"]

    for _ in range(3):
        now = duty.clock.now()
        await asyncio.gather(hub.roster.step(now), other_hub.roster.step(now))
    assert not await hub.roster.step(duty.clock.now())
    first = {"type": "duty_changed", "officers": ["V01", "V02"], "until": to_text(HANDOVER)}
    assert await told() == [first]
    await to_handover(duty, less_s=0.001)
    assert not await hub.roster.step(duty.clock.now())
    await duty.clock.advance(0.001)
    now = duty.clock.now()
    assert list(await asyncio.gather(hub.roster.step(now), other_hub.roster.step(now))) == [True, True]
    await duty.hub().roster.step(now)
    second = {"type": "duty_changed", "officers": ["V03", "V04"], "until": to_text(HANDOVER + timedelta(days=1))}
    assert await told() == [first, second]


async def test_a_rota_that_was_changed_is_told(duty: Duty, hub: Hub) -> None:
    """A hub that starts with other officers for the same shift tells them."""
    await hub.roster.step(duty.clock.now())
    changed = duty.hub(dadongmen=duty.rota(officers=("V08", "V09"), per_day=1))
    await changed.roster.step(duty.clock.now())
    officers = [event["officers"] for event in await hub.events() if event["type"] == "duty_changed"]
    assert len(officers) == 2
    assert officers[0] == ["V01", "V02"]
    assert set(officers[1]) <= {"V08", "V09"}


async def test_the_loop_hands_over_by_itself(duty: Duty, hub: Hub) -> None:
    """Every station hears of its handover while nobody does anything."""
    await to_handover(duty, less_s=60)
    loop = hub.work.spawn(hub.work.repeat(hub.roster.step, 5.0), "roster")
    await duty.clock.quiet()
    assert [len(await hub.events(station)) for station in duty.rotas] == [1] * len(duty.rotas)
    await duty.clock.advance(65)
    assert [len(await hub.events(station)) for station in duty.rotas] == [2] * len(duty.rotas)
    await end([loop])


# -- supervisors and other stations ----------------------------------------------------------------------------


async def test_supervisors_are_reached(hub: Hub) -> None:
    """Only when they are called: then whoever has a ready console and is no officer."""
    await hub.wakes("S01", role="supervisor")
    await hub.wakes("A01", role="admin")
    await hub.wakes("V05")
    assert (await hub.called("on_duty")).nobody == "no_console_ready"
    called = await hub.called("on_duty", "supervisor")
    assert (called.officers, called.reached, called.nobody) == (("V01", "V02"), ("A01", "S01"), "")


async def test_a_supervisor_who_is_asleep(hub: Hub) -> None:
    """A supervisor without a ready console is nobody: an alarm never rests on one who does not hear it."""
    called = await hub.called("supervisor")
    assert (called.reached, called.nobody) == ((), "no_officer_on_duty")


async def test_backup_stations(hub: Hub) -> None:
    """Their officers on duty, where one of those is awake; a station with none of them awake is called whole."""
    xiaodong, wanquan = (set(hub.roster._rotas[station].officers) for station in BACKUPS)
    on_duty = set((await hub.called("on_duty", station="xiaodong")).officers)
    await hub.wakes(min(on_duty), "xiaodong")
    off_duty = min(wanquan - set((await hub.called("on_duty", station="wanquan")).officers))
    await hub.wakes(off_duty, "wanquan")
    called = await hub.called("on_duty", "backups", backups=BACKUPS)
    assert set(called.officers) == {"V01", "V02"} | on_duty | wanquan
    assert xiaodong - set(called.officers), "those of the awake station who are off duty are left in peace"
    assert called.reached == tuple(sorted([min(on_duty), off_duty]))
    assert called.stations == BACKUPS


async def test_backup_stations_with_nobody_awake(hub: Hub) -> None:
    """Everyone is meant and nobody is reached, and that is said."""
    called = await hub.called("on_duty", "backups", backups=BACKUPS)
    assert len(called.officers) == 2 + 4 + 6
    assert (called.reached, called.stations, called.nobody) == ((), BACKUPS, "no_console_ready")


async def test_backups_that_are_not_called(hub: Hub) -> None:
    """A ready console of a backup station counts only once the station is called in."""
    await hub.wakes("X01", "xiaodong")
    called = await hub.called("on_duty", "station", backups=BACKUPS)
    assert (called.reached, called.stations, called.nobody) == ((), (), "no_console_ready")


async def test_a_station_that_is_no_longer_configured(duty: Duty, hub: Hub) -> None:
    """An alarm of a station that was taken out of the configuration still reaches its backups and supervisors."""
    without = duty.hub(dadongmen=None)
    await hub.wakes("X01", "xiaodong")
    await hub.wakes("S01", "xiaodong", role="supervisor")
    assert (await without.called("on_duty", "station")).nobody == "no_officer_on_duty"
    called = await without.called("on_duty", "backups", "supervisor", backups=("xiaodong", "atlantis"))
    assert set(called.officers) <= set(duty.rotas["xiaodong"].officers)
    assert (called.reached, called.nobody) == (("S01", "X01"), "")
    assert await without.roster.step(duty.clock.now()), "the other stations' handovers go on"
    assert not await without.readiness.step(duty.clock.now())


async def test_duty_as_consoles_show_it(hub: Hub) -> None:
    """The shift, until when, who signed, and each ready console."""
    await hub.wakes("V01", console="c1")
    await hub.wakes("V01", console="c2")
    await hub.roster.sign(HOME, "V07", on=True)
    assert await hub.roster.duty(HOME) == {
        "officers": ["V01", "V02"],
        "until": to_text(HANDOVER),
        "signed": {"V07": True},
        "ready": ["V01 c1", "V01 c2"],
    }
