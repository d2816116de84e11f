"""An acknowledged alarm never escalates again."""

import asyncio

from tests.flow.town import Town


async def test_ack_stops_every_later_step(town: Town) -> None:
    """After an officer's confirmed ack, no console, also of no backup station, hears of a further step."""
    officer = await town.officer("V01")
    await town.officer("X01", station="xiaodong")
    alarm = await town.citizen().raises(text="门外有人")
    await officer.hears(alarm, "alarm_raised", "step_run")
    await town.fast_forward(14)
    await officer.acknowledges(alarm)
    await officer.asks("move", alarm=alarm)
    await officer.hears(alarm, "alarm_acknowledged", "alarm_en_route")
    await town.fast_forward(180)
    assert "due" not in officer.alarms[alarm] or officer.alarms[alarm]["due"] == "2026-11-22T16:00:00.000Z"


async def test_an_ack_that_races_with_the_step_wins_or_loses_whole(town: Town) -> None:
    """An ack at the very instant of a step: whatever the order, nothing escalates after it."""
    officer = await town.officer("V01")
    for _ in range(10):
        await officer.is_awake()
        alarm = await town.citizen().raises()
        await officer.hears(alarm, "alarm_raised", "step_run")
        with town.clock.under_way():
            await asyncio.gather(town.clock.advance(15), officer.acknowledges(alarm))
        await officer.asks("move", alarm=alarm)
        await town.quiet()
        kinds = [event["event"]["type"] for event in officer.unexpected]
        after = kinds[kinds.index("alarm_acknowledged") + 1 :]
        assert after == ["alarm_en_route"]
        await town.forgets(officer)
    await town.fast_forward(120)
