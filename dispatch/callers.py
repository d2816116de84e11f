"""Who tries to sign in: from where, as a name that means nothing tomorrow, and on which device, if it is known.

Of an address nothing is kept but a keyed hash that changes daily. A device is known to a user once they signed in on
it; what it holds of that is signed and says nothing. Never decides what follows from it. Field's terms: pseudonym,
trusted device.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from dispatch.alarm.clock import Clock

_COOKIE = "dispatch_device_"
_ID_BYTES, _SIGN_BYTES = 9, 18
_OWN = tuple(map(ipaddress.ip_network, (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::/64", "fe80::/10", "fc00::/7",
)))  # fmt: skip
"""Loopback, private and link-local addresses (RFC 1918, 3927, 4193, 4291)."""
_NETWORK = 64
"""Bits of an IPv6 address that tell one line from another: who has one has all that begin like it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who tries to sign in as somebody.

    Args:
        source: where from.
        device: on what, if that user signed in on it before.
    """

    source: str
    device: str | None = None


class Callers:
    """Tells callers apart.

    Args:
        key: a secret that all hubs share; what this module makes of it is used for nothing else.
        clock: for the day.
    """

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def caller(self, connection: HTTPConnection, user: str) -> Caller:
        """Who tries to sign in as `user`."""
        return Caller(self.source(connection), self._device(connection, user))

    def source(self, connection: HTTPConnection) -> str:
        """Where it comes from: a proxy that is trusted (FORWARDED_ALLOW_IPS) says it for others."""
        address = _address(connection)
        where = str(address) if address else connection.client.host if connection.client else ""
        return self._sign("source", self._clock.now().date().isoformat(), where)

    def sender(self, connection: HTTPConnection) -> str:
        """Where an alarm comes from; "" where that tells a proxy, or a network of one's own, and not a person."""
        address = _address(connection)
        own = address is None or any(address in network for network in _OWN)
        return "" if own else self.source(connection)

    def cookie(self, user: str) -> tuple[str, str]:
        """(name, value) of what makes a device known to `user`: one for each, for a desk has many officers."""
        number = secrets.token_urlsafe(_ID_BYTES)
        return _cookie(user), f"{number}.{self._sign('device', user, number)}"

    def _device(self, connection: HTTPConnection, user: str) -> str | None:
        number, _, sign = connection.cookies.get(_cookie(user), "").partition(".")
        right = self._sign("device", user, number)
        return number if number and hmac.compare_digest(sign.encode(), right.encode()) else None

    def _sign(self, *about: str) -> str:
        digest = hmac.new(self._key, "\0".join(about).encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:_SIGN_BYTES]).decode()


def _address(connection: HTTPConnection) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Of IPv6 what all addresses of one line have in common."""
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or ipaddress.ip_network((address, _NETWORK), strict=False).network_address
    return address


def _cookie(user: str) -> str:
    return _COOKIE + hashlib.sha256(user.encode()).hexdigest()[:8]
