"""What is written to a process of ours: that it has ended is one fault, on every loop."""

from __future__ import annotations

import asyncio


async def give(pipe: asyncio.StreamWriter, data: bytes) -> None:
    """Write `data` to a process's standard input; returns when it takes more.

    Raises:
        ConnectionError: it has ended. uvloop says so by a RuntimeError, which nobody expects, and asyncio only later.
    """
    if pipe.is_closing():
        raise BrokenPipeError("the process has ended")
    pipe.write(data)
    await pipe.drain()
