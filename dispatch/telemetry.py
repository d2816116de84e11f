"""Logs and metrics: one JSON line per event on standard error, OpenMetrics at /metrics.

Never the citizen's words, place or address: log events carry ids and codes only; the server's access log is off.
Workers of one machine keep their metrics in files, and each tells the sum of all.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import structlog
from prometheus_client import values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import REGISTRY, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

_KINDS = ("counter", "histogram", "gauge_all", "gauge_livesum", "gauge_mostrecent")
_FILE_BYTES = 1 << 18  # some thousand numbers
_SAID_AGAIN_AFTER = timedelta(minutes=1)
_MOST_SAID = 1000
_registry = REGISTRY


def set_up(level: str) -> None:
    """Log at `level` (debug, info, warning, error), ours and the libraries' alike."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, Seldom(), structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # In one write: lines of workers, which share standard error, must not run into one another.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
            foreign_pre_chain=shared,
        )
    )
    handler.addFilter(_not_cancelled)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))  # libraries speak up only when something is wrong
    logging.getLogger("uvicorn.access").disabled = True  # addresses and user agents are nobody's business


class Seldom:
    """Lets the same warning or error through once a minute, so that a store that is away for hours fills no disk.

    The same is what has the same event and the same values; those that were left out are counted in the next one. At
    most a thousand are remembered: beyond that the oldest is said again.
    """

    def __init__(self) -> None:
        self._said: dict[str, tuple[datetime, int]] = {}

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event["level"] not in ("warning", "error", "critical"):
            return event
        at = datetime.fromisoformat(event["at"])
        what = repr(sorted((name, repr(value)) for name, value in event.items() if name != "at"))
        last, left_out = self._said.pop(what, (None, 0))
        if last is not None and at - last < _SAID_AGAIN_AFTER:
            self._said[what] = (last, left_out + 1)
            raise structlog.DropEvent
        self._said[what] = (at, 0)
        if len(self._said) > _MOST_SAID:
            del self._said[next(iter(self._said))]
        return {**event, "left_out": left_out} if left_out else event


def share_metrics(folder: Path, number: int) -> None:
    """Keep this process's metrics in `folder`, as worker `number`; call it before any metric is made.

    A worker that is started again goes on counting where the one before it ended. The files have their full size from
    the start, because a disk that is full when a mapped page is first written ends the process.
    """
    for kind in _KINDS:
        file = os.open(folder / f"{kind}_{number}.db", os.O_RDWR | os.O_CREAT, 0o600)
        os.posix_fallocate(file, 0, _FILE_BYTES)
        os.close(file)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    global _registry
    _registry = CollectorRegistry()
    MultiProcessCollector(_registry, str(folder))  # type: ignore[no-untyped-call]


def empty_folder(folder: Path) -> Path:
    """`folder` for the metrics of workers, made or emptied of those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    return folder


def forget_live(folder: Path, number: int) -> None:
    """Worker `number` has ended: what it counted stays, what it had at the moment (such as its consoles) is gone."""
    mark_process_dead(number, str(folder))  # type: ignore[no-untyped-call]


async def metrics(request: Request) -> Response:
    """Metrics as OpenMetrics text; counts only, nothing of any alarm."""
    text: bytes = generate_latest(_registry)  # type: ignore[no-untyped-call]
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _not_cancelled(record: logging.LogRecord) -> bool:
    """A server that stops tells in one line how many requests it cancelled; their tracebacks tell nothing more."""
    return not (record.exc_info and record.exc_info[0] is asyncio.CancelledError)


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()
