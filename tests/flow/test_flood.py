"""More alarms than people can look at: said so, grouped, and not one of them lost or late (P8)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flow.town import Town

WINDOW_S = 60


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """The window is ten minutes by default; a shorter one has the same begin and end."""
    async with Town(tmp_path, env={"DISPATCH_FLOOD_WINDOW_S": str(WINDOW_S)}) as town:
        yield town


async def test_a_flood_begins_and_ends(town: Town) -> None:
    """The eleventh new alarm within the window begins it, once for all hubs; it ends when fewer than five are new."""
    await town.opens_hub()
    officer = await town.officer("V01")
    supervisor = await town.officer("S01", None, "supervisor", hub=1)
    town.stops_watching(officer, supervisor)
    for n in range(10):
        await town.citizen(n % 2).raises()
        await town.fast_forward(5)
    await town.citizen().raises(kind="practice")
    await town.fast_forward(1)
    assert not [event for event in officer.every if event["event"]["type"] == "flood_began"]
    eleventh = await town.citizen(1).raises(text="第十一个")
    await town.fast_forward(1)
    for person in (officer, supervisor):
        began = await person.hears(None, "flood_began")
        assert (began["event"]["count"], began["event"]["window_s"]) == (11, WINDOW_S)
        await person.has(eleventh)
        assert person.alarms[eleventh]["called"] == ["V01", "V02"], "its escalation is as ever"
    for n in range(3):
        await town.citizen(n % 2).raises()
    await town.fast_forward(10)
    late = await town.officer("V02")
    assert "since" in late.duty["flood"], "a console that comes later is told too"
    town.stops_watching(late)
    await town.fast_forward(WINDOW_S + 5)
    await officer.hears(None, "flood_ended")
    types = [entry.members["event"]["type"] for entry in await town.dispatch.stream.read("dadongmen", 0, 1000)]
    assert (types.count("flood_began"), types.count("flood_ended")) == (1, 1)
    assert types.count("alarm_raised") == 15


async def test_as_long_as_as_many_are_new(town: Town) -> None:
    """Exactly as many as end a flood when there are fewer: it goes on, until one of them is new no more."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    for n in range(13):
        await town.citizen().raises()
        if n == 7:
            await town.fast_forward(WINDOW_S / 2)
    await town.fast_forward(1)
    await officer.hears(None, "flood_began")
    await town.fast_forward(WINDOW_S / 2 + 10)  # five are left
    assert not [event for event in officer.every if event["event"]["type"] == "flood_ended"]
    await town.fast_forward(WINDOW_S / 2)
    await officer.hears(None, "flood_ended")
