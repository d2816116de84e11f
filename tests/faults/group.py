"""A store of several servers, which a fault may take apart while everyone works: Sentinel or Cluster.

The servers are driven from a thread with a loop of its own, since a town outlives a test's loop. Never judges.
"""

import asyncio
import threading
import time
import zlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.nodes import Node, until
from tests.stores import SLOTS, Clustered, WithSentinels, in_step

WAIT_S = 60.0
Answer = TypeVar("Answer")


class Group:
    """Several servers, started and ended with their town.

    Args:
        stores: how they belong together; made, not started.
        partitions: into which the hubs divide it.
    """

    def __init__(self, stores: WithSentinels | Clustered, partitions: int) -> None:
        self.stores = stores
        self.partitions = partitions
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="group")
        self._thread.start()

    @property
    def url(self) -> str:
        """Known once it was started."""
        return self.stores.url

    def start(self) -> None:
        self._do(self.stores.__aenter__())

    def kill(self) -> None:
        """End all of it; may be repeated."""
        if self._thread.is_alive():
            self._do(self.stores.__aexit__(None, None, None))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def mark(self, station: str) -> str:
        """A key of the station's partition."""
        return f"dispatch:{{{zlib.crc32(station.encode()) % self.partitions}}}:epoch"

    def primary(self, key: str = "") -> Node:
        return self._do(self.stores.primary(key))

    def fullest(self, stations: list[str]) -> str:
        """A key of the primary that holds the most of these stations' streams."""
        keys = [self.mark(station) for station in stations]
        nodes = [self.primary(key) for key in keys]
        return max(zip(keys, nodes, strict=True), key=lambda one: nodes.count(one[1]))[0]

    def fail_over(self, key: str = "") -> None:
        """Kill the primary; returns when another has taken its place."""
        self._do(self._fail_over(key))

    def mend(self) -> None:
        """Start what was killed again; returns when the group is whole."""
        self._do(self._mend())

    def move(self, key: str) -> None:
        """Move the slot of `key` to another primary; returns when every server knows it."""
        self._do(self._move(key))

    def catches_up(self, within_s: float) -> None:
        """Return when every replica has all that the primary had `within_s` seconds ago."""
        self._do(self._catches_up(within_s))

    def cut_replicas(self) -> list[Node]:
        """From now on no replica gets anything; they are paused and must be woken."""
        return self._do(self._cut_replicas())

    def fail_over_to(self, behind: list[Node]) -> None:
        """As `fail_over`; the paused replicas wake when the primary is dead."""
        self._do(self._fail_over("", behind))

    def _do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    async def _fail_over(self, key: str, paused: list[Node] | None = None) -> None:
        dead = await self.stores.kill_primary(key)
        for node in paused or []:
            self.stores.resume(node)

        async def is_another() -> bool:
            now = await self.stores.primary(key)
            return now is not dead and bool((await now.info("replication"))["role"] == "master")

        await until(is_another, "a replica is promoted")

    async def _mend(self) -> None:
        dead = [node for node in self.stores.nodes if not node.runs]
        for node in dead:
            await self.stores.restart(node)
        if dead:
            await until(self._is_whole, "every primary has its replicas in step")

    async def _move(self, key: str) -> None:
        owner = await self.stores.primary(key)
        others = [await self.stores.primary(str(number)) for number in range(20)]
        assert isinstance(self.stores, Clustered)
        await self.stores.moves(key, next(node for node in others if node is not owner))
        await until(self._is_whole, "every server knows where the slots are")

    async def _catches_up(self, within_s: float) -> None:
        primary = await self.stores.primary()
        replicas = [node for node in self.stores.nodes if node is not primary]
        since = float("-inf")
        while time.monotonic() - since > within_s:  # on a busy machine a replica may lag for seconds
            since = time.monotonic()
            level = int((await primary.info("replication"))["master_repl_offset"])
            for node in replicas:
                while int((await node.info("replication"))["slave_repl_offset"]) < level:
                    await asyncio.sleep(0.01)

    async def _cut_replicas(self) -> list[Node]:
        primary = await self.stores.primary()
        replicas = [node for node in self.stores.nodes if node is not primary]
        for node in replicas:
            self.stores.pause(node)
        await primary.ask("CLIENT", "KILL", "TYPE", "replica")  # or they read what was sent on when they wake
        return replicas

    async def _is_whole(self) -> bool:
        """Whether each primary has as many replicas as at the start, all in step, and all agree who is who."""
        if isinstance(self.stores, WithSentinels):
            return await self.stores.is_ready()
        views: list[dict[int, list[int]]] = []
        for node in self.stores.nodes:
            shares = await node.ask("CLUSTER", "SLOTS")  # each: first, last, primary, replica
            if sum(last - first + 1 for first, last, *_ in shares) != SLOTS or any(len(each) != 4 for each in shares):
                return False
            views.append({first: [primary[1], replica[1]] for first, _, primary, replica in shares})
        if any(view != views[0] for view in views):
            return False
        ports = {node.port: node for node in self.stores.nodes}
        pairs = {tuple(pair) for pair in views[0].values()}
        return all([await in_step(ports[primary], [ports[replica]]) for primary, replica in pairs])
