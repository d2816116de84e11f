"""Sends what is asked of the store in one turn of the loop together, on one connection: a pipeline that nobody writes.

The client's work for a command (taking a connection, the guards around each read and write) is then paid once for all
that came at the same time. Each answer, and each error, goes to who asked. Field's terms: automatic pipelining,
request coalescing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from dispatch.alarm.work import end

MOST = 256
"""Commands of one pipeline: more are sent as several, side by side, so that no answer waits for a thousand others."""

_Asked = tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]


class Together(Redis):
    """A client like any other. Not for commands that wait in the store, which would hold up their neighbours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._asked: list[_Asked] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute a command and return a parsed response."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._send)
        self._asked.append((args, options, answer))
        return await answer

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        for at in range(0, len(asked), MOST):
            task = asyncio.create_task(self._execute(asked[at : at + MOST]))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _execute(self, asked: list[_Asked]) -> None:
        try:
            answers = await self._answers(asked)
        except Exception as fault:
            answers = [fault] * len(asked)
        except asyncio.CancelledError:
            for *_, waits in asked:
                waits.cancel()
            raise
        for (*_, waits), answer in zip(asked, answers, strict=True):
            if waits.done():
                continue  # who asked has given up
            if isinstance(answer, Exception):
                waits.set_exception(answer)
            else:
                waits.set_result(answer)

    async def _answers(self, asked: list[_Asked]) -> list[Any]:
        if len(asked) == 1:
            args, options, _ = asked[0]
            return [await super().execute_command(*args, **options)]  # type: ignore[no-untyped-call]
        pipe = self.pipeline(transaction=False)
        for args, options, _ in asked:
            pipe.execute_command(*args, **options)
        return list(await pipe.execute(raise_on_error=False))

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections; what is under way is given up."""
        await end(self._sending)
        await super().aclose(close_connection_pool)
