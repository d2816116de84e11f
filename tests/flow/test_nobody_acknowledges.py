"""An alarm that nobody takes escalates in seconds, every step in order and on time, and never stops."""

from datetime import timedelta

from dispatch.alarm.clock import from_text
from tests.flow.clock import START
from tests.flow.town import Town


async def test_every_step_in_order_and_on_time(town: Town) -> None:
    """At 0 s the officers on duty, at 15 s all of the station, at 30 s backups and supervisor, then every 30 s."""
    on_duty = await town.officer("V01")
    at_home = await town.officer("V07")
    backup = await town.officer("X01", station="xiaodong")
    supervisor = await town.officer("S01", station=None, role="supervisor")
    alarm = await town.citizen().raises(text="有人跟着我")

    first = await on_duty.hears(alarm, "alarm_raised", "step_run")
    assert first["at"] == "2026-11-22T02:00:00.000Z"
    assert (first["event"]["audience"], first["event"]["called"]) == (["on_duty"], ["V01", "V02"])

    await town.fast_forward(14.999)
    assert on_duty.pending() == []
    await town.fast_forward(0.001)
    second = await on_duty.hears(alarm, "step_run")
    assert from_text(second["at"]) == START + timedelta(seconds=15)
    assert "V07" in second["event"]["called"]
    await on_duty.hears(alarm, "alarm_unanswered")

    await town.fast_forward(15)
    third = await on_duty.hears(alarm, "step_run")
    assert from_text(third["at"]) == START + timedelta(seconds=30)
    assert third["event"]["audience"] == ["on_duty", "station", "backups", "supervisor"]
    shared = await backup.hears(alarm, "alarm_shared")
    assert shared["changes"]["text"] == "有人跟着我"
    assert "S01" in third["event"]["reached"]

    for loop in range(1, 5):
        await town.fast_forward(30)
        again = await on_duty.hears(alarm, "step_run")
        assert (again["event"]["step"], again["event"]["loop"]) == (2, loop)
        assert from_text(again["at"]) == START + timedelta(seconds=30 + 30 * loop)
        await backup.hears(alarm, "step_run")

    kinds = ["alarm_raised", "step_run", "step_run", "alarm_unanswered", *["step_run"] * 5]
    assert at_home.pending() == kinds
    await at_home.hears(alarm, *kinds)
    await supervisor.hears(alarm, *kinds, "alarm_shared", *["step_run"] * 4)
    await town.forgets(supervisor)  # it also sees the streams of the other backup stations


async def test_the_citizen_is_told_that_no_person_has_answered(town: Town) -> None:
    """After the policy's 15 s the ladder says so, and after an acknowledgement it goes on."""
    officer = await town.officer("V02")
    citizen = town.citizen()
    alarm = await citizen.raises()
    assert await citizen.ladder() == ["stored"]
    await town.fast_forward(15)
    assert await citizen.ladder() == ["stored", "unanswered"]
    await officer.acknowledges(alarm)
    assert await citizen.ladder() == ["stored", "unanswered", "acknowledged"]
    await town.forgets(officer)
