"""What the console's map lies on, beside areas and coast: tiles as configured, else the demonstration's streets.

Tiles are a file of the hub's own (PMTiles: one archive, read by `Range`) or somebody else's server, of which the page
is told the address, and to which the console's policy is opened. Never told where anybody is. Field's term: basemap.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.sections import Map
from dispatch.streets import Streets

_DIRECTORY = 16_384
"""So many bytes at the beginning hold what a PMTiles file is and its first directory."""
_FILE = "/map/tiles.pmtiles"


def origin(settings: Map) -> str:
    """Where tiles come from when not from this hub: an origin, or "" for none."""
    if not settings.remote:
        return ""
    address = urlsplit(settings.tiles)
    return f"{address.scheme}://{address.netloc}"


def policy(own: str, settings: Map) -> str:
    """The content policy `own` of the console's page, opened for images from the tiles' server and nothing else."""
    where = origin(settings)
    return own.replace("img-src ", f"img-src {where} ", 1) if where else own


def _edition(path: Path) -> str:
    """An ETag, the same on every hub that has the file: a reader may get directory and tile from two of them."""
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_DIRECTORY))
        head.update(str(file.seek(0, 2)).encode())
    return f'"{head.hexdigest()[:32]}"'


def routes(settings: Map, streets: Streets | None, who: Callable[[Request], Awaitable[Any]]) -> list[BaseRoute]:
    """`/map` and the file of tiles, for who is signed in: an address of tiles may hold a key."""

    async def about(request: Request) -> Response:
        await who(request)
        kind = "address" if settings.remote else "file" if settings.tiles else None
        told = {"attribution": settings.attribution, "datum": settings.datum, "most_zoom": settings.most_zoom}
        tiles = {"kind": kind, "tiles": settings.tiles if settings.remote else _FILE, **told} if kind else None
        return JSONResponse({"tiles": tiles, "streets": streets.kept if streets else None})

    async def file(request: Request) -> Response:
        await who(request)
        path = Path(settings.tiles)
        if settings.remote or not settings.tiles or not await asyncio.to_thread(path.is_file):
            raise Refused(errors.NOT_FOUND, "there is no file of tiles")
        headers = {"etag": await asyncio.to_thread(_edition, path)}
        return FileResponse(path, headers=headers, media_type="application/vnd.pmtiles")

    return [Route("/map", about), Route(_FILE, file)]
