"""Has the copies of one media made by a worker process: feeds it the original, and believes nothing it says.

The worker gets pipes and numbers, never a path, a key or an address. What it answers is checked: which copies there are
is decided here, the first bytes of each must be of its kind, and their size is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

import dispatch
from dispatch.alarm.clock import from_text
from dispatch.media.unreadable import NOT_SHUT_IN
from dispatch.pipes import give

SEGMENT_BYTES = 256 * 1024
COPIES = {
    "photo": {"large": "image/jpeg", "small": "image/webp"},
    "audio": {"mp4": "audio/mp4", "webm": "audio/webm"},
}
"""The copies of each kind of media; the first one is meant where none is named."""
_PEAKS = 100
REASONS = frozenset({
    "unknown_format", "too_many_pixels", "too_long", "no_sound", "truncated", "broken", "too_much_memory",
    "copy_too_large", NOT_SHUT_IN,
})  # fmt: skip
"""Why a worker may say that there can be no copy; the hub adds `worker_died`, `damaged` and `original_too_large`."""
_ROOT = str(Path(dispatch.__file__).resolve().parent.parent)
_LINE_BYTES = 2048


class WorkerDied(Exception):
    """The worker ended, or was ended, without an answer that makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one job may use. Enforced by the kernel, except pixels and seconds of sound, which the worker counts."""

    original_bytes: int = 128 * 1024 * 1024
    copy_bytes: int = 64 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    cpu_s: int = 180
    wall_s: int = 300
    pixels: int = 64_000_000
    audio_s: int = 3600


@dataclass(frozen=True, slots=True)
class Made:
    """The size in bytes of each copy, and what was learnt; or why there are none."""

    copies: dict[str, int] = field(default_factory=dict)
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    peaks: list[int] | None = None
    position: dict[str, Any] | None = None
    unreadable: str | None = None


Keep = Callable[[str, int, bytes], Awaitable[None]]


async def make_copies(kind: str, original: AsyncIterator[bytes], keep: Keep, limits: WorkerLimits,
                      started: Callable[[int], None] = lambda pid: None) -> Made:  # fmt: skip
    """Have the copies made in a process of their own.

    Args:
        kind: `photo` or `audio`.
        original: its plain bytes.
        keep: gets each segment of each copy (its name, number from 0, at most `SEGMENT_BYTES` bytes), in order.
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
        env=worker_environment(), cwd="/", start_new_session=True,
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


async def standing() -> frozenset[str]:
    """Which of `sandbox.WALLS` a worker has on this machine; none: nothing is decoded here."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-B", "-m", "dispatch.media.sandbox",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=worker_environment(), cwd="/", start_new_session=True,
    )  # fmt: skip
    told, _ = await process.communicate()
    try:
        return frozenset(map(str, orjson.loads(told)))
    except orjson.JSONDecodeError:
        return frozenset()


async def _talk(process: asyncio.subprocess.Process, kind: str, original: AsyncIterator[bytes], keep: Keep,
                limits: WorkerLimits) -> Made:  # fmt: skip
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise WorkerDied("no pipes")
    async for part in original:
        await give(stdin, part)
    stdin.close()
    made = checked(kind, await stdout.readuntil(b"\n"), limits)
    for name, left in made.copies.items():
        number = 0
        while left:
            segment = await stdout.readexactly(min(left, SEGMENT_BYTES))
            if not number and not looks_like(COPIES[kind][name], segment):
                raise WorkerDied("a copy is not of the kind that was asked for")
            await keep(name, number, segment)
            left -= len(segment)
            number += 1
    if await stdout.read(1) or await process.wait() != 0:
        raise WorkerDied("it said more, or ended with a fault")
    return made


def checked(kind: str, line: bytes, limits: WorkerLimits) -> Made:
    """What the worker told, if every part of it is possible.

    Raises:
        WorkerDied: some part is not.
    """
    try:
        told: dict[str, Any] = orjson.loads(line) if len(line) <= _LINE_BYTES else {}
        if set(told) - {"position"} == {"unreadable"} and told["unreadable"] in REASONS:
            return Made(unreadable=told["unreadable"], position=_place(told.get("position")))
        made = Made(**told)
        possible = made.unreadable is None and list(made.copies) == list(COPIES[kind])
        possible = (
            possible and all(map(_whole, made.copies.values())) and sum(made.copies.values()) <= limits.copy_bytes
        )
        _place(made.position)
    except (ValueError, TypeError, AttributeError):
        raise WorkerDied("its answer is not one") from None
    if kind == "photo":
        possible = (
            possible and _whole(made.width) and _whole(made.height) and made.duration_s is None and made.peaks is None
        )
    else:
        possible = possible and made.width is None and made.height is None and isinstance(made.duration_s, float)
        possible = possible and 0 < (made.duration_s or 0) <= limits.audio_s and _are_peaks(made.peaks)
    if not possible:
        raise WorkerDied("its answer is not possible")
    return made


def _whole(value: object) -> bool:
    return type(value) is int and value > 0


def _are_peaks(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= _PEAKS and all(type(n) is int and 0 <= n <= 100 for n in value)


def _place(told: Any) -> dict[str, Any] | None:
    """The same position.

    Raises:
        ValueError, TypeError, AttributeError: it is none.
    """
    if told is None:
        return None
    numbers = {name: told[name] for name in ("lat", "lon", "accuracy_m") if name in told}
    known = {"lat", "lon"} <= set(told) <= {"lat", "lon", "accuracy_m", "at", "datum", "source"}
    if not known or not all(type(number) in (int, float) and math.isfinite(number) for number in numbers.values()):
        raise ValueError
    if abs(told["lat"]) > 90 or abs(told["lon"]) > 180 or told.get("datum") != "wgs84":
        raise ValueError
    if told.get("source") not in ("photo", "recording"):
        raise ValueError
    if "at" in told:
        from_text(told["at"])
    return dict(told)


def looks_like(mime: str, head: bytes) -> bool:
    """Whether the first bytes of a copy are those of its kind."""
    match mime:
        case "image/jpeg":
            return head.startswith(b"\xff\xd8\xff")
        case "image/webp":
            return head.startswith(b"RIFF") and head[8:12] == b"WEBP"
        case "audio/mp4":
            return head[4:8] == b"ftyp"
    return head.startswith(b"\x1aE\xdf\xa3")


def worker_environment() -> dict[str, str]:
    """The least that Python needs to start; none of the hub's settings or secrets."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "PYTHONPATH": _ROOT, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
