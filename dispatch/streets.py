"""The demonstration's invented streets, on which its maps lie while no tiles are configured.

They are drawn for the demonstration's areas and shown with those alone: as soon as one outline differs there are none,
so that nobody takes them for the streets of a real district. Never told where anybody is. Field's term: basemap.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import shapely
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.faults import Found, Table, check
from dispatch.routing.boundaries import Boundaries, Words
from dispatch.static import KEPT

FILE = "streets.geojson"
"""Beside stations.geojson; a configuration need not have it."""
PASSING = "/map/streets.json"
"""For the citizen's page, of which a browser keeps nothing (P9)."""


class _Properties(Table):
    kind: Literal["town", "park", "water", "river", "brook", "lane", "street", "road", "rail", "place", "station"]
    name: Words | None = None


class _Feature(Table):
    type: Literal["Feature"] = Field(description='"Feature"')
    properties: _Properties
    geometry: dict[str, Any] = Field(description="a GeoJSON geometry")


class _Collection(Table):
    type: Literal["FeatureCollection"] = Field(description='"FeatureCollection"')
    description: str = ""
    drawn_for: str
    features: list[_Feature] = Field(min_length=1, description="a list of at least one Feature")


@dataclass(frozen=True)
class Streets:
    """The streets as pages get them: GeoJSON, with the box that holds them."""

    text: bytes = field(repr=False)
    packed: bytes = field(repr=False)

    @property
    def kept(self) -> str:
        """Where staff pages get them, and may keep them for good: the address changes with them."""
        return f"/map/streets-{hashlib.sha256(self.text).hexdigest()[:8]}.json"


def fingerprint(boundaries: Boundaries) -> str:
    """The same for the same areas: all stations' outlines, whatever else is said of them."""
    areas = {one.id: shapely.get_coordinates(one.area).tolist() for one in boundaries.stations.values()}
    return hashlib.sha256(json.dumps(areas, sort_keys=True).encode()).hexdigest()[:16]


def parse(raw: object, boundaries: Boundaries | None) -> tuple[Streets | None, list[Found]]:
    """The streets in decoded GeoJSON; None when they were drawn for other areas, and with any fault."""
    read, faults = check(_Collection, raw)
    if read is None:
        return None, faults
    shapes = []
    for i, one in enumerate(read.features):
        try:
            shapes.append(shapely.from_geojson(json.dumps(one.geometry)))
        except shapely.GEOSException as error:
            faults.append((f"features[{i}].geometry", one.geometry.get("type"), f"must be a GeoJSON geometry: {error}"))
    if faults or boundaries is None or read.drawn_for != fingerprint(boundaries):
        return None, faults
    box = [round(float(edge), 5) for edge in shapely.total_bounds(shapes)]
    features = [one.model_dump(exclude_none=True) for one in read.features]
    whole = {"type": read.type, "bbox": box, "features": features}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    return Streets(text, gzip.compress(text, 9, mtime=0)), []


def routes(streets: Streets | None) -> list[BaseRoute]:
    """Two addresses of the one file, where there is one; for everybody: it tells of no real place."""
    if streets is None:
        return []

    def sent(request: Request, headers: Mapping[str, str]) -> Response:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        coding = {"content-encoding": "gzip"} if packed else {}
        return Response(
            streets.packed if packed else streets.text,
            headers={"vary": "Accept-Encoding", **coding, **headers},
            media_type="application/json",
        )

    async def kept(request: Request) -> Response:
        if request.url.path != streets.kept:
            raise Refused(errors.NOT_FOUND, "there are no such streets; `/map` has the address of those there are")
        return sent(request, {"cache-control": KEPT})

    async def passing(request: Request) -> Response:
        return sent(request, {})

    return [Route("/map/streets-{edition}.json", kept), Route(PASSING, passing)]
