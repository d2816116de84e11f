"""Draws the demonstration's streets, which are invented: `python -m tests.streets > config/streets.geojson`.

The borders of the demonstration's areas are its main roads, so that areas, streets and river fit one another. Every
other road is at a share of the way between two of them. Names say where a road lies and nothing else: no real road is
meant. The same numbers give the same file.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from math import cos, hypot, pi, radians, sin
from pathlib import Path
from typing import Any, TypeAlias

from dispatch.routing.boundaries import parse
from dispatch.streets import FILE, fingerprint

Point: TypeAlias = tuple[float, float]  # longitude, latitude
Line: TypeAlias = list[Point]

__all__ = ["FILE", "drawn"]

CONFIG = Path(__file__).resolve().parents[1] / "config"
NORTH_M = 111_320.0
EAST_M = NORTH_M * cos(radians(41.815))
BLOCK_M = 290
"""A block that is longer is parted by a lane."""

# The borders of the areas between their corners: north-south roads by rows, west-east roads by columns; the middle of
# each piece. Degrees after 123 and 41, times 10,000.
CORNERS = [
    [(4461, 7824), (4742, 7786), (5058, 7771), (5423, 7809)],
    [(4425, 7963), (4781, 7952), (5093, 7974), (5487, 7958)],
    [(4448, 8127), (4753, 8146), (5124, 8162), (5506, 8189)],
    [(4517, 8438), (4826, 8511), (5176, 8546), (5549, 8492)],
]
NORTHWARD = [
    [(4432, 7895), (4765, 7870), (5064, 7876), (5468, 7881)],
    [(4452, 8044), (4761, 8053), (5119, 8066), (5482, 8073)],
    [(4469, 8286), (4804, 8312), (5146, 8350), (5539, 8341)],
]
EASTWARD = [
    [(4603, 7798), (4895, 7764), (5237, 7778)],
    [(4594, 7971), (4936, 7948), (5286, 7987)],
    [(4599, 8118), (4931, 8169), (5318, 8158)],
    [(4669, 8489), (4998, 8519), (5369, 8537)],
]
ROADS = {
    "north": [("西环街", "West Ring Street"), ("西城街", "West Town Street"),
              ("东城街", "East Town Street"), ("东环街", "East Ring Street")],
    "east": [("河滨路", "Riverside Road"), ("南城路", "South Town Road"),
             ("北城路", "North Town Road"), ("北环路", "North Ring Road")],
}  # fmt: skip
COLUMNS = [("西", "West", 3), ("中", "Middle", 3), ("东", "East", 4)]
ROWS = [("南", "South", 2), ("中", "Middle", 2), ("北", "North", 4)]
STREETS: list[tuple[list[tuple[str, str, int]], bool, tuple[str, str]]] = [
    (COLUMNS, True, ("街", "Street")),
    (ROWS, False, ("路", "Road")),
]
COUNTED = [("一", "1st"), ("二", "2nd"), ("三", "3rd"), ("四", "4th")]

# Columns and rows count from the south-west corner: (1.5, 2.0) is half-way along the second column's northern border.
PARKS = [
    (("中心公园", "Central Park"), (1.25, 1, 1.75, 1 + 1 / 3)),
    (("北公园", "North Park"), (1.5, 2.4, 1.75, 2.6)),
    (("西公园", "West Park"), (0.25, 2.2, 0.5, 2.4)),
]
# Streets that do not go all the way: they would cross a park, or begin farther in.
PARTS: dict[str, list[tuple[float, float]]] = {
    "中二街": [(0, 1), (1 + 1 / 3, 3)],
    "西二街": [(0, 2.8)],
    "东三街": [(0.5, 3)],
    "北三路": [(0, 1.5), (1.75, 3)],
}
PLACES = [
    (("火车站", "Railway Station"), (2.58, 1.70)),
    (("汽车站", "Bus Station"), (2.33, 1.52)),
    (("医院", "Hospital"), (0.88, 1.52)),
    (("医院", "Hospital"), (2.42, 2.55)),
    (("学校", "School"), (0.39, 1.22)),
    (("学校", "School"), (1.37, 0.48)),
    (("学校", "School"), (1.12, 2.32)),
    (("学校", "School"), (2.67, 0.55)),
    (("市场", "Market"), (0.62, 1.78)),
    (("市场", "Market"), (1.87, 1.78)),
    (("体育场", "Stadium"), (0.62, 0.52)),
    (("图书馆", "Library"), (1.87, 1.22)),
    (("塔", "Pagoda"), (2.45, 0.32)),
]
RAIL = [(4280, 8400), (4520, 8345), (4750, 8270), (5000, 8212), (5160, 8150), (5350, 8085), (5520, 8055), (5720, 8040)]
BROOK = [(1.6, 2.5), (1.57, 2.2), (1.67, 1.9), (1.6, 1.6), (1.45, 1.3), (1.42, 1.1), (1.55, 0.8), (1.45, 0.4), (1.5, 0)]
RIVER_SOUTH = 0.0034  # of Riverside Road, to the river's middle
BEYOND_M = 1300  # so far main roads go on outside


def degrees(point: tuple[int, int]) -> Point:
    return 123 + point[0] / 10_000, 41 + point[1] / 10_000


def metres(a: Point, b: Point) -> float:
    return hypot((a[0] - b[0]) * EAST_M, (a[1] - b[1]) * NORTH_M)


def between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def along(line: Sequence[Point], share: float) -> Point:
    """The place at this share of the line's length."""
    lengths = [metres(a, b) for a, b in pairwise(line)]
    left = share * sum(lengths)
    for a, b, length in zip(line, line[1:], lengths, strict=False):
        if left <= length:
            return between(a, b, left / length)
        left -= length
    return line[-1]


