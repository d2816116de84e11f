"""What can break, by name: a function that breaks a stage's town and mends it again, and the town that it needs."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.faults import changes, clocks, failover, network, outsiders, people, processes, trouble
from tests.faults.group import Group
from tests.faults.stage import Stage
from tests.faults.town import Town
from tests.stores import Clustered, WithSentinels

Make = Callable[[Path], Town]


def plain(folder: Path) -> Town:
    """Two hubs and the Valkey of the built-in store."""
    return Town(folder)


def on_redis(folder: Path) -> Town:
    """Two hubs and Debian's Redis."""
    return Town(folder, binary=shutil.which("redis-server"))


def proxied(folder: Path) -> Town:
    """Two hubs, each behind a proxy, and each with a proxy before its store."""
    return Town(folder, proxied=True)


def with_sentinels(folder: Path) -> Town:
    """A primary, two replicas and three Sentinels; a receipt waits for one replica."""
    return _of_several(folder, Group(WithSentinels(), 1), replicas=1)


def asynchronous(folder: Path) -> Town:
    """The same, and a receipt waits for no replica."""
    return _of_several(folder, Group(WithSentinels(), 1), replicas=0)


def clustered(folder: Path) -> Town:
    """Three primaries with a replica each, and eight partitions; a receipt waits for the replica."""
    return _of_several(folder, Group(Clustered(), 8), replicas=1)


def _of_several(folder: Path, group: Group, replicas: int) -> Town:
    settings = {"DISPATCH_STORE_PARTITIONS": str(group.partitions), "DISPATCH_STORE_REPLICAS": str(replicas)}
    return Town(folder, group=group, settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Args:
        name: by which it is chosen.
        strike: breaks and mends; a round.
        make: (new folder) -> its town, not yet started.
        twice: whether people send everything twice.
        needs: what must be on the machine: a program, or "faketime".
    """

    name: str
    strike: Callable[[Stage], Awaitable[None]]
    make: Make = plain
    twice: bool = False
    needs: str = ""

    @property
    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""
        there = clocks.library() if self.needs == "faketime" else shutil.which(self.needs)
        return "" if not self.needs or there else f"needs {self.needs}"


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(name="hub_killed", strike=processes.hub_killed),
        Fault(name="store_killed", strike=processes.store_killed),
        Fault(name="both_killed", strike=processes.both_killed),
        Fault(name="hub_frozen", strike=processes.hub_frozen),
        Fault(name="redis_killed", strike=processes.store_killed, make=on_redis, needs="redis-server"),
        Fault(name="disk_full", strike=trouble.disk_full),
        Fault(name="memory_full", strike=trouble.memory_full),
        Fault(name="read_only", strike=trouble.read_only),
        Fault(name="store_network", strike=network.store_network, make=proxied),
        Fault(name="people_network", strike=network.people_network, make=proxied),
        Fault(name="console_reads_nothing", strike=people.console_reads_nothing),
        Fault(name="everything_twice", strike=people.everything_twice, twice=True),
        Fault(name="clocks_wrong", strike=clocks.clocks_wrong, make=clocks.faked, needs="faketime"),
        Fault(name="clocks_set", strike=clocks.clocks_set, make=clocks.faked, needs="faketime"),
        Fault(name="store_clock_set", strike=clocks.store_clock_set, make=clocks.faked_store, needs="faketime"),
        Fault(name="policies_and_rotas_change", strike=changes.policies_and_rotas_change),
        Fault(name="one_alarm_says_much", strike=outsiders.one_alarm_says_much),
        Fault(name="a_slow_line", strike=outsiders.a_slow_line),
        Fault(name="endless_heads", strike=outsiders.endless_heads),
        Fault(name="silent_connections", strike=outsiders.silent_connections),
        Fault(name="sign_in_is_ended", strike=outsiders.sign_in_is_ended),
        Fault(name="sentinel_failover", strike=failover.sentinel_failover, make=with_sentinels),
        Fault(name="cluster_failover", strike=failover.cluster_failover, make=clustered),
        Fault(name="cluster_slot_moves", strike=failover.cluster_slot_moves, make=clustered),
        Fault(name="asynchronous_replica", strike=failover.asynchronous_replica, make=asynchronous),
    )
}
