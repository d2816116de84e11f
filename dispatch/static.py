"""The built files, as they were compressed when they were built.

Those of the staff have names that change with what is in them, so a browser keeps them for good and never asks again.
Of the citizen's page it keeps nothing (P9). Never serves what is not in their folder. Field's terms: content hash,
immutable, content negotiation.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dispatch.built import MANIFEST

KEPT = "public, max-age=31536000, immutable"
_NEVER_KEPT = f"citizen{os.sep}"
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
_TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".map": "application/json"}


class BuiltFiles(StaticFiles):
    """Each file in the smallest form that the browser takes; nothing is compressed while somebody waits.

    Args:
        directory: the folder of built files; it need not be there.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)
        self.config_checked = True  # a folder that is not there has no file, which is no fault

    async def get_response(self, path: str, scope: Scope) -> Response:
        suffix = os.path.splitext(path)[1]
        found = ("", "")
        if suffix in _TYPES:
            taken = _taken(Headers(scope=scope).get("accept-encoding", ""))
            found = next((one for one in _CODINGS if one[0] in taken and self._is_there(path + one[1])), found)
        coding, ending = found
        response = await super().get_response(path + ending, scope)
        response.headers["vary"] = "Accept-Encoding"
        if response.status_code != 304:
            response.headers["content-type"] = f"{_TYPES.get(suffix, 'text/plain')}; charset=utf-8"
        if coding:
            response.headers["content-encoding"] = coding
        if path != MANIFEST and suffix in _TYPES and not path.startswith(_NEVER_KEPT):
            response.headers["cache-control"] = KEPT
        return response

    def _is_there(self, path: str) -> bool:
        try:
            return self.lookup_path(path)[1] is not None
        except (OSError, ValueError):  # a name that no file can have
            return False


def _taken(accepted: str) -> set[str]:
    """The codings that an Accept-Encoding header does not refuse."""
    taken = set()
    for part in accepted.lower().split(","):
        name, _, rest = part.partition(";")
        if rest.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            taken.add(name.strip())
    return taken
