"""broadcaster as its documentation shows it: one channel, an alarm that is POSTed goes to every WebSocket.

Run in the peers' own environment, never in ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from broadcaster import Broadcast
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

broadcast = Broadcast("memory://")


async def console(websocket: WebSocket) -> None:
    await websocket.accept()
    async with anyio.create_task_group() as group:

        async def receive() -> None:
            async for _ in websocket.iter_text():
                pass
            group.cancel_scope.cancel()

        group.start_soon(receive)
        await send(websocket)


async def send(websocket: WebSocket) -> None:
    async with broadcast.subscribe(channel="room") as subscriber:
        async for event in subscriber:
            await websocket.send_text(event.message)


async def alarm(request: Request) -> JSONResponse:
    await broadcast.publish(channel="room", message=(await request.body()).decode())
    return JSONResponse({}, 201)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with broadcast:
        yield


app = Starlette(
    routes=[Route("/alarms", alarm, methods=["POST"]), WebSocketRoute("/console", console)], lifespan=lifespan
)
