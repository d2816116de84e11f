"""The key with which this deployment signs what it pushes, and the secret of receipts that is derived from it.

From the settings, or made at the first start in the data folder (mode 0600). Hubs on several machines must share one:
browsers take pushes only from the key that they subscribed to. Field's terms: VAPID (RFC 8292), application server key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from dispatch.alarm import errors
from dispatch.alarm.clock import to_ms
from dispatch.alarm.errors import Refused

_SIGNED_FOR = timedelta(hours=12)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256


class KeyUnusable(Exception):
    """The file is not a key, or cannot be read."""


def open_vapid_key(data: Path | None) -> str:
    """The private key in the data folder, made when there is none: 43 characters of base64url. No folder: a new key.

    Raises:
        KeyUnusable: it cannot be made or read, or is none.
    """
    if data is None:
        return new_vapid_key()
    path = data / "keys" / "vapid.key"
    try:
        if not path.exists():
            _make(path)
        text = path.read_text(encoding="ascii").strip()
        if not 0 < int.from_bytes(decoded(text)) < _ORDER:
            raise ValueError("it is no key of the curve P-256")
    except (OSError, ValueError) as fault:
        raise KeyUnusable(
            f"{path}: cannot be used as the key of web push ({fault}); restore it, or remove it and have every phone"
            " subscribe again"
        ) from None
    return text


def new_vapid_key() -> str:
    """A new private key."""
    return _text((secrets.randbelow(_ORDER - 1) + 1).to_bytes(32))


def _make(path: Path) -> None:
    """Write a new key so that a crash leaves a whole one or none, and two starts at once agree on one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(new_vapid_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # another start was first: its key is the key
    finally:
        fresh.unlink()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt is about, as its token says."""

    alarm: str
    user: str
    subscription: str
    kind: str
    step: int | None
    loop: int | None


class Signer:
    """Signs requests to push services, and the tokens of receipts.

    Args:
        key: the private key.
        contact: whom a push service may write to: mailto: or https:.
    """

    def __init__(self, key: str, contact: str) -> None:
        self._vapid = Vapid02.from_raw(key.encode())
        self._contact = contact
        self._secret = hmac.digest(decoded(key), b"fujin receipts", hashlib.sha256)
        self._signed: dict[str, tuple[datetime, dict[str, str]]] = {}
        point = ec.derive_private_key(int.from_bytes(decoded(key)), ec.SECP256R1()).public_key()
        self.public = _text(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        """As browsers want it: base64url of the uncompressed point."""

    def headers(self, origin: str, now: datetime) -> dict[str, str]:
        """`Authorization` for a push service; signed anew in time."""
        until, headers = self._signed.get(origin, (now, {}))
        if until - now < _SIGNED_FOR / 2:
            until = now + _SIGNED_FOR
            headers = self._vapid.sign({"aud": origin, "exp": to_ms(until) // 1000, "sub": self._contact})
            if len(self._signed) > 1000:
                self._signed.clear()
            self._signed[origin] = (until, headers)
        return headers

    def token(self, receipt: Receipt) -> str:
        """What a device proves with that it got this very message; goes only inside the encrypted push."""
        body = orjson.dumps([receipt.alarm, receipt.user, receipt.subscription, receipt.kind, receipt.step,
                             receipt.loop])  # fmt: skip
        return f"{_text(body)}.{_text(self._mark(body))}"

    def receipt(self, token: str) -> Receipt:
        """What `token` is about.

        Raises:
            Refused: `not_found`: it is none of ours.
        """
        text, _, mark = token.partition(".")
        try:
            body = decoded(text)
            if hmac.compare_digest(self._mark(body), decoded(mark)):
                members: list[Any] = orjson.loads(body)
                return Receipt(*members)
        except ValueError:
            pass
        raise Refused(errors.NOT_FOUND, "token: there is no such message")

    def _mark(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, hashlib.sha256)[:16]


def decoded(text: str) -> bytes:
    """What this base64url means, padded or not.

    Raises:
        ValueError: it is none.
    """
    bare = text.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
