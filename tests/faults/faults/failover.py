"""Stores of several servers: a primary dies and a replica takes over, with or without its end; a slot moves.

Recovery is measured from the kill, so it has the time in it that the servers themselves take to promote a replica.
"""

import time

from tests.faults.doubts import UNREAD_S
from tests.faults.stage import Stage

HOMES = ["dadongmen", "xiaodong"]
"""Where the alarms are."""

STATIONS = [*HOMES, "wanquan", "changan", "dongta", "dongzhan", "taochang"]


async def sentinel_failover(stage: Stage) -> None:
    """Kill -9 of the primary; the Sentinels promote a replica, which has all that was confirmed."""
    await stage.away(stage.town.group.mend)  # of the round before
    await stage.anywhen()
    since = time.monotonic()
    await stage.away(stage.town.group.fail_over)
    await stage.recovers(since)


async def cluster_failover(stage: Stage) -> None:
    """Kill -9 of the primary with the most stations, or of one with alarms; its replica needs one itself, and gets it.

    Until then nothing of that shard is called stored.
    """
    group = stage.town.group
    await stage.anywhen()
    key = await stage.away(lambda: group.fullest(STATIONS)) if stage.chance.random() < 0.5 else _busy(stage)
    since = time.monotonic()
    await stage.away(lambda: group.fail_over(key))
    await stage.away(group.mend)
    await stage.recovers(since)


async def cluster_slot_moves(stage: Stage) -> None:
    """The slot of a partition that takes alarms all the time moves to another primary."""
    await stage.anywhen()
    key = _busy(stage)
    since = time.monotonic()
    await stage.away(lambda: stage.town.group.move(key))
    await stage.recovers(since)


async def asynchronous_replica(stage: Stage) -> None:
    """The primary dies while its replicas lack its end, and nobody waited for them: what is lost must be told."""
    group = stage.town.group
    await stage.away(group.mend)  # of the round before
    await stage.anywhen()
    await stage.away(lambda: group.catches_up(UNREAD_S))
    stage.history.doubt(over=False)
    behind = await stage.away(group.cut_replicas)
    await stage.receipts(stage.chance.randint(5, 20))
    since = time.monotonic()
    await stage.away(lambda: group.fail_over_to(behind))
    stage.history.doubt(over=True)
    await stage.recovers(since)


def _busy(stage: Stage) -> str:
    return stage.town.group.mark(stage.chance.choice(HOMES))
