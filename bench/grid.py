"""A configuration with as many stations as wanted, on a grid, and their officers signed in. Never measures."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import argon2

from dispatch import voice
from dispatch.alarm.clock import StoreClock
from dispatch.callers import Caller
from dispatch.hashing import Hashing
from dispatch.identity import COOKIE, Identity
from dispatch.settings import Settings, load
from dispatch.stream.stream import Stream

_CONFIG = Path(__file__).resolve().parent.parent / "config"
_SOUTH, _WEST = 40.0, 120.0
_HIGH, _WIDE = 0.01, 0.0125  # degrees: about a kilometre each way
_AT_ONCE = 100
_PASSWORD = "for-measuring"
_CALM = """
[default]
unanswered_after_s = 86400
repeat_every_s = 86400
same_day = false

[[default.step]]
after_s = 0
audience = ["on_duty"]
"""


@dataclass(frozen=True, slots=True)
class Grid:
    """Stations side by side, each an area of about a square kilometre, with `officers` call signs each."""

    folder: Path
    settings: Settings
    stations: tuple[str, ...]
    officers: int

    def place(self, station: str) -> dict[str, float]:
        """A position in the middle of the station's area."""
        row, column = divmod(int(station[1:]), _columns(len(self.stations)))
        return {"lat": _SOUTH + (row + 0.5) * _HIGH, "lon": _WEST + (column + 0.5) * _WIDE, "accuracy_m": 18}

    def signs(self, station: str) -> list[str]:
        return _signs(station, self.officers)


def grid(folder: Path, stations: int, officers: int, calm: bool = False) -> Grid:
    """Write the configuration into `folder` and read it.

    Args:
        folder: is made.
        stations: how many.
        officers: of each.
        calm: nothing escalates within a day; else as in the demonstration.
    """
    folder.mkdir(parents=True)
    ids = tuple(f"s{number:05d}" for number in range(stations))
    columns = _columns(stations)
    features = [_feature(ids, number, *divmod(number, columns)) for number in range(stations)]
    areas = {"type": "FeatureCollection", "near_m": 3000, "features": features}
    (folder / "stations.geojson").write_text(json.dumps(areas, ensure_ascii=False), "utf-8")
    (folder / "rota.toml").write_text("\n".join(_rota(station, _signs(station, officers)) for station in ids), "utf-8")
    shutil.copy(_CONFIG / "dispatch.toml", folder)
    if calm:
        (folder / "policies.toml").write_text(_CALM, "utf-8")
    else:
        shutil.copy(_CONFIG / "policies.toml", folder)
    return Grid(folder, load(folder, {}), ids, officers)


def without_clips(data: Path, settings: Settings) -> None:
    """Have the consoles' clips there already, empty: making them takes a fifth of a second for each station."""
    out = data / "voice"
    out.mkdir(parents=True)
    made = {}
    for station, about in settings.boundaries.stations.items():
        for language, (spoken_by, pace, text) in voice.PROMPTS.items():
            name = about.name.model_dump()[language]
            clip = voice.Clip(f"{station}.{language}.wav", spoken_by, pace, text.format(name=name))
            made[clip.file] = clip.mark
            (out / clip.file).touch()
    (out / voice.MANIFEST).write_text(json.dumps(made), "utf-8")


def identity(redis: Any) -> Identity:
    """The users of a store, by the hub's own code."""
    return Identity(Stream(redis), StoreClock(), hours=12, attempts=10, window_s=300, hashing=Hashing(2, 64))


async def signed_in(redis: Any, at: Grid, stations: Sequence[str]) -> dict[str, list[str]]:
    """Every officer of `stations` a user, signed in once: station -> their cookies. Cheap, because their hashes are.

    How costly a password is to check stands in its hash, and the hub checks it as it stands there.
    """
    users = identity(redis)
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(_PASSWORD)
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, station: str) -> str:
        async with room:
            await users.add(name, hashed, "officer", station)
            token, _ = await users.sign_in(name, _PASSWORD, Caller("bench"))
        return f"{COOKIE}={token}"

    names = [(name, station) for station in stations for name in at.signs(station)]
    cookies = await asyncio.gather(*(one(*each) for each in names))
    found: dict[str, list[str]] = {}
    for (_, station), cookie in zip(names, cookies, strict=True):
        found.setdefault(station, []).append(cookie)
    return found


def _columns(stations: int) -> int:
    return math.isqrt(stations - 1) + 1


def _signs(station: str, officers: int) -> list[str]:
    return [f"{station.upper()}-{number}" for number in range(1, officers + 1)]


def _feature(ids: tuple[str, ...], number: int, row: int, column: int) -> dict[str, Any]:
    south, west = _SOUTH + row * _HIGH, _WEST + column * _WIDE
    north, east = south + _HIGH, west + _WIDE
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    next_ones = [ids[(number + away) % len(ids)] for away in (1, 2) if away < len(ids)]
    properties = {
        "id": ids[number],
        "name": {"zh": f"第{number}派出所", "en": f"Station {number}"},
        "backups": next_ones,
    }
    return {"type": "Feature", "properties": properties | ({} if number else {"default": True}),
            "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip


def _rota(station: str, officers: list[str]) -> str:
    signs = ", ".join(f'"{sign}"' for sign in officers)
    return (f'[{station}]\ntimezone = "Asia/Shanghai"\nhandover = "08:00"\nofficers = [{signs}]\n'
            f'pattern = "in turn"\nper_day = {min(2, len(officers))}\nstart = 2026-01-01\n')  # fmt: skip
