"""What `dispatch check` finds when it lays the files beside the store: reads, and changes nothing in either."""

from __future__ import annotations

from typing import Any

from dispatch.alarm.clock import StoreClock
from dispatch.config.names import asleep
from dispatch.identity import Identity
from dispatch.settings import Settings
from dispatch.stream.stream import Stream


async def differences(settings: Settings, redis: Any) -> list[str]:
    """One sentence for each thing that does not agree, beginning with the name of a file.

    Raises:
        Refused: `not_stored`, when the store does not answer.
    """
    conf = settings.store
    stream = Stream(redis, conf.partitions, prefix=conf.prefix)
    limits = settings.limits
    identity = Identity(stream, StoreClock(), settings.session.hours, limits.sign_in_attempts, limits.sign_in_window_s)
    return [str(one) for one in asleep(settings, await identity.users())]
