"""The stations' areas, parsed from GeoJSON (RFC 7946), and what covers a place and what is near it.

Never decides (that is `route`), never reads a file. Field's term: service boundary (NENA i3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import asin, cos, degrees, radians, sin, sqrt
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
import shapely
from pydantic import Field, field_validator

from dispatch.alarm.faults import Found, Table, check, did_you_mean

Area: TypeAlias = shapely.Polygon | shapely.MultiPolygon

_EARTH_RADIUS_M = 6_371_008.8
_CRS84 = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84")


class Words(Table):
    """The same text in each language of the pages."""

    zh: str = Field(min_length=1, max_length=64, description="a text of 1 to 64 characters")
    en: str = Field(min_length=1, max_length=64, description="a text of 1 to 64 characters")

    def of(self, language: str) -> str:
        """The text in `language`; English where there is none."""
        return self.zh if language.startswith("zh") else self.en


class OtherWay(Table):
    """Another way to get help, shown when no person has answered: what it is called and where it leads."""

    label: Words
    href: str = Field(
        pattern=r"^(sms:|tel:|mailto:|https?://)[^\s<>\"]+$",
        description='an address such as "tel:110", "sms:12110", "mailto:..." or "https://..."',
    )


@dataclass(frozen=True, slots=True)
class Station:
    """One station as configured; `backups` are other stations' ids, first asked first."""

    id: str
    name: Words
    backups: tuple[str, ...]
    language: str
    other_ways: tuple[OtherWay, ...] | None  # None: those of the whole hub
    area: Area = field(repr=False, compare=False)


@dataclass(frozen=True)
class Boundaries:
    """All stations, in the order of the file, and which of them answers where nothing else does."""

    stations: Mapping[str, Station]
    default: str
    near_m: float  # a place outside all areas goes to the nearest within this; farther away, to the default
    _tree: shapely.STRtree = field(repr=False, compare=False)

    def covering(self, lat: float, lon: float) -> list[Station]:
        """The stations whose area holds this WGS-84 place, inside or on its edge; ordered by id."""
        found = self._tree.query(shapely.Point(lon, lat), predicate="intersects")
        return sorted(self._pick(found), key=lambda station: station.id)

    def within(self, lat: float, lon: float, radius_m: float) -> list[tuple[float, Station]]:
        """(distance to its area in metres, station) for all at most `radius_m` away; nearest first, then by id."""
        north = degrees(radius_m / _EARTH_RADIUS_M) * 1.01  # the box may be too wide, never too narrow
        east = min(360.0, north / max(cos(radians(min(abs(lat) + north, 90.0))), 1e-6))
        turns = [turn for turn in (-360, 0, 360) if self._west <= lon + turn + east and lon + turn - east <= self._east]
        boxes = [shapely.box(lon + turn - east, lat - north, lon + turn + east, lat + north) for turn in turns]
        found = {int(i) for box in boxes for i in self._tree.query(box)}
        near = [(distance_m(station.area, lat, lon), station) for station in self._pick(found)]
        return sorted((n for n in near if n[0] <= radius_m), key=lambda n: (n[0], n[1].id))

    def _pick(self, indices: Collection[int]) -> list[Station]:
        return [self._listed[i] for i in indices]

    @cached_property
    def _west(self) -> float:
        return min(station.area.bounds[0] for station in self._listed)

    @cached_property
    def _east(self) -> float:
        return max(station.area.bounds[2] for station in self._listed)

    @cached_property
    def _listed(self) -> tuple[Station, ...]:
        return tuple(self.stations.values())


def inside(station: Station, lat: float, lon: float) -> bool:
    """Whether the place is in the area and not on its edge."""
    return bool(shapely.contains_xy(station.area, lon, lat))


def distance_m(area: Area, lat: float, lon: float) -> float:
    """Metres from a WGS-84 place to the nearest point of the area; 0 inside. To 1 % within some 100 km."""
    lon += 360.0 * round((area.centroid.x - lon) / 360.0)
    if shapely.intersects_xy(area, lon, lat):
        return 0.0
    scale = max(cos(radians(lat)), 0.01)  # a degree east is shorter than a degree north by this
    flat = shapely.transform(area, lambda points: points * np.array([scale, 1.0]))
    nearest = shapely.shortest_line(shapely.Point(lon * scale, lat), flat).coords[-1]
    return _great_circle_m(lat, lon, nearest[1], nearest[0] / scale)


def _great_circle_m(lat: float, lon: float, lat2: float, lon2: float) -> float:
    half = sin(radians(lat2 - lat) / 2) ** 2
    half += cos(radians(lat)) * cos(radians(lat2)) * sin(radians(lon2 - lon) / 2) ** 2
    return 2 * _EARTH_RADIUS_M * asin(min(1.0, sqrt(half)))


class _Properties(Table):
    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="1 to 32 of a-z, 0-9 and -, beginning with a letter or digit",
    )
    name: Words
    backups: list[str] = Field(default_factory=list)
    default: bool = False
    language: Literal["zh", "en"] = Field(default="zh", description='"zh" or "en"')
    other_ways: list[OtherWay] | None = None


class _Feature(Table):
    type: Literal["Feature"] = Field(description='"Feature"')
    id: str | int | None = None
    bbox: list[float] | None = None
    properties: _Properties
    geometry: dict[str, Any] = Field(description="a GeoJSON Polygon or MultiPolygon")


