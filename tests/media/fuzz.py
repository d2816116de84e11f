"""Damaged photos and recordings through the worker's own code: `python -m tests.media.fuzz --count 5000`.

The same number and seed make the same files. Without `--apart` many go through one shut-in process, one after another,
which is begun anew when it dies; with it each has a process of its own, as in a hub. Then exiftool looks at all copies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from dispatch.media import sandbox, worker
from dispatch.media.jobs import (
    COPIES,
    Made,
    WorkerDied,
    WorkerLimits,
    checked,
    looks_like,
    make_copies,
    worker_environment,
)  # fmt: skip
from tests.media.made import SOUNDS, pictured, recorded

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
LIMITS = WorkerLimits(pixels=8_000_000, audio_s=60, memory_bytes=768 << 20)
ONE_S = 20
"""A file that takes longer counts as a death."""
TELLING = (
    b"Owner",
    b"SERIAL",
    b"Phone",
    b"Exif",
    b"http",
    b"words that",
    b"Lavf",
    b"Lavc",
    b"+41.8",
    b"ICC_PROF",
)
"""Of four bytes and more: three come up by chance in what is compressed."""
ENDINGS = {"image/jpeg": "jpg", "image/webp": "webp", "audio/mp4": "m4a", "audio/webm": "webm"}
SPOKEN_BYTES = {".webm": 6_000, ".m4a": 6_000, ".amr": 2_000}
"""Recordings are damaged in their first seconds: a decoder works on for as long as the sound is."""
_PLAIN = """
AudioBitsPerSample AudioChannels AudioFormat AudioSampleRate AvgBitrate Balance BitsPerSample ChunkOffset
CodecID CodecPrivate ColorComponents CompatibleBrands CreateDate CurrentTime DocType DocTypeReadVersion
DocTypeVersion Duration EBMLMaxIDLength EBMLMaxSizeLength EBMLReadVersion EBMLVersion EncodingProcess Free
HandlerDescription HandlerType HandlerVendorID HorizontalScale ImageHeight ImageSize ImageWidth JFIFVersion
MajorBrand MatrixStructure Matroska_0x16aa Matroska_0x16bb MediaCreateDate MediaData MediaDataOffset
MediaDataSize MediaDuration MediaHeaderVersion MediaLanguageCode MediaModifyDate MediaTimeScale Megapixels
MinorVersion ModifyDate MovieHeaderVersion MuxingApp NextTrackID PosterTime PreferredRate PreferredVolume
PreviewDuration PreviewTime ResolutionUnit SampleGroupDescription SampleSizes SampleToChunk SampleToGroup
SeekID SeekPosition SelectionDuration SelectionTime SourceFile TagTrackUID TimeScale TimeToSampleTable
TimecodeScale TrackCreateDate TrackDefault TrackDuration TrackHeaderVersion TrackID TrackLacing TrackLanguage
TrackLayer TrackModifyDate TrackNumber TrackType TrackUID TrackVolume Unknown_btrt Unknown_edts Unknown_esds
VP8Version VerticalScale WritingApp XResolution YCbCrSubSampling YResolution
"""
PLAIN = frozenset(_PLAIN.split())
"""What exiftool may find in a copy: how it is made. Of the file itself (its name, its date on disk) it tells beside."""
FIXED = {"MuxingApp": "none", "WritingApp": "none", "HandlerDescription": "SoundHandler", "MediaLanguageCode": "und",
         "TrackLanguage": "und"}  # fmt: skip


@dataclass
class Found:
    """What became of the files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    deaths: list[str] = field(default_factory=list)
    worker_bytes: int = 0  # the largest that a worker was


def files(count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """(name, kind, bytes): every fixture as it is, then `count` damaged ones."""
    originals = {path.name: path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.suffix != ".md"}
    originals |= {f"made.{name}": recorded(name) for name in SOUNDS} | {"made.avif": pictured("AVIF", FIXTURES)}
    for name, whole in originals.items():
        yield name, kind_of(name), whole
    chance = random.Random(seed)
    names = list(originals)
    for number in range(count):
        name = names[number % len(names)]
        data = bytearray(originals[name][: SPOKEN_BYTES.get(Path(name).suffix)])
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            data = _damaged(data, originals[chance.choice(names)], chance)
        yield f"{number:05d}-{name}", kind_of(name), bytes(data)


def kind_of(name: str) -> str:
    return "audio" if name.endswith((".webm", ".m4a", ".amr", *SOUNDS)) else "photo"


def _damaged(data: bytearray, other: bytes, chance: random.Random) -> bytearray:
    """One damage more; two of three in the first kilobyte, where everything is said that decoders believe."""
    if not data:
        return data
    near = min(len(data), 1024) if chance.random() < 0.66 else len(data)
    at = chance.randrange(near)
    match chance.randrange(7):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            data[at : at + 4] = struct.pack(
                chance.choice("<>") + "I", chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1))
            )
        case 3:
            del data[at : at + chance.choice((1, 4, 64, 4096))]
        case 4:
            data[at:at] = data[at : at + chance.choice((1, 16, 4096))] * chance.choice((1, 3, 20))
        case 5:
            start = chance.randrange(len(other))
            data[at:at] = other[start : start + chance.choice((8, 512, 8192))]
        case _:
            del data[chance.randrange(len(data)) :]
    return data


