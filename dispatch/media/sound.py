"""A recording as its sterile copy: AAC in MP4, one channel, at most 48 kHz, index first. Runs in the worker only.

Decodes as far as the recording goes; a packet that cannot be decoded is silence of its length, so times stay right.
Never copies a tag. Field's term: transcoding.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from dispatch.media.photo import Unreadable

CODECS = frozenset({"opus", "vorbis", "aac", "amrnb", "amrwb", "amr_nb", "amr_wb", "mp3", "mp3float", "flac"})
RATES = (16000, 22050, 24000, 32000, 44100, 48000)
BITS_PER_S = 48_000
_BYTES_PER_INDEXED_FRAME = 24
_INDEX_BYTES = 4096


def warm_up() -> None:
    """Load what would be loaded late, by copying a tenth of a second of silence."""
    av.logging.set_level(None)
    tiny = io.BytesIO()
    with wave.open(tiny, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    copy(tiny.getvalue(), most_s=1)


def copy(original: bytes, most_s: int) -> tuple[bytes, dict[str, Any]]:
    """(MP4, {"duration_s"}) of the recording in `original`.

    Raises:
        Unreadable: `unknown_format`, `no_sound`, `too_long`, `truncated`, `broken`.
    """
    kind = _format(original)
    if kind is None:
        raise Unreadable("unknown_format")
    try:
        with av.open(io.BytesIO(original), "r", format=kind) as source:
            if not source.streams.audio:
                raise Unreadable("no_sound")
            name = source.streams.audio[0].codec_context.name
            if name not in CODECS and not name.startswith("pcm_"):
                raise Unreadable("unknown_format")
            encoded, samples, rate = _encode(source, most_s)
    except (av.FFmpegError, ValueError, EOFError):
        raise Unreadable("broken") from None
    if not samples:
        raise Unreadable("truncated")
    return _index_first(encoded), {"duration_s": round(samples / rate, 3)}


def _format(original: bytes) -> str | None:
    """The one reader to be used, by the file's first bytes; nothing is probed."""
    head = original[:16]
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head[4:8] in (b"ftyp", b"styp", b"moov"):
        return "mp4"
    if head.startswith(b"#!AMR"):
        return "amr"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"ID3"):
        return "mp3"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "mp3"
    return None


def _encode(source: Any, most_s: int) -> tuple[bytes, int, int]:
    """(MP4 with its index last, samples, samples per second)."""
    stream = source.streams.audio[0]
    stream.codec_context.thread_count = 1
    own = stream.codec_context.sample_rate or 48000
    rate = next((rate for rate in RATES if rate >= own), RATES[-1])
    out = io.BytesIO()
    samples = 0
    with av.open(out, "w", format="mp4", container_options={"fflags": "+bitexact"}) as target:
        coder = target.add_stream("aac", rate=rate, layout="mono")
        coder.bit_rate = BITS_PER_S
        coder.codec_context.flags |= int(av.codec.context.Flags.bitexact)  # no name of a program in the sound
        for frame in _resampled(_frames(source, stream, own), rate):
            frame.pts, frame.time_base = samples, Fraction(1, rate)
            samples += frame.samples
            if samples > most_s * rate:
                raise Unreadable("too_long")
            target.mux(coder.encode(frame))
        if samples:
            target.mux(coder.encode(None))
    return out.getvalue(), samples, rate


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
                yield _silence(int(packet.duration * packet.time_base * rate), rate)


def _silence(samples: int, rate: int) -> AudioFrame:
    frame = AudioFrame(format="fltp", layout="mono", samples=max(1, min(samples, rate)))
    frame.sample_rate = rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def _resampled(frames: Iterator[AudioFrame], rate: int) -> Iterator[AudioFrame]:
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
