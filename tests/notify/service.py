"""A push service on loopback that speaks the protocol, and the devices behind it, which decrypt what came.

The decryption is written here from RFC 8188 and RFC 8291 and shares no code with what encrypted.
"""

import asyncio
import base64
import hmac
import json
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.flow.people import Officer
from tests.flow.town import Server, Town
from tests.patience import PATIENCE_S


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def data(of: str) -> bytes:
    return base64.urlsafe_b64decode(of + "=" * (-len(of) % 4))


def expand(key: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA-256 (RFC 5869) for at most one block."""
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\x01", "sha256")[:size]


async def settles(town: Town) -> None:
    """Wait until no attempt is under way."""
    async with asyncio.timeout(PATIENCE_S):
        for hub in town.hubs:
            for sender in hub.dispatch.notify.senders:
                while sender.busy:
                    await asyncio.sleep(0)


@dataclass(slots=True)
class Push:
    """One message as the service got it."""

    headers: dict[str, str]
    body: bytes
    says: dict[str, Any]


@dataclass(slots=True)
class Device:
    """A browser that subscribed. `answers` are what the service says to the next messages, 201 when there are none."""

    service: "Service"
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    answers: list[Any] = field(default_factory=list)
    got: list[Push] = field(default_factory=list)
    asked: int = 0
    id: str = ""

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> dict[str, Any]:
        return {
            "endpoint": f"{self.service.url}/push/{self.name}", "lang": "zh",
            "keys": {"p256dh": text(self.point), "auth": text(self.auth)},
        }  # fmt: skip

    async def subscribes(self, officer: Officer, **members: Any) -> "Device":
        answer = await officer.http.put("/notify/push", json={**self.subscription, **members})
        assert answer.status_code == 200, answer.text
        self.id = answer.json()["id"]
        self.service.devices[self.name] = self
        return self

    async def gets(self, number: int = 1) -> Push:
        """Wait until so many messages have come; the last of them."""
        async with asyncio.timeout(PATIENCE_S), self.service.came:
            await self.service.came.wait_for(lambda: len(self.got) >= number)
        return self.got[number - 1]

    async def is_asked(self, number: int) -> None:
        """Wait until so many attempts were made, answered or not."""
        async with asyncio.timeout(PATIENCE_S), self.service.came:
            await self.service.came.wait_for(lambda: self.asked >= number)

    async def tells(self, officer: Officer, push: Push, what: str) -> int:
        """What its service worker does when it showed or opened the message."""
        told = {"token": push.says["token"], "what": what}
        return (await officer.http.post("/notify/receipts", json=told, headers={"cookie": ""})).status_code

    def decrypts(self, body: bytes) -> bytes:
        """RFC 8291 over RFC 8188: one record of aes128gcm."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        secret = expand(
            self.key.exchange(ec.ECDH(), theirs), self.auth, b"WebPush: info\0" + self.point + sender, 32
        )  # fmt: skip
        key = expand(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = expand(secret, salt, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain[-1] == 2, "the last record ends with 2"
        return plain[:-1]


class Service:
    """The push service."""

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.came = asyncio.Condition()
        self.signed_by: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def device(self) -> Device:
        """A new browser."""
        return Device(self)

    async def is_asked(self, number: int) -> None:
        """Wait until so many attempts were made, for whichever device; not more."""
        async with asyncio.timeout(PATIENCE_S), self.came:
            await self.came.wait_for(lambda: sum(device.asked for device in self.devices.values()) >= number)
        assert sum(device.asked for device in self.devices.values()) == number

    async def pushed(self, request: Request) -> Response:
        device = self.devices.get(request.path_params["device"])
        if device is None:
            return Response(status_code=404)
        body = await request.body()
        self.check(request)
        device.asked += 1
        answer = device.answers.pop(0) if device.answers else 201
        async with self.came:
            self.came.notify_all()
        if isinstance(answer, asyncio.Event):  # it hangs until the test lets it go
            await answer.wait()
            return Response(status_code=503)
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        if status < 300:
            says = json.loads(device.decrypts(body))
            async with self.came:
                device.got.append(Push(dict(request.headers), body, says))
                self.came.notify_all()
        return Response(status_code=status, headers=headers)

    def check(self, request: Request) -> None:
        """RFC 8292: signed for this service, by the key that it names, for at most a day; RFC 8030: TTL."""
        scheme, _, rest = request.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        head, claims, signature = parts["t"].split(".")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data(parts["k"]))
        r, s = (int.from_bytes(half) for half in (data(signature)[:32], data(signature)[32:]))
        key.verify(utils.encode_dss_signature(r, s), f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        told = json.loads(data(claims))
        assert told["aud"] == self.url
        assert told["sub"].startswith("mailto:")
        assert isinstance(told["exp"], int)
        assert int(request.headers["ttl"]) > 0
        assert request.headers["urgency"] in ("normal", "high")
        assert 0 < len(request.headers["topic"]) <= 32
        assert request.headers["content-encoding"] == "aes128gcm"
        self.signed_by.append(parts["k"])

    @asynccontextmanager
    async def serves(self) -> AsyncIterator["Service"]:
        app = Starlette(routes=[Route("/push/{device}", self.pushed, methods=["POST"])])
        server = Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off",
                                       timeout_graceful_shutdown=1))  # fmt: skip
        task = asyncio.create_task(server.serve(sockets=[self._listener]))
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:
                await asyncio.sleep(0)
        try:
            yield self
        finally:
            server.leave()
            await task
