"""Counts each request and each socket among the hub's work, from its head to its end: the server starts their tasks.

What waits for what its peer sends next, a message or the rest of a body, is nobody's work meanwhile. Pure ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch.alarm.work import Work

WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
"""Methods of which no request has a body that anybody reads."""


class UnderWay:
    """An application whose requests are known to be under way.

    Args:
        application: what answers them.
        work: of the hub.
    """

    def __init__(self, application: ASGIApp, work: Work) -> None:
        self._application = application
        self._work = work

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Called in the task of the request, which it hands on as it is: a wait less for each of its steps."""
        if scope["type"] == "lifespan":
            return self._application(scope, receive, send)

        async def received() -> Message:
            return await self._work.outside(receive())

        self._work.adopt(f"{scope['type']} {scope['path']}")
        waits = scope["type"] == "websocket" or scope["method"] not in WITHOUT_BODY
        return self._application(scope, received if waits else receive, send)
