"""A worker process that makes one growing copy: feeds it chunks, takes what it makes, and believes nothing it says.

It gets pipes and numbers, never a path, a key or an address. Each answer comes within a time, its numbers must be
possible, and its bytes must be whole boxes of a fragmented MP4, within a bound. Field's term: sandboxed transcoder.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from dispatch.media.jobs import REASONS, WorkerDied, worker_environment
from dispatch.pipes import give

MIME = "audio/mp4"
_LINE_BYTES = 64 * 1024
_PIPE_BYTES = 128 * 1024
_BOXES = frozenset({b"ftyp", b"moov", b"moof", b"mdat"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """What one worker may use for one recording: `answer_s` seconds for a chunk, the others for the whole."""

    copy_bytes: int = 32 * 1024 * 1024
    memory_bytes: int = 512 * 1024 * 1024
    cpu_s: int = 120
    audio_s: int = 3600
    answer_s: float = 15


@dataclass(frozen=True, slots=True)
class Grown:
    """What came of a chunk: whole fragments, the seconds of the copy so far, new gaps as (at, length) in seconds."""

    made: bytes
    seconds: float
    gaps: tuple[tuple[float, float], ...] = ()


class CannotBeHeard(Exception):
    """The worker says that no copy can be made; the first argument says why, one of `jobs.REASONS`."""


class LiveWorker:
    """One process. `start` it, `feed` it in order, `end` it; `close` it whatever happened."""

    def __init__(self, process: asyncio.subprocess.Process, limits: LiveLimits) -> None:
        self._process = process
        self._limits = limits
        self._size = 0
        self._seconds = 0.0

    @classmethod
    async def start(cls, limits: LiveLimits) -> LiveWorker:
        numbers = orjson.dumps({k: v for k, v in asdict(limits).items() if k.endswith(("_bytes", "cpu_s", "audio_s"))})
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-B", "-m", "dispatch.media.live_worker", numbers.decode(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=worker_environment(), cwd="/", start_new_session=True, limit=_PIPE_BYTES,
        )  # fmt: skip
        return cls(process, limits)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def feed(self, chunk: bytes) -> Grown:
        """What the next chunk adds.

        Raises:
            CannotBeHeard: there can be no copy.
            WorkerDied: killed, too slow, over a limit, or nonsense for an answer.
        """
        return await self._ask(b"C", chunk)

    async def skip(self, missing: int) -> Grown:
        """Say that so many chunks are missing here. Raises as `feed`."""
        return await self._ask(b"G", missing.to_bytes(4, "big"))

    async def end(self) -> Grown:
        """The rest. Raises as `feed`."""
        return await self._ask(b"E", b"")

    async def close(self) -> None:
        """End the process and wait for it."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        # A pipe that nobody empties keeps `wait` from ever returning.
        while self._process.stdout is not None and await self._process.stdout.read(_PIPE_BYTES):
            pass
        await self._process.wait()

    async def _ask(self, what: bytes, body: bytes) -> Grown:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerDied("no pipes")
        try:
            async with asyncio.timeout(self._limits.answer_s):
                await give(stdin, what + len(body).to_bytes(4, "big") + body)
                told = await stdout.readuntil(b"\n")
                size, grown = self._checked(told)
                made = await stdout.readexactly(size)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as fault:
            raise WorkerDied(type(fault).__name__) from None
        if not _are_boxes(made, first=not self._size):
            raise WorkerDied("its copy is not of the kind that was asked for")
        self._size += size
        self._seconds = grown.seconds
        return Grown(made, grown.seconds, grown.gaps)

    def _checked(self, line: bytes) -> tuple[int, Grown]:
        """(size, what was told), if every part of it is possible."""
        try:
            told: dict[str, Any] = orjson.loads(line) if len(line) <= _LINE_BYTES else {}
            if "unreadable" in told and told["unreadable"] in REASONS:
                raise CannotBeHeard(told["unreadable"])
            size, seconds, gaps = told["size"], float(told["seconds"]), told["gaps"]
            found = tuple((float(at), float(length)) for at, length in gaps)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise WorkerDied("its answer is not one") from None
        possible = type(size) is int and 0 <= size <= self._limits.copy_bytes - self._size
        possible = possible and self._seconds <= seconds <= self._limits.audio_s + 1
        possible = possible and all(0 <= at <= seconds and 0 <= length <= self._limits.audio_s for at, length in found)
        if not possible:
            raise WorkerDied("its answer is not possible")
        return size, Grown(b"", seconds, found)


def _are_boxes(made: bytes, first: bool) -> bool:
    """Whether `made` is whole boxes of the kinds that a growing copy has; the very first is `ftyp`."""
    at = 0
    while at < len(made):
        size, kind = int.from_bytes(made[at : at + 4], "big"), made[at + 4 : at + 8]
        if size < 8 or kind not in _BOXES or (kind == b"ftyp") != (first and at == 0):
            return False
        at += size
    return at == len(made)
