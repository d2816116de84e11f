"""HTTP with patience, the names that a device makes, and what kind of media some bytes are.

Tries again only what is safe to try again: every request of the protocol is, with the same names.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import orjson

from fujin_client.errors import Refused, Unreachable

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
_AWAY = (502, 503, 504)


def new_id() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then chance."""
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 7 << 76  # version
    number = number & ~(0x3 << 62) | 2 << 62  # variant
    return str(uuid.UUID(int=number))


def new_secret() -> str:
    """192 bits of chance, base64url."""
    return secrets.token_urlsafe(24)


def new_pin() -> str:
    """Four digits."""
    return f"{secrets.randbelow(10_000):04d}"


def new_ref() -> str:
    return str(uuid.uuid4())


def waits() -> Iterator[float]:
    """Seconds to wait before each further attempt, without end; spread, so that not all clients come at once."""
    longest = 1.0
    while True:
        yield FIRST_WAIT_S + secrets.randbelow(1000) / 1000 * (longest - FIRST_WAIT_S)
        longest = min(longest * 2, LONGEST_WAIT_S)


def origin_of(url: str) -> str:
    """The origin of a page at `url`, as browsers write it."""
    parts = httpx.URL(url)
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def media_type(head: bytes) -> str | None:
    """The MIME type of a photo or recording by its first bytes (16 are enough); None for anything else."""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc"):
            return "image/heic"
        if brand in (b"avif", b"avis"):
            return "image/avif"
        return "audio/3gpp" if brand[:2] == b"3g" else "audio/mp4"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    for start, mime in _STARTS:
        if head.startswith(start):
            return mime
    return None


_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR-WB", "audio/amr-wb"),
    (b"#!AMR", "audio/amr"),
    (b"fLaC", "audio/flac"),
    (b"caff", "audio/x-caf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "audio/x-ms-wma"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
)


class Web:
    """A server over HTTP.

    Args:
        url: where it is, such as `https://dispatch.example.org`.
        headers: sent with every request.
        patience_s: how long one request is tried again while the server is away.

    Raises:
        ValueError: `url` is no address.
    """

    def __init__(self, url: str, headers: Mapping[str, str], patience_s: float) -> None:
        try:
            if httpx.URL(url).scheme not in ("http", "https") or not httpx.URL(url).host:
                raise httpx.InvalidURL("it must begin with http:// or https://")
        except httpx.InvalidURL as fault:
            raise ValueError(f"url: {url!r} is not the address of a server: {fault}") from None
        self.url = url.rstrip("/")
        self.patience_s = patience_s
        self._http = httpx.AsyncClient(base_url=self.url, headers=dict(headers), timeout=10)

    async def aclose(self) -> None:
        await self._http.aclose()

    @property
    def cookies(self) -> str:
        """The cookies as a `Cookie` header."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._http.cookies.jar)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        members: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request until it is answered.

        Args:
            method: GET, POST, PUT, DELETE.
            path: on the server.
            members: the body as JSON.
            data: the body as bytes.
            headers: beside those of every request.
            params: of the address.

        Raises:
            Refused: the server said no.
            Unreachable: it did not answer, or could not store, within `patience_s`.
        """
        if members is not None:
            data, headers = orjson.dumps(members), {**(headers or {}), "content-type": "application/json"}
        why: Refused | Unreachable = Unreachable(f"no answer from {self.url} within {self.patience_s:g} s")
        try:
            async with asyncio.timeout(self.patience_s):
                for wait in waits():
                    try:
                        answer = await self._http.request(method, path, content=data, headers=headers, params=params)
                        if answer.status_code < 400:
                            return answer
                        why = _refused(answer)
                        if answer.status_code not in _AWAY:
                            raise why
                    except httpx.TransportError as fault:
                        why = Unreachable(f"{self.url} does not answer ({fault or type(fault).__name__})")
                    await asyncio.sleep(wait)
        except TimeoutError:
            raise why from None
        raise why  # `waits` has no end


def _refused(answer: httpx.Response) -> Refused:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    return Refused(body if isinstance(body, dict) else {}, answer.status_code)
