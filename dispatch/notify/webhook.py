"""The signature of a webhook, over id, time and body, so that none can be forged or played again later. Pure.

Field's term: Standard Webhooks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from dispatch.alarm.clock import to_ms


def headers(secret: str, message: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers of one attempt. `message` stays the same in every attempt: by it a receiver knows a repetition.

    Args:
        secret: `whsec_` and the key in base64.
        message: the message's id.
        now: when the attempt is made.
        body: exactly as it is sent.
    """
    name = hashlib.sha256(message.encode()).hexdigest()[:32]  # a dot would make what is signed ambiguous
    at = to_ms(now) // 1000
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"msg_{name}.{at}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json", "webhook-id": f"msg_{name}", "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }  # fmt: skip
