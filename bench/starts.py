"""How long a start takes until the hub says that it is ready: new, again, and with many open alarms in its store.

Used by `bench.growth`. The built-in store is started too, and reads its files.
"""

from __future__ import annotations

import asyncio
import http.client
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from bench.backlog import town
from bench.copies import Copier
from bench.hub import Hub
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore

_READY_WITHIN_S = 120.0


def ready_s(hub: Hub) -> float:
    """Start it; seconds until it says that it is ready.

    Raises:
        RuntimeError: it is not within two minutes.
    """
    began = monotonic()
    hub.spawn()
    host = hub.url.removeprefix("http://")
    while monotonic() - began < _READY_WITHIN_S:
        with suppress(OSError, http.client.HTTPException):
            asked = http.client.HTTPConnection(host, timeout=5)
            asked.request("GET", "/readyz")
            if asked.getresponse().status == 200:
                return monotonic() - began
    raise RuntimeError(f"the hub was not ready within {_READY_WITHIN_S:g} s: {hub.log}")


async def starts(place: Path, open_alarms: int, rounds: int) -> dict[str, Any]:
    """Seconds until a hub and its built-in store are ready: at the first start, again, and with many open alarms."""
    found: dict[str, Any] = {"first": [], "again": [], "many": [], "open_alarms": open_alarms}
    for number in range(rounds):
        hub = Hub(place / f"fresh{number}")
        for name in ("first", "again"):
            found[name].append(await asyncio.to_thread(ready_s, hub))
            await asyncio.to_thread(hub.settle)
            await asyncio.to_thread(hub.stop)
    if not open_alarms:
        return found
    config, settings = town(place / "config", 86_400)
    data = place / "many"
    embedded = EmbeddedStore(data / "store")
    await asyncio.to_thread(embedded.start)
    redis = store.connect(embedded.url, "bench", timeout_s=30)
    await redis.config_set("appendfsync", "no")
    await Copier(redis, settings).open_ones(list(settings.boundaries.stations), open_alarms, lambda made: None)
    found["store_bytes"] = (await redis.info("memory"))["used_memory"]
    found["file_bytes"] = (await redis.info("persistence"))["aof_current_size"]
    await redis.aclose()
    await asyncio.to_thread(embedded.leave, 30.0)
    hub = Hub(data, config)
    for _ in range(rounds):
        found["many"].append(await asyncio.to_thread(ready_s, hub))
        await asyncio.to_thread(hub.settle)
        await asyncio.to_thread(hub.stop)
    return found
