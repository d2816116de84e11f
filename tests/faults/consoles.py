"""The checker's part on consoles: each got every event of its stations, in order, once, or was told by a snapshot.

What a store lost that was not waited for (`doubts`) may have been shown, under an epoch that is void at the end; after
it a console may be shown nothing that the log has until a snapshot told it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.doubts import Doubts
from tests.faults.history import Alive, Linked, Row, Saw
from tests.faults.truth import (
    WHOLE,
    Members,
    Served,
    Truth,
    differs,
    listed,
    merge,
    same,
    still_open,
    told,
    without_what_comes,
)

Fault = Callable[[str, str], None]


def judge_consoles(rows: list[Row], truth: Truth, served: Served, doubts: Doubts, fault: Fault) -> Counter[str]:
    """Every frame of every console's connections, and the snapshots of a new console.

    Returns:
        Station -> how often a console was shown what then was lost, and might be.
    """
    links: dict[str, _Link] = {}
    screens: dict[str, _Screen] = defaultdict(_Screen)
    last = {station: snapshot["position"]["epoch"] for station, snapshot in served.snapshots.items()}
    for row in rows:
        if isinstance(row, Linked):
            links[row.link] = _Link(row, screens[row.officer], truth, doubts, last, fault)
        elif isinstance(row, Saw):
            links[row.link].see(row.message, row.at)
    shown: dict[str, list[tuple[str, int, list[Members]]]] = defaultdict(list)
    for link in links.values():
        for station, offset, alarms in link.snapshots:
            shown[station].append((link.name, offset, alarms))
    for station, snapshot in served.snapshots.items():
        shown[station].append(("a new console", snapshot["position"]["offset"], snapshot["alarms"]))
    for station, snapshots in shown.items():
        boards = truth.boards(station, [offset for _, offset, _ in snapshots])
        for who, offset, alarms in snapshots:
            seen = [(alarm["id"], listed(alarm)) for alarm in alarms]
            board = {alarm: listed(state) for alarm, state in boards[offset].items()}
            _compare(f"{who}, snapshot of {station} at {offset}", seen, board, fault)
    for row in rows:
        if isinstance(row, Alive):
            links[row.link].ends(row)
    for link in links.values():
        link.compare()
    return sum((screen.lost for screen in screens.values()), Counter())


@dataclass(slots=True)
class _Screen:
    """What an officer's console shows; stays from one connection to the next.

    `boards` is station -> alarm -> as it is shown; `void` has the stations that show what was lost, `lost` how often;
    `owed` is station -> alarms whose story is still to come, `begun` of which some came: as it is when it is read, so
    words may be there before their event.
    """

    owed: dict[str, set[str]] = field(default_factory=dict)
    begun: dict[str, set[str]] = field(default_factory=dict)
    boards: dict[str, dict[str, Members]] = field(default_factory=dict)
    void: set[str] = field(default_factory=set)
    lost: Counter[str] = field(default_factory=Counter)


class _Link:
    """One connection of a console, followed frame by frame."""

    def __init__(self, row: Linked, screen: _Screen, truth: Truth, doubts: Doubts, last: dict[str, str],
                 fault: Fault) -> None:  # fmt: skip
        self.name = f"{row.officer} ({row.link})"
        self.snapshots: list[tuple[str, int, list[Members]]] = []
        self._after = row.after
        self._truth = truth
        self._fault = fault
        self._doubts = doubts
        self._last = last  # station -> the epoch that holds at the end
        self._at: dict[str, tuple[str, int] | None] = {}
        self._screen = screen
        self._shown: dict[str, tuple[int, dict[str, Members]]] = {}
        self._told: dict[str, tuple[set[str], set[str]]] = {}  # station -> owed and begun: a later link has its own

    def see(self, message: Any, at: float) -> None:
        match message.get("type"):
            case "ok" if "recovered" in message:
                self._resume(message["recovered"])
            case "snapshot":
                self._snapshot(message, at)
            case "story":
                self._story(message)
            case "event":
                self._event(message, at)

    def ends(self, row: Alive) -> None:
        """At the end it must have come as far as a new console's snapshot."""
        for station, at in self._at.items():
            want = row.at[station]
            if at is None or at[0] != want["epoch"] or at[1] < want["offset"]:
                self._fault("gaps", f"{self.name}: {station} ended at {at}, and a new console was shown {dict(want)}")

    def compare(self) -> None:
        """What it showed at last, folded from its snapshot and events, is the list at that position.

        An alarm that was closed at its snapshot is unknown to it; what comes of it later must bring it whole.
        """
        for station, (offset, screen) in self._shown.items():
            board = self._truth.boards(station, [offset])[offset]
            owed, begun = self._told[station]  # cut before it came: then it asks for all of it anew
            rows = []
            for alarm, state in still_open(screen).items():
                if alarm in begun and alarm in board:
                    state = without_what_comes(state, board[alarm], self._truth.states[alarm][-1])
                if "id" in state:
                    rows.append((alarm, listed(state) if alarm in owed else state))
            board = {alarm: listed(state) if alarm in owed else state for alarm, state in board.items()}
            _compare(f"{self.name}, screen of {station} at {offset}", rows, board, self._fault)

    def _resume(self, recovered: dict[str, bool]) -> None:
        for station, yes in recovered.items():
            asked = self._after.get(station)
            if yes and asked is None:
                self._fault("gaps", f"{self.name}: {station} recovered from no position")
            self._at[station] = (asked["epoch"], asked["offset"]) if yes and asked else None

    def _snapshot(self, message: Members, at: float) -> None:
        station, position = message["station"], message["position"]
        self._at[station] = (position["epoch"], position["offset"])
        self._screen.boards[station] = {alarm["id"]: alarm for alarm in message["alarms"]}
        self._screen.owed[station] = set(message.get("stories", ()))
        self._screen.begun[station] = set()
        self._screen.void.discard(station)
        if self._is_void(station, position["epoch"]) and self._doubts.hold(at):
            board = self._truth.boards(station, [position["offset"]])[position["offset"]]
            shown = {alarm: listed(state) for alarm, state in self._screen.boards[station].items()}
            true = {alarm: listed(state) for alarm, state in board.items()}
            if position["offset"] > self._truth.end(station) or true != shown:
                self._loses(station)
                return
        if position["offset"] > self._truth.end(station):
            self._fault("lost", f"{self.name}: a snapshot of {station} at {position['offset']}, beyond the log's end")
            return
        self.snapshots.append((station, position["offset"], message["alarms"]))
        self._shows(station, position["offset"])

    def _story(self, message: Members) -> None:
        station, alarm = message["station"], message["alarm"]
        board = self._screen.boards.get(station, {})
        if message.get("whole"):
            self._screen.owed.get(station, set()).discard(alarm)
        if alarm in board:
            self._screen.begun.setdefault(station, set()).add(alarm)
            self._screen.boards[station] = {**board, alarm: told(board[alarm], message)}
            if station in self._shown:
                self._shows(station, self._shown[station][0])

    def _is_void(self, station: str, epoch: str) -> bool:
        return epoch != self._last.get(station, epoch)

    def _loses(self, station: str) -> None:
        self._screen.void.add(station)
        self._screen.lost[station] += 1
        self._shown.pop(station, None)

    def _event(self, message: Members, at: float) -> None:
        station, position = message["station"], message["position"]
        epoch, offset = position["epoch"], position["offset"]
        where = f"{self.name}: {station} {offset} ({message['event']['type']})"
        had = self._at.get(station)
        if had is None:
            self._fault("gaps", f"{where}: an event before any snapshot")
        elif had[0] != epoch:
            self._fault("gaps", f"{where}: the epoch is {epoch}, it was {had[0]}, and no snapshot told it")
        elif offset <= had[1]:
            self._fault("doubled", f"{where}: it had {had[1]} already")
        elif offset != had[1] + 1:
            self._fault("gaps", f"{where}: after {had[1]}")
        self._at[station] = (epoch, offset)
        row = self._truth.at(station, offset)
        is_so = row is not None and same(row, message)
        if not is_so and self._is_void(station, epoch) and self._doubts.hold_event(message["at"]):
            self._loses(station)
        elif is_so and station in self._screen.void and not self._doubts.hold(at):  # copies are made again, the same
            self._fault("gaps", f"{where}: it was shown what is lost, and this is not, and no snapshot was between")
        elif row is None:
            self._fault("lost", f"{where}: the log has no such event")
        elif not is_so:
            self._fault("invented", f"{where}: the log has {row['event']['type']} there, {differs(row, message)}")
        if message["alarm"] is not None:
            before = self._screen.boards.get(station, {})
            whole = message["event"]["type"] in WHOLE
            alarm = merge({} if whole else before.get(message["alarm"]), message["changes"])
            self._screen.boards[station] = {**before, message["alarm"]: alarm}
        if station not in self._screen.void:
            self._shows(station, offset)

    def _shows(self, station: str, offset: int) -> None:
        screen = self._screen
        self._shown[station] = offset, screen.boards.get(station, {})
        self._told[station] = screen.owed.setdefault(station, set()), screen.begun.setdefault(station, set())


def _compare(where: str, alarms: list[tuple[str, Members]], board: dict[str, Members], fault: Fault) -> None:
    """What is listed against the fold of the log up to the same position."""
    shown = dict(alarms)
    if len(shown) != len(alarms):
        fault("doubled", f"{where}: an alarm is twice on the list")
    for alarm in shown.keys() - board.keys():
        fault("invented", f"{where}: alarm {alarm} is on the list")
    for alarm in board.keys() - shown.keys():
        fault("lost", f"{where}: alarm {alarm} is not on the list")
    for alarm in shown.keys() & board.keys():
        if shown[alarm] != board[alarm]:
            fault("invented", f"{where}: alarm {alarm} {differs(shown[alarm], board[alarm])}")
