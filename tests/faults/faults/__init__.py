"""What can break, by name: a function that breaks a stage's town and mends it again, and the town that it needs."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.faults import clocks, network, people, processes, trouble
from tests.faults.stage import Stage
from tests.faults.town import Town

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
    )
}
