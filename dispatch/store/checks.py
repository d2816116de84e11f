"""Checks that the store can keep promise P1: nothing is called stored that could be lost; and how full it is.

Never repairs a store's settings by itself: they belong to who runs it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

from dispatch.store.client import connect, standing_by
from dispatch.store.embedded import StoreUnavailable
from dispatch.store.faults import FAULTS

__all__ = ["HUB", "Danger", "Memory", "connect", "dangers", "end", "memory"]

HUB = "dispatch-hub-"
"""Connection names of hubs begin so, for whoever reads the store's client list."""


_LEAST = (7, 0)
_WANTED = {
    "appendonly": ("yes", "set `appendonly yes`, or a restart of the store forgets every alarm"),
    "appendfsync": ("always", "set `appendfsync always`, or the last second before a crash is lost"),
    "maxmemory-policy": ("noeviction", "set `maxmemory-policy noeviction`, or a full store deletes alarms"),
}
_SILENT = "the store does not answer ({}); check the address, or leave it empty for the built-in one"


@dataclass(frozen=True, slots=True)
class Danger:
    """A setting of the store that would break P1, and how to mend it."""

    name: str
    value: str
    mend: str

    def __str__(self) -> str:
        return f"store: {self.name} is {self.value!r}; {self.mend} (or allow it by name: store.allow = [{self.name!r}])"


async def dangers(redis: Any, allowed: Collection[str] = ()) -> list[Danger]:
    """What would break P1, all at once, on any server of the store, less what the configuration allows by name.

    Raises:
        StoreUnavailable: no answer.
    """
    found: dict[str, Danger] = {}
    async with servers(redis) as asks:
        for ask in asks:
            for danger in await _dangers(ask):
                found.setdefault(danger.name, danger)
    return [danger for danger in found.values() if danger.name not in allowed]


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the fullest server: bytes in use, and how many it may use (0: nobody set a limit)."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 0.0


async def memory(redis: Any) -> Memory:
    """How full the store is; a server without `maxmemory` may use what its machine has.

    Raises:
        StoreUnavailable: no answer.
    """
    found: list[Memory] = []
    async with servers(redis) as asks:
        for ask in asks:
            about = await ask("INFO", "memory")
            limit = int(about.get("maxmemory") or 0) or int(about.get("total_system_memory") or 0)
            found.append(Memory(int(about["used_memory"]), limit))
    return max(found, key=lambda each: each.share)


Ask = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def servers(redis: Any) -> AsyncIterator[list[Ask]]:
    """What asks each server: replicas too, for any of them may be the primary tomorrow; not one that does not answer.

    Raises:
        StoreUnavailable: a server that is needed does not answer.
    """
    async with AsyncExitStack() as after:
        try:
            if isinstance(redis, RedisCluster):
                await redis.initialize()
                nodes = [
                    (partial(redis.execute_command, target_nodes=node), node.server_type == "replica")
                    for node in redis.get_nodes()
                ]
            else:
                nodes = [(partial(redis.execute_command), False)]
                for replica in await standing_by(redis):
                    after.push_async_callback(replica.aclose)
                    nodes.append((partial(replica.execute_command), True))
            answering = []
            for ask, spare in nodes:
                try:
                    await ask("PING")
                except FAULTS:
                    if not spare:
                        raise
                else:
                    answering.append(ask)
        except FAULTS as fault:
            raise StoreUnavailable(_SILENT.format(fault)) from None
        yield [partial(_ask, ask) for ask in answering]


async def _ask(ask: Ask, *command: str) -> Any:
    try:
        return await ask(*command)
    except ResponseError:
        raise
    except FAULTS as fault:
        raise StoreUnavailable(_SILENT.format(fault)) from None


async def _dangers(ask: Ask) -> list[Danger]:
    about = await ask("INFO", "server")
    try:
        settings = await ask("CONFIG GET", *_WANTED)
    except ResponseError:  # managed stores often forbid CONFIG: unknown is not safe
        settings = {}
    found = []
    if (version := _version(about)) < _LEAST:
        shown = ".".join(map(str, version))
        found.append(Danger("version", shown, "use Redis 7.0 or Valkey 7.2 or newer"))
    for name, (value, mend) in _WANTED.items():
        have = _text(settings.get(name, settings.get(name.encode(), "unknown")))
        if have != value:
            found.append(Danger(name, have, mend))
    return found


def _version(about: dict[str, Any]) -> tuple[int, ...]:
    """Valkey tells its own version beside the one of Redis that it is compatible with."""
    return tuple(int(part) for part in str(about["redis_version"]).split(".")[:2])


async def end(redis: Any) -> None:
    """End the built-in store: everything is on disk already, so it only closes its files."""
    try:
        await redis.execute_command("SHUTDOWN", "NOSAVE")
    except FAULTS:
        return  # it answers by closing the connection


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
