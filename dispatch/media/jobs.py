"""Has one copy made by a worker process: feeds it the original, takes the copy, and believes nothing it says.

The worker gets pipes and numbers, never a path, a key or an address. What it answers is checked: the kind of copy is
decided here, its first bytes must be of that kind, and its size is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

import dispatch

SEGMENT_BYTES = 256 * 1024
MIME = {"photo": "image/jpeg", "audio": "audio/mp4"}
REASONS = frozenset({
    "unknown_format", "too_many_pixels", "too_long", "no_sound", "truncated", "broken", "too_much_memory",
    "copy_too_large",
})  # fmt: skip
"""Why a worker may say that there can be no copy; the hub adds `worker_died`, `damaged` and `original_too_large`."""
_ROOT = str(Path(dispatch.__file__).resolve().parent.parent)
_LINE_BYTES = 1024


class WorkerDied(Exception):
    """The worker ended, or was ended, without an answer that makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one job may use. Enforced by the kernel, except pixels and seconds of sound, which the worker counts."""

    original_bytes: int = 128 * 1024 * 1024
    copy_bytes: int = 32 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    cpu_s: int = 60
    wall_s: int = 90
    pixels: int = 64_000_000
    audio_s: int = 3600


@dataclass(frozen=True, slots=True)
class Made:
    """A copy, of `size` bytes; or why there is none."""

    size: int = 0
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    unreadable: str | None = None


async def make_copy(kind: str, original: AsyncIterator[bytes], keep: Callable[[int, bytes], Awaitable[None]],
                    limits: WorkerLimits, started: Callable[[int], None] = lambda pid: None) -> Made:  # fmt: skip
    """Have a copy made in a process of its own.

    Args:
        kind: `photo` or `audio`.
        original: its plain bytes.
        keep: gets each segment of the copy (number from 0, at most `SEGMENT_BYTES` bytes), in order.
        limits: what the process may use.
        started: told the process's number.

    Raises:
        WorkerDied: killed, over a limit, or nonsense for an answer.
        Damaged, Refused: from `original` and `keep`.
    """
    numbers = orjson.dumps({name: value for name, value in asdict(limits).items() if name != "wall_s"}).decode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-B", "-m", "dispatch.media.worker", kind, numbers,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=_environment(), cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        started(process.pid)
        async with asyncio.timeout(limits.wall_s):
            return await _talk(process, kind, original, keep, limits)
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as fault:
        raise WorkerDied(type(fault).__name__) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        # A pipe that nobody empties keeps `wait` from ever returning.
        while process.stdout is not None and await process.stdout.read(SEGMENT_BYTES):
            pass
        await process.wait()


async def _talk(process: asyncio.subprocess.Process, kind: str, original: AsyncIterator[bytes],
                keep: Callable[[int, bytes], Awaitable[None]], limits: WorkerLimits) -> Made:  # fmt: skip
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise WorkerDied("no pipes")
    async for part in original:
        stdin.write(part)
        await stdin.drain()
    stdin.close()
    made = _checked(kind, await stdout.readuntil(b"\n"), limits)
    left, number = made.size, 0
    while left:
        segment = await stdout.readexactly(min(left, SEGMENT_BYTES))
        if not number and not _looks_like(kind, segment):
            raise WorkerDied("its copy is not of the kind that was asked for")
        await keep(number, segment)
        left -= len(segment)
        number += 1
    if await stdout.read(1) or await process.wait() != 0:
        raise WorkerDied("it said more, or ended with a fault")
    return made


def _checked(kind: str, line: bytes, limits: WorkerLimits) -> Made:
    """What the worker told, if every part of it is possible."""
    try:
        told: dict[str, Any] = orjson.loads(line) if len(line) <= _LINE_BYTES else {}
        if set(told) == {"unreadable"} and told["unreadable"] in REASONS:
            return Made(unreadable=told["unreadable"])
        made = Made(**told)
    except (ValueError, TypeError):
        raise WorkerDied("its answer is not one") from None
    if kind == "photo":
        possible = _whole(made.width) and _whole(made.height) and made.duration_s is None
    else:
        possible = isinstance(made.duration_s, float) and 0 < made.duration_s <= limits.audio_s and made.width is None
    if made.unreadable is not None or not possible or not _whole(made.size) or made.size > limits.copy_bytes:
        raise WorkerDied("its answer is not possible")
    return made


def _whole(value: object) -> bool:
    return type(value) is int and value > 0


def _looks_like(kind: str, head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff") if kind == "photo" else head[4:8] == b"ftyp"


def _environment() -> dict[str, str]:
    """The least that Python needs to start; none of the hub's settings or secrets."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "PYTHONPATH": _ROOT, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
