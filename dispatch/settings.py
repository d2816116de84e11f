"""The whole configuration as one frozen object, from a folder of files and the environment.

Reads, never writes, and never stops at the first fault: `ConfigurationError` lists all of them, each with its
file, key, value and what would be legal. What a file means is known by the stage that uses it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, get_origin

from pydantic.fields import FieldInfo

from dispatch import streets
from dispatch.alarm.faults import Found, check, did_you_mean
from dispatch.duty import rota
from dispatch.duty.rota import Rota
from dispatch.escalation import policy
from dispatch.escalation.policy import Policy
from dispatch.notify.section import Notify
from dispatch.routing import boundaries
from dispatch.routing.boundaries import Boundaries, OtherWay
from dispatch.sections import (
    Citizen,
    Console,
    Dispatch,
    Flood,
    Limits,
    Log,
    Map,
    Media,
    Nearby,
    Retention,
    Serve,
    Session,
    Store,
    Timer,
)
from dispatch.streets import Streets

ENVIRONMENT = "environment"
_DEFAULTS = Dispatch()
_SECRET = "store.url"  # noqa: S105 - the key whose value no message may show

_HIDDEN = ("media.key", "notify.vapid_key", "notify.proxy", "notify.messengers", "notify.webhooks")
"""Likewise, with whatever is inside."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `value` is None when the key is absent or the whole file is meant."""

    file: str
    key: str
    value: object
    legal: str

    def __str__(self) -> str:
        """`config/rota.toml: dadongmen.per_day = 0: must be 1 to 10`."""
        legal = self.legal if self.legal.startswith(("must ", "no such key")) else f"must be {self.legal}"
        shown = "" if self.value is None else " = " + _shown(self.value)
        return ": ".join(part for part in (self.file, self.key + shown, legal) if part)


class ConfigurationError(Exception):
    """The configuration cannot be used; `faults` are all its faults, and the text has one per line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is configured. Each station of `boundaries` has a rota."""

    serve: Serve
    store: Store
    media: Media
    limits: Limits
    console: Console
    flood: Flood
    citizen: Citizen
    map: Map
    session: Session
    log: Log
    timer: Timer
    retention: Retention
    notify: Notify
    nearby: Nearby
    boundaries: Boundaries
    rotas: Mapping[str, Rota] = field(repr=False)
    policies: Mapping[str, Policy] = field(repr=False)
    streets: Streets | None = field(default=None, repr=False)

    @property
    def keep(self) -> dict[str, timedelta]:
        """How long content is kept, by kind of alarm; a kind that is kept for ever is not there."""
        days = self.retention
        kinds = {"alarm": days.alarm_days, "tip": days.tip_days, "practice": days.practice_days}
        return {kind: timedelta(days=number) for kind, number in kinds.items() if number}

    def other_ways(self, station: str) -> tuple[OtherWay, ...]:
        """What a citizen of `station` is told when no person has answered: the station's own, else everyone's."""
        found = self.boundaries.stations.get(station)
        return self.citizen.other_ways if found is None or found.other_ways is None else found.other_ways

    def station_name(self, station: str, lang: str) -> str:
        """What `station` is called in `lang`; its id when the configuration no longer has it."""
        found = self.boundaries.stations.get(station)
        return found.name.of("en" if lang == "en" else "zh") if found else station


def load(folder: Path, env: Mapping[str, str]) -> Settings:
    """The settings in `folder`, with what `env` changes (DISPATCH_SECTION_KEY, or ..._FILE naming a file with it).

    Raises:
        ConfigurationError: anything at all is wrong; it lists everything that is.
    """
    faults: list[Fault] = []
    if not folder.is_dir():
        raise ConfigurationError([Fault(str(folder), "", None, "must be a folder with the configuration files")])
    raw: dict[str, Any] = {}
    for name, decode in _FILES.items():
        try:
            raw[name] = decode((folder / name).read_text("utf-8-sig"))
        except FileNotFoundError:
            if name == streets.FILE:
                continue
            faults.append(Fault(str(folder / name), "", None, "must be there: the file is missing"))
        except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            faults.append(Fault(str(folder / name), "", None, f"must be readable: {reason}"))

    def tell(name: str, found: Iterable[Found]) -> None:
        faults.extend(Fault(str(folder / name), *one) for one in found)

    # A file that could not be read at all is told once, above; the others are still checked.
    table = _check_dispatch(raw.get("dispatch.toml", {}), env, str(folder / "dispatch.toml"), faults)
    areas, found = boundaries.parse(raw["stations.geojson"]) if "stations.geojson" in raw else (None, [])
    tell("stations.geojson", found)
    stations = boundaries.ids(raw.get("stations.geojson")) or list(raw.get("rota.toml", {}))
    rotas, found = rota.parse(raw["rota.toml"], stations) if "rota.toml" in raw else ({}, [])
    tell("rota.toml", found)
    policies, found = policy.parse(raw["policies.toml"], stations) if "policies.toml" in raw else ({}, [])
    tell("policies.toml", found)
    drawn, found = streets.parse(raw[streets.FILE], areas) if streets.FILE in raw else (None, [])
    tell(streets.FILE, found)
    if table is not None and "stations.geojson" in raw:
        tell("dispatch.toml", _strangers(table, stations))
    if faults or table is None or areas is None:
        raise ConfigurationError(faults)
    return Settings(
        **{name: getattr(table, name) for name in Dispatch.model_fields},
        boundaries=areas,
        rotas=MappingProxyType(rotas),
        policies=MappingProxyType(policies),
        streets=None if table.map.tiles else drawn,
    )