class Batch:
    """A shut-in process that takes one file after another; begun anew when it dies."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, kind: str, data: bytes) -> tuple[Made, dict[str, bytes], int]:
        """(what was made, the copies, how large the process has been), checked as the hub checks it.

        Raises:
            WorkerDied: it died, took too long, or told nonsense.
        """
        process = self._process or self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(struct.pack(">BI", kind == "photo", len(data)) + data)
            process.stdin.flush()
            if not select.select([process.stdout], [], [], ONE_S)[0]:
                raise WorkerDied("too long")
            line, size = process.stdout.readline(), process.stdout.readline()
            if not size:
                raise WorkerDied(f"status {process.wait()}")
            made = checked(kind, line, self._limits)
            copies = {name: process.stdout.read(length) for name, length in made.copies.items()}
            for name, copy in copies.items():
                if not looks_like(COPIES[kind][name], copy):
                    raise WorkerDied("a copy is of another kind")
        except (WorkerDied, BrokenPipeError) as fault:
            self.end()
            raise WorkerDied(str(fault)) from None
        return made, copies, int(size)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _begin(self) -> subprocess.Popen[bytes]:
        numbers = json.dumps({name: getattr(self._limits, name) for name in self._limits.__slots__})
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.media.fuzz", "--shut-in", numbers], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
            env={**worker_environment(), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return self._process


def shut_in(limits: dict[str, int]) -> None:
    """The inside of a batch: the worker's own code, limits and filter, for one file after another."""
    for kind in COPIES:
        worker.warm_up(kind)
    status = Path("/proc/self/statm").open("rb", buffering=0)  # noqa: SIM115 - afterwards none can be opened
    sandbox.limit(limits["memory_bytes"], 3600)
    sandbox.shut_in()
    while head := sys.stdin.buffer.read(5):
        is_photo, length = struct.unpack(">BI", head)
        told, made = worker.make("photo" if is_photo else "audio", sys.stdin.buffer.read(length), limits)
        status.seek(0)
        size = int(status.read().split()[1]) * 4096
        sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + str(size).encode() + b"\n" + made)
        sys.stdout.buffer.flush()


async def _apart(kind: str, data: bytes, limits: WorkerLimits) -> tuple[Made, dict[str, bytes]]:
    """The same by the hub's own code: a process of its own for each."""
    kept: dict[str, bytes] = {}

    async def keep(name: str, number: int, segment: bytes) -> None:
        kept[name] = kept.get(name, b"") + segment

    async def whole() -> AsyncIterator[bytes]:
        yield data

    return await make_copies(kind, whole(), keep, limits), kept


def run(count: int, seed: int, folder: Path, apart: bool = False) -> Found:
    """Have copies made of all files; they are in `folder` afterwards."""
    found, batch = Found(), Batch(LIMITS)
    for name, kind, data in files(count, seed):
        try:
            if apart:
                made, copies = asyncio.run(_apart(kind, data, replace(LIMITS, wall_s=ONE_S)))
            else:
                made, copies, size = batch.make(kind, data)
                found.worker_bytes = max(found.worker_bytes, size)
        except WorkerDied as fault:
            found.outcomes["died"] += 1
            found.deaths.append(f"{name}: {fault}")
            continue
        found.outcomes[made.unreadable or "ready"] += 1
        for which, copy in copies.items():
            (folder / f"{name}-{which}.{ENDINGS[COPIES[kind][which]]}").write_bytes(copy)
    batch.end()
    return found


def faults(folder: Path) -> list[str]:
    """What the copies hold that they must not, searched by us and, where there is one, by exiftool in one call."""
    copies = sorted(folder.iterdir())
    wrong = [f"{file.name}: {word!r}" for file in copies for word in TELLING if word in file.read_bytes()]
    tool = shutil.which("exiftool")
    if tool is None or not copies:
        return wrong
    done = subprocess.run([tool, "-json", "-G1", "-a", "-u", str(folder)], capture_output=True, check=True)
    told: list[dict[str, Any]] = orjson.loads(done.stdout)
    if len(told) != len(copies):
        wrong.append(f"exiftool looked at {len(told)} of {len(copies)}")
    for one in told:
        for grouped, value in one.items():
            group, _, tag = grouped.rpartition(":")
            if group in ("ExifTool", "System", "File") and tag not in ("Warning", "Error", "Comment"):
                continue
            if tag not in PLAIN or FIXED.get(tag, value) != value:
                wrong.append(f"{one['SourceFile']}: {grouped} = {value!r}")
    return wrong


def main() -> int:
    """Run and say; 1 when a copy holds what it must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.media.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--apart", action="store_true", help="a process for each, as in a hub; some five a second")
    parser.add_argument("--shut-in", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.shut_in:
        shut_in(json.loads(chosen.shut_in))
        return 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        began = time.monotonic()
        found = run(chosen.count, chosen.seed, Path(folder), chosen.apart)
        wrong = faults(Path(folder))
        sys.stdout.write(
            f"{time.monotonic() - began:.0f} s; {dict(found.outcomes)}; copies: {len(list(Path(folder).iterdir()))}\n"
        )
        sys.stdout.write(f"largest worker: {found.worker_bytes >> 20} MiB\n" * (not chosen.apart))
        sys.stdout.write("".join(f"{line}\n" for line in (*found.deaths, *wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
