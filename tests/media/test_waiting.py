"""Media wait for their copies in a line that has a bound, and officers need not stand in it."""

import httpx
import pytest

from tests.media.conftest import House
from tests.media.test_http import V01, http

__all__ = ["http"]


async def sent(house: House, **limits: int) -> str:
    alarm = await house.raises()
    house.chunks = house.chunks_with(**limits)
    await house.sends(alarm, "photo-text-chunk.png")
    return alarm


async def states(house: House, alarms: list[str]) -> list[str]:
    return [(await house.item(alarm))["state"] for alarm in alarms]


async def test_in_turn(house: House) -> None:
    """What has waited longest is copied first, whatever its name."""
    alarms = []
    for _ in range(4):
        alarms.append(await sent(house))
        await house.clock.advance(1)
    for done in range(1, 5):
        assert await house.copies.step()
        assert await states(house, alarms) == ["ready"] * done + ["stored"] * (4 - done)


async def test_what_an_officer_opens_goes_first(house: House, http: httpx.AsyncClient) -> None:
    """An officer who opens what has no copy yet gets it as the next one."""
    alarms = []
    for _ in range(3):
        alarms.append(await sent(house))
        await house.clock.advance(1)
    for _ in range(2):
        assert (await http.get(f"/media/{alarms[2]}/m1", headers=V01)).status_code == 409
    assert await house.copies.step()
    assert await states(house, alarms) == ["stored", "stored", "ready"]


async def test_the_bound(house: House, http: httpx.AsyncClient) -> None:
    """Beyond the bound nothing is refused and nothing waits: it is sealed, and copied when an officer opens it."""
    alarms = [await sent(house, copies_waiting=2) for _ in range(4)]
    assert await house.redis.zcard(house.keys.copying) == 2
    while await house.copies.step():
        pass
    assert await states(house, alarms) == ["ready", "ready", "stored", "stored"]
    assert await house.original(alarms[3]) == house.bytes_of("photo-text-chunk.png")
    other = {"authorization": "N01"}
    assert (await http.get(f"/media/{alarms[3]}/m1", headers=other)).status_code == 404
    assert not await house.copies.step()
    assert (await http.get(f"/media/{alarms[3]}/m1", headers=V01)).json()["state"] == "stored"
    assert await house.copies.step()
    assert (await http.get(f"/media/{alarms[3]}/m1", headers=V01)).status_code == 200


@pytest.mark.parametrize("opened", [0, 1], ids=["alone", "opened meanwhile"])
async def test_opening_what_is_being_copied(house: House, opened: int) -> None:
    """A media that a worker has is not given to a second one because an officer opens it."""
    alarm = await sent(house)
    claimed = [int(house.clock.now().timestamp() * 1000), int(house.clock.now().timestamp() * 1000) + 9000]
    assert await house.copies._claim.run(house.redis, [house.keys.copying], claimed)
    for _ in range(opened):
        await house.copies.want(alarm, "m1")
    assert not await house.copies.step()
