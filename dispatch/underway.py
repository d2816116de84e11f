"""Counts each request and each socket among the hub's work, from its head to its end: the server starts their tasks.

A socket that waits for what its peer sends next is nobody's work meanwhile. Pure ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch.alarm.work import Work


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
        return self._application(scope, received if scope["type"] == "websocket" else receive, send)
