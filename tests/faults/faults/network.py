"""The network between hubs and store, and between people and hubs: cut, slow, halved, half-open."""

import time
from collections.abc import Sequence

from tests.faults.proxy import FAIR, Proxy, Weather
from tests.faults.stage import Stage

CUT = Weather(open=False)
SLOW = Weather(delay_s=(0.02, 0.25), split=True)
HALVING = Weather(halve=0.05, split=True)
DEAF = Weather(down=False)
"""Requests arrive and are done, and no answer comes back."""
HALF_OPEN = Weather(up=False, down=False)
HELD = Weather(hold=True)
"""Nothing comes through, and later everything does: requests arrive long after they were given up."""
KINDS = (CUT, SLOW, HALVING, DEAF, HALF_OPEN, HELD)


async def store_network(stage: Stage) -> None:
    """Between the hubs and the store: of one hub or of all, each kind of bad weather."""
    proxies = stage.town.to_store
    hit = proxies if stage.chance.random() < 0.5 else [stage.chance.choice(proxies)]
    await _storm(stage, hit)


async def people_network(stage: Stage) -> None:
    """Between the people and the hubs: of one hub or of all, each kind of bad weather."""
    proxies = stage.town.to_hubs
    hit = proxies if stage.chance.random() < 0.5 else [stage.chance.choice(proxies)]
    await _storm(stage, hit)


async def _storm(stage: Stage, proxies: Sequence[Proxy]) -> None:
    await stage.anywhen()
    for proxy in proxies:
        proxy.weather(stage.chance.choice(KINDS))
    await stage.lasts(stage.chance.uniform(0.2, 1.5))
    for proxy in proxies:
        proxy.weather(FAIR)
    await stage.recovers(time.monotonic())
