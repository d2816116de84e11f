"""What was asked, answered and seen, written down as it happens and never changed.

Kept in memory and, if wanted, as one JSON line each. Never judges (`checker`). Field's term: history (Jepsen).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "refused", "unknown"]
"""`unknown`: no answer, or one that says to try again; it may or may not have happened."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One attempt of a request, noted before its first byte leaves. All attempts of it have the same `ref`.

    `body` is what the checker needs to know of it: text, reason, media, seq, digest, ...
    """

    at: float
    ref: str
    who: str
    what: str
    alarm: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, or that there was none. `code` is the HTTP status, or 0."""

    at: float
    ref: str
    outcome: Outcome
    code: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """A console's connection. `after` is what it asked to resume from: station -> {epoch, offset}."""

    at: float
    link: str
    officer: str
    after: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Saw:
    """One frame, as the console got it."""

    at: float
    link: str
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alive:
    """At the end, with every fault mended, the console's connection stood, and a new console was shown `at`."""

    link: str
    at: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something that did not come to its end although every fault was mended."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """From here on (until it is `over`) what is confirmed may be lost: no replica has it, and nobody waits for one."""

    at: float
    over: bool


Row = Asked | Answered | Linked | Saw | Alive | Stuck | Doubt


class History:
    """All rows, in the order in which they happened.

    Args:
        file: also written there, a line each.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.rows: list[Row] = []
        self.receipts = 0
        self.doubted = False
        self._links = 0
        self._out = file.open("a", encoding="utf-8") if file else None

    def asked(self, ref: str, who: str, what: str, alarm: str, body: Mapping[str, Any]) -> None:
        self._add(Asked(time.time(), ref, who, what, alarm, body))

    def answered(self, ref: str, outcome: Outcome, code: int, answer: Mapping[str, Any]) -> None:
        self.receipts += outcome == "ok"
        self._add(Answered(time.time(), ref, outcome, code, answer))

    def linked(self, officer: str, after: Mapping[str, Mapping[str, Any]]) -> str:
        """The name of the new connection."""
        self._links += 1
        link = f"{officer}-{self._links}"
        self._add(Linked(time.time(), link, officer, after))
        return link

    def saw(self, link: str, message: Mapping[str, Any]) -> None:
        self._add(Saw(time.time(), link, message))

    def alive(self, link: str, at: Mapping[str, Mapping[str, Any]]) -> None:
        self._add(Alive(link, at))

    def stuck(self, what: str) -> None:
        self._add(Stuck(time.time(), what))

    def doubt(self, over: bool) -> None:
        self.doubted = True
        self._add(Doubt(time.time(), over))

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        if self._out is not None:
            self._out.write(json.dumps({"row": type(row).__name__.lower(), **asdict(row)}, ensure_ascii=False) + "\n")
