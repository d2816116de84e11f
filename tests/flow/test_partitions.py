"""Stations spread over several partitions, two hubs: everything that crosses them works as in one (P2, P3, P6)."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dispatch.alarmlog.chain import verify
from dispatch.stream.keys import partition_of
from tests.flow.town import Town

HOME, OTHER = "dadongmen", "wanquan"


@pytest.fixture
async def spread(tmp_path: Path) -> AsyncIterator[Town]:
    """A town in eight partitions with two hubs."""
    async with Town(tmp_path, env={"DISPATCH_STORE_PARTITIONS": "8"}) as made:
        await made.opens_hub()
        assert partition_of(HOME, 8) != partition_of(OTHER, 8)
        yield made


async def test_from_raised_to_closed(spread: Town) -> None:
    """Raised at one hub, taken, moved and closed at the other; each console has the whole story."""
    officer = await spread.officer("V01", hub=1)
    citizen = spread.citizen(hub=0)
    alarm = await citizen.raises(text="门外有人")
    await officer.hears(alarm, "alarm_raised", "step_run")
    for command in ("ack", "move", "arrive"):
        assert (await officer.asks(command, alarm=alarm))["type"] == "ok"
    await citizen.does("say", ref="1", text="他走了")
    await officer.asks("close", alarm=alarm, disposition="handled", note="")
    await officer.hears(alarm, "alarm_acknowledged", "alarm_en_route", "alarm_on_scene", "citizen_said", "alarm_closed")
    assert (await citizen.sees())["status"] == "closed"
    assert (await verify(spread.dispatch.stream, HOME)).ok


async def test_backups_in_other_partitions_are_called_in(spread: Town) -> None:
    """Nobody takes it: the backup stations, whose streams lie elsewhere, get the alarm and all that follows."""
    officer = await spread.officer("V01")
    called_in = await spread.officer(spread.settings.rotas[OTHER].officers[0], OTHER, hub=1)
    alarm = await spread.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await spread.fast_forward(30)
    assert alarm in called_in.alarms
    assert (await called_in.asks("ack", alarm=alarm))["type"] == "ok"
    await officer.hears(alarm, "alarm_acknowledged")
    await spread.quiet()
    assert called_in.alarms[alarm]["owner"] == called_in.name
    await spread.forgets(officer, called_in)


async def test_another_place_at_the_second_attempt(spread: Town) -> None:
    """The same alarm sent again, to another hub, from a place of another station: one alarm, at the first."""
    await spread.officer("V01")
    first, second = spread.citizen(hub=0), spread.citizen(hub=1)
    second.id, second.secret = first.id, first.secret
    alarm = await first.raises()
    there = spread.settings.boundaries.stations[OTHER].area.representative_point()
    position = {"lat": there.y, "lon": there.x, "accuracy_m": 10, "datum": "wgs84", "source": "gps"}
    again = await second.http.post("/alarms", json={"id": alarm, "secret": second.secret, "position": position})
    assert again.status_code == 200
    assert again.json()["station"]["id"] == HOME
    fresh = str(uuid.uuid4())
    other = await second.http.post("/alarms", json={"id": fresh, "secret": second.secret, "position": position})
    assert (other.status_code, other.json()["station"]["id"]) == (201, OTHER)
    for person in spread.people:
        await spread.forgets(person)


async def test_timers_are_shared_out(spread: Town) -> None:
    """Each hub runs the timers of half the partitions; when one stops the other has all, and the steps go on."""
    officer = await spread.officer("V01")
    await spread.fast_forward(5)
    held = [len(hub.dispatch.leases._held) for hub in spread.hubs]
    assert held == [4, 4]
    alarm = await spread.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await spread.hubs.pop().stop()
    await spread.fast_forward(15)
    assert len(spread.dispatch.leases._held) == 8
    step = await officer.hears(alarm, "step_run")
    assert step["at"] == "2026-11-22T02:00:20.000Z"
    await spread.forgets(officer)
