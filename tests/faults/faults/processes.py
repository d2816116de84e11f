"""Processes that die or freeze: kill -9 of a hub, of the store, of both; a hub stopped for longer than a lease."""

import signal
import time

from tests.faults.stage import Stage

LEASE_S = 2.0


async def hub_killed(stage: Stage) -> None:
    """Kill -9 of one hub at any instant; the other serves on, and later it is started again."""
    await stage.anywhen()
    hub = stage.chance.choice(stage.town.hubs)
    hub.kill()
    since = time.monotonic()
    await stage.recovers(since, [other.url for other in stage.town.hubs if other is not hub])
    await stage.away(hub.start)


async def store_killed(stage: Stage) -> None:
    """Kill -9 of the store at any instant; it is started again on its files."""
    await stage.anywhen()
    stage.town.store.kill()
    await stage.lasts(stage.chance.uniform(0, 0.5))
    await stage.away(stage.town.store.start)
    await stage.recovers(time.monotonic())


async def both_killed(stage: Stage) -> None:
    """Kill -9 of the store and of every hub, one right after the other, as when the power fails."""
    await stage.anywhen()
    processes = [*stage.town.hubs, stage.town.store]
    stage.chance.shuffle(processes)
    for process in processes:
        process.kill()
    await stage.away(stage.town.store.start)
    for hub in stage.town.hubs:
        hub.spawn()
    since = time.monotonic()
    for hub in stage.town.hubs:
        await stage.away(hub.wait)
    await stage.recovers(since)


async def hub_frozen(stage: Stage) -> None:
    """SIGSTOP of one hub for longer than its lease; then it wakes and believes that no time has passed."""
    await stage.anywhen()
    hub = stage.chance.choice(stage.town.hubs)
    hub.send(signal.SIGSTOP)
    since = time.monotonic()
    await stage.recovers(since, [other.url for other in stage.town.hubs if other is not hub])
    await stage.lasts(max(0.0, LEASE_S + stage.chance.uniform(0.2, 1.0) - (time.monotonic() - since)))
    hub.send(signal.SIGCONT)
    await stage.recovers(time.monotonic())
