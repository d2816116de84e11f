"""One web push: what it says, encrypted for one browser, handed to that browser's push service.

Nothing of the citizen is in it: the station's name, the alarm's receipt code and id, the step. The service sees none of
that, only its size and when. Encrypted by http-ece and sent by our own client: pywebpush waits in vain for hours, and
brings along a client that was an eighth of a hub's start.
Field's terms: RFC 8030 (push), RFC 8291 (encryption), RFC 8292 (VAPID).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import http_ece
import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from dispatch.notify.net import Answer, Outside
from dispatch.notify.outbox import Job
from dispatch.notify.subscriptions import Subscription
from dispatch.notify.vapid import Receipt, Signer, decoded

_URGENCY = {"step": "high", "reminder": "high", "taken": "normal", "test": "high"}

Words = Callable[[str], Mapping[str, str]]
"""(language) -> the catalogue of notifications."""


class WebPush:
    """Sends to push services.

    Args:
        signer: this deployment's key.
        outside: the client for addresses that clients named.
        words: the catalogue.
        station_name: (station, language) -> its name.
        ttl_s: for so long a service keeps what it cannot deliver.
    """

    def __init__(
        self, signer: Signer, outside: Outside, words: Words, station_name: Callable[[str, str], str], ttl_s: int
    ) -> None:
        self._signer = signer
        self._outside = outside
        self._words = words
        self._station_name = station_name
        self._ttl_s = ttl_s

    async def send(self, job: Job, to: Subscription, now: datetime) -> Answer:
        """One attempt."""
        parts = urlsplit(to.endpoint)
        try:
            body = encrypted(orjson.dumps(self.says(job, to)), to.p256dh, to.auth)
        except (http_ece.ECEException, ValueError) as fault:
            return Answer(400, why=f"keys: {type(fault).__name__}")
        headers = {
            **self._signer.headers(f"{parts.scheme}://{parts.netloc}", now),
            "content-encoding": "aes128gcm", "content-type": "application/octet-stream", "ttl": str(self._ttl_s),
            "urgency": _URGENCY[job.kind], "topic": topic(job),
        }  # fmt: skip
        return await self._outside.post(to.endpoint, headers, body, now)

    def says(self, job: Job, to: Subscription) -> dict[str, Any]:
        """What is in the push. The title and body are in the language that the page was read in."""
        title, body = filled(job, self._words(to.lang), self._station_name(job.station, to.lang), "push")
        receipt = Receipt(job.alarm, to.user, to.id, job.kind, job.step, job.loop)
        told = {
            "kind": job.kind, "title": title, "body": body, "alarm": job.alarm, "tag": topic(job), "lang": to.lang,
            "token": self._signer.token(receipt),
        }  # fmt: skip
        return {name: value for name, value in told.items() if value}


def encrypted(message: bytes, p256dh: str, auth: str) -> bytes:
    """The message for the browser that has these keys, both base64url: RFC 8291, one record of RFC 8188.

    Raises:
        ValueError, http_ece.ECEException: these are no keys.
    """
    return bytes(
        http_ece.encrypt(
            message, salt=secrets.token_bytes(16), private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=decoded(p256dh), auth_secret=decoded(auth), version="aes128gcm",
        )
    )  # fmt: skip


def topic(job: Job) -> str:
    """One per alarm: a later push takes the place of an earlier one, at the service and on the screen (at most 32)."""
    return hashlib.sha256((job.alarm or job.id).encode()).hexdigest()[:32]


def filled(job: Job, words: Mapping[str, str], station: str, how: str) -> tuple[str, str]:
    """(title, text) of a notification; `how`: "push" or "message"."""
    again = ".again" if job.kind == "step" and job.loop else ""
    values = {"station": station, "code": job.code, "by": job.by or "", "step": str((job.step or 0) + 1)}
    texts = words[f"{how}.{job.kind}.title"], words[f"{how}.{job.kind}{again}"]
    title, body = (re.sub(r"\{(\w+)\}", lambda name: values[name[1]], text) for text in texts)
    return title, body
