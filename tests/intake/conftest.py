"""Bad input must not hurt what is there: every test here ends by looking at the hub and at an alarm from before it."""

from collections.abc import AsyncIterator

import pytest

from tests.flow.people import Citizen
from tests.flow.town import Town


@pytest.fixture
async def earlier(town: Town) -> AsyncIterator[Citizen]:
    """An alarm from before the test; afterwards it is as it was, and the hub takes another one."""
    citizen = town.citizen()
    await citizen.raises(text="之前的报警", place="三楼")
    before = await kept(town, citizen.id)
    yield citizen
    assert (await citizen.http.get("/healthz")).status_code == 200
    assert (await citizen.http.get("/readyz")).status_code == 200
    assert await kept(town, citizen.id) == before
    await town.citizen().raises(text="之后的报警")
    await town.quiet()
    for officer in town.people:
        officer.unexpected.clear()  # the alarm from after the test


async def kept(town: Town, alarm_id: str) -> tuple[object, ...]:
    """What must not change of an alarm by what happens to others."""
    loaded = await town.dispatch.alarms.load(alarm_id, whole=True)
    assert loaded is not None
    alarm = loaded.alarm
    return alarm.text, alarm.place, alarm.status, alarm.owner, alarm.talk, alarm.media, loaded.secret_hash
