"""From a checked message to a command, and whether a citizen is who they say. Pure.

The store never sees a secret or a cancel number, only their hashes. Field's term: call intake, admission.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from dispatch.alarm import errors
from dispatch.alarm.commands import Plan, Raise
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import Position, RaiseBody
from dispatch.alarm.state import Alarm
from dispatch.alarm.views import receipt_code
from dispatch.intake.understand import CUT


def secret_hash(secret: str) -> str:
    """Hash of a secret; it has 128 random bits or more, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def pin_hash(secret: str, pin: str | None) -> str:
    """Hash of the cancel number under the secret, which is not stored: four digits alone could be tried out."""
    return "" if pin is None else hmac.new(secret.encode(), pin.encode(), hashlib.sha256).hexdigest()


def knows(secret: str, stored_hash: str) -> bool:
    """Whether `secret` is the alarm's; takes the same time either way."""
    return hmac.compare_digest(secret_hash(secret), stored_hash)


def under_duress(secret: str, pin: str | None, stored_hash: str) -> bool:
    """Whether a cancel was asked for without the number that was chosen for it; the same time either way."""
    return not hmac.compare_digest(pin_hash(secret, pin), stored_hash)


def position_members(position: Position | None) -> Mapping[str, Any] | None:
    """The position as it was received, without what was not sent."""
    return None if position is None else position.model_dump(exclude_none=True)


def to_command(
    body: RaiseBody,
    station: str,
    backups: tuple[str, ...],
    why: str,
    channel: str,
    rest: str = "",
    burst: str | None = None,
    quiet: bool | None = None,
) -> Raise:
    """The command for a checked alarm, or plan of one, that routing gave to `station`.

    A plan keeps the whole of its text: nobody talks about it before it is raised.
    """
    said: dict[str, Any] = {
        "station": station, "backups": backups, "why": why, "code": receipt_code(body.id), "kind": body.kind,
        "lang": body.lang, "channel": channel, "category": body.category, "needs": tuple(body.needs),
        "text": body.text or None, "position": position_members(body.position), "place": body.place or None,
        "burst": burst, "quiet": quiet,
    }  # fmt: skip
    if body.check_in_s is None:
        return Raise(**said, rest=rest)
    whole = (body.text or "").removesuffix(CUT) + rest.removeprefix(CUT) if rest else said["text"]
    return Plan(**{**said, "text": whole}, within_s=body.check_in_s)


def room_for(alarm: Alarm, limits: Mapping[str, int]) -> None:
    """Whether the citizen may say one more thing.

    Raises:
        Refused: `too_many`; all that was said before is kept.
    """
    said, size = alarm.tally.get("said", 0), alarm.tally.get("bytes", 0)
    if said >= limits["say_per_alarm"]:
        raise Refused(errors.TOO_MANY, f"text: this alarm has {said} already; at most {limits['say_per_alarm']}")
    if size >= limits["say_bytes"]:
        raise Refused(errors.TOO_MANY, f"text: this alarm has {size} bytes already; at most {limits['say_bytes']}")
