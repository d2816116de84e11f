"""Where an alarm is: the partition of the station to which it was first sent.

The first attempt's station stands, so that a retry with another position, on another hub, finds the same alarm. In a
store of one partition every alarm is there, and nothing is looked up. Field's term: directory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dispatch.store.embedded import StoreUnavailable
from dispatch.store.faults import FAULTS, translated
from dispatch.store.replicas import Replicas, Was
from dispatch.stream.keys import Keys, partition_of

_FIELD = "first"
_REMEMBERED = 100_000
"""Alarms whose place is remembered: it never changes. Forgetting one costs a question to the store."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The route of an alarm's first attempt."""

    station: str
    backups: tuple[str, ...]
    why: str


class Homes:
    """The places of all alarms of a store.

    Args:
        redis: the store.
        partitions: its keys.
        replicas: what has to confirm a claim.
    """

    def __init__(self, redis: Any, partitions: Sequence[Keys], replicas: Replicas | None) -> None:
        self._redis = redis
        self._partitions = partitions
        self._replicas = replicas
        self._known: OrderedDict[str, Keys] = OrderedDict()

    async def open(self) -> None:
        """See that the store has the number of partitions that is configured; a new one gets it, for ever.

        Raises:
            StoreUnavailable: it has another, or does not answer.
        """
        count = len(self._partitions)
        try:
            older = await self._redis.exists(self._partitions[0].epoch)  # a store from before there were several
            await self._redis.set(self._partitions[0].partitions, 1 if older else count, nx=True)
            has = int(await self._redis.get(self._partitions[0].partitions))
        except FAULTS as fault:
            raise StoreUnavailable(f"the store does not answer ({fault})") from None
        if has != count:
            raise StoreUnavailable(
                f"store.partitions = {count}: this store was made with {has}, and where its alarms are depends on it;"
                f" set it to {has}"
            )

    async def keys(self, alarm: str) -> Keys:
        """The keys of the alarm's partition; those of the first when there is no such alarm, where it is not either."""
        if len(self._partitions) == 1:
            return self._partitions[0]
        if (known := self._known.get(alarm)) is not None:
            return known
        async with translated():
            found = await self._redis.hget(self._where(alarm).home(alarm), _FIELD)
        return self._partitions[0] if found is None else self._remember(alarm, _parse(found))

    async def claim(self, alarm: str, first: Claim) -> Claim:
        """The route that stands: `first`, or that of an earlier attempt."""
        if len(self._partitions) == 1:
            return first
        mine = _text(first)
        where = self._where(alarm)
        key = where.home(alarm)
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hsetnx(key, _FIELD, mine)
            pipe.hget(key, _FIELD)
            stands = _parse((await pipe.execute())[1])
            if self._replicas is not None and not await self._replicas.have(where, Was(key, _FIELD, _text(stands))):
                raise ConnectionError("the server that answers now does not have it")
        self._remember(alarm, stands)
        return stands

    def _where(self, alarm: str) -> Keys:
        """The partition that knows: by the alarm's id, so that the load spreads."""
        return self._partitions[partition_of(alarm, len(self._partitions))]

    def _remember(self, alarm: str, claim: Claim) -> Keys:
        keys = self._partitions[partition_of(claim.station, len(self._partitions))]
        self._known[alarm] = keys
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return keys


def _text(claim: Claim) -> str:
    return " ".join((claim.station, claim.why, *claim.backups))


def _parse(found: bytes) -> Claim:
    station, why, *backups = found.decode().split(" ")
    return Claim(station, tuple(backups), why)
