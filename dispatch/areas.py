"""A station's area and those around it, for the citizen who shows a place by hand: outlines and names, nothing else.

Never told a place: the page asks by the station of its receipt, so that no address holds where somebody is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.routing.boundaries import Boundaries, Station
from dispatch.streets import PASSING, Streets

AROUND = 8
"""So many areas beside the station's own: the picture has to come over a bad line."""

_COARSE = 0.0001  # degrees, about 10 m: a finger is less exact


def routes(boundaries: Boundaries, streets: Streets | None) -> list[BaseRoute]:
    """`/areas/{station}`: the nearest first, the station's own before all; and where streets are, if there are any."""
    ground = {"streets": PASSING} if streets else {}

    async def areas(request: Request) -> Response:
        station = boundaries.stations.get(request.path_params["station"])
        if station is None:
            raise Refused(errors.NOT_FOUND, "there is no such station")
        shown = [_shown(one, one is station) for one in _around(boundaries.stations, station)]
        return JSONResponse({"areas": shown, **ground})

    return [Route("/areas/{station}", areas)]


def _around(stations: Mapping[str, Station], station: Station) -> list[Station]:
    middle = station.area.centroid
    others = sorted((one for one in stations.values() if one is not station), key=lambda one: one.area.distance(middle))
    return [station, *others[:AROUND]]


def _shown(station: Station, mine: bool) -> dict[str, Any]:
    area = shapely.simplify(station.area, _COARSE)
    polygons = area.geoms if isinstance(area, shapely.MultiPolygon) else [area]
    rings = [[(round(x, 5), round(y, 5)) for x, y in polygon.exterior.coords] for polygon in polygons]
    return {"name": station.name.model_dump(), "rings": rings, **({"mine": True} if mine else {})}
