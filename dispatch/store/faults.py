"""Turns any fault of the store into `not_stored`, so that no caller can take it for success; and counts them."""

from __future__ import annotations

from prometheus_client import Counter
from redis.exceptions import RedisClusterException, RedisError

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused

FAULTS = (RedisError, RedisClusterException, OSError, TimeoutError)
"""Whatever a client of the store raises. A cluster with no node to be reached is no `RedisError`."""

NOT_STORED = Counter("dispatch_not_stored", "Times that the store did not confirm", ["why"])


class translated:  # noqa: N801 - reads as a word: `async with translated():`
    """Around every use of the store."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, FAULTS):
            why = type(fault).__name__
            NOT_STORED.labels(why).inc()
            raise Refused(errors.NOT_STORED, f"the store did not confirm ({why})") from fault
