"""An alarm is handed to another station only when that station accepts; timers run until then."""

import pytest

from tests.flow.people import Answered
from tests.flow.town import Town


async def test_offer_and_accept(town: Town) -> None:
    """The other station sees the whole alarm; accepting makes it responsible and stops the escalation."""
    officer = await town.officer("V01")
    other = await town.officer("X01", station="xiaodong")
    citizen = town.citizen()
    alarm = await citizen.raises(text="在火车上")
    await officer.asks("transfer", alarm=alarm, station="xiaodong", reason="在你们辖区")
    shared = await other.hears(alarm, "alarm_shared")
    assert (shared["changes"]["text"], shared["changes"]["home"]) == ("在火车上", "dadongmen")
    assert shared["changes"]["transfer"]["reason"] == "在你们辖区"

    await town.fast_forward(15)  # not accepted yet: the escalation goes on
    await officer.hears(alarm, "alarm_raised", "step_run", "transfer_offered", "step_run", "alarm_unanswered")
    await other.hears(alarm, "step_run", "alarm_unanswered")
    await other.asks("transfer_accept", alarm=alarm)
    await officer.hears(alarm, "transfer_accepted")
    await other.hears(alarm, "transfer_accepted")
    await town.quiet()
    assert other.alarms[alarm] == officer.alarms[alarm]
    assert (other.alarms[alarm]["station"], other.alarms[alarm]["owner"]) == ("xiaodong", "X01")
    await other.asks("move", alarm=alarm)
    await officer.hears(alarm, "alarm_en_route")
    await other.hears(alarm, "alarm_en_route")
    assert (await citizen.sees())["station"]["id"] == "xiaodong"
    await town.fast_forward(200)


async def test_reject(town: Town) -> None:
    """A rejected transfer leaves the alarm where it was; a third station may neither accept nor see it."""
    officer = await town.officer("V01")
    other = await town.officer("X01", station="xiaodong")
    third = await town.user("E01", station="dongzhan")
    await third.opens_console()
    alarm = await town.citizen().raises()
    await officer.acknowledges(alarm)
    await officer.asks("transfer", alarm=alarm, station="xiaodong", reason="更近")
    await other.hears(alarm, "alarm_shared")
    with pytest.raises(Answered, match="not_found"):
        await third.asks("transfer_accept", alarm=alarm)
    await other.asks("transfer_reject", alarm=alarm, reason="没有车")
    rejected = await officer.hears(
        alarm, "alarm_raised", "step_run", "alarm_acknowledged", "transfer_offered", "transfer_rejected"
    )
    assert rejected["event"]["reason"] == "没有车"
    assert (officer.alarms[alarm]["status"], officer.alarms[alarm]["owner"]) == ("acknowledged", "V01")
    await other.hears(alarm, "transfer_rejected")
