"""Clients of the store by its URL: a single server, one behind Sentinel, a Cluster. Sends nothing by itself.

All wait for a free connection instead of failing when many commands come at once. A lost connection is tried again:
every write of ours may be repeated (compare-and-set).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import NoScriptError

from dispatch.alarm.work import end
from dispatch.store.together import Together

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
_AGAIN_S = 0.05
_ONCE = Retry(NoBackoff(), 0)
_CLUSTER_TRIES = 3
_PORTS = {"sentinel": 26379, "cluster": 6379}
_NODE_CONNECTIONS = 10_000
"""Of a cluster's node: never reached, `Cluster` bounds the commands under way instead of failing at a limit."""


class _Sentinels(Sentinel):
    """Asks the Sentinels once for all who want to know at the same time.

    redis-py 8.1 moves the one that answered to the front of its list without regard to others that do the same: two at
    once put it there twice, and another is never asked again.
    """

    _asking: asyncio.Task[Any] | None = None

    async def discover_master(self, service_name: str) -> Any:
        if self._asking is None:
            self._asking = asyncio.create_task(super().discover_master(service_name))
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, task: asyncio.Task[Any]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # whoever asked may have given up

    async def aclose(self) -> None:
        if self._asking is not None:
            await end([self._asking])
        await super().aclose()


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the primary that the sentinels name; waits for a free one."""


class _SentinelsPool(_SentinelPool):
    """The one that `connect` made: the connections to the sentinels are its own, others only use them.

    A pool that closed what it shares would take the connection from under a command of somebody else.
    """

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


class Cluster(RedisCluster):
    """A cluster client with at most `most` commands under way; more wait."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(max_connections=_NODE_CONNECTIONS, **options)
        self._room = asyncio.Semaphore(most)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with self._room:
            return await super().execute_command(*args, **options)


def connect(url: str, name: str = "dispatch", connections: int = 128, timeout_s: float = 2.0) -> Any:
    """A client for the store at `url`; nothing is sent yet.

    Args:
        url: `redis://`, `rediss://` (TLS), `unix://`; `redis+sentinel://[user:password@]host:port,.../NAME`;
            `redis+cluster://[user:password@]host:port,...`; both also with `rediss`.
        name: the connections' name in the store's client list.
        connections: commands under way at once; more wait.
        timeout_s: for an answer, a connection and a free place. A server that is frozen is given up after it, so it is
            short: after a failover the first write waits for it.

    Raises:
        ValueError: not such a URL.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "client_name": name,
        "driver_info": None,  # which looks up a version for each connection
    }  # fmt: skip
    again = Retry(ConstantBackoff(_AGAIN_S), 1)
    scheme, _, kind = urlsplit(url).scheme.partition("+")
    if not kind:
        pool = BlockingConnectionPool.from_url(
            url, max_connections=connections, timeout=timeout_s, retry=again, **options
        )
        return Together.from_pool(pool)
    hosts, service, more = _parts(url, scheme, kind)
    if kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in hosts]
        retry = Retry(ConstantBackoff(_AGAIN_S), _CLUSTER_TRIES)
        return Cluster(connections, startup_nodes=nodes, retry=retry, dynamic_startup_nodes=False, **options, **more)
    sentinels: Any = _Sentinels(  # type: ignore[no-untyped-call]
        hosts, sentinel_kwargs={**options, "retry": _ONCE}, **options, **more
    )
    kept = {**sentinels.connection_kwargs, "max_connections": connections, "timeout": timeout_s, "retry": again}
    return Together.from_pool(_SentinelsPool(service, sentinels, **kept))  # type: ignore[no-untyped-call]


def _parts(url: str, scheme: str, kind: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """(hosts, name of the service, further options) of a URL with several hosts."""
    parts = urlsplit(url)
    who, _, where = parts.netloc.rpartition("@")
    hosts = []
    for each in where.split(","):
        host, _, port = each.rpartition(":") if each.rpartition(":")[2].isdigit() else (each, "", "")
        if not host:
            raise ValueError(f"store.url: {each!r} is no host; write {scheme}+{kind}://host:port,host:port")
        hosts.append((host.strip("[]"), int(port or _PORTS[kind])))
    service = unquote(parts.path.strip("/"))
    if kind == "sentinel" and not service:
        raise ValueError("store.url: the name of the primary is missing; write redis+sentinel://host:port/NAME")
    more: dict[str, Any] = {"ssl": True} if scheme == "rediss" else {}
    user, _, password = who.partition(":")
    if user:
        more["username"] = unquote(user)
    if password:
        more["password"] = unquote(password)
    return hosts, service, more


async def primary(redis: Any, key: str, timeout_s: float = 2.0) -> Redis:
    """A client with connections of its own to the server that holds `key` now.

    It is not tried again after a fault, and must not be: that server may hold it no more. Close it, and ask anew.
    """
    own = {"retry": _ONCE, "socket_timeout": timeout_s}
    if isinstance(redis, RedisCluster):
        await redis.initialize()
        node = redis.get_node_from_key(key)
        if node is None:
            raise ConnectionError(f"no node of the cluster holds {key}")
        return Redis.from_pool(
            ConnectionPool(connection_class=node.connection_class, **{**node.connection_kwargs, **own})
        )
    pool = redis.connection_pool
    kept = {name: value for name, value in pool.connection_kwargs.items() if name != "connection_pool"} | own
    if isinstance(pool, _SentinelPool):
        own_pool = _SentinelPool(  # type: ignore[no-untyped-call]
            pool.service_name, pool.sentinel_manager, connection_class=pool.connection_class, **kept
        )
        return Redis.from_pool(own_pool)
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **kept))


async def standing_by(redis: Any) -> list[Redis]:
    """Clients of the replicas that the Sentinels name and do not think dead; none for other stores. Close them.

    Raises:
        RedisError, OSError: no Sentinel answers.
    """
    pool = getattr(redis, "connection_pool", None)
    if not isinstance(pool, _SentinelPool):
        return []
    sentinels = pool.sentinel_manager
    found = await sentinels.discover_slaves(pool.service_name)
    return [Redis(host=host, port=port, **{**sentinels.connection_kwargs, "retry": _ONCE}) for host, port in found]


class Script:
    """A Lua script of the store, sent by its hash and in full to a server that does not know it.

    Args:
        text: the script.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Its answer; `keys` are all of one partition."""
        try:
            return await redis.execute_command("EVALSHA", self._sha, len(keys), *keys, *args)
        except NoScriptError:
            return await redis.execute_command("EVAL", self._text, len(keys), *keys, *args)
