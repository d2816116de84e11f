"""Whatever bytes are sent as a photo or a recording, they harm nothing and leave nothing of themselves in a copy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.fuzz import FIXTURES, LIMITS, faults, files, run


@pytest.mark.parametrize(
    ("count", "kinds", "deaths", "ready"), [(20, 4, 1, 10), pytest.param(500, 5, 5, 100, marks=pytest.mark.nightly)]
)
def test_damaged_files(
    count: int, kinds: int, deaths: int, ready: int, tmp_path: Path, program: Callable[..., str]
) -> None:
    """Every fixture and damaged ones: an answer for each, memory bounded, copies with not a byte of metadata.

    Here they go one after another through one process that runs the worker's own code, shut in as a worker is; the
    hub's own code checks its answers. A process for each: `python -m tests.media.fuzz --apart`.
    """
    found = run(count, 1, tmp_path)
    assert sum(found.outcomes.values()) == len(list(files(count, 1))) >= count + 20
    assert len(found.deaths) <= deaths, found.deaths  # what a decoder's own fault costs is told in test_worker
    assert found.outcomes["ready"] > ready
    assert len(found.outcomes) >= kinds
    assert 0 < found.worker_bytes < LIMITS.memory_bytes
    assert faults(tmp_path) == []
    program("exiftool")  # without it only we have looked


def test_faults_are_found(tmp_path: Path, program: Callable[..., str]) -> None:
    """What is looked for in the copies is found where it is."""
    program("exiftool")
    for name in ("photo-gps-rotated.jpg", "voice-en.m4a", "photo-text-chunk.png"):
        (tmp_path / name).write_bytes((FIXTURES / name).read_bytes())
    told = faults(tmp_path)
    for word in ("GPS:GPSLatitude", "b'Owner'", "b'words that'", "UserData:LocationInformation"):
        assert [line for line in told if word in line]
