"""What photos and recordings cost: how many are sealed and copied a second, and what alarms and memory feel of it.

`python -m bench.media`; see the README here. Photos are of a phone's size, recordings come a chunk a second. The store
and the objects are synced to disk; the processes that make copies are the hub's own.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import secrets
import sys
import uuid
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import httpx
import uvloop
from PIL import Image

from bench.hub import Hub, children, cpu_s, memory_bytes, workplace
from bench.press_to_console import Measurement, Round
from bench.report import figures, head, line, machine, say, table
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.stream import Stream

_FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures"
_SIZE, _QUALITY = (4000, 3000), 85
_CHUNK_BYTES = 262_144
_SPOKEN_BYTES = 4096  # a second of Opus at 32 kbit/s
_PER_ALARM = 30
_AT_ONCE = 4  # photos on their way at once
_SETTLED_S = 3.0  # of the recordings, until every one has its connection
_MIB = 2**20


@dataclass(slots=True)
class Copied:
    """How far the making of copies was, and when."""

    waiting: int
    at: float


class Evidence:
    """Sends photos and recordings of practice alarms, which ring nowhere.

    Args:
        hub: where to.
        redis: a client of its store, to see how many copies are waited for.
    """

    def __init__(self, hub: Hub, redis: Any) -> None:
        self._redis = redis
        self._waiting = Stream(redis).keys.copying
        self._http = httpx.AsyncClient(base_url=hub.url, limits=httpx.Limits(max_connections=None), timeout=60)
        self.photo = _photo()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def copied(self) -> Copied:
        return Copied(int(await self._redis.zcard(self._waiting)), monotonic())

    async def give_up(self) -> None:
        """Ask for no more copies of what still waits: they are no part of what is measured next."""
        await self._redis.delete(self._waiting)

    async def seal(self, photos: int) -> array[float]:
        """Send so many photos, some at once; the milliseconds that each took until its end was confirmed."""
        took, numbers = array("d"), iter(range(photos))

        async def one_after_another() -> None:
            for made in itertools.count():
                if next(numbers, None) is None:
                    return
                if made % _PER_ALARM == 0:
                    alarm, headers = await self._raised("image/jpeg")
                began = monotonic()
                await self._sent(f"/alarms/{alarm}/media/m{made}", headers)
                took.append((monotonic() - began) * 1000)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(one_after_another())
        return took

    async def record(self, seconds: float) -> int:
        """One recording, a chunk each second; how many chunks were confirmed."""
        alarm, headers = await self._raised("audio/webm")
        sound = (_FIXTURES / "voice-zh.webm").read_bytes()
        began = monotonic()
        for seq in itertools.count():
            await asyncio.sleep(began + seq - monotonic())
            if monotonic() - began >= seconds:
                return seq
            data = (sound + secrets.token_bytes(_SPOKEN_BYTES))[seq * _SPOKEN_BYTES :][:_SPOKEN_BYTES]
            data = data or secrets.token_bytes(_SPOKEN_BYTES)
            answer = await self._http.put(f"/alarms/{alarm}/media/m1/{seq}", content=data, headers=headers)
            answer.raise_for_status()
        raise AssertionError

    async def _raised(self, mime: str) -> tuple[str, dict[str, str]]:
        alarm, secret = str(uuid.uuid4()), secrets.token_urlsafe(24)
        body = {"id": alarm, "secret": secret, "kind": "practice"}
        (await self._http.post("/alarms", json=body)).raise_for_status()
        return alarm, {"authorization": f"Bearer {secret}", "content-type": mime}

    async def _sent(self, url: str, headers: dict[str, str]) -> None:
        parts = [self.photo[at : at + _CHUNK_BYTES] for at in range(0, len(self.photo), _CHUNK_BYTES)]
        for seq, part in enumerate(parts):
            (await self._http.put(f"{url}/{seq}", content=part, headers=headers)).raise_for_status()
        told = {"kind": "photo", "chunks": len(parts)}
        (await self._http.post(url, json=told, headers={"authorization": headers["authorization"]})).raise_for_status()


def _photo() -> bytes:
    """A photo as a phone makes it: 12 million pixels, with metadata."""
    image = Image.open(_FIXTURES / "photo-gps-rotated.jpg")
    exif = image.getexif()
    out = io.BytesIO()
    image.resize(_SIZE, Image.Resampling.LANCZOS).save(out, "JPEG", quality=_QUALITY, exif=exif)
    return out.getvalue()


async def photos(hub: Hub, evidence: Evidence, chosen: argparse.Namespace) -> dict[str, Any]:
    """Alarms alone; photos sealed; and alarms while copies are made of what is waiting."""
    say(f"alarms alone, {chosen.rate:g} a second")
    quiet = await _alarms(hub, chosen)
    say(f"{chosen.photos} photos are sealed")
    began, cpu = monotonic(), hub.cpu_s()
    took = await evidence.seal(chosen.photos)
    sealing_s, cpu_after = monotonic() - began, hub.cpu_s()
    say("alarms while copies are made")
    before, busy = await evidence.copied(), asyncio.create_task(_alarms(hub, chosen))
    last = before
    while last.waiting and not busy.done():
        await asyncio.sleep(0.25)
        last = await evidence.copied()
    ran_dry = not last.waiting and not busy.done()
    alarms = await busy
    return {
        "photo_bytes": len(evidence.photo), "sealed_s": chosen.photos / sealing_s, "sealed_ms": asdict(figures(took)),
        "sealing_cpu_ms": (sum(cpu_after) - sum(cpu)) * 1000 / chosen.photos,
        "copied_s": (before.waiting - last.waiting) / (last.at - before.at), "waiting_at_first": before.waiting,
        "ran_dry": ran_dry, "quiet": asdict(quiet), "busy": asdict(alarms),
    }  # fmt: skip


async def _alarms(hub: Hub, chosen: argparse.Namespace) -> Round:
    return (await Measurement(hub, chosen.consoles, "socket", 2.0).run(chosen.rate, chosen.seconds, 1))[0]


async def recordings(hub: Hub, evidence: Evidence, chosen: argparse.Namespace) -> dict[str, Any]:
    """The hub's memory while many recordings come in."""
    say(f"{chosen.recordings} recordings")
    cpu, began = cpu_s(hub.pid), monotonic()
    tasks = [asyncio.create_task(evidence.record(chosen.streaming)) for _ in range(chosen.recordings)]
    sizes = [memory_bytes(hub.pid)]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0.5)
        sizes.append(memory_bytes(hub.pid))
    lasted = monotonic() - began
    chunks = sum(await asyncio.gather(*tasks))
    settled = sizes[min(len(sizes) - 1, int(_SETTLED_S / 0.5)) :]
    third = max(1, len(settled) // 3)
    return {
        "chunks": chunks, "memory_before": sizes[0], "memory_settled": median(settled[:third]),
        "memory_end": median(settled[-third:]), "memory_most": max(sizes),
        "cpu": (cpu_s(hub.pid) - cpu) / lasted,
    }  # fmt: skip


async def measure(hub: Hub, chosen: argparse.Namespace) -> dict[str, Any]:
    redis = store.connect(EmbeddedStore(hub.data / "store").url, "bench")
    evidence = Evidence(hub, redis)
    try:
        found = {"photos": await photos(hub, evidence, chosen)}
        await evidence.give_up()
        while len(children(hub.pid)) > 1:
            await asyncio.sleep(0.1)
        return found | {"recordings": await recordings(hub, evidence, chosen)}
    finally:
        await evidence.aclose()
        await redis.aclose()


def main() -> int:
    """Measure and print; 1 when an alarm did not come."""
    parser = argparse.ArgumentParser(prog="python -m bench.media", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--photos", type=int, default=300, help="that are sent (300); enough that copies are made meanwhile"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that make copies (2)")
    parser.add_argument("--rate", type=float, default=20, help="text alarms a second (20)")
    parser.add_argument("--consoles", type=int, default=20, help="consoles of their station (20)")
    parser.add_argument("--seconds", type=float, default=20, help="of alarms, alone and beside the copies (20)")
    parser.add_argument("--recordings", type=int, default=50, help="at once (50)")
    parser.add_argument("--streaming", type=float, default=60, metavar="S", help="seconds of each recording (60)")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(
        about, f"{chosen.workers} processes make copies; {chosen.consoles} consoles; built-in store, media in a folder"
    )
    with workplace(chosen.data) as folder:
        hub = Hub(folder / "hub", settings={"DISPATCH_MEDIA_WORKERS": str(chosen.workers)})
        try:
            hub.start()
            found = uvloop.run(measure(hub, chosen))
        finally:
            hub.stop()
    _tell(found)
    if chosen.json:
        line(about, vars(chosen), found)
    rounds = [found["photos"][name] for name in ("quiet", "busy")]
    return 1 if any(each["lost"] or each["gaps"] or each["faults"] for each in rounds) else 0


def _tell(found: dict[str, Any]) -> None:
    seen, heard = found["photos"], found["recordings"]
    table(("photos", "a second", "p50 ms", "p99 ms", "worst ms"), [
        (f"sealed, {seen['photo_bytes'] / 1e6:.1f} MB each", f"{seen['sealed_s']:.1f}",
         *(f"{seen['sealed_ms'][name]:.0f}" for name in ("p50", "p99", "worst"))),
        ("copies made", f"{seen['copied_s']:.1f}", "", "", ""),
    ])  # fmt: skip
    print(f"\nCPU of hub and store for sealing one: {seen['sealing_cpu_ms']:.0f} ms\n")
    rows = []
    for name, what in (("quiet", "alone"), ("busy", "while copies are made")):
        for part, called in (("receipt", "receipt"), ("every", "last console")):
            each = seen[name]["figures"][part]
            rows.append((f"{what}: {called}", *(f"{each[one]:.1f}" for one in ("p50", "p99", "worst"))))
    table(("text alarms", "p50 ms", "p99 ms", "worst ms"), rows)
    if seen["ran_dry"]:
        print("\nThe copies were made before the alarms ended: send more photos (--photos).")
    print()
    table(("recordings", "MiB"), [
        (name, f"{heard[key] / _MIB:.1f}") for name, key in
        (("memory of the hub before", "memory_before"), ("once all stream", "memory_settled"),
         ("at the end", "memory_end"), ("most", "memory_most"))
    ])  # fmt: skip
    print(f"\n{heard['chunks']} chunks; the hub used {heard['cpu']:.2f} cores\n")


if __name__ == "__main__":
    sys.exit(main())
