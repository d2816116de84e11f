"""Which files the pages link: those built for few requests (esbuild), or the plain modules where these are newer.

The one place that knows. The build hook (hatch_build.py) runs it too, before anything is installed, so it imports
nothing but the standard library. Reads files and never writes. Field's terms: bundle, asset manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = "built"
"""Inside the web folder; not committed."""
MANIFEST = "manifest.json"
WORKER = "citizen/shell.js"
"""What an installed page is kept by; no part of what is kept."""


@dataclass(frozen=True)
class Source:
    """What one page is made of, by paths in the web folder.

    Args:
        styles: in the order in which they count.
        script: its entry module; empty for a page without one.
        words: the catalogues that it needs before its first picture.
        modules: what the entry module imports, named so that none waits for another to name it.
    """

    styles: tuple[str, ...]
    script: str = ""
    words: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


_STAFF = ("shared/tokens.css", "shared/staff.css", "shared/alerts.css", "shared/ending.css")
STAFF = {
    "console": Source(
        (
            *_STAFF,
            "console/console.css",
            "console/bar.css",
            "console/claims.css",
            "console/unread.css",
            "console/helpers.css",
            "shared/streets.css",
            "console/map.css",
            "console/forced.css",
        ),
        "console/main.js",
        ("common", "console"),
    ),
    "supervisor": Source(
        (
            *_STAFF,
            "supervisor/supervisor.css",
            "supervisor/log.css",
            "supervisor/timeline.css",
            "supervisor/beside.css",
        ),
        "supervisor/main.js",
        ("common", "supervisor"),
    ),
    "helper": Source(
        ("shared/tokens.css", "helper/helper.css", "shared/ending.css"), "helper/main.js", ("common", "helper")
    ),
    "sign-in": Source(("shared/tokens.css", "sign-in/sign-in.css"), "sign-in/sign-in.js"),
}
"""The pages whose files a browser may keep for good: that a console was used here is no secret."""
CITIZEN = {
    "citizen": Source(
        ("shared/tokens.css", "citizen/citizen.css"),
        "citizen/main.js",
        modules=tuple(
            f"citizen/{name}.js"
            for name in (
                "state", "page", "words", "keep", "names", "http", "link", "outbox", "raise", "exit", "ladder",
                "position",
            )
        ),
    ),
}  # fmt: skip
"""The page whose files a browser may not keep (P9)."""
LANGUAGES = ("zh", "en")
"""Those that every page has; the first is spoken to who asks for none of them."""
PAGES = STAFF | CITIZEN


@dataclass(frozen=True)
class Linked:
    """What one page links, as addresses.

    Args:
        styles: style sheets.
        script: the entry module.
        modules: what it imports at once.
        words: language -> where all words of the page are; empty where its code finds the catalogues itself.
    """

    styles: tuple[str, ...]
    script: str
    modules: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


class Files:
    """What all pages link.

    Args:
        web: the web folder; looked at once.
    """

    def __init__(self, web: Path) -> None:
        self._web = web
        manifest = _manifest(web)
        self.are_built = manifest is not None and _fits(web, manifest)
        """Whether the pages link built files: they are there, and fit the sources."""
        self._pages = {name: plain(source) for name, source in PAGES.items()}
        if manifest is not None and self.are_built:
            for name, page in manifest["pages"].items():
                self._pages[name] = Linked(
                    tuple(page["styles"]), page["script"], tuple(page["modules"]), dict(page["words"])
                )

    def of(self, page: str) -> Linked:
        """What the page links.

        Raises:
            KeyError: there is no such page.
        """
        return self._pages[page]

    def of_shell(self) -> list[Path]:
        """All that the citizen's page loads at any time, but words: what an installed one keeps."""
        patterns: tuple[str, ...] = (
            "citizen/*.js", "citizen/*.css", "citizen/icon.svg", "shared/tokens.css", "shared/street*.js",
            "shared/streets.css",
        )  # fmt: skip
        if self.are_built:
            built = f"{FOLDER}/citizen"
            patterns = (f"{built}/*.js", f"{built}/*.css", "citizen/installed.js", "citizen/icon.svg")
        paths = sorted(path for pattern in patterns for path in self._web.glob(pattern))
        return [path for path in paths if not path.match(WORKER)]


@cache
def files(web: Path) -> Files:
    """What the pages of this folder link, looked at once in a process."""
    return Files(web)


def sources(web: Path) -> str:
    """Changes whenever other files could be built from this folder.

    Args:
        web: the web folder.
    """
    paths = [path for suffix in ("js", "css") for path in web.glob(f"*/*.{suffix}")]
    paths += [web / "words" / f"{name}.{lang}.json" for name in _catalogues() for lang in LANGUAGES]
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.parent.name == FOLDER or path.parent.name.startswith("tmp"):
            continue
        data = path.read_bytes()
        digest.update(f"{path.relative_to(web).as_posix()} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def recipe(checkout: Path) -> str:
    """Changes with the libraries, the tools and what they are told; empty where there is no checkout.

    Args:
        checkout: where hatch_build.py may lie.
    """
    paths = (checkout / "hatch_build.py", checkout / "clients" / "package-lock.json")
    if not all(path.is_file() for path in paths):
        return ""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def fits(web: Path) -> bool:
    """Whether the built files are there and were made from just these sources."""
    manifest = _manifest(web)
    return manifest is not None and _fits(web, manifest)


def _fits(web: Path, manifest: Mapping[str, Any]) -> bool:
    now = recipe(web.parent.parent)  # a wheel carries no recipe: there its files fit for ever
    return bool(manifest["sources"] == sources(web) and now in ("", manifest["recipe"]))


def _manifest(web: Path) -> dict[str, Any] | None:
    try:
        read = json.loads((web / FOLDER / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _catalogues() -> list[str]:
    return sorted({name for page in PAGES.values() for name in page.words})


def plain(source: Source) -> Linked:
    """What a page links whose sources are newer than what was built."""

    def addresses(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"/static/{path}" for path in paths)

    return Linked(addresses(source.styles), f"/static/{source.script}", addresses(source.modules))
