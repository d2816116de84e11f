"""What `dispatch check` finds when it lays the files beside the store: reads, and changes nothing in either."""

from __future__ import annotations

from typing import Any

from dispatch.alarm.clock import StoreClock
from dispatch.alarm.work import Work
from dispatch.config.names import asleep
from dispatch.config.strays import former, open_alarms
from dispatch.config.versions import running
from dispatch.hashing import Hashing
from dispatch.identity import Identity
from dispatch.settings import Settings
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import Stream
from dispatch.stream.timekeeping import Timekeeping


async def differences(settings: Settings, redis: Any) -> tuple[list[str], list[str]]:
    """(one sentence for each thing that does not agree, beginning with the name of a file; what is only worth knowing).

    Raises:
        Refused: `not_stored`, when the store does not answer.
    """
    conf = settings.store
    stream = Stream(redis, conf.partitions, prefix=conf.prefix)
    limits = settings.limits
    made_with = int(await _made_with(stream) or conf.partitions)
    if made_with != conf.partitions:  # where everything else is depends on it
        return [
            f"dispatch.toml: store.partitions = {conf.partitions}: this store was made with {made_with}, and where its"
            f" alarms are depends on it; set it to {made_with}"
        ], []
    clock = StoreClock()
    await Timekeeping(stream, clock, (), Work(clock)).open(hub=False)
    hashing = Hashing(1, 0)  # nobody signs in here
    identity = Identity(
        stream, clock, settings.session.hours, limits.sign_in_attempts, limits.sign_in_window_s, hashing
    )
    names = [str(one) for one in asleep(settings, await identity.users())]
    alarms = Alarms(stream, clock, lambda alarm: None)
    for gone in await former(stream, settings.boundaries):
        stray = [
            alarm for alarm in await open_alarms(alarms, gone) if alarm.station not in settings.boundaries.stations
        ]
        if stray:
            codes = ", ".join(f"{alarm.code} ({alarm.status})" for alarm in stray)
            names.append(
                f"stations.geojson: {gone}: there is no such station, and the store has open alarms of it: {codes};"
                f" with these files they go to {settings.boundaries.default}"
            )
    other = sorted(await running(stream, settings, clock.now()))
    told = (
        f"Hubs that run have another {', '.join(other)}: restart them, one after the other, to give them these files."
    )
    return names, [told] if other else []


async def _made_with(stream: Stream) -> bytes | None:
    async with translated():
        found: bytes | None = await stream.redis.get(stream.keys.partitions)
    return found
