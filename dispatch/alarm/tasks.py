"""Ends background tasks for good: a cancellation is repeated until it is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_S = 0.2


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and wait until all have ended, however they did.

    On Python 3.11 a command to the store can swallow a cancellation (`asyncio.wait_for` there returns normally when the
    answer came at the same instant), so one is not enough.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=_AGAIN_S)
        await asyncio.gather(*ended, return_exceptions=True)
