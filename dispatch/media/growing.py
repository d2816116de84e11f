"""A recording as a sterile copy that grows with it: AAC in fragmented MP4, one channel. Runs in the live worker only.

What is missing is silence of its length, and said. Never waits for sound it was not told of; never copies a tag.
Field's terms: transcoding, fragmented MP4, initialisation segment.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame

from dispatch.media.formats import HEAD_BYTES, form_of
from dispatch.media.sound import known, resampled, silence
from dispatch.media.unreadable import Unreadable

RATE = 24_000
BITS_PER_S = 32_000
_FRAGMENT_US = 200_000
_MOST_PER_CHUNK_S = 10
_USUAL_CHUNK_S = 1.0
_SHORTEST_GAP_S = 0.05
_PACKETS_LOOKED_AT = 4
_OPTIONS = {"fflags": "+bitexact", "movflags": "empty_moov+default_base_moof+skip_trailer",
            "frag_duration": str(_FRAGMENT_US)}  # fmt: skip


class Feed:
    """The original as a reader of sound wants it: bytes in order, of which `more` brings the next.

    Args:
        more: () -> the next chunk; a number of chunks that are missing; None at the end. Called when all is used up.
    """

    def __init__(self, more: Callable[[], bytes | int | None]) -> None:
        self._more = more
        self._held = b""
        self._read = 0
        self.ended = False
        self.chunks = 0
        self.breaks: deque[tuple[int, int]] = deque()
        """(first byte after it, missing chunks) of each gap that was not reached yet."""

    def begin(self) -> bytes:
        """The first chunk's first bytes, which still are to be read."""
        self._fill()
        return self._held[:HEAD_BYTES]

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        self._fill()
        part, self._held = self._held[:size], self._held[size:]
        self._read += len(part)
        return part

    def _fill(self) -> None:
        while not self._held and not self.ended:
            match self._more():
                case None:
                    self.ended = True
                case int() as missing:
                    self.breaks.append((self._read, missing))
                case data:
                    self._held = data
                    self.chunks += 1


class Growing:
    """The copy so far.

    Args:
        more: as of `Feed`; when it is called, all that can be made of what came before is in `taken`.
        most_s: seconds that it may have.
    """

    def __init__(self, more: Callable[[], bytes | int | None], most_s: int) -> None:
        self._feed = Feed(more)
        self._most = most_s * RATE
        self._out = _Out()
        self._samples = 0
        self._gaps: list[tuple[float, float]] = []

    @property
    def seconds(self) -> float:
        return round(self._samples / RATE, 3)

    def taken(self) -> tuple[bytes, list[tuple[float, float]]]:
        """What was made since this was last asked: bytes, and (at, length) in seconds of each gap."""
        gaps, self._gaps = self._gaps, []
        return self._out.taken(), gaps

    def run(self) -> None:
        """Make all of it.

        Raises:
            Unreadable: as `sound.copy`.
        """
        form = form_of(self._feed.begin())
        if form is None or not form.reader:
            raise Unreadable("unknown_format")
        try:
            with av.open(self._feed, "r", format=form.reader) as source:
                if not source.streams.audio:
                    raise Unreadable("no_sound")
                if not known(source.streams.audio[0].codec_context.name):
                    raise Unreadable("unknown_format")
                self._encode(source)
        except (av.FFmpegError, ValueError, EOFError):
            raise Unreadable("broken") from None
        if not self._samples:
            raise Unreadable("truncated")
        if not self._feed.ended:
            raise Unreadable("broken")

    def _encode(self, source: Any) -> None:
        with av.open(self._out, "w", format="mp4", container_options=_OPTIONS) as target:
            coder = target.add_stream("aac", rate=RATE, layout="mono")
            coder.bit_rate = BITS_PER_S
            coder.codec_context.flags |= int(av.codec.context.Flags.bitexact)  # no name of a program in the sound
            for frame in resampled(self._frames(source), RATE):
                frame.pts, frame.time_base = self._samples, Fraction(1, RATE)
                self._samples += frame.samples
                if self._samples > self._most:
                    raise Unreadable("too_long")
                target.mux(coder.encode(frame))
            if self._samples:
                target.mux(coder.encode(None))

    def _frames(self, source: Any) -> Iterator[AudioFrame]:
        stream = source.streams.audio[0]
        stream.codec_context.thread_count = 1
        rate = stream.codec_context.sample_rate or RATE
        for packet in self._with_gaps(source.demux(stream)):
            if isinstance(packet, float):
                self._gaps.append((self.seconds, round(packet, 3)))
                yield from _pause(packet, rate)
                continue
            try:
                yield from packet.decode()
            except av.EOFError:
                return
            except av.FFmpegError:
                if self._samples:
                    yield from _pause(_length(packet), rate)

    def _with_gaps(self, packets: Iterator[Any]) -> Iterator[Any]:
        """The packets, and where chunks are missing the seconds that they were."""
        due: float | None = None
        held: list[Any] = []
        missing, jump = 0, 0.0
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                break  # the end, or where it was cut
            while self._feed.breaks and packet.pos is not None and packet.pos >= self._feed.breaks[0][0]:
                missing += self._feed.breaks.popleft()[1]
            at = _seconds(packet.pts, packet)
            if missing and at is not None and due is not None:
                jump = max(jump, at - due)
            due = None if at is None else at + _length(packet)
            if not missing:
                yield packet
                continue
            # The first one after a gap may still be counted from where the part before it began.
            held.append(packet)
            if jump > _SHORTEST_GAP_S or len(held) == _PACKETS_LOOKED_AT:
                yield self._gap(missing, jump)
                yield from held
                held, missing, jump = [], 0, 0.0
        if missing and held:
            yield self._gap(missing, jump)
            yield from held

    def _gap(self, missing: int, jump: float) -> float:
        """Seconds for `missing` chunks: what the recording's own times say where they can be believed."""
        most = float(missing * _MOST_PER_CHUNK_S)
        if _SHORTEST_GAP_S < jump <= most:
            return jump
        before = self._feed.chunks - 1
        return min(most, missing * (self.seconds / before if self._samples and before else _USUAL_CHUNK_S))


def _seconds(count: int | None, packet: Any) -> float | None:
    return float(count * packet.time_base) if count is not None and packet.time_base else None


def _length(packet: Any) -> float:
    return _seconds(packet.duration, packet) or 0.0


def _pause(seconds: float, rate: int) -> Iterator[AudioFrame]:
    left = int(seconds * rate)
    while left > 0:
        yield silence(left, rate)
        left -= rate


class _Out(io.RawIOBase):
    """Where the muxer writes; it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        made, self._parts = b"".join(self._parts), []
        return made
