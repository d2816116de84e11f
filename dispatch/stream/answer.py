"""The one way to tell a person that it was done: sockets answer `ok`, routes are `vouched`, and neither can forget.

While the store may lose what it has, a request that stores is refused with `not_stored`, whatever became of it: its
sender tries again, which is always safe. Reading, and being ready, promise nothing and go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, ClassVar, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dispatch.stream.stream import Stream

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
Endpoint = Callable[[Request], Awaitable[Response]]


class Asked(Protocol):
    """A request over a socket, as `dispatch.alarm.messages` has them."""

    stores: ClassVar[bool]

    @property
    def ref(self) -> str | None: ...


def ok(stream: Stream, asked: Asked, said: dict[str, Any]) -> dict[str, Any]:
    """The positive answer to a request over a socket.

    Raises:
        Refused: `not_stored`: it stores something, and the store may lose what it has.
    """
    if asked.stores:
        stream.vouch()
    return {"type": "ok", "ref": asked.ref, **said}


def vouched(stream: Stream, routes: Iterable[BaseRoute], promise_nothing: Collection[str]) -> list[BaseRoute]:
    """The same routes; each answer to a method that changes something is given only when `stream` vouches for it.

    Args:
        stream: the record.
        routes: of the application.
        promise_nothing: paths at which also a POST or DELETE stores nothing that anybody relies on.
    """
    return [_vouched(stream, route) if _stores(route, promise_nothing) else route for route in routes]


def _stores(route: BaseRoute, promise_nothing: Collection[str]) -> bool:
    return isinstance(route, Route) and bool((route.methods or set()) - _READS) and route.path not in promise_nothing


def _vouched(stream: Stream, route: BaseRoute) -> BaseRoute:
    if not isinstance(route, Route):
        return route
    endpoint: Endpoint = route.endpoint

    async def answered(request: Request) -> Response:
        response = await endpoint(request)
        if request.method not in _READS and not getattr(request.state, "only_looked", False):
            stream.vouch()
        return response

    return Route(route.path, answered, methods=list(route.methods or ()), name=route.name)
