"""Whether a request comes from a page of ours, by its Origin: scheme, host and port, as the Fetch standard compares.

Hosts are compared without case, default port and the dot of a full name. Behind a proxy that ends TLS the hub sees
plain HTTP, so an https origin may be ours either way; under TLS one that is http is not. Sources: RFC 6454, Fetch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_SECURE = ("https", "wss")


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int


def parse(text: str) -> Origin | None:
    """An origin as browsers send it, or as the configuration names it; None for what is none, such as `null`."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return Origin(parts.scheme, parts.hostname.removesuffix("."), port or _PORTS[parts.scheme])


class Ours:
    """Which origins may change something.

    Args:
        more: origins beside the page's own.
    """

    def __init__(self, more: Collection[str]) -> None:
        self._more = {origin for each in more if (origin := parse(each))}

    def is_ours(self, given: str, host: str, scheme: str, fetch_site: str) -> bool:
        """Whether a page at the address that was asked for, or at one of the configured, sent this.

        Args:
            given: the request's Origin.
            host: its Host; empty when it has none.
            scheme: by which it came.
            fetch_site: its Sec-Fetch-Site, which a page can't forge; asked where the origin says nothing.
        """
        if given == "null":
            return fetch_site == "same-origin"
        origin = parse(given)
        if origin is None:
            return False
        if origin in self._more:
            return True
        if scheme in _SECURE and origin.scheme != "https":
            return False
        return origin == parse(f"{origin.scheme}://{host}")
