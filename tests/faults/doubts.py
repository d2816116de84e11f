"""The checker's part on asynchronous replicas: what may be lost there, and that it is told.

While a store's replicas get nothing and nobody waits for them, a confirmation holds only until its primary dies. Such
confirmations are taken for unanswered; those that came to nothing are counted apart. All else is judged as always.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from tests.faults.commands import judge_requests, requests
from tests.faults.history import Answered, Asked, Doubt, Row
from tests.faults.truth import Served, Truth

Fault = Callable[[str, str], None]

UNREAD_S = 0.5
"""What a replica was sent, and had not read when it was cut off, is lost too."""

_EVENTS_S = 2.0
"""An event's time is that of its decision, by the hub's clock; the doubt's is this machine's."""


class Doubts:
    """The times of doubt in a history."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._times: list[list[float]] = []
        for row in rows:
            if isinstance(row, Doubt) and row.over:
                self._times[-1][1] = row.at
            elif isinstance(row, Doubt):
                self._times.append([row.at - UNREAD_S, float("inf")])

    def __bool__(self) -> bool:
        return bool(self._times)

    def hold(self, at: float) -> bool:
        """Whether what was confirmed then may be lost."""
        return any(since <= at <= until for since, until in self._times)

    def hold_event(self, at: str) -> bool:
        """Whether an event of this time may be lost."""
        time = datetime.fromisoformat(at).timestamp()
        return any(since - _EVENTS_S <= time <= until + _EVENTS_S for since, until in self._times)


def weakened(rows: list[Row], doubts: Doubts) -> list[Row]:
    """The same history without the answers in doubt, and without the refusals of what then was no more there."""
    asked = {row.ref: row for row in rows if isinstance(row, Asked)}
    gone = {
        asked[row.ref].alarm
        for row in rows
        if isinstance(row, Answered) and doubts.hold(row.at) and row.ref in asked and asked[row.ref].what == "raise"
    }

    def weak(row: Row) -> Row:
        if not isinstance(row, Answered) or row.outcome == "unknown":
            return row
        missing = row.answer.get("code") == "not_found" and row.ref in asked and asked[row.ref].alarm in gone
        return replace(row, outcome="unknown") if missing or doubts.hold(row.at) else row

    return [weak(row) for row in rows]


def judge_doubts(rows: list[Row], truth: Truth, served: Served, seen: Mapping[str, int], fault: Fault) -> int:
    """Whether each station that lost something says so in its log; how many confirmed requests came to nothing.

    `seen` has for each station how many events and lists consoles were shown that the log does not have.
    """
    strict: list[str] = []
    judge_requests(rows, truth, served, lambda counter, what: strict.append(what) if counter == "lost" else None)
    weak: set[str] = set()
    judge_requests(weakened(rows, Doubts(rows)), truth, served, lambda counter, what: weak.add(what))
    lost = [what for what in strict if what not in weak]
    stations = {station for station, times in seen.items() if times}
    for request in requests(rows).values():
        if any(what.startswith(request.told) for what in lost):
            home = truth.homes.get(request.alarm)
            told = [a.answer["station"]["id"] for a in request.confirmed if "station" in a.answer]
            stations |= {home} if home else set(told)
    for station in sorted(stations):
        if not any(row["event"]["type"] == "store_restored" for row in truth.log.get(station, [])):
            fault("gaps", f"{station}: something confirmed there is lost, and its log does not say so")
    return len({what.split(":")[0] for what in lost})
