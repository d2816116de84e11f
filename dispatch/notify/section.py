"""The table `[notify]` of dispatch.toml: keys, defaults, ranges. The file itself explains every key."""

from __future__ import annotations

import base64
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dispatch.alarm.faults import Table


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"]+", value):
        raise ValueError('must be an address such as "https://example.org/hooks/fujin"')
    return value


def _hook_secret(value: str) -> str:
    try:
        size = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not value.startswith("whsec_") or not 24 <= size <= 64:
        raise ValueError('must be "whsec_" and 24 to 64 bytes in base64')
    return value


class Messenger(Table):
    """One address of a messenger or telephone service, for some officers or for whole stations."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$", description="1 to 32 of a-z, 0-9 and -")
    url: str = Field(min_length=4, pattern=r"^[a-zA-Z0-9]+://", repr=False, description="an address of apprise")
    officers: tuple[str, ...] = Field(default=(), strict=False, description="a list")
    stations: tuple[str, ...] = Field(default=(), strict=False, description="a list")


HOOKED = (
    "alarm_raised", "step_run", "alarm_unanswered", "alarm_acknowledged", "alarm_taken", "alarm_released",
    "owner_reminded", "alarm_en_route", "alarm_on_scene", "alarm_closed", "alarm_reopened", "alarm_overdue",
)  # fmt: skip
"""The events that webhooks can be told of."""


class Webhook(Table):
    """One address that is told of alarms' events by signed requests (Standard Webhooks)."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$", description="1 to 32 of a-z, 0-9 and -")
    url: Annotated[str, AfterValidator(_address)]
    secret: Annotated[str, AfterValidator(_hook_secret)] = Field(repr=False)
    stations: tuple[str, ...] = Field(default=(), strict=False, description="a list; empty for all")
    events: tuple[Literal[HOOKED], ...] = Field(default=HOOKED, strict=False, description="a list")  # type: ignore[valid-type]


class Notify(Table):
    push: bool = True
    vapid_key: str = Field(
        default="", pattern=r"^([A-Za-z0-9_-]{43})?$", repr=False, description='43 characters of base64url, or ""'
    )
    contact: str = Field(
        default="", pattern=r"^((mailto:[^@\s]+@[^@\s]+|https://[^\s<>\"]+))?$",
        description='"mailto:" and an address, an https:// address, or ""',
    )  # fmt: skip
    lang: Literal["zh", "en"] = Field(default="zh", description='"zh" or "en"')
    ttl_s: int = Field(default=120, ge=1, le=86_400)
    timeout_s: float = Field(default=8, ge=0.1, le=60)
    at_once: int = Field(default=64, ge=1, le=1024)
    per_host: int = Field(default=16, ge=1, le=1024)
    waiting: int = Field(default=10_000, ge=100, le=1_000_000)
    subscriptions: int = Field(default=5, ge=1, le=50)
    silent_after_s: float = Field(default=3600, ge=10, le=604_800)
    private_hosts: bool = False
    proxy: str = Field(default="", pattern=r"^((https?|socks5)://.+)?$", repr=False, description='"" or an address')
    repeats: int = Field(default=3, ge=0, le=10_000)
    messenger_processes: int = Field(default=4, ge=1, le=64)
    messenger_timeout_s: float = Field(default=20, ge=1, le=120)
    webhook_attempts: int = Field(default=10, ge=1, le=20)
    deliveries: int = Field(default=1000, ge=10, le=100_000)
    messengers: tuple[Messenger, ...] = Field(default=(), strict=False, repr=False, description="a list of tables")
    webhooks: tuple[Webhook, ...] = Field(default=(), strict=False, repr=False, description="a list of tables")
