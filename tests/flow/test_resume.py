"""A console that was cut resumes from its position and gets exactly what it missed, in order, with no gap (P2)."""

import pytest

from tests.flow.town import Town


async def test_resume_misses_nothing(town: Town) -> None:
    """What happened while the console was cut comes first, then what is new; the harness fails on any gap."""
    officer, colleague = await town.officer("V01"), await town.officer("V02")
    before = await town.citizen().raises(text="一")
    await officer.hears(before, "alarm_raised", "step_run")
    await officer.is_cut()
    missed = await town.citizen().raises(text="二")
    await colleague.acknowledges(before)
    await officer.opens_console()
    assert officer.recovered == {"dadongmen": True}
    after = await town.citizen().raises(text="三")
    await officer.hears(missed, "alarm_raised", "step_run")
    await officer.hears(before, "alarm_acknowledged")
    await officer.hears(after, "alarm_raised", "step_run")
    assert officer.alarms == colleague.alarms
    await town.forgets(colleague)


async def test_resume_from_the_stream_when_memory_is_not_enough(town: Town) -> None:
    """More events than the hub keeps in memory: they are read from the stream, still without a gap."""
    officer, colleague = await town.officer("V01"), await town.officer("V02")
    alarm = await town.citizen().raises()
    await officer.is_cut()
    feed = town.dispatch.hub.feeds.of["dadongmen"]
    feed.ring = type(feed.ring)(maxlen=16)
    for n in range(40):
        await colleague.asks("note", alarm=alarm, text=f"第 {n} 条")
    await town.quiet()
    await officer.opens_console()
    assert officer.recovered == {"dadongmen": True}
    await officer.hears(alarm, "alarm_raised", "step_run", *["note_added"] * 40)
    assert officer.alarms == colleague.alarms
    await town.forgets(colleague)


@pytest.mark.parametrize("after", [{"epoch": "another", "offset": 3}, {"epoch": None, "offset": 10**9}])
async def test_what_cannot_be_resumed_is_said(town: Town, after: dict[str, object]) -> None:
    """A position of another epoch, or one that the stream never had, gets a fresh snapshot and `recovered: false`."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await officer.is_cut()
    epoch = after["epoch"] or officer.position["dadongmen"]["epoch"]
    officer.position["dadongmen"] = {**after, "epoch": epoch}
    officer.alarms.clear()
    await officer.opens_console()
    assert officer.recovered == {"dadongmen": False}
    assert set(officer.alarms) == {alarm}
    await town.forgets(officer)  # the steps that its absence may have caused


async def test_a_lost_doorbell_is_found(town: Town) -> None:
    """An event whose publication never came is read from the stream a second later at most."""
    officer = await town.officer("V01")
    hub = town.dispatch.hub
    hub.feeds.doorbell.heard = lambda station, ring: None
    alarm = await town.citizen().raises()
    await town.clock.advance(1)
    await officer.hears(alarm, "alarm_raised", "step_run")
    hub.feeds.doorbell.heard = hub.feeds.heard


async def test_what_was_shown_before_the_cut_is_confirmed_after_it(town: Town) -> None:
    """A console is cut after it showed the alarm and before it said so: its word counts when it is back."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await officer.is_cut()
    await officer.opens_console()
    assert officer.recovered == {"dadongmen": True}
    await officer.shows()
    delivered = await officer.hears(alarm, "alarm_delivered")
    assert delivered["event"]["consoles"] == 1
    await officer.is_cut()
    await officer.opens_console()
    await officer.shows()  # the same officer is not one console more
    await town.fast_forward(2)
    assert (await citizen.sees())["ladder"][1]["consoles"] == 1
    await town.forgets(officer)


async def test_a_reopened_alarm_is_whole(town: Town) -> None:
    """A console that came while the alarm was closed gets all of it when it is opened again."""
    first = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(text="门外有人")
    await first.asks("ack", alarm=alarm)
    await first.asks("close", alarm=alarm, disposition="handled", note="")
    second = await town.officer("V02")
    assert alarm not in second.alarms
    await first.asks("reopen", alarm=alarm, reason="他又来了")
    await second.hears(alarm, "alarm_reopened")
    await town.quiet()
    assert second.alarms[alarm] == first.alarms[alarm]
    assert (second.alarms[alarm]["id"], second.alarms[alarm]["text"]) == (alarm, "门外有人")
    await town.forgets(first, second)
