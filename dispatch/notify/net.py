"""Requests to addresses outside: of push services, which clients named, and of webhooks, which the operator did.

Never follows a redirect, never reads more than a little of an answer, and ends in any case in time. What a client named
must be https and no host of this network: looked up once, checked, and then connected to by that very address.
Field's term: server-side request forgery (SSRF).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import urlsplit

import httpx

_READ_BYTES = 2048
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_MOST_RETRY_AFTER = timedelta(hours=24)


class Private(Exception):
    """The address is not one that a client may have the hub call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `status` 0: no answer, and `why` says which fault."""

    status: int
    retry_after: timedelta | None = None
    why: str = ""
    final: bool = False  # it is of no use to try again


class Outside:
    """An HTTP client for outside.

    Args:
        timeout_s: a request has ended after so long.
        at_once: most connections.
        proxy: through which all goes; which then decides what may be reached.
        private: whether hosts of this network, and http, may be called.
    """

    def __init__(self, timeout_s: float, at_once: int, proxy: str, private: bool) -> None:
        self._timeout_s = timeout_s
        self._private = private
        self._proxied = bool(proxy)
        self._make = partial(
            httpx.AsyncClient, timeout=timeout_s, trust_env=False, proxy=proxy or None, follow_redirects=False,
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            headers={"user-agent": "fujin-dispatch"},
        )  # fmt: skip
        self._made: httpx.AsyncClient | None = None

    @property
    def _client(self) -> httpx.AsyncClient:
        """Made when it is needed first: it reads all certificates of the machine, 20 ms of a hub's start."""
        self._made = self._made or self._make()
        return self._made

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        """One request; every fault of the network is an answer too."""
        try:
            async with asyncio.timeout(self._timeout_s):
                request = await self._request(url, headers, body)
                response = await self._client.send(request, stream=True)
                try:
                    await _read_a_little(response)
                finally:
                    await response.aclose()
        except Private as fault:
            return Answer(0, why=str(fault), final=True)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(0, why="no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            return Answer(0, why=type(fault).__name__)
        return Answer(response.status_code, _retry_after(response.headers.get("retry-after"), now))

    async def _request(self, url: str, headers: Mapping[str, str], body: bytes) -> httpx.Request:
        if self._private or self._proxied:
            return self._client.build_request("POST", url, headers=dict(headers), content=body)
        check(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        address = await public_address(host, parts.port or 443)
        literal = f"[{address}]" if ":" in address else address
        request = self._client.build_request(
            "POST", httpx.URL(url).copy_with(host=literal), headers={**headers, "host": parts.netloc}, content=body
        )
        request.extensions["sni_hostname"] = host  # the certificate must be of the name, not of the number
        return request

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()


def check(url: str, private: bool = False) -> None:
    """See that `url` can be an address that a client names.

    Raises:
        Private: not https, with a user in it, or a number or name of this network.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Private("no address") from None
    if not host or parts.username is not None or parts.scheme not in ("https", "http"):
        raise Private("no https address")
    if private:
        return
    if parts.scheme != "https":
        raise Private("not https")
    if port not in (None, 443):
        raise Private("another port than 443")
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        if "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan", ".home.arpa")):
            raise Private("a host of this network") from None
        return
    if not _public(number):
        raise Private("a host of this network")


async def public_address(host: str, port: int) -> str:
    """One address of `host`, when all of them are public.

    Raises:
        Private: one is not.
        OSError: it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not all(_public(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
        raise Private("a host of this network")
    return addresses[0]


def _public(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is of the internet; also of an IPv4 address that hides in one of IPv6."""
    if isinstance(number, ipaddress.IPv6Address):
        if number.sixtofour is not None or number.teredo is not None:
            return False
        if number in _NAT64:
            number = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
        elif number.ipv4_mapped is not None:
            number = number.ipv4_mapped
    return number.is_global and not number.is_multicast


async def _read_a_little(response: httpx.Response) -> None:
    """So that a short answer leaves the connection for the next request; a long one is cut."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > _READ_BYTES:
            return


def _retry_after(text: str | None, now: datetime) -> timedelta | None:
    """A `Retry-After`, in seconds or as a date; at most a day."""
    if text is None:
        return None
    try:
        wait = timedelta(seconds=int(text)) if text.strip().isdigit() else parsedate_to_datetime(text) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _MOST_RETRY_AFTER)
