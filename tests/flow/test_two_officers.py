"""Of any number of officers one wins, and the others learn who (P3)."""

import asyncio

import pytest

from tests.flow.people import Answered
from tests.flow.town import Town


async def test_one_of_four_on_two_hubs_wins(town: Town) -> None:
    """Four officers acknowledge at the same instant on two hubs: one wins, three are told who."""
    await town.opens_hub()
    officers = [await town.officer(name, hub=i % 2) for i, name in enumerate(("V01", "V02", "V03", "V04"))]
    alarm = await town.citizen().raises()
    answers = await asyncio.gather(*(o.acknowledges(alarm) for o in officers), return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, dict)]
    lost = [answer for answer in answers if isinstance(answer, Answered)]
    assert (len(won), len(lost)) == (1, 3)
    assert {(answer.code, answer.body["by"]) for answer in lost} == {("already_acknowledged", won[0]["owner"])}
    for officer in officers:
        await officer.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged")
        assert officer.alarms[alarm]["owner"] == won[0]["owner"]


async def test_taking_needs_a_reason_and_is_logged(town: Town) -> None:
    """A colleague may take the alarm with a typed reason; the first owner may no longer move on it."""
    first, second = await town.officer("V01"), await town.officer("V02")
    alarm = await town.citizen().raises()
    await first.acknowledges(alarm)
    await town.fast_forward(20.001)  # until then a colleague may swap
    with pytest.raises(Answered, match="bad_message: reason"):
        await second.asks("take", alarm=alarm)
    await second.asks("take", alarm=alarm, reason="我更近")
    taken = await first.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_taken")
    assert (taken["event"]["by"], taken["event"]["taken_from"]) == ("V02", "V01")
    with pytest.raises(Answered, match="not_owner"):
        await first.asks("move", alarm=alarm)
    await town.forgets(first)
    await town.forgets(second)


async def test_who_belongs_to_no_station_cannot_sign_on(town: Town) -> None:
    """Duty is a station's: a supervisor of all stations has none to sign on at."""
    supervisor = await town.officer("S01", station=None, role="supervisor")
    with pytest.raises(Answered, match="not_allowed"):
        await supervisor.asks("duty", on=True)
