"""Connects to the store and checks that it can keep promise P1: nothing is called stored that could be lost.

Never repairs a store's settings by itself: they belong to who runs it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError, ResponseError

from dispatch.stream.embedded import StoreUnavailable

HUB = "dispatch-hub-"
"""Connection names of hubs begin so, by which another hub (or the command line) sees that one uses the store."""


@dataclass(frozen=True, slots=True)
class Danger:
    """A setting of the store that would break P1, and how to mend it."""

    name: str
    value: str
    mend: str

    def __str__(self) -> str:
        return f"store: {self.name} is {self.value!r}; {self.mend} (or allow it by name: store.allow = [{self.name!r}])"


def connect(url: str, name: str = "dispatch", connections: int = 128, timeout_s: float = 5.0) -> Redis:
    """A client for the store at `url` (`redis://`, `rediss://`, `unix://`); nothing is sent yet.

    A lost connection is tried once more at once: every write of ours may be repeated (compare-and-set).
    """
    pool = BlockingConnectionPool.from_url(
        url, max_connections=connections, timeout=timeout_s, socket_timeout=timeout_s, socket_connect_timeout=timeout_s,
        client_name=name, retry=Retry(ConstantBackoff(0.05), 1),
    )  # fmt: skip
    return Redis.from_pool(pool)


async def dangers(redis: Any, allowed: Collection[str] = ()) -> list[Danger]:
    """What would break P1, all at once, less what the configuration allows by name.

    Raises:
        StoreUnavailable: no answer.
    """
    wanted = {
        "appendonly": ("yes", "set `appendonly yes`, or a restart of the store forgets every alarm"),
        "appendfsync": ("always", "set `appendfsync always`, or the last second before a crash is lost"),
        "maxmemory-policy": ("noeviction", "set `maxmemory-policy noeviction`, or a full store deletes alarms"),
    }
    found: list[Danger] = []
    try:
        version = str((await redis.info("server"))["redis_version"])
        try:
            settings = await redis.config_get(*wanted)
        except ResponseError:  # managed stores often forbid CONFIG: unknown is not safe
            settings = {}
    except (RedisError, OSError) as fault:
        raise StoreUnavailable(
            f"the store does not answer ({fault}); check the address, or leave it empty for the built-in one"
        ) from None
    if int(version.split(".")[0]) < 7:
        found.append(Danger("version", version, "use Redis 7.0 or Valkey 7.2 or newer"))
    for name, (value, mend) in wanted.items():
        have = _text(settings.get(name, settings.get(name.encode(), "unknown")))
        if have != value:
            found.append(Danger(name, have, mend))
    return [danger for danger in found if danger.name not in allowed]


async def other_hubs(redis: Any, name: str) -> set[str]:
    """The connection names of hubs that use the store, other than `name`."""
    names = {str(client.get("name", "")) for client in await redis.client_list()}
    return {each for each in names if each.startswith(HUB)} - {name}


async def end(redis: Any) -> None:
    """End the built-in store: everything is on disk already, so it only closes its files."""
    try:
        await redis.execute_command("SHUTDOWN", "NOSAVE")
    except (RedisError, OSError):
        return  # it answers by closing the connection


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