class _Collection(Table):
    type: Literal["FeatureCollection"] = Field(description='"FeatureCollection"')
    name: str = ""
    description: str = ""
    near_m: float = Field(default=3000.0, ge=0, le=100_000)
    bbox: list[float] | None = None
    crs: dict[str, Any] | None = None
    features: list[Any] = Field(min_length=1, description="a list of at least one Feature")

    @field_validator("crs")
    @classmethod
    def _wgs84(cls, crs: dict[str, Any] | None) -> dict[str, Any] | None:
        if crs is not None and (crs.get("properties") or {}).get("name") not in _CRS84:
            raise ValueError("must be left out, or name CRS84: coordinates are WGS-84, longitude first (RFC 7946)")
        return crs


def ids(raw: object) -> list[str]:
    """The station ids that can be read from `raw`, however faulty the rest: so that other files can be checked."""
    features = raw.get("features") if isinstance(raw, Mapping) else None
    properties = [f.get("properties") for f in _list(features) if isinstance(f, Mapping)]
    return [p["id"] for p in properties if isinstance(p, Mapping) and isinstance(p.get("id"), str)]


def parse(raw: object) -> tuple[Boundaries | None, list[Found]]:
    """The boundaries in decoded GeoJSON; None and all faults where there are any."""
    collection, faults = check(_Collection, raw)
    stations: dict[str, Station] = {}
    defaults: list[str] = []
    known = dict.fromkeys(ids(raw))
    seen: set[str] = set()
    for i, item in enumerate(_list(raw.get("features")) if isinstance(raw, Mapping) else []):
        at = f"features[{i}]"
        feature, found = check(_Feature, item, at)
        faults += found
        geometry = item.get("geometry") if isinstance(item, Mapping) else None
        area, found = _area(geometry, f"{at}.geometry") if isinstance(geometry, dict) else (None, [])
        faults += found
        # Across features on what is there, not on `feature`: one fault must not hide another.
        p = item["properties"] if isinstance(item, Mapping) and isinstance(item.get("properties"), Mapping) else {}
        if isinstance(p.get("id"), str) and p["id"] in seen:
            faults.append((f"{at}.properties.id", p["id"], "must be the only station of this id"))
        seen.add(str(p.get("id")))
        faults += _backup_faults(p, known, f"{at}.properties.backups")
        if p.get("default") is True:
            defaults.append(str(p.get("id")))
            if len(defaults) > 1:
                faults.append((f"{at}.properties.default", True, f"must be true only once; {defaults[0]} has it"))
        if feature is not None and area is not None:
            stations[feature.properties.id] = _station(feature.properties, area)
    if not defaults:
        faults.append(("features", None, 'one station must have "default": true, for alarms without a usable place'))
    if collection is None or faults:
        return None, faults
    tree = shapely.STRtree([station.area for station in stations.values()])
    return Boundaries(MappingProxyType(stations), defaults[0], float(collection.near_m), tree), []


def _station(p: _Properties, area: Area) -> Station:
    ways = None if p.other_ways is None else tuple(p.other_ways)
    return Station(p.id, p.name, tuple(p.backups), p.language, ways, area)


def _backup_faults(p: Mapping[str, Any], known: Collection[str], at: str) -> list[Found]:
    faults: list[Found] = []
    backups = _list(p.get("backups"))
    for i, backup in enumerate(backups):
        if backup == p.get("id"):
            faults.append((f"{at}[{i}]", backup, "must be another station"))
        elif isinstance(backup, str) and backup not in known:
            faults.append((f"{at}[{i}]", backup, f"must be the id of a station here{did_you_mean(backup, known)}"))
        elif backup in backups[:i]:
            faults.append((f"{at}[{i}]", backup, "must be listed once"))
    return faults


def _area(geometry: dict[str, Any], at: str) -> tuple[Area | None, list[Found]]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        return None, [(f"{at}.type", kind, 'must be "Polygon" or "MultiPolygon"')]
    at += ".coordinates"
    faults: list[Found] = []
    polygons: list[shapely.Polygon] = []
    many = [(coordinates, at)] if kind == "Polygon" else [(c, f"{at}[{i}]") for i, c in enumerate(_list(coordinates))]
    for polygon, where in many:
        rings = _list(polygon)
        found = [fault for i, ring in enumerate(rings) for fault in _ring_faults(ring, f"{where}[{i}]")]
        faults += found
        if not found and rings:
            flat = [[(p[0], p[1]) for p in ring] for ring in rings]
            polygons.append(shapely.Polygon(flat[0], flat[1:]))
    if not faults and not polygons:
        faults.append((at, coordinates, "must hold at least one ring of positions"))
    if faults:
        return None, faults
    area = polygons[0] if kind == "Polygon" else shapely.MultiPolygon(polygons)
    if not area.is_valid:
        return None, [(at, shapely.is_valid_reason(area), "must be rings that do not cross themselves or each other")]
    shapely.prepare(area)
    return area, []


def _ring_faults(ring: object, at: str) -> list[Found]:
    positions = _list(ring)
    faults: list[Found] = [
        (f"{at}[{i}]", p, "must be [longitude, latitude] in degrees, longitude first")
        for i, p in enumerate(positions)
        if not (isinstance(p, list) and len(p) >= 2 and _degrees(p[0], 180) and _degrees(p[1], 90))
    ]
    if not faults and (len(positions) < 4 or positions[0] != positions[-1]):
        faults.append((at, None, "must be at least four positions, the last the same as the first"))
    return faults


def _degrees(value: object, most: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
