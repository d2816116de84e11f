"""Logs and metrics: one JSON line per event on standard error, OpenMetrics at /metrics.

Never the citizen's words, place or address: log events carry ids and codes only; the server's access log is off.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import REGISTRY
from starlette.requests import Request
from starlette.responses import Response


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
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))  # libraries speak up only when something is wrong
    logging.getLogger("uvicorn.access").disabled = True  # addresses and user agents are nobody's business


async def metrics(request: Request) -> Response:
    """Metrics as OpenMetrics text; counts only, nothing of any alarm."""
    text: bytes = generate_latest(REGISTRY)  # type: ignore[no-untyped-call]
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()