def _strangers(table: Dispatch, stations: Iterable[str]) -> list[Found]:
    """Stations of messengers and webhooks that there are not: they would never be told of anything."""
    known = sorted(stations)
    return [
        (f"notify.{kind}[{i}].stations", station, f"one of the stations {', '.join(known)}")
        for kind in ("messengers", "webhooks")
        for i, one in enumerate(getattr(table.notify, kind))
        for station in one.stations
        if station not in known
    ]


def _json(text: str) -> Any:
    def no_number(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number")

    return json.loads(text, parse_constant=no_number)


_FILES: dict[str, Callable[[str], Any]] = {
    "dispatch.toml": tomllib.loads,
    "stations.geojson": _json,
    "rota.toml": tomllib.loads,
    "policies.toml": tomllib.loads,
    streets.FILE: _json,
}


def _check_dispatch(raw: dict[str, Any], env: Mapping[str, str], file: str, faults: list[Fault]) -> Dispatch | None:
    merged = {name: dict(table) if isinstance(table, dict) else table for name, table in raw.items()}
    source: dict[str, str] = {}  # "serve.port": the variable it came from
    known: set[str] = set()
    for section in Dispatch.model_fields:
        for key, about in type(getattr(_DEFAULTS, section)).model_fields.items():
            names = [f"DISPATCH_{section}_{key}".upper()]
            names += ["DISPATCH_STORE"] if f"{section}.{key}" == _SECRET else []
            names += [f"{name}_FILE" for name in names]
            known.update(names)
            given = [name for name in names if env.get(name)]
            if len(given) > 1:
                faults.append(Fault(ENVIRONMENT, given[1], None, f"must not be set together with {given[0]}"))
            into = merged.setdefault(section, {})
            if given and isinstance(into, dict) and (text := _text(given[0], env[given[0]], faults)) is not None:
                into[key] = _value(text, about)
                source[f"{section}.{key}"] = given[0]
    prefixes = tuple(f"DISPATCH_{section}_".upper() for section in Dispatch.model_fields)
    unknown = sorted(name for name in env if name.startswith(prefixes) and name not in known)
    faults += [Fault(ENVIRONMENT, name, None, f"no such key{did_you_mean(name, known)}") for name in unknown]

    result, found = check(Dispatch, merged)
    for path, value, legal in found:
        shown = "(hidden)" if path == _SECRET or path.startswith(_HIDDEN) else value
        origin = next((k for k in source if path == k or path.startswith((f"{k}.", f"{k}["))), None)
        if origin is None:
            faults.append(Fault(file, path, shown, legal))
        else:
            faults.append(Fault(ENVIRONMENT, source[origin] + path.removeprefix(origin), shown, legal))
    return result


def _text(name: str, value: str, faults: list[Fault]) -> str | None:
    """The value of a variable, or of the file it names."""
    if not name.endswith("_FILE"):
        return value
    try:
        return Path(value).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        faults.append(Fault(ENVIRONMENT, name, value, f"must be a file that can be read: {reason}"))
        return None


def _value(text: str, about: FieldInfo) -> object:
    """A variable's text as TOML would have it: texts need no quotes, lists may be separated by commas."""
    if about.annotation is str or get_origin(about.annotation) is Literal:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        is_list = get_origin(about.annotation) is tuple
        return [part.strip() for part in text.split(",")] if is_list else text


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:79] + "…"
