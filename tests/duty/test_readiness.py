"""Silence is never taken for attention (P5): a console counts while it says that it can sound, no moment longer."""

import asyncio

import pytest

from dispatch.alarm.errors import Refused
from dispatch.alarm.work import end
from dispatch.duty.readiness import Console
from tests.duty.conftest import HOME, LAPSE_S, Duty, Hub


async def test_readiness_is_told_once(hub: Hub, other_hub: Hub) -> None:
    """A console that renews every 10 s, at whichever hub, is one event and stays ready."""
    for at in (hub, other_hub, hub, other_hub):
        await at.wakes("V01")
        await hub.clock.advance(10)
        assert await hub.awake() == await other_hub.awake() == ["V01"]
        assert not await hub.readiness.step(hub.clock.now())
    assert await hub.events() == [{"type": "console_ready", "officer": "V01", "console": "console-V01"}]


async def test_it_lapses(hub: Hub) -> None:
    """Without a renewal it counts until just before the lapse time, and from then on not, even if no loop ran yet."""
    await hub.wakes("V01")
    await hub.clock.advance(LAPSE_S - 0.001)
    assert await hub.awake() == ["V01"]
    assert not await hub.readiness.step(hub.clock.now())
    await hub.clock.advance(0.001)
    assert await hub.awake() == []
    assert hub.lost == [], "nobody looked yet"
    assert await hub.readiness.step(hub.clock.now())
    assert (await hub.events())[1:] == [
        {"type": "console_lost", "officer": "V01", "console": "console-V01", "why": "silent"}
    ]
    assert hub.lost == [HOME], "escalation is told"
    assert not await hub.readiness.step(hub.clock.now())


async def test_an_officer_has_several_consoles(hub: Hub, other_hub: Hub) -> None:
    """At a desk and on a phone, or back at another hub before the old connection is known to be dead: once each way.

    Escalation hears of it when the last one is lost, and not before.
    """
    desk = await hub.wakes("V01", console="desk")
    phone = await other_hub.wakes("V01", console="phone")
    await hub.wakes("V011", console="other")  # a name that only begins alike
    await hub.readiness.drop(HOME, desk, "closed")
    assert (hub.lost, await hub.awake()) == ([], ["V01", "V011"])
    await other_hub.readiness.drop(HOME, phone, "sound_off")
    assert other_hub.lost == [HOME]
    told = [(event["type"], event["officer"], event["console"]) for event in await hub.events()]
    assert told == [
        ("console_ready", "V01", "desk"), ("console_ready", "V011", "other"), ("console_lost", "V01", "phone")
    ]  # fmt: skip


async def test_a_lapse_is_one_event_on_all_hubs(hub: Hub, other_hub: Hub) -> None:
    """Hubs that look at the same instant tell it once, and one of them tells its escalation."""
    for n in range(20):
        await hub.wakes(f"V{n:02d}")
    await hub.clock.advance(LAPSE_S)
    now = hub.clock.now()
    await asyncio.gather(*(at.readiness.step(now) for at in (hub, other_hub, hub, other_hub)))
    lost = [event["officer"] for event in await hub.events() if event["type"] == "console_lost"]
    assert sorted(lost) == [f"V{n:02d}" for n in range(20)]
    assert 1 <= len(hub.lost) + len(other_hub.lost) <= 4, "once for each hub that had something to tell"


async def test_a_dead_hubs_consoles_lapse_at_another(duty: Duty, hub: Hub, other_hub: Hub) -> None:
    """The hub of a ready console is gone without a word: another one finds that, and tells its escalation."""
    await hub.wakes("V01")
    await hub.stream.redis.aclose()
    await duty.clock.advance(LAPSE_S)
    assert await other_hub.readiness.step(duty.clock.now())
    assert other_hub.lost == [HOME]


async def test_a_console_that_says_it_cannot_sound(hub: Hub, other_hub: Hub) -> None:
    """Its readiness ends at once, with the reason; said again, or at another hub, it is no second event."""
    console = await hub.wakes("V01")
    await hub.readiness.drop(HOME, console, "sound_off")
    await hub.readiness.drop(HOME, console, "closed")
    await other_hub.readiness.drop(HOME, console, "closed")
    assert await hub.awake() == []
    assert [event.get("why") for event in await hub.events()] == [None, "sound_off"]
    assert (hub.lost, other_hub.lost) == ([HOME], [])
    await other_hub.wakes("V01")
    assert await hub.awake() == ["V01"]
    assert [event["type"] for event in await hub.events()] == ["console_ready", "console_lost", "console_ready"]


async def test_a_console_that_never_was_ready(hub: Hub) -> None:
    """A console that closes without its sound check is no news."""
    await hub.readiness.drop(HOME, Console("V01", "officer", "c1"), "closed")
    assert (await hub.events(), hub.lost) == ([], [])


async def test_two_consoles_of_one_officer(hub: Hub) -> None:
    """One of them lost leaves the officer reached by the other."""
    first = await hub.wakes("V01", console="at-the-desk")
    await hub.wakes("V01", console="in-the-car")
    assert await hub.awake() == ["V01", "V01"]
    await hub.readiness.drop(HOME, first, "closed")
    assert await hub.awake() == ["V01"]


async def test_a_console_that_lapsed_is_no_other_one(hub: Hub) -> None:
    """The one that could sound is lost, and of the other nothing was heard: the officer is lost at once."""
    await hub.wakes("V01", console="phone")
    await hub.clock.advance(LAPSE_S / 2)
    desk = await hub.wakes("V01", console="desk")
    await hub.clock.advance(LAPSE_S / 2)
    await hub.readiness.drop(HOME, desk, "sound_off")
    assert hub.lost == [HOME]
    assert (await hub.events())[1:] == [
        {"type": "console_lost", "officer": "V01", "console": "desk", "why": "sound_off"}
    ]


async def test_each_station_on_its_own(hub: Hub) -> None:
    """A supervisor's console is ready at every station that it watches, and ends at each."""
    for station in (HOME, "xiaodong"):
        await hub.wakes("S01", station, "supervisor")
    await hub.wakes("X01", "xiaodong")
    assert await hub.readiness.ready((HOME, "xiaodong", "wanquan")) == {
        HOME: [Console("S01", "supervisor", "console-S01")],
        "xiaodong": [Console("S01", "supervisor", "console-S01"), Console("X01", "officer", "console-X01")],
        "wanquan": [],
    }
    await hub.clock.advance(LAPSE_S)
    await hub.readiness.step(hub.clock.now())
    assert sorted(hub.lost) == [HOME, "xiaodong"], "once for each station"


async def test_nothing_is_ready_that_was_not_stored(duty: Duty) -> None:
    """Without the store there is no readiness: neither said nor asked."""
    duty.url = "redis://127.0.0.1:1/0"  # where none is
    hub = duty.hub()
    for asked in (hub.wakes("V01"), hub.awake(), hub.readiness.step(hub.clock.now())):
        with pytest.raises(Refused, match="not_stored"):
            await asked


async def test_the_loop_looks_by_itself(hub: Hub) -> None:
    """With the loop running, silence is found within its poll time."""
    await hub.wakes("V01")
    loop = hub.work.spawn(hub.work.repeat(hub.readiness.step, 1.0), "readiness")
    await hub.clock.advance(LAPSE_S - 1)
    assert hub.lost == []
    await hub.clock.advance(1)
    assert hub.lost == [HOME]
    await hub.clock.advance(60)
    assert [event["type"] for event in await hub.events()] == ["console_ready", "console_lost"]
    await end([loop])
