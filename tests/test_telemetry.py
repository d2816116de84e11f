"""Logs and metrics: a fault that goes on does not fill the disk, and workers' metrics are the sum of all."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog

from dispatch import telemetry
from dispatch.telemetry import Seldom

COUNTING = """
import sys
from pathlib import Path
from dispatch import telemetry
telemetry.share_metrics(Path(sys.argv[1]), int(sys.argv[2]))
from prometheus_client import Counter, Gauge, Histogram, generate_latest
made = Counter("made", "Made"), Gauge("here", "Here", multiprocess_mode="livesum"), Histogram("took", "Took")
made[0].inc(int(sys.argv[3]))
made[1].set(int(sys.argv[3]))
made[2].observe(0.1)
print(generate_latest(telemetry._registry).decode())
"""


def said(seldom: Seldom, second: float, level: str = "error", **values: Any) -> dict[str, Any] | None:
    """What comes through of an event at this second."""
    minute, rest = divmod(second, 60)
    event = {"event": "loop_failed", "level": level, "at": f"2026-11-22T02:{minute:02.0f}:{rest:09.6f}Z", **values}
    try:
        return dict(seldom(None, "error", event))
    except structlog.DropEvent:
        return None


def test_the_same_fault_is_said_once_a_minute() -> None:
    """Then again, with how many were left out; another loop's fault, or another cause, is said at once."""
    seldom = Seldom()
    assert said(seldom, 0, loop="duty", fault="gone") is not None
    assert [said(seldom, second, loop="duty", fault="gone") for second in range(1, 60)] == [None] * 59
    assert said(seldom, 59, loop="readiness", fault="gone") is not None
    assert said(seldom, 59, loop="duty", fault="full") is not None
    again = said(seldom, 60, loop="duty", fault="gone")
    assert again is not None
    assert again["left_out"] == 59
    later = said(seldom, 300, loop="duty", fault="gone")
    assert later is not None
    assert "left_out" not in later


def test_what_is_no_fault_is_always_said() -> None:
    """Information is never left out."""
    seldom = Seldom()
    assert all(said(seldom, 1, level="info", alarm="a") is not None for _ in range(3))


def test_it_remembers_a_bounded_number() -> None:
    """Faults that all differ take no memory for ever; at the bound the oldest is forgotten first."""
    seldom = Seldom()
    for n in range(5000):
        assert said(seldom, 1, alarm=str(n)) is not None
    assert len(seldom._said) == 1000
    assert said(seldom, 2, alarm="0") is not None
    assert said(seldom, 2, alarm="4999") is None


def count(folder: Path, number: int, n: int) -> dict[str, float]:
    """A worker that counts `n`, tells all metrics, and is gone."""
    out = subprocess.run([sys.executable, "-c", COUNTING, str(folder), str(number), str(n)], text=True, check=True,
                         capture_output=True).stdout  # fmt: skip
    lines = [line.rsplit(" ", 1) for line in out.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_workers_metrics_are_summed(tmp_path: Path) -> None:
    """Whoever is asked tells the sum; one that was started again under its number counts on."""
    folder = telemetry.empty_folder(tmp_path / "metrics")
    assert count(folder, 0, 3)["made_total"] == 3
    both = count(folder, 1, 4)
    assert (both["made_total"], both["here"], both["took_count"]) == (7, 7, 2)
    telemetry.forget_live(folder, 0)
    again = count(folder, 1, 5)
    assert (again["made_total"], again["here"], again["took_count"]) == (12, 5, 3)
    telemetry.empty_folder(folder)
    assert count(folder, 1, 1)["made_total"] == 1


def test_metrics_need_no_more_disk_later(tmp_path: Path) -> None:
    """Their files have all their blocks from the start: a disk that gets full cannot end a worker that counts."""
    count(tmp_path, 0, 1)
    for file in tmp_path.iterdir():
        assert file.stat().st_blocks * 512 >= file.stat().st_size >= 1 << 18
