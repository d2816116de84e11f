"""A recording as its sterile copies: AAC in MP4 and Opus in WebM, one channel, at most 48 kHz. Runs in the worker only.

Decodes as far as the recording goes; a packet that cannot be decoded is silence of its length, so times stay right.
Never copies a tag. Field's term: transcoding.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from dispatch.media import places
from dispatch.media.formats import form_of
from dispatch.media.unreadable import Unreadable

CODECS = frozenset({
    "opus", "vorbis", "aac", "amrnb", "amrwb", "amr_nb", "amr_wb", "mp2", "mp2float", "mp3", "mp3float",
    "flac", "alac", "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice",
    "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "gsm_ms",
})  # fmt: skip
"""What phones, messengers, recorders and computers make; also plain samples."""
RATES = (16000, 24000, 48000)
"""Samples per second that AAC and Opus have both."""
BITS_PER_S = {"mp4": ("aac", 48_000), "webm": ("libopus", 32_000)}
PEAKS = 100
_PEAK_S = 20
"""Parts of a second for which the loudest sample is kept while the length is not known yet."""
_EVERY = 4
"""Of so many samples one is looked at for the peaks: a picture of loudness, not a measurement."""
_PROGRAM = b"\x84Lavf"  # WebM wants a program's name: it is made to say nothing
_NO_PROGRAM = b"\x84none"
_BYTES_PER_INDEXED_FRAME = 24
_INDEX_BYTES = 4096


def warm_up() -> None:
    """Load what would be loaded late, by copying a tenth of a second of silence."""
    av.logging.set_level(None)
    copy(silent_file(), most_s=1)


def silent_file() -> bytes:
    """A tenth of a second of silence as a WAV file: what a worker tries itself on."""
    tiny = io.BytesIO()
    with wave.open(tiny, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    return tiny.getvalue()


def copy(original: bytes, most_s: int) -> tuple[dict[str, bytes], dict[str, Any]]:
    """({"mp4", "webm"}, {"duration_s", "peaks", "position"?}) of the recording in `original`.

    Raises:
        Unreadable: `unknown_format`, `no_sound`, `too_long`, `truncated`, `broken`.
    """
    form = form_of(original)
    if form is None or not form.reader:
        raise Unreadable("unknown_format")
    position = None
    try:
        with av.open(io.BytesIO(original), "r", format=form.reader) as source:
            position = _position(source)
            if not source.streams.audio:
                raise Unreadable("no_sound")
            if not known(source.streams.audio[0].codec_context.name):
                raise Unreadable("unknown_format")
            made, samples, rate, peaks = _encode(source, most_s)
        if not samples:
            raise Unreadable("truncated")
        made["mp4"] = _index_first(made["mp4"])
    except Unreadable as reason:
        reason.position = position
        raise
    except (av.FFmpegError, ValueError, EOFError):
        broken = Unreadable("broken")
        broken.position = position
        raise broken from None
    made["webm"] = made["webm"].replace(_PROGRAM, _NO_PROGRAM, 2)  # within its head, before any sound
    about = {"duration_s": round(samples / rate, 3), "peaks": peaks}
    return made, about | ({"position": position} if position else {})


def known(codec: str) -> bool:
    return codec in CODECS or codec.startswith("pcm_")


def _position(source: Any) -> dict[str, Any] | None:
    tags: dict[str, str] = {}
    for stream in source.streams:
        tags |= stream.metadata
    return places.of_tags(tags | source.metadata)


def _encode(source: Any, most_s: int) -> tuple[dict[str, bytes], int, int, list[int]]:
    """(copies, the MP4 with its index last; samples, samples per second, peaks)."""
    stream = source.streams.audio[0]
    stream.codec_context.thread_count = 1
    own = stream.codec_context.sample_rate or 48000
    rate = next((rate for rate in RATES if rate >= own), RATES[-1])
    samples, loudest = 0, _Loudest(rate // _PEAK_S)
    outs = {form: io.BytesIO() for form in BITS_PER_S}
    with ExitStack() as opened:
        targets = [opened.enter_context(_Target(outs[form], form, rate)) for form in BITS_PER_S]
        for frame in resampled(_frames(source, stream, own), rate):
            frame.pts, frame.time_base = samples, Fraction(1, rate)
            samples += frame.samples
            if samples > most_s * rate:
                raise Unreadable("too_long")
            loudest.hear(frame)
            for target in targets:
                target.add(frame)
        if samples:
            for target in targets:
                target.end()
    return {form: out.getvalue() for form, out in outs.items()}, samples, rate, loudest.peaks(PEAKS)


class _Target:
    """One copy while it is written."""

    def __init__(self, out: io.BytesIO, form: str, rate: int) -> None:
        codec, bits_per_s = BITS_PER_S[form]
        self._file = av.open(out, "w", format=form, container_options={"fflags": "+bitexact"})
        stream: Any = self._file.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bits_per_s
        stream.codec_context.flags |= int(av.codec.context.Flags.bitexact)  # no name of a program in the sound
        self._stream = stream

    def __enter__(self) -> _Target:
        return self

    def __exit__(self, *fault: object) -> None:
        self._file.close()

    def add(self, frame: AudioFrame) -> None:
        self._file.mux(self._stream.encode(frame))

    def end(self) -> None:
        self._file.mux(self._stream.encode(None))


class _Loudest:
    """The loudest sample of each short piece, and in the end of each hundredth of the whole."""

    def __init__(self, piece: int) -> None:
        self._piece = piece
        self._found: list[float] = []
        self._at = 0

    def hear(self, frame: AudioFrame) -> None:
        heard = memoryview(frame.planes[0]).cast("B").cast("f")
        start = 0
        while start < frame.samples:
            number = (self._at + start) // self._piece
            stop = min(frame.samples, (number + 1) * self._piece - self._at)
            part = heard[start:stop:_EVERY]
            self._found += [0.0] * (number + 1 - len(self._found))
            self._found[number] = max(self._found[number], max(part), -min(part))
            start = stop
        self._at += frame.samples

    def peaks(self, count: int) -> list[int]:
        """0 to 100, `count` of them or fewer; 100 is as loud as can be."""
        pieces = len(self._found)
        count = min(count, pieces)
        borders = [pieces * part // count for part in range(count + 1)] if count else []
        parts = (max(self._found[a:b]) for a, b in pairwise(borders))
        return [min(100, round(100 * part)) if part == part else 0 for part in parts]


def _frames(source: Any, stream: Any, rate: int) -> Iterator[AudioFrame]:
    packets = source.demux(stream)
    heard = False
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return  # the end, or where it was cut
        try:
            for frame in packet.decode():
                heard = True
                yield frame
        except av.EOFError:
            return
        except av.FFmpegError:
            # WeChat's AMR leaves out pauses in a way that the decoder does not know: they are pauses.
            if heard and packet.duration and packet.time_base:
                yield silence(int(packet.duration * packet.time_base * rate), rate)


def silence(samples: int, rate: int) -> AudioFrame:
    """So many samples, at least one and at most a second of them."""
    frame = AudioFrame(format="fltp", layout="mono", samples=max(1, min(samples, rate)))
    frame.sample_rate = rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def resampled(frames: Iterator[AudioFrame], rate: int) -> Iterator[AudioFrame]:
    """`frames` as one channel at `rate`; a change of form in the middle gets a resampler of its own."""
    form: tuple[object, ...] = ()
    resampler: AudioResampler | None = None
    for frame in frames:
        frame.pts = None  # times are counted from the samples: devices' own are often wrong
        this = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or this != form:
            if resampler is not None:
                yield from _rest(resampler)
            form, resampler = this, AudioResampler(format="fltp", layout="mono", rate=rate)
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from _rest(resampler)


def _rest(resampler: AudioResampler) -> list[AudioFrame]:
    return [frame for frame in resampler.resample(None) if frame is not None]


def _index_first(encoded: bytes) -> bytes:
    """The same sound with its index at the front, so that a player starts before it has all."""
    out = io.BytesIO()
    with av.open(io.BytesIO(encoded), "r", format="mp4") as source:
        stream = source.streams.audio[0]
        room = _INDEX_BYTES + _BYTES_PER_INDEXED_FRAME * stream.frames
        options = {"fflags": "+bitexact", "moov_size": str(room)}
        with av.open(out, "w", format="mp4", container_options=options) as target:
            same = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = same
                    target.mux(packet)
    return out.getvalue()
