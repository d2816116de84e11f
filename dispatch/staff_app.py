"""What phones need to notify officers: the staff pages' worker, and manifests to put them on a home screen.

Apple's phones take pushes only there. Knows nothing of alarms; never for the citizen's page. Field's terms: service
worker, web app manifest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dispatch.built import LANGUAGES

_PAPER = "#f6f6f3"  # clients/web/shared/tokens.css, --paper
_PAGES = ("console", "supervisor")


def routes(folder: Path, words: Callable[[str, str], Mapping[str, str]]) -> list[BaseRoute]:
    """`/alerts.js`, `/staff-icon.png`, `/console.webmanifest` and `/supervisor.webmanifest`.

    Args:
        folder: the web folder.
        words: (page, language) -> its catalogue.
    """

    async def worker(request: Request) -> Response:
        """At the root, so that its scope can be a staff page itself."""
        return FileResponse(folder / "shared" / "alerts-worker.js", media_type="text/javascript")

    async def icon(request: Request) -> Response:
        return FileResponse(folder / "shared" / "icon-512.png", media_type="image/png")

    def manifest(page: str) -> Callable[[Request], Awaitable[Response]]:
        async def told(request: Request) -> Response:
            wanted = request.query_params.get("lang", "")
            name = words(page, wanted if wanted in LANGUAGES else LANGUAGES[0])[f"{page}.title"]
            about = {
                "id": f"/{page}", "start_url": f"/{page}", "scope": f"/{page}", "display": "standalone",
                "name": name, "short_name": name, "background_color": _PAPER, "theme_color": _PAPER,
                "icons": [
                    {"src": "/staff-icon.png", "sizes": "512x512", "type": "image/png", "purpose": "any maskable"},
                ],
            }  # fmt: skip
            return JSONResponse(about, media_type="application/manifest+json")

        return told

    return [
        Route("/alerts.js", worker),
        Route("/staff-icon.png", icon),
        *(Route(f"/{page}.webmanifest", manifest(page)) for page in _PAGES),
    ]
