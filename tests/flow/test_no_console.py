"""Silence is never taken for attention: nobody ready means the next step at once (P5)."""

from tests.flow.town import Town


async def test_no_console_at_all(town: Town) -> None:
    """With no console anywhere every step runs at the instant of the alarm, and it goes on every 30 s."""
    citizen = town.citizen()
    alarm = await citizen.raises()
    log = await town.user("S01", station=None, role="supervisor")
    events = (await log.http.get("/log", params={"alarm": alarm, "type": "step_run"})).json()["events"]
    home = [e for e in events if e["station"] == "dadongmen"]
    assert [e["event"]["step"] for e in home] == [0, 1, 2]
    assert [e["event"]["why"] for e in home] == ["due", "no_console_ready", "no_console_ready"]
    assert {e["at"] for e in home} == {"2026-11-22T02:00:00.000Z"}
    assert all(e["event"]["reached"] == [] for e in home)
    await town.fast_forward(60)
    events = (await log.http.get("/log", params={"station": "dadongmen", "type": "step_run"})).json()["events"]
    assert [e["event"]["loop"] for e in events] == [0, 0, 0, 1, 2]


async def test_only_a_colleague_off_duty_is_awake(town: Town) -> None:
    """Nobody on duty has a ready console: the whole station is called at once, and the steps stop there."""
    colleague = await town.officer("V07")
    alarm = await town.citizen().raises()
    await colleague.hears(alarm, "alarm_raised", "step_run")
    second = await colleague.hears(alarm, "step_run")
    assert (second["event"]["step"], second["event"]["why"]) == (1, "no_console_ready")
    assert second["event"]["reached"] == ["V07"]


async def test_a_console_that_cannot_sound_is_not_on_duty(town: Town) -> None:
    """An open console without a passed sound check does not count: the next step runs at once."""
    mute = await town.officer("V01", ready=False)
    colleague = await town.officer("V07")
    alarm = await town.citizen().raises()
    await mute.hears(alarm, "alarm_raised", "step_run", "step_run")
    await colleague.hears(alarm, "alarm_raised", "step_run", "step_run")


async def test_the_last_console_closes_while_the_alarm_waits(town: Town) -> None:
    """The only console of those called goes away: the alarm moves on at once, not at its next deadline."""
    on_duty, colleague = await town.officer("V01"), await town.officer("V07")
    alarm = await town.citizen().raises()
    await colleague.hears(alarm, "alarm_raised", "step_run")
    await on_duty.is_cut()
    moved = await colleague.hears(alarm, "step_run")
    assert (moved["event"]["step"], moved["event"]["why"]) == (1, "console_lost")
    lost = await colleague.hears(None, "console_lost")
    assert lost["event"]["officer"] == "V01"
    await town.forgets(on_duty)


async def test_a_console_that_says_nothing_is_not_ready(town: Town) -> None:
    """A half-open socket: after 15 s of silence the console is cut with 4408, and the escalation moves on."""
    silent, colleague = await town.officer("V01"), await town.officer("V07")
    await town.fast_forward(10)
    alarm = await town.citizen().raises()
    await colleague.hears(alarm, "alarm_raised", "step_run")
    for _ in range(4):
        await town.clock.advance(5)
        if silent.closed is None:
            await colleague.is_awake()
    assert await silent.is_closed_with() == 4408
    lost = await colleague.hears(None, "console_lost")
    assert (lost["event"]["officer"], lost["event"]["why"]) == ("V01", "silent")
    await colleague.hears(alarm, "step_run")
    await town.forgets(colleague)
    await town.forgets(silent)


async def test_a_muted_console_is_an_event(town: Town) -> None:
    """Muting ends readiness at once, says why in the log, and moves a waiting alarm on."""
    on_duty, colleague = await town.officer("V01"), await town.officer("V07")
    alarm = await town.citizen().raises()
    await on_duty.is_awake(sound=False)
    lost = await colleague.hears(None, "console_lost")
    assert lost["event"]["why"] == "sound_off"
    await colleague.hears(alarm, "alarm_raised", "step_run", "step_run")
    await town.forgets(on_duty)
