"""Hands one message to a messenger or telephone service, through apprise in a process of its own that is ended in time.

The process gets the address by a pipe, never as an argument that others on the machine could read. Nothing of the
citizen is in a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import orjson

import dispatch
from dispatch.notify.net import Answer
from dispatch.notify.outbox import Job
from dispatch.pipes import give

_ROOT = str(Path(dispatch.__file__).resolve().parent.parent)

Message = Callable[[Job], tuple[str, str]]
"""(job) -> title and text."""


async def tell(url: str, title: str, body: str, timeout_s: float, proxy: str = "") -> Answer:
    """One attempt; every fault is an answer too.

    Args:
        url: the address, as apprise has it.
        title: of the message.
        body: its text.
        timeout_s: the process has ended after so long.
        proxy: through which it goes.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-B", "-m", "dispatch.notify.messenger_worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=_environment(proxy), cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(timeout_s):
            told = await _talk(process, orjson.dumps({"url": url, "title": title, "body": body}))
    except TimeoutError:
        return Answer(0, why="no answer in time")
    except ConnectionError:
        return Answer(0, why="not taken")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    answer = told.decode(errors="replace").strip()
    if answer == "sent":
        return Answer(200)
    return Answer(0, why="no such service" if answer == "unknown" else "not taken", final=answer == "unknown")


async def _talk(process: asyncio.subprocess.Process, job: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise BrokenPipeError("no pipes")
    await give(process.stdin, job)
    process.stdin.close()
    told = await process.stdout.read()
    await process.wait()
    return told


def _environment(proxy: str) -> dict[str, str]:
    kept = {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ
    }
    through = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy} if proxy else {}
    return {**kept, **through, "PYTHONPATH": _ROOT, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
