"""An acknowledgement has a deadline too (P7)."""

from tests.flow.town import Town


async def test_reminded_then_open_again(town: Town) -> None:
    """120 s after the ack the owner is reminded; 60 s later the alarm is open for everyone, from the first step."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.acknowledges(alarm)
    await officer.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged")
    await town.fast_forward(119.999)
    assert officer.pending() == []
    await town.fast_forward(0.001)
    reminded = await officer.hears(alarm, "owner_reminded")
    assert reminded["event"]["owner"] == "V01"
    await town.fast_forward(60)
    again = await officer.hears(alarm, "alarm_reopened")
    assert again["event"]["cause"] == "not_moving"
    step = await officer.hears(alarm, "step_run")
    assert (step["event"]["step"], step["at"]) == (0, again["at"])
    assert officer.alarms[alarm]["status"] == "raised"
    assert "owner" not in officer.alarms[alarm]


async def test_who_moves_is_not_reminded(town: Town) -> None:
    """En route within the time: no reminder, no reopening."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.acknowledges(alarm)
    await town.fast_forward(100)
    await officer.asks("move", alarm=alarm)
    await officer.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route")
    await town.fast_forward(200)


async def test_released_is_open_at_once(town: Town) -> None:
    """A released alarm calls the officers on duty again at the same instant."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.acknowledges(alarm)
    await town.fast_forward(50)
    await officer.asks("release", alarm=alarm, reason="交班")
    await officer.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_released")
    step = await officer.hears(alarm, "step_run")
    assert (step["event"]["step"], step["at"]) == (0, "2026-11-22T02:00:50.000Z")
