"""Watches the store while it is used: its settings, its memory, the disk of the built-in one.

A store that became unsafe is told of, and nothing is called stored on it until it is mended (P1). A store that fills is
told of well before it is full: streams are never trimmed to make room.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Gauge

from dispatch.alarm.clock import to_text
from dispatch.store import checks as store
from dispatch.store.embedded import StoreUnavailable

log = structlog.get_logger()
_USED = Gauge("dispatch_store_used_bytes", "Memory that the store uses", multiprocess_mode="mostrecent")
_LIMIT = Gauge(
    "dispatch_store_limit_bytes", "Memory that the store may use; 0 when unknown", multiprocess_mode="mostrecent"
)
_FULL_DISK = 0.9


class Health:
    """The state of one store.

    Args:
        redis: the store.
        unsafe: told why nothing may be called stored; "" when all is well.
        allowed: settings that the configuration accepts by name.
        warn_share: the part of its memory from which on a store is told to be filling.
        folder: of the built-in store; None for another.
    """

    def __init__(self, redis: Any, unsafe: Callable[[str], None], allowed: Collection[str], warn_share: float,
                 folder: Path | None) -> None:  # fmt: skip
        self._redis = redis
        self._unsafe = unsafe
        self._refused = False
        self._allowed = frozenset(allowed)
        self._warn_share = warn_share
        self._folder = folder
        self._since: dict[str, str] = {}
        self.notices: list[dict[str, Any]] = []
        """What is wrong now: `{"code", "since", ...}`."""

    async def step(self, now: datetime) -> None:
        """Look once; of a store that does not answer nothing new is known."""
        try:
            dangers = await store.dangers(self._redis)
            memory = await store.memory(self._redis)
        except StoreUnavailable as fault:
            log.warning("store_not_looked_at", why=str(fault))
            return
        _USED.set(memory.used)
        _LIMIT.set(memory.limit)
        refused = [danger for danger in dangers if danger.name not in self._allowed]
        if refused and not self._refused:
            log.error("store_unsafe", dangers=[str(danger) for danger in refused])
        self._refused = bool(refused)
        self._unsafe("; ".join(map(str, refused)))
        found: list[dict[str, Any]] = [
            {"code": "store_unsafe", "setting": d.name, "value": d.value, "mend": d.mend, "refused": d in refused}
            for d in dangers
        ]
        if memory.share >= self._warn_share:
            found.append(
                {"code": "store_filling", "used_bytes": memory.used, "limit_bytes": memory.limit,
                 "share": round(memory.share, 2)}
            )  # fmt: skip
        if self._folder is not None:
            disk = shutil.disk_usage(self._folder)
            if disk.used / disk.total >= _FULL_DISK:
                share = round(disk.used / disk.total, 2)
                found.append({"code": "disk_filling", "free_bytes": disk.free, "share": share})
        self._tell(now, found)

    def _tell(self, now: datetime, found: list[dict[str, Any]]) -> None:
        """Each with the time since which it is so."""
        kinds = [f"{notice['code']} {notice.get('setting', '')}" for notice in found]
        self._since = {kind: self._since.get(kind, to_text(now)) for kind in kinds}
        self.notices = [{**notice, "since": self._since[kind]} for notice, kind in zip(found, kinds, strict=True)]
