"""What `dispatch check` finds when it lays the files beside the store: reads, and changes nothing in either."""

from __future__ import annotations

from typing import Any

from dispatch.alarm.clock import StoreClock
from dispatch.config.names import asleep
from dispatch.config.versions import running
from dispatch.identity import Identity
from dispatch.settings import Settings
from dispatch.stream.stream import Stream


async def differences(settings: Settings, redis: Any) -> tuple[list[str], list[str]]:
    """(one sentence for each thing that does not agree, beginning with the name of a file; what is only worth knowing).

    Raises:
        Refused: `not_stored`, when the store does not answer.
    """
    conf = settings.store
    stream = Stream(redis, conf.partitions, prefix=conf.prefix)
    limits = settings.limits
    clock = StoreClock()
    await clock.correct(stream.now)
    identity = Identity(stream, clock, settings.session.hours, limits.sign_in_attempts, limits.sign_in_window_s)
    names = [str(one) for one in asleep(settings, await identity.users())]
    other = sorted(await running(stream, settings, clock.now()))
    told = (
        f"Hubs that run have another {', '.join(other)}: restart them, one after the other, to give them these files."
    )
    return names, [told] if other else []
