"""What a deployment needs whose citizen page may be installed: manifest, icon, and the worker that keeps its shell.

Off by default: an installed page is itself a trace. The worker keeps what is the same for everybody and nothing of an
alarm; switched off again, it clears what it kept. Field's term: web app manifest, service worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.built import WORKER, Files
from dispatch.sections import Citizen

_ICON = "citizen/icon-512.png"
_PAPER = "#f6f6f3"  # clients/web/shared/tokens.css, --paper
_WORDS = "words/citizen.*.json"


def routes(citizen: Citizen, folder: Path, files: Files, shell_page: Callable[[Request], str]) -> list[BaseRoute]:
    """`/manifest.webmanifest`, `/icon.png` and `/shell.js`.

    Args:
        citizen: whether it may be installed, under which name and with which icon.
        folder: the web folder.
        files: what the page loads.
        shell_page: the citizen's page as the worker keeps it, without the names of an alarm.
    """
    paths = files.of_shell()
    words = sorted(folder.glob(_WORDS))
    kept = [f"/static/{path.relative_to(folder).as_posix()}" for path in paths]
    kept += [f"/words/{path.stem}{part}.json" for path in words for part in ("", ".later")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (*paths, folder / WORKER, *words)))
    worker = (folder / WORKER).read_text(encoding="utf-8")

    async def manifest(request: Request) -> Response:
        if not citizen.install:
            raise Refused(errors.NOT_FOUND, "this page is not for installing (citizen.install)")
        about: dict[str, Any] = {
            "id": "/", "start_url": "/", "scope": "/", "display": "standalone",
            "name": citizen.title.zh, "short_name": citizen.title.zh,
            "background_color": _PAPER, "theme_color": _PAPER,
            "icons": [{"src": "/icon.png", "sizes": "512x512", "type": "image/png"}],
        }  # fmt: skip
        if request.query_params.get("lang", "zh") != "zh":
            about |= {"name": citizen.title.en, "short_name": citizen.title.en}
        return JSONResponse(about, media_type="application/manifest+json")

    async def icon(request: Request) -> Response:
        return FileResponse(citizen.icon or folder / _ICON, media_type="image/png")

    async def shell(request: Request) -> Response:
        """The worker with what it keeps: nothing, where the page is not for installing."""
        told: dict[str, Any] = {"version": "", "files": []}
        if citizen.install:
            page = hashlib.sha256(shell_page(request).encode())
            version = hashlib.sha256(digest.digest() + page.digest()).hexdigest()[:16]
            told = {"version": version, "files": ["/?shell", *kept]}
        text = f"const SHELL = {orjson.dumps(told).decode()};\n{worker}"
        return Response(text, media_type="text/javascript")

    return [Route("/manifest.webmanifest", manifest), Route("/icon.png", icon), Route("/shell.js", shell)]
