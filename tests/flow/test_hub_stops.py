"""A hub that is stopped hands its consoles to another one: nobody loses anything, and no escalation is invented."""

import asyncio

from tests.flow.people import Officer
from tests.flow.town import Town


async def stops(town: Town) -> None:
    """The second hub is told to stop, as for an upgrade."""
    await town.hubs.pop().stop()


async def comes_back(officer: Officer, town: Town) -> None:
    """The console does what it does after 4000: it connects again, and the balancer has another hub for it."""
    assert await officer.is_closed_with() == 4000
    officer.url = town.url
    await officer.opens_console()


async def test_the_officer_is_back(town: Town) -> None:
    """The only awake officer is handed over while an alarm waits: its next step runs at its time and not before."""
    await town.opens_hub()
    officer = await town.officer("V01", hub=1)
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await stops(town)
    await comes_back(officer, town)
    assert officer.recovered == {"dadongmen": True}
    await town.fast_forward(14.999)
    assert officer.pending() == [], "he was reached all the time"
    kinds = [entry.members["event"]["type"] for entry in await town.dispatch.stream.read("dadongmen", 0)]
    assert (kinds.count("console_ready"), kinds.count("console_lost")) == (1, 0)
    await town.fast_forward(0.001)
    due = await officer.hears(alarm, "step_run")
    assert (due["event"]["step"], due["event"]["why"]) == (1, "due")
    await officer.hears(alarm, "alarm_unanswered")


async def test_an_alarm_while_nobody_is_connected(town: Town) -> None:
    """Raised between the old console's end and the new one's beginning: its officer is called, and gets it."""
    await town.opens_hub()
    officer = await town.officer("V01", hub=1)
    await stops(town)
    alarm = await town.citizen().raises()
    await comes_back(officer, town)
    called = await officer.hears(alarm, "alarm_raised", "step_run")
    assert (called["event"]["step"], called["event"]["reached"]) == (0, ["V01"])
    await town.fast_forward(10)


async def test_the_officer_does_not_come_back(town: Town) -> None:
    """Silence is not taken for attention: after `console.comeback_s` the waiting alarm moves on at once."""
    await town.opens_hub()
    officer, colleague = await town.officer("V01", hub=1), await town.officer("V07")
    alarm = await town.citizen().raises()
    await colleague.hears(alarm, "alarm_raised", "step_run")
    await stops(town)
    assert await officer.is_closed_with() == 4000
    await town.fast_forward(4.999)
    assert colleague.pending() == []
    await town.fast_forward(0.001)
    await town.fast_forward(1)
    moved = await colleague.hears(alarm, "step_run")
    assert (moved["event"]["step"], moved["event"]["why"]) == (1, "console_lost")
    await town.forgets(officer)


async def test_a_handover_does_not_lengthen_readiness(town: Town) -> None:
    """A console that was to lapse sooner than the handover lapses then."""
    await town.opens_hub()
    officer = await town.officer("V01", hub=1)
    await town.clock.advance(12)  # it lapses after 15 s
    await stops(town)
    await town.clock.advance(2.999)
    assert (await town.dispatch.roster.duty("dadongmen"))["ready"] != []
    await town.clock.advance(0.001)
    assert (await town.dispatch.roster.duty("dadongmen"))["ready"] == []
    town.stops_watching(officer)


async def test_the_citizen_is_handed_over(town: Town) -> None:
    """A command of an officer that was stored while the hub stopped is seen by all, at the other hub."""
    await town.opens_hub()
    officer = await town.officer("V01", hub=1)
    citizen = town.citizen(hub=1)
    alarm = await citizen.raises()
    await officer.acknowledges(alarm)
    await stops(town)
    await comes_back(officer, town)
    await officer.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged")
    again = town.citizen()
    again.id, again.secret = citizen.id, citizen.secret
    assert "acknowledged" in await again.ladder()
    await town.fast_forward(30)
    assert officer.pending() == [], "an acknowledged alarm does not escalate because a hub was stopped"


async def test_nothing_of_it_is_left(town: Town) -> None:
    """Whatever was under way when it was told to stop has ended with it, also what no loop waits for."""
    work = town.dispatch.work
    with town.clock.under_way():
        left = work.spawn(asyncio.Event().wait(), "waits for ever")
        await town.hubs[0].stop()
        assert left.cancelled()
        assert work.busy == ()
