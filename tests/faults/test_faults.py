"""Whatever breaks, what was confirmed is there, nothing is invented or done twice, and no console has a hole (P1-P6).

In the ordinary suite those that differ most, together; nightly a round of each. `python -m tests.faults` runs many.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import strikes
from tests.faults.faults import FAULTS, Fault, Make, proxied, with_sentinels
from tests.faults.stage import Record, Stage
from tests.faults.town import Town

Place = Callable[[Make], tuple[Town, Record]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Make, tuple[Town, Record]]]:
    """A town of each kind, for all faults that it is enough for."""
    towns: dict[Make, tuple[Town, Record]] = {}
    yield towns
    for town, _ in towns.values():
        town.end()


@pytest.fixture
def place(places: dict[Make, tuple[Town, Record]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """(kind) -> a town with its record; a test that fails leaves none to the next."""
    used: list[Make] = []

    def find(make: Make) -> tuple[Town, Record]:
        used.append(make)
        if make not in places:
            town = make(Path(tmp_path_factory.mktemp("town")))
            places[make] = town, Record()
            town.start()
        return places[make]

    yield find
    for make in used:
        town, record = places[make]
        if record.spoilt:
            town.end()
            del places[make]


@pytest.mark.nightly
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_nothing_is_lost(fault: Fault, place: Place, in_ci: bool) -> None:
    """Under load from people at any hub, the fault comes and goes: the checker finds every counter 0."""
    if fault.missing:
        (pytest.fail if in_ci else pytest.skip)(fault.missing)
    await _strikes([fault], *place(fault.make), fault.twice)


@pytest.mark.parametrize(
    ("names", "make", "twice"),
    [
        pytest.param(["store_network", "hub_killed", "store_killed"], proxied, True, id="two hubs"),
        pytest.param(["sentinel_failover"], with_sentinels, False, id="sentinels", marks=pytest.mark.nightly),
    ],
)
async def test_nothing_is_lost_in_brief(names: list[str], make: Make, twice: bool, place: Place) -> None:
    """The same of several faults in a row, under people who send everything twice, with one verdict at the end."""
    await _strikes([FAULTS[name] for name in names], *place(make), twice)


async def _strikes(faults: list[Fault], town: Town, record: Record, twice: bool) -> None:
    record.spoilt = True
    name = " ".join(fault.name for fault in faults)
    async with Stage(town, name, record, twice, brief=True) as stage:
        for fault in faults:
            await strikes(fault, stage, 1)
        verdict = await stage.verdict()
    record.spoilt = not verdict.clean
    assert verdict.clean, verdict.told()
    assert verdict.figures["receipts"] >= 5
    assert verdict.figures["frames"] > 0
