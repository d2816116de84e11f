"""A line with a rate, a round trip and losses between two network namespaces: packets are really dropped.

Both ends are the kernel's own TCP; only the wire between two TUN devices is ours. Needs no privilege but user
namespaces (`unshare --user --net`). Field's term: network emulation (as netem does where the kernel has it).
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

HERE, THERE = "10.77.0.1", "10.77.0.2"
_INSIDE = "BENCH_IN_NAMESPACE"
_TUNSETIFF, _TUN_NO_INFO = 0x400454CA, 0x0001 | 0x1000
_PACKET = 2048
_QUEUE_BYTES = 64_000
"""What waits for the line; more is dropped, as a base station does."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of each way of the line; `bits_s` 0 is no limit."""

    bits_s: float = 0.0
    round_trip_s: float = 0.0
    loss: float = 0.0


def enter() -> None:
    """Begin this program again in namespaces of its own; returns when it is there.

    Raises:
        SystemExit: the machine does not allow user namespaces.
    """
    if os.environ.get(_INSIDE):
        return
    module = getattr(sys.modules["__main__"], "__spec__", None)
    again = [sys.executable, "-m", module.name, *sys.argv[1:]] if module else [sys.executable, *sys.argv]
    isolate = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*isolate, "true"], capture_output=True, check=False).returncode:
        sys.exit("needs user namespaces: `unshare --user --net true` is refused here")
    os.execvpe(isolate[0], [*isolate, *again], {**os.environ, _INSIDE: "1"})


class Wire:
    """Carries packets between the two devices, each way by itself, in a thread."""

    def __init__(self, here: int, there: int, seed: int) -> None:
        self.quality = Quality()
        self.carried = [0, 0]
        """Bytes that (HERE, THERE) sent and that were not dropped, with all heads."""
        self.packets = [0, 0]
        self.dropped = [0, 0]
        self._ends = (here, there)
        self._chance = random.Random(seed)
        self._free = [0.0, 0.0]
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopped:
            now = time.monotonic()
            wait = min(0.05, max(0.0, self._under_way[0][0] - now)) if self._under_way else 0.05
            readable, _, _ = select.select(self._ends, [], [], wait)
            now = time.monotonic()
            for end in readable:
                number += 1
                self._take(self._ends.index(end), os.read(end, _PACKET), now, number)
            while self._under_way and self._under_way[0][0] <= now:
                _, _, to, packet = heapq.heappop(self._under_way)
                with contextlib.suppress(OSError):  # the device is gone: the program ends
                    os.write(self._ends[to], packet)

    def _take(self, way: int, packet: bytes, now: float, number: int) -> None:
        quality = self.quality
        self.packets[way] += 1
        free = max(self._free[way], now)
        full = quality.bits_s and (free - now) * quality.bits_s / 8 > _QUEUE_BYTES
        if full or self._chance.random() < quality.loss:
            self.dropped[way] += 1
            return
        self.carried[way] += len(packet)
        self._free[way] = free + (len(packet) * 8 / quality.bits_s if quality.bits_s else 0)
        heapq.heappush(self._under_way, (self._free[way] + quality.round_trip_s / 2, number, 1 - way, packet))


@contextlib.contextmanager
def wire(seed: int) -> Iterator[tuple[Wire, list[str]]]:
    """The wire, and the command that runs a program at its far end (THERE); to be used after `enter`."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    far = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    try:
        while os.readlink(f"/proc/{holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        ends = _device("near"), _device("far")
        _ip("link", "set", "far", "netns", str(holder.pid))
        _ip("link", "set", "lo", "up")
        _ip("addr", "add", HERE, "peer", THERE, "dev", "near")
        _ip("link", "set", "near", "mtu", "1400", "up")
        _ip("link", "set", "lo", "up", before=far)
        _ip("addr", "add", THERE, "peer", HERE, "dev", "far", before=far)
        _ip("link", "set", "far", "mtu", "1400", "up", before=far)
        carrier = Wire(*ends, seed)
        try:
            yield carrier, far
        finally:
            carrier.stop()
    finally:
        holder.kill()
        holder.wait()


def _device(name: str) -> int:
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TUN_NO_INFO))
    return end


def _ip(*words: str, before: list[str] | None = None) -> None:
    subprocess.run([*(before or []), "ip", *words], check=True)
