"""A recording whose page died ends as cut, and is whole up to there."""

import hashlib

import pytest

from dispatch.alarm.errors import Refused
from dispatch.media.chunks import Chunks
from dispatch.media.cuts import Cuts, cut_at
from tests.media.conftest import LIMITS, House
from tests.media.live import AUDIO, seconds, slices
from tests.media.test_live import airing

AFTER_S = 120


@pytest.fixture
def cuts(house: House) -> Cuts:
    house.chunks = Chunks(house.alarms, house.objects, LIMITS, house.clock, lambda: cut_at(house.clock, AFTER_S))
    house.copies = house.copies_with()
    return Cuts(house.alarms, house.chunks)


@pytest.fixture
def parts(house: House) -> list[bytes]:
    return slices(house.bytes_of("voice-zh.webm"))


async def test_cut(house: House, cuts: Cuts, parts: list[bytes]) -> None:
    """Eight seconds came and then nothing: after the time it ends as cut, and all eight are copied and play."""
    alarm = await house.raises()
    for seq in range(8):
        await house.chunks.put(alarm, "m1", seq, parts[seq], *AUDIO)
        await house.clock.advance(1)
    await house.clock.advance(AFTER_S - 2)
    assert not await cuts.step(house.clock.now())
    assert (await house.item(alarm))["state"] == "receiving"
    await house.clock.advance(2)
    assert await cuts.step(house.clock.now())
    item = await house.item(alarm)
    whole = b"".join(parts[:8])
    assert (item["state"], item["cut"], item["chunks"]) == ("stored", True, 8)
    assert item["sha256"] == hashlib.sha256(whole).hexdigest()
    assert item["missing"] == []
    assert await house.original(alarm) == whole
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "ready"
    assert 7.8 < seconds(await house.copy(alarm)) < 8.3
    assert not await cuts.step(house.clock.now())
    assert await house.redis.zcard(house.keys.receiving) == 0


async def test_each_chunk_puts_it_off(house: House, cuts: Cuts, parts: list[bytes]) -> None:
    """As long as chunks come, however slowly, it is not cut; and who ends it properly is not cut either."""
    alarm = await house.raises()
    for seq in range(3):
        await house.chunks.put(alarm, "m1", seq, parts[seq], *AUDIO)
        await house.clock.advance(AFTER_S - 1)
        assert not await cuts.step(house.clock.now())
    await house.chunks.end(alarm, "m1", 3)
    await house.clock.advance(2)
    await cuts.step(house.clock.now())
    assert "cut" not in await house.item(alarm)
    assert [event["type"] for event in await house.events(alarm)].count("media_ended") == 1
    assert "cut" not in (await house.events(alarm))[-1]


async def test_missing_chunks_are_named(house: House, cuts: Cuts, parts: list[bytes]) -> None:
    """What came behind a gap is kept, and the numbers that never came are in the record; it is copied all the same."""
    alarm = await house.raises()
    for seq in (0, 1, 2, 5, 6):
        await house.chunks.put(alarm, "m1", seq, parts[seq], *AUDIO)
    await house.clock.advance(AFTER_S + 1)
    assert await cuts.step(house.clock.now())
    item = await house.item(alarm)
    assert (item["cut"], item["chunks"], item["missing"]) == (True, 5, [3, 4])
    assert await house.original(alarm) == b"".join(parts[seq] for seq in (0, 1, 2, 5, 6))
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "ready"


async def test_who_comes_back_is_told(house: House, cuts: Cuts, parts: list[bytes]) -> None:
    """After the cut no chunk is taken: the device is told to begin anew. What it had sent is answered as stored."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, parts[0], *AUDIO)
    await house.clock.advance(AFTER_S + 1)
    assert await cuts.step(house.clock.now())
    with pytest.raises(Refused, match="media_ended"):
        await house.chunks.put(alarm, "m1", 1, parts[1], *AUDIO)
    await house.chunks.put(alarm, "m1", 0, parts[0], *AUDIO)
    await house.chunks.end(alarm, "m1", 1)
    assert (await house.item(alarm))["cut"]


async def test_a_photo_is_never_cut(house: House, cuts: Cuts) -> None:
    """A photo may wait as long as its network needs."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, b"abc", "photo", "image/jpeg")
    await house.clock.advance(100 * AFTER_S)
    assert not await cuts.step(house.clock.now())


async def test_a_damaged_one_holds_up_nobody(house: House, cuts: Cuts, parts: list[bytes]) -> None:
    """A recording whose chunk is lost on disk is tried again later; the next one is cut at its time."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, parts[0], *AUDIO)
    house.files()[0].unlink()
    await house.clock.advance(1)
    await house.chunks.put(alarm, "m2", 0, parts[0], *AUDIO)
    await house.clock.advance(AFTER_S + 1)
    assert await cuts.step(house.clock.now())
    assert (await house.item(alarm, "m2"))["cut"]
    assert (await house.item(alarm))["state"] == "receiving"
    assert not await cuts.step(house.clock.now())


async def test_the_listener_learns_it(house: House, cuts: Cuts, parts: list[bytes]) -> None:
    """Who listens hears all that came, gaps marked, and then that it was cut."""
    async with airing(house) as air:
        alarm = await house.raises()
        await air.put(alarm, parts, 0, 1, 3)
        look = await air.until(alarm, 1.9)
        await house.clock.advance(AFTER_S + 1)
        cut = await cuts.step(house.clock.now())
        await air.clock.quiet()
        assert cut
        while look.state == "growing":
            look = await air.more(alarm, look)
        assert (look.state, len(look.gaps)) == ("cut", 1)
        assert 3.8 < seconds(await air.heard(alarm, look)) < 4.3
