"""A store that is no longer what it was is found, and every position of before is void (P2)."""

import asyncio
import shutil
from pathlib import Path

import pytest

from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.epochs import Epochs, Witness
from tests.flow.clock import START
from tests.stream.conftest import HOME, Hub, shut

STATIONS = (HOME, "xiaodong")


def epochs(hub: Hub, file: Path | None = None) -> Epochs:
    return Epochs(hub.stream, STATIONS, hub.clock, Witness(file))


async def restored(hub: Hub) -> list[str]:
    """The stations whose streams say so."""
    return [station for station in STATIONS if "store_restored" in await hub.kinds(station)]


async def test_a_store_has_one_epoch(hub: Hub, other_hub: Hub) -> None:
    """Whoever opens it, however often; nothing is said to have been restored."""
    for each in (hub, other_hub, hub):
        await epochs(each).open()
    assert len(hub.stream.epoch(HOME)) == 16
    assert other_hub.stream.epoch(HOME) == hub.stream.epoch(HOME)
    assert await restored(hub) == []


async def test_a_store_that_lacks_the_last_mark(hub: Hub) -> None:
    """However little it went back, as when a replica took over that lacked one write: the epoch is another."""
    known = epochs(hub)
    await known.open()
    before, mark = hub.stream.epoch(HOME), await hub.redis.hget(hub.keys.witness, known.witness.id)
    await known.step(START)
    assert hub.stream.epoch(HOME) == before
    await hub.redis.hset(hub.keys.witness, known.witness.id, mark)
    await known.step(START)
    assert hub.stream.epoch(HOME) != before
    assert await restored(hub) == [*STATIONS]


async def test_an_older_copy_is_found_at_the_next_start(folder: Path, tmp_path: Path) -> None:
    """The store's files are put back to an older copy while no hub runs: the hub knows it by its own data folder."""
    store = EmbeddedStore(folder)
    for round_, copy in (("before", tmp_path / "copy"), ("after", None)):
        await asyncio.to_thread(store.start)
        hub = Hub(store.url)
        known = epochs(hub, tmp_path / "witness.json")
        await known.open()
        before = hub.stream.epoch(HOME)
        await hub.raises()
        await known.step(START)
        assert await restored(hub) == [], round_
        known.witness.close()
        await hub.closes()
        await shut(store.url)
        await asyncio.to_thread(store.ended)
        if copy is not None:
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sock", "lock"))
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    await asyncio.to_thread(store.start)
    hub = Hub(store.url)
    known = epochs(hub, tmp_path / "witness.json")
    try:
        await known.open()
        assert hub.stream.epoch(HOME) != before
        assert await restored(hub) == list(STATIONS)
        assert list(known.restored) == [0]
        await known.step(START)  # it is said once
        assert (await hub.kinds(HOME)).count("store_restored") == 1
    finally:
        known.witness.close()
        await hub.closes()
        await shut(store.url)
        await asyncio.to_thread(store.ended)


async def test_all_hubs_follow(hub: Hub, other_hub: Hub) -> None:
    """One hub finds that the store went back: the others hear of it and tell theirs, once each; all agree."""
    one, two = epochs(hub), epochs(other_hub)
    await one.open()
    await two.open()
    told: list[tuple[str, int]] = []

    async def one_told(partition: int) -> None:
        told.append(("one", partition))

    async def two_told(partition: int) -> None:
        told.append(("two", partition))

    one.on_change.append(one_told)
    two.on_change.append(two_told)
    before = hub.stream.epoch(HOME)
    await asyncio.gather(*(each.went_back(HOME, before) for each in (one, two, one)))
    await one.went_back("xiaodong", before)  # found late, of the epoch that has ended
    await two.step(START)
    await one.step(START)
    assert hub.stream.epoch(HOME) == other_hub.stream.epoch(HOME) != before
    assert sorted(told) == [("one", 0), ("two", 0)]
    assert (await hub.kinds(HOME)).count("store_restored") == 1
    assert one.restored.keys() == two.restored.keys() == {0}


async def test_one_hub_of_a_data_folder_keeps_its_file(tmp_path: Path) -> None:
    """Two hubs on one data folder do not mix what they wrote: the second remembers in memory only."""
    first = Witness(tmp_path / "witness.json")
    second = Witness(tmp_path / "witness.json")
    first.marks, second.marks = {0: ("e", 7)}, {0: ("e", 9)}
    first.save()
    second.save()
    first.close()
    third = Witness(tmp_path / "witness.json")
    assert (third.id, third.marks) == (first.id, {0: ("e", 7)})
    third.close()


@pytest.mark.parametrize("text", ["", "{", '{"id": "a"}', "[]"])
async def test_a_broken_file_is_no_witness(tmp_path: Path, text: str) -> None:
    """A file that cannot be read is begun anew; the hub starts all the same."""
    file = tmp_path / "witness.json"
    file.write_text(text)
    witness = Witness(file)
    assert witness.marks == {}
    witness.save()
    witness.close()


async def test_an_ended_epoch_never_comes_again(hub: Hub) -> None:
    """The change of epoch is itself lost with the server that had it: the old positions stay void all the same."""
    known = epochs(hub)
    await known.open()
    first = hub.stream.epoch(HOME)
    await known.went_back(HOME, first)
    second = hub.stream.epoch(HOME)
    await hub.redis.set(hub.keys.epoch, first)
    await known.step(START)
    assert hub.stream.epoch(HOME) not in (first, second)
