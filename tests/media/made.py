"""Photos and recordings in the forms that phones, messengers and computers send, made by real encoders."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from PIL import Image

SOUNDS = {
    # name: (container, codec, samples per second)
    "flac": ("flac", "flac", 44_100), "aiff": ("aiff", "pcm_s16be", 44_100), "wma": ("asf", "wmav2", 44_100),
    "wma1": ("asf", "wmav1", 22_050), "alac.m4a": ("ipod", "alac", 44_100), "alac.caf": ("caf", "alac", 44_100),
    "mov": ("mov", "aac", 44_100), "3gp": ("3gp", "libopencore_amrnb", 8_000), "mp3": ("mp3", "libmp3lame", 44_100),
    "adts": ("adts", "aac", 44_100), "opus.ogg": ("ogg", "libopus", 48_000), "wav": ("wav", "pcm_s16le", 16_000),
    "adpcm.wav": ("wav", "adpcm_ima_wav", 16_000), "aifc": ("aiff", "pcm_mulaw", 8_000),
}  # fmt: skip
"""Such as are made here; AMR, WebM and M4A are fixtures."""
SECONDS = 0.6
_BITS_PER_S = {"libopencore_amrnb": 12_200, "wmav1": 32_000, "wmav2": 64_000}


def recorded(name: str, **tags: str) -> bytes:
    """Six tenths of a second of a low tone, in the form called `name`."""
    container, codec, rate = SOUNDS[name]
    out = io.BytesIO()
    options = {"write_id3v2": "1"} if container == "aiff" else {}
    with av.open(out, "w", format=container, options=options) as file:
        file.metadata.update(tags)
        stream: Any = file.add_stream(codec, rate=rate, layout="mono")
        coder = stream.codec_context
        if codec in _BITS_PER_S:
            coder.bit_rate = _BITS_PER_S[codec]
        coder.open()
        shaped = AudioResampler(format=coder.format, layout="mono", rate=rate, frame_size=coder.frame_size or None)
        for frame in [*shaped.resample(_tone(rate)), *shaped.resample(None)]:
            if frame is not None:
                file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def _tone(rate: int) -> AudioFrame:
    samples = int(SECONDS * rate)
    frame = AudioFrame(format="s16", layout="mono", samples=samples)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    wave = b"".join(
        (8000 if at * 300 // rate % 2 else -8000).to_bytes(2, "little", signed=True) for at in range(samples)
    )
    plane = frame.planes[0]
    plane.update(wave.ljust(plane.buffer_size, b"\0"))
    return frame


def pictured(form: str, fixtures: Path) -> bytes:
    """A photograph with its place, saved as `form`."""
    image = Image.open(fixtures / "photo-gps-rotated.jpg")
    out = io.BytesIO()
    image.resize((320, 214)).save(out, form, exif=image.getexif())
    return out.getvalue()


def branded(data: bytes, brand: bytes) -> bytes:
    """The same file of the MP4 family, with another name for itself."""
    return data[:8] + brand + data[12:]
