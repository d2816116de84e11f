"""What supervisors and officers must know of the system itself: its store is unsafe, full, away or went back, or late.

Gathered from the stages that find it, told to every console when it changes, and given to pages. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dispatch.alarm.clock import to_text
from dispatch.alarm.errors import Refused

log = structlog.get_logger()
NOTICE_EVERY_S = 2.0
REMEMBERED = timedelta(days=1)
"""For so long the past is told: a store that went back, a deadline that was late."""


class Notices:
    """The notices of one hub.

    Args:
        reach: fails when the store does not answer.
        wrong: what else is wrong at present.
        restored: (partition -> when it was found to have gone back).
        late: (since) -> notices of deadlines that were late since then, on any hub.
        tell: sends one message to every console.
    """

    def __init__(
        self, *, reach: Callable[[], Awaitable[None]], wrong: Callable[[], Iterable[dict[str, Any]]],
        restored: Callable[[], dict[int, datetime]], late: Callable[[datetime], Awaitable[list[dict[str, Any]]]],
        tell: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._reach = reach
        self._wrong = wrong
        self._restored = restored
        self._late = late
        self._tell = tell
        self._were_late: list[dict[str, Any]] = []
        self.away_since: datetime | None = None
        self.current: list[dict[str, Any]] = []

    def message(self) -> dict[str, Any]:
        """As consoles get it."""
        return {"type": "notices", "notices": self.current}

    def lives(self) -> bool:
        """Whether the store answered when it was asked last."""
        return self.away_since is None

    async def look(self, now: datetime) -> None:
        """See whether the store answers."""
        try:
            await self._reach()
            self.away_since = None
        except Refused as refused:
            self.away_since = self.away_since or now
            log.warning("store_away", why=refused.message)

    async def step(self, now: datetime) -> None:
        """Tell every console when something changed."""
        since = now - REMEMBERED
        found = [*self._wrong()]
        if self.away_since is not None:
            found.append({"code": "store_away", "since": to_text(self.away_since)})
        for partition, at in sorted(self._restored().items()):
            if at >= since:
                found.append({"code": "store_restored", "since": to_text(at), "partition": partition})
        try:
            self._were_late = await self._late(since)
        except Refused:
            log.debug("late_deadlines_unknown")  # the store is away: what was known is still true
        found += self._were_late
        if found != self.current:
            self.current = found
            await self._tell(self.message())


def routes(
    notices: Notices, who: Callable[[HTTPConnection], Awaitable[object]], dangers: Callable[[], Awaitable[list[Any]]]
) -> list[BaseRoute]:
    """`/notices` for whoever is signed in, `/healthz` and `/readyz` for balancers.

    Args:
        notices: what to tell.
        who: refuses who is not signed in.
        dangers: what makes the store unsafe now; raises when it does not answer.
    """

    async def shown(request: Request) -> Response:
        await who(request)
        return JSONResponse({"notices": notices.current}, headers={"cache-control": "no-store"})

    async def healthz(request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        """200 while the store answers and is safe (P1)."""
        try:
            found = await dangers()
        except Exception as fault:
            why = [f"the store does not answer ({type(fault).__name__})"]
            return JSONResponse({"ready": False, "why": why}, 503)
        return JSONResponse({"ready": not found, "why": [str(danger) for danger in found]}, 503 if found else 200)

    return [Route("/notices", shown), Route("/healthz", healthz), Route("/readyz", readyz)]