def place(u: float, v: float) -> Point:
    """Column and row, with their shares, as a place: within a cell, the blend of its four borders (a Coons patch)."""
    i, j = min(max(int(u), 0), 2), min(max(int(v), 0), 2)
    x, y = u - i, v - j
    (sw, se), (nw, ne) = ((degrees(CORNERS[row][i]), degrees(CORNERS[row][i + 1])) for row in (j, j + 1))
    south, north = along([sw, degrees(EASTWARD[j][i]), se], x), along([nw, degrees(EASTWARD[j + 1][i]), ne], x)
    west, east = along([sw, degrees(NORTHWARD[j][i]), nw], y), along([se, degrees(NORTHWARD[j][i + 1]), ne], y)
    across, down = between(south, north, y), between(west, east, x)
    straight = between(between(sw, se, x), between(nw, ne, x), y)
    lon, lat = (across[k] + down[k] - straight[k] for k in (0, 1))
    return (lon, lat) if y >= 0 else (lon, lat + y * 0.02)


def stretch(at: Callable[[float], Point], begin: float, end: float) -> Line:
    """A line from `begin` to `end`, with as many points as its bends need."""
    steps = max(2, round(abs(end - begin) * 6))
    points = [at(begin + (end - begin) * k / steps) for k in range(steps + 1)]
    kept = points[:1]
    for before, here in pairwise(points[1:]):
        middle = between(kept[-1], here, metres(kept[-1], before) / max(metres(kept[-1], here), 1e-9))
        if metres(before, middle) > 2:
            kept.append(before)
    return [*kept, points[-1]]


def beyond(line: Line, first: bool, last: bool) -> Line:
    """The line with its ends drawn out, over the edge of the town."""

    def out(inner: Point, end: Point) -> list[Point]:
        return [between(inner, end, 1 + BEYOND_M / metres(inner, end))]

    return (out(line[1], line[0]) if first else []) + line + (out(line[-2], line[-1]) if last else [])


def curve(points: Sequence[Point]) -> Line:
    """A smooth line through the points (Catmull-Rom)."""
    ends = [points[0], *points, points[-1]]
    found: Line = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for k in range(5):
            t = k / 5
            lon, lat = (
                0.5 * (2 * b[i] + (c[i] - a[i]) * t + (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i]) * t**2
                       + (3 * b[i] - a[i] - 3 * c[i] + d[i]) * t**3)
                for i in (0, 1)
            )  # fmt: skip
            found.append((lon, lat))
    return [*found, points[-1]]


