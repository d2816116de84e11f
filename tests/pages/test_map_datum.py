"""The map draws every place where the hub routes it: both know the same two datums."""

import json
import subprocess
from collections.abc import Callable
from math import cos, hypot, radians
from pathlib import Path

from dispatch.routing.datum import gcj02_to_wgs84, wgs84_to_gcj02

DEGREE_M = 111_320
SCRIPT = """
import { converted } from "./map-datum.js";
const places = JSON.parse(process.argv[1]);
const both = ([lat, lon]) => [converted(lat, lon, "wgs84", "gcj02"), converted(lat, lon, "gcj02", "wgs84")];
console.log(JSON.stringify(places.map(both)));
"""
CHINA = [(lat, lon) for lat in range(19, 53, 3) for lon in range(76, 134, 4)]
SHENYANG = [(41.7 + n / 90, 123.3 + n / 70) for n in range(20)]
# Where the shift begins and ends, a place can have no other that leads to it: a search for one must end all the same.
EDGES = [
    (30.0, 72.0045),
    (30.0, 72.008),
    (30.0, 137.8347),
    (0.8293, 100.0),
    (0.831, 100.0),
    (55.827, 100.0),
    (55.8271, 72.004),
]
ELSEWHERE = [(48.8584, 2.2945), (-33.8568, 151.2153), (40.4168, -3.7038), (0.0, 0.0)]


def metres(a: tuple[float, float], b: list[float]) -> float:
    return hypot(a[0] - b[0], (a[1] - b[1]) * cos(radians(a[0]))) * DEGREE_M


def test_page_and_hub_convert_alike(root: Path, program: Callable[..., str]) -> None:
    """All over China within a metre, both ways; elsewhere nothing is moved."""
    places = CHINA + SHENYANG + ELSEWHERE + EDGES
    run = [program("node"), "--input-type=module", "--no-warnings", "-e", SCRIPT, json.dumps(places)]
    done = subprocess.run(
        run, cwd=root / "clients" / "web" / "console", capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
    moved = 0
    for place, (gcj02, wgs84) in zip(places, json.loads(done.stdout), strict=True):
        assert metres(wgs84_to_gcj02(*place), gcj02) < 1, place
        assert metres(gcj02_to_wgs84(*place), wgs84) < 1, place
        moved += metres(place, gcj02) > 100
        if place in ELSEWHERE:
            assert tuple(gcj02) == tuple(wgs84) == place
    assert moved > 100
