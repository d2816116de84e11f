"""Which configuration is the newest of those that hubs run with, and whether they differ.

A configuration is known by what it means, file by file, not by its text; what may differ from hub to hub (address, log,
secrets) is no part of it. The first hub that starts with a new one makes it the newest, and one that was seen before
stays older: a hub that was killed and comes back with old files changes nothing. Timers are the newest's.
Field's terms: configuration drift, generation, rolling change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import orjson
import structlog

from dispatch.alarm.clock import to_ms, to_text
from dispatch.alarm.faults import Table
from dispatch.settings import Settings
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_LIVES = Script(resources.files("dispatch.config").joinpath("versions.lua").read_text())
_OF_ALL = ("limits", "console", "flood", "session", "timer", "retention", "nearby", "notify")
"""The sections of dispatch.toml by which hubs decide; the others are of one hub, or only shown."""


class Versions:
    """The configurations of the hubs of one store, as one of them sees it.

    Args:
        stream: the store.
        hub: this hub's name.
        settings: its configuration.
        lives_s: a hub that has said nothing for so many seconds does not live.
    """

    def __init__(self, stream: Stream, hub: str, settings: Settings, lives_s: float) -> None:
        self._stream = stream
        self._hub = hub
        self._digests = digests(settings)
        self._whole = _digest("".join(self._digests.values()))
        self._lives = timedelta(seconds=lives_s)
        self._since: datetime | None = None
        self.newest = True
        """Whether no hub that lives has a newer one: then the timers are this hub's to run."""
        self.other: tuple[str, ...] = ()
        """The files that are other ones at some hub that lives."""

    @property
    def differ(self) -> bool:
        """Whether hubs that live have different configurations."""
        return bool(self.other)

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What everyone at a page of this hub must know."""
        if self._since is None:
            return []
        why = "newest" if self.newest else "older"
        return [{"code": "hubs_differ", "since": to_text(self._since), "why": why, "names": list(self.other)}]

    async def step(self, now: datetime) -> None:
        """Say that this hub lives with its configuration, and see with which ones others do."""
        keys = self._stream.keys
        args = [self._hub, self._whole, orjson.dumps(self._digests), to_ms(now), to_ms(now + self._lives)]
        async with translated():
            mine, *all_hubs = await _LIVES.run(self._stream.redis, [keys.configurations, keys.configured], args)
        numbers, other = [int(mine)], set()
        for number, theirs in map(_parse, all_hubs):
            numbers.append(number)
            other |= differing(self._digests, theirs)
        was = (self.newest, self.other)
        self.newest, self.other = int(mine) == max(numbers), tuple(sorted(other))
        self._since = (self._since or now) if self.other else None
        if was != (self.newest, self.other):
            say = log.warning if self.other else log.info
            say("hubs_differ" if self.other else "hubs_agree", newest=self.newest, files=list(self.other))

    async def leave(self) -> None:
        """This hub stops: the others need not wait."""
        async with translated():
            await self._stream.redis.hdel(self._stream.keys.configured, self._hub)


async def running(stream: Stream, settings: Settings, now: datetime) -> set[str]:
    """The files of which hubs that live have another than `settings`; changes nothing."""
    async with translated():
        rows = await stream.redis.hvals(stream.keys.configured)
    mine = digests(settings)
    alive = [row for row in rows if int(row.split(b" ", 2)[1]) > to_ms(now)]
    return {file for _, theirs in map(_parse, alive) for file in differing(mine, theirs)}


def digests(settings: Settings) -> dict[str, str]:
    """File -> digest of what it means to all hubs."""
    areas = settings.boundaries
    stations = [
        (each.id, each.name.model_dump(), each.backups, each.language,
         None if each.other_ways is None else [way.model_dump() for way in each.other_ways], each.area.wkb_hex)
        for each in sorted(areas.stations.values(), key=lambda station: station.id)
    ]  # fmt: skip
    sections = {name: _shared(getattr(settings, name)) for name in _OF_ALL}
    return {
        "stations.geojson": _digest(stations, areas.default, areas.near_m),
        "rota.toml": _digest(sorted(settings.rotas.items())),
        "policies.toml": _digest(sorted(settings.policies.items())),
        "dispatch.toml": _digest(sorted(sections.items())),
    }


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """The files whose digests are not the same."""
    return {file for file in one.keys() | other.keys() if one.get(file) != other.get(file)}


def _shared(table: Any) -> list[tuple[str, Any]]:
    """A section without what no message may show; of lists of such, the parts that may."""
    shown = []
    for name, about in type(table).model_fields.items():
        value = getattr(table, name)
        if isinstance(value, tuple) and value and isinstance(value[0], Table):
            shown.append((name, [_shared(each) for each in value]))
        elif about.repr:
            shown.append((name, value))
    return shown


def _parse(row: bytes) -> tuple[int, dict[str, str]]:
    number, _, theirs = row.split(b" ", 2)
    return int(number), orjson.loads(theirs)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