def border(line: Line, half_m: Callable[[int], float]) -> Line:
    """One side of a line, `half_m` to the left of each of its points."""
    found = []
    for k, (lon, lat) in enumerate(line):
        a, b = line[max(k - 1, 0)], line[min(k + 1, len(line) - 1)]
        east, north = (b[0] - a[0]) * EAST_M, (b[1] - a[1]) * NORTH_M
        length, by = hypot(east, north), half_m(k)
        found.append((lon - north / length * by / EAST_M, lat + east / length * by / NORTH_M))
    return found


def round_off(line: Sequence[Point]) -> list[list[float]]:
    """About a metre."""
    return [[round(lon, 5), round(lat, 5)] for lon, lat in line]


def feature(kind: str, name: tuple[str, str] | None, shape: str, coordinates: Any) -> dict[str, Any]:
    named = {"name": {"zh": name[0], "en": name[1]}} if name else {}
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "properties": {"kind": kind, **named}, "geometry": geometry}


def lines(kind: str, name: tuple[str, str] | None, parts: Sequence[Line]) -> dict[str, Any]:
    return feature(kind, name, "MultiLineString", [round_off(part) for part in parts])


def surfaces(kind: str, name: tuple[str, str] | None, rings: Sequence[Line]) -> dict[str, Any]:
    return feature(kind, name, "MultiPolygon", [[round_off([*ring, ring[0]])] for ring in rings])


def main_roads() -> Iterator[dict[str, Any]]:
    for i, name in enumerate(ROADS["north"]):
        line = [degrees(p) for row in range(3) for p in (CORNERS[row][i], NORTHWARD[row][i])] + [degrees(CORNERS[3][i])]
        yield lines("road", name, [beyond(line, i in (1, 2), True)])
    for j, name in enumerate(ROADS["east"]):
        line = [degrees(p) for col in range(3) for p in (CORNERS[j][col], EASTWARD[j][col])] + [degrees(CORNERS[j][3])]
        yield lines("road", name, [beyond(line, j < 3, j < 3)])
    station, crossing = place(2.5, 1.66), degrees(CORNERS[1][2])
    yield lines("road", ("站前大街", "Station Avenue"), [[crossing, between(crossing, station, 0.5), station]])


def shares(count: int) -> list[float]:
    return [k / (count + 1) for k in range(1, count + 1)]


def streets() -> Iterator[dict[str, Any]]:
    def at(fixed: float, northward: bool, t: float) -> Point:
        return place(fixed, t) if northward else place(t, fixed)

    for bands, northward, what in STREETS:
        for band, (zh, en, count) in enumerate(bands):
            for (nth_zh, nth_en), share in zip(COUNTED, shares(count), strict=False):
                name = f"{zh}{nth_zh}{what[0]}", f"{en} {nth_en} {what[1]}"
                parts = PARTS.get(name[0], [(0, 3)])
                yield lines("street", name, [stretch(partial(at, band + share, northward), *part) for part in parts])


def grid(bands: Sequence[tuple[str, str, int]]) -> list[float]:
    return [0.0] + [band + share for band, (_, _, count) in enumerate(bands) for share in [*shares(count), 1.0]]


def lanes() -> list[Line]:
    """What parts the blocks between the streets, at random but the same each time."""
    chance = random.Random(14)
    found: list[Line] = []

    def part(west: float, south: float, east: float, north: float) -> None:
        u, v = (west + east) / 2, (south + north) / 2
        wide, high = metres(place(west, v), place(east, v)), metres(place(u, south), place(u, north))
        if max(wide, high) < BLOCK_M:
            return
        share = 0.4 + 0.2 * chance.random()
        if wide > high:
            at = west + (east - west) * share
            found.append([place(at, south), place(at, north)])
            part(west, south, at, north)
            part(at, south, east, north)
        else:
            at = south + (north - south) * share
            found.append([place(west, at), place(east, at)])
            part(west, south, east, at)
            part(west, at, east, north)

    for west, east in pairwise(grid(COLUMNS)):
        for south, north in pairwise(grid(ROWS)):
            u, v = (west + east) / 2, (south + north) / 2
            if not any(a < u < c and b < v < d for _, (a, b, c, d) in PARKS):
                part(west, south, east, north)
    return found


def ring(west: float, south: float, east: float, north: float) -> Line:
    """The outline of what lies between these columns and rows."""
    sides = [
        stretch(lambda t: place(t, south), west, east), stretch(lambda t: place(east, t), south, north),
        stretch(lambda t: place(t, north), east, west), stretch(lambda t: place(west, t), north, south),
    ]  # fmt: skip
    return [point for side in sides for point in side[:-1]]


def town() -> dict[str, Any]:
    """All within the ring roads: what streets and lanes leave of it are the blocks."""
    return surfaces("town", None, [ring(0, 0, 3, 3)])


def waters() -> Iterator[dict[str, Any]]:
    road = beyond([degrees(p) for col in range(3) for p in (CORNERS[0][col], EASTWARD[0][col])] +
                  [degrees(CORNERS[0][3])], True, True)  # fmt: skip
    middle = curve([(lon, lat - RIVER_SOUTH - 0.0006 * sin(k * 1.9)) for k, (lon, lat) in enumerate(road)])
    north = border(middle, lambda k: 125 + 20 * sin(k / 4))
    south = border(middle, lambda k: -120 - 25 * cos(k / 5))
    yield surfaces("water", None, [[*north, *reversed(south)]])
    yield lines("river", ("南河", "South River"), [middle])
    bank = [point for point in north if degrees(CORNERS[0][1])[0] < point[0] < degrees(CORNERS[0][2])[0]]
    green = [(lon, lat - 0.0003) for lon, lat in (along(road[3:6], k / 4) for k in range(5))]
    yield surfaces("park", ("河滨公园", "Riverside Park"), [[*green, *((p[0], p[1] + 0.0003) for p in reversed(bank))]])
    yield lines("road", ("南岸路", "South Bank Road"), [border(middle, lambda k: -330)[::5]])
    yield lines("brook", ("小河", "Brook"), [curve([place(*one) for one in BROOK])])
    shore = [(1.43 + 0.1 * cos(a), 1.16 + 0.085 * sin(a) * (1 + 0.25 * cos(2 * a + 1))) for a in
             (2 * pi * k / 24 for k in range(24))]  # fmt: skip
    yield surfaces("water", ("公园湖", "Park Lake"), [[place(*one) for one in shore]])


def parks() -> Iterator[dict[str, Any]]:
    for name, box in PARKS:
        yield surfaces("park", name, [ring(*box)])


def stations(raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A station's mark stands where its area's name does."""
    for one in raw["features"]:
        lon, lat = zip(*one["geometry"]["coordinates"][0], strict=True)
        middle = (min(lon) + max(lon)) / 2, (min(lat) + max(lat)) / 2
        yield feature("station", None, "Point", round_off([middle])[0])


def drawn() -> str:
    """The whole file, a feature a line."""
    raw = json.loads((CONFIG / "stations.geojson").read_text(encoding="utf-8"))
    boundaries, faults = parse(raw)
    assert boundaries is not None, faults
    features = [
        town(),
        *parks(),
        *waters(),
        lines("lane", None, lanes()),
        *streets(),
        lines("rail", ("铁路", "Railway"), [curve([degrees(p) for p in RAIL])]),
        *main_roads(),
        *(feature("place", name, "Point", round_off([place(*at)])[0]) for name, at in PLACES),
        *stations(raw),
    ]
    head = {
        "type": "FeatureCollection",
        "description": "Invented streets for the demonstration's areas, made by tests/streets.py: no real road "
        "is meant. WGS-84, longitude first (RFC 7946). drawn_for: of the areas that they fit; with any others they are "
        "not shown.",
        "drawn_for": fingerprint(boundaries),
    }
    text = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    rows = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in features)
    return f'{text},\n "features": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    sys.stdout.write(drawn())
