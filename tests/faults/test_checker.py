"""The checker finds every kind of fault, and finds none in a history that is as it should be."""

import ast
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker import Verdict, judge
from tests.faults.history import Alive, Doubt, History
from tests.faults.truth import Members, Served

FOLDER = Path(__file__).resolve().parent
ALARM = "0a000000-0000-4000-8000-000000000001"
OTHER = "0b000000-0000-4000-8000-000000000002"
EPOCH = "e1"
AT = "2026-11-22T05:00:00.000Z"
RAISED_AT = 1795323600.0  # the same instant


def row(offset: int, version: int, event: Members, changes: Members, alarm: str | None = ALARM) -> Members:
    """One line of the log."""
    return {
        "station": "east", "offset": offset, "at": AT, "alarm": alarm, "version": version, "event": event,
        "changes": {**changes, "version": version},
    }  # fmt: skip


class Story:
    """A citizen raises and says something and sends a photo; V01 acknowledges, moves, writes and closes; all is well.

    Tests spoil it: each attribute may be changed before `verdict`.
    """

    def __init__(self) -> None:
        self.log: dict[str, list[Members]] = {"east": [], "west": []}
        self.media: dict[tuple[str, str], dict[int, str]] = {(ALARM, "m1"): {0: "d0"}}
        self.view: Members | None = {"ladder": [{"step": "stored"}], "talk": [{"text": "s1"}]}
        self.broken = ""
        self.history = History()
        self.history_of(self.history)
        whole = {"id": ALARM, "status": "raised", "text": "help"}
        self.add({"type": "alarm_raised", "code": "K", "text": "help"}, whole)
        self.add({"type": "step_run", "step": 0}, {"step": 0})
        self.add({"type": "citizen_said", "text": "s1"}, {"talk": {"3": {"text": "s1"}}})
        self.add({"type": "media_added", "media": "m1"}, {"media": {"m1": {"state": "receiving"}}})
        self.add({"type": "alarm_delivered", "consoles": 1}, {"consoles": 1})
        self.add({"type": "alarm_acknowledged", "by": "V01"}, {"status": "acknowledged", "owner": "V01"})
        self.add({"type": "note_added", "by": "V01", "text": "n1"}, {"notes": {"7": {"text": "n1"}}})
        self.add({"type": "alarm_closed", "by": "V01", "note": "c1"}, {"status": "closed"})

    def add(self, event: Members, changes: Members, alarm: str | None = ALARM, station: str = "east") -> Members:
        rows = self.log[station]
        version = 0 if alarm is None else 1 + sum(r["alarm"] == alarm for r in rows)
        rows.append({**row(len(rows) + 1, version, event, changes, alarm), "station": station})
        return rows[-1]

    @staticmethod
    def history_of(h: History) -> None:
        h.linked("V01", {})
        h.asked("r1", "citizen", "raise", ALARM, {"text": "help"})
        h.answered("r1", "unknown", 0, {})
        h.asked("r1", "citizen", "raise", ALARM, {"text": "help"})
        receipt = {"id": ALARM, "code": "K", "station": {"id": "east"}, "status": "raised", "stored_at": AT}
        h.answered("r1", "ok", 201, receipt)
        h.asked("s1", "citizen", "say", ALARM, {})
        h.answered("s1", "ok", 200, {"version": 3})
        h.asked("m1/0", "citizen", "chunk", ALARM, {"media": "m1", "seq": 0, "sha256": "d0"})
        h.answered("m1/0", "ok", 204, {})
        h.asked("a1", "V01", "ack", ALARM, {})
        h.answered("a1", "ok", 0, {"version": 6, "status": "acknowledged", "owner": "V01"})
        h.asked("n1", "V01", "note", ALARM, {})
        h.answered("n1", "ok", 0, {"version": 7, "status": "acknowledged", "owner": "V01"})
        h.asked("c1", "V01", "close", ALARM, {})
        h.answered("c1", "ok", 0, {"version": 8, "status": "closed", "owner": "V01"})

    def sees(self, offsets: list[int], after: int | None = None, recovered: bool = False, epoch: str = EPOCH) -> str:
        """V01's console connects (from position `after`), gets a snapshot of the start unless recovered, and events."""
        positions = {} if after is None else {"east": {"epoch": EPOCH, "offset": after}}
        link = self.history.linked("V01", positions)
        self.history.saw(link, {"type": "ok", "ref": "x", "recovered": {"east": recovered}})
        if not recovered:
            self.snapshot(link, 0, [])
        for offset in offsets:
            self.event(link, offset, epoch)
        return link

    def snapshot(self, link: str, offset: int, alarms: list[Members]) -> None:
        position = {"epoch": EPOCH, "offset": offset}
        self.history.saw(link, {"type": "snapshot", "station": "east", "position": position, "alarms": alarms,
                                  "stories": []})  # fmt: skip

    def event(self, link: str, offset: int, epoch: str = EPOCH, **other: Any) -> None:
        members = copy.deepcopy(self.log["east"][offset - 1])
        del members["offset"]
        position = {"epoch": epoch, "offset": offset}
        self.history.saw(link, {**members, "type": "event", "position": position, **other})

    def verdict(self) -> Verdict:
        for asked in self.history.rows:
            object.__setattr__(asked, "at", RAISED_AT) if isinstance(getattr(asked, "at", None), float) else None
        return judge(
            self.history, Served(log=self.log, views={ALARM: self.view}, media=self.media, broken=self.broken)
        )  # fmt: skip


def counters(story: Story) -> list[str]:
    return sorted({counter for counter, _ in story.verdict().faults})


def test_all_is_well() -> None:
    """A history in which a request was repeated, and a console that resumed, has no fault."""
    story = Story()
    story.sees([1, 2, 3, 4])
    story.sees([5, 6, 7, 8], after=4, recovered=True)
    verdict = story.verdict()
    assert verdict.clean, verdict.told()
    assert verdict.figures == {"alarms": 1, "receipts": 3, "commands": 3, "events": 8, "frames": 11, "links": 3}


def test_what_was_not_confirmed_may_be_absent() -> None:
    """A request without an answer may have had no effect."""
    story = Story()
    story.history.asked("s2", "citizen", "say", ALARM, {})
    story.history.answered("s2", "unknown", 503, {})
    assert counters(story) == []


Spoil = Callable[[Story], object]


def drop(n: int) -> Spoil:
    """The log without event `n`, as if it had never been."""

    def spoil(story: Story) -> None:
        rows = story.log["east"]
        del rows[n - 1]
        for number, each in enumerate(rows, start=1):
            each["offset"] = each["version"] = each["changes"]["version"] = number

    return spoil


def answers(ref: str, what: str, outcome: Any, **answer: Any) -> Spoil:
    def spoil(story: Story) -> None:
        story.history.asked(ref, "V01" if what not in ("raise", "say") else "citizen", what, ALARM, {"text": "help"})
        story.history.answered(ref, outcome, answer.pop("http", 0), answer)

    return spoil


def adds(event: Members, changes: Members | None = None, alarm: str | None = ALARM, station: str = "east") -> Spoil:
    return lambda story: story.add(event, changes or {}, alarm, station)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        # -- lost
        (lambda s: s.log["east"].clear(), "lost"),
        (drop(3), "lost"),
        (drop(4), "lost"),
        (drop(6), "lost"),
        (drop(8), "lost"),
        (lambda s: s.media.clear() or s.media.update({(ALARM, "m1"): {}}), "lost"),
        (lambda s: setattr(s, "view", None), "lost"),
        (lambda s: s.view.update(talk=[]), "lost"),
        (lambda s: s.log["east"][0]["event"].update(text=None), "lost"),
        (answers("n2", "note", "ok", version=8, status="closed", owner="V01"), "lost"),
        (answers("n2", "ack", "ok", version=99, status="closed", owner="V01"), "lost"),
        # -- invented
        (adds({"type": "alarm_raised", "code": "K"}, {"id": OTHER, "status": "raised"}, OTHER), "invented"),
        (adds({"type": "citizen_said", "text": "never said"}), "invented"),
        (adds({"type": "alarm_seen", "by": "V02"}), "invented"),
        (adds({"type": "alarm_en_route", "by": "V01"}), "invented"),
        (adds({"type": "media_added", "media": "m9"}), "invented"),
        (adds({"type": "cancel_requested"}), "invented"),
        (adds({"type": "alarm_delivered", "consoles": 9}), "invented"),
        (adds({"type": "alarm_blessed"}), "invented"),
        (adds({"type": "console_ready", "officer": "V09", "console": "k"}, alarm=None), "invented"),
        (lambda s: s.media[ALARM, "m1"].update({0: "other"}), "invented"),
        (lambda s: s.log["east"][0].update(at="2026-11-22T05:00:01.000Z"), "invented"),
        (answers("a2", "ack", "refused", code="already_acknowledged", by="V09"), "invented"),
        (answers("c1", "close", "ok", version=8, status="raised"), "invented"),
        # -- doubled
        (adds({"type": "citizen_said", "text": "s1"}), "doubled"),
        (adds({"type": "note_added", "by": "V01", "text": "n1"}), "doubled"),
        (adds({"type": "media_added", "media": "m1"}), "doubled"),
        (adds({"type": "alarm_raised", "code": "K"}, {"id": ALARM, "status": "raised"}, station="west"), "doubled"),
        (lambda s: s.view["talk"].append({"text": "s1"}), "doubled"),
        (lambda s: [s.add({"type": "console_lost", "console": "k"}, {}, None) for _ in range(2)], "doubled"),
        (answers("r1", "raise", "ok", http=201, id=ALARM, code="K", station={"id": "east"}, status="raised",
                 stored_at=AT), "doubled"),
        # -- escalated
        (adds({"type": "step_run", "step": 1}), "escalated"),
        (adds({"type": "alarm_unanswered"}), "escalated"),
        # -- order
        (lambda s: s.log["east"][3].update(offset=9), "disorder"),
        (lambda s: s.log["east"][3].update(version=9), "disorder"),
        (lambda s: setattr(s, "broken", "east: broken at 3"), "disorder"),
        (answers("n1", "note", "ok", version=6, status="acknowledged", owner="V01"), "disorder"),
        # -- refused, stuck
        (answers("s1", "say", "refused", code="ref_reused"), "refused"),
        (lambda s: s.history.stuck("a citizen"), "stuck"),
    ],
)  # fmt: skip
def test_each_fault_is_found(spoil: Spoil, found: str) -> None:
    """One thing that is wrong with an otherwise right history is found, and under its name."""
    story = Story()
    spoil(story)
    assert found in counters(story)


def test_a_second_acknowledgement() -> None:
    """One ack and two events of it: doubled, although each has its own version."""
    story = Story()
    story.log["east"][6:6] = [{**row(7, 7, {"type": "alarm_acknowledged", "by": "V01"}, {})}]
    for number, each in enumerate(story.log["east"], start=1):
        each["offset"] = each["version"] = each["changes"]["version"] = number
    assert "doubled" in counters(story)


def test_what_was_refused_did_not_happen() -> None:
    """A command of which every attempt was refused has no event."""
    story = Story()
    answers("r9", "release", "refused", code="not_owner")(story)
    story.add({"type": "alarm_released", "by": "V01", "reason": "r9"}, {"status": "raised"})
    assert "invented" in counters(story)


def test_a_refusal_and_no_answer() -> None:
    """A command of which one attempt had no answer may have happened, whatever the others were told."""
    story = Story()
    answers("r9", "release", "refused", code="not_owner")(story)
    answers("r9", "release", "unknown")(story)
    story.add({"type": "alarm_released", "by": "V01", "reason": "r9"}, {"status": "raised"})
    assert counters(story) == []


def test_escalation_after_it_was_released() -> None:
    """Once it is open again it may escalate again."""
    story = Story()
    answers("r9", "release", "ok", version=9, status="raised")(story)
    story.add({"type": "alarm_released", "by": "V01", "reason": "r9"}, {"status": "raised", "owner": None})
    story.add({"type": "step_run", "step": 0}, {})
    assert counters(story) == []


# -- consoles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offsets", "after", "recovered", "found"),
    [
        ([1, 2, 4], None, False, ["gaps"]),
        ([2, 3], None, False, ["gaps"]),
        ([1, 2, 2], None, False, ["doubled"]),
        ([2, 1], None, False, ["doubled", "gaps"]),
        ([6, 7], 4, True, ["gaps"]),
        ([4, 5], 4, True, ["doubled"]),
        ([1], None, True, ["gaps"]),
    ],
)
def test_holes_and_doubles(offsets: list[int], after: int | None, recovered: bool, found: list[str]) -> None:
    """A position that is left out, or comes twice, on one connection or from the one before."""
    story = Story()
    if after is not None:
        story.sees(list(range(1, after + 1)))
    story.sees(offsets, after, recovered)
    assert {counter for counter in counters(story) if counter in ("gaps", "doubled")} == set(found)


def test_another_epoch_without_a_snapshot() -> None:
    """Events of another epoch, and no snapshot told it."""
    story = Story()
    story.sees([1, 2], epoch="e2")
    assert "gaps" in counters(story)


def test_an_end_that_never_came() -> None:
    """A console that stood at the end and has not what a new console was shown."""
    story = Story()
    link = story.sees([1, 2, 3])
    story.history.alive(link, {"east": {"epoch": EPOCH, "offset": 8}})
    assert counters(story) == ["gaps"]


def test_an_event_that_the_log_has_not() -> None:
    """A console was shown what is not there any more."""
    story = Story()
    story.sees(list(range(1, 9)))
    story.log["east"].pop()
    assert "lost" in counters(story)


def test_other_content_at_the_same_position() -> None:
    """A console was shown another event than the log has there."""
    story = Story()
    link = story.sees([1])
    story.event(link, 2, event={"type": "step_run", "step": 7})
    assert "invented" in counters(story)


@pytest.mark.parametrize(
    ("alarms", "found"),
    [
        ([{"id": ALARM, "status": "raised", "text": "help", "step": 0, "version": 2}], []),
        ([], ["lost"]),
        ([{"id": ALARM, "status": "raised", "text": "help", "step": 1, "version": 2}], ["invented"]),
        ([{"id": OTHER, "status": "raised", "version": 2}], ["invented", "lost"]),
    ],
)
def test_snapshots(alarms: list[Members], found: list[str]) -> None:
    """A snapshot is the fold of the log up to its position: nothing missing, nothing else."""
    story = Story()
    link = story.sees([])
    story.snapshot(link, 2, alarms)
    assert counters(story) == found


@pytest.mark.parametrize(
    ("words", "found"), [({"3": {"text": "s1"}}, []), ({"3": {"text": "sX"}}, ["invented"]), ({}, [])]
)
def test_a_story_is_ahead_of_its_events(words: Members, found: list[str]) -> None:
    """As it is when it is read: words whose event did not come any more may be in it, and none that nobody said."""
    story = Story()
    link = story.history.linked("V02", {})
    story.history.saw(link, {"type": "ok", "ref": "x", "recovered": {"east": False}})
    alarm = {"id": ALARM, "status": "raised", "text": "help", "version": 2, "step": 0}
    position = {"epoch": EPOCH, "offset": 2}
    snapshot = {"type": "snapshot", "station": "east", "position": position, "alarms": [alarm], "stories": [ALARM]}
    story.history.saw(link, snapshot)
    told = {"type": "story", "station": "east", "alarm": ALARM, "wipes": 0, "talk": words, "whole": True}
    story.history.saw(link, told)
    assert counters(story) == found


def test_cut_before_a_story_came() -> None:
    """What was still to come at the end of one connection is not missing there, though the next one brought it."""
    story = Story()
    state = {"id": ALARM, "status": "raised", "text": "help", "version": 3, "step": 0}
    snapshot: Members = {"type": "snapshot", "station": "east", "position": {"epoch": EPOCH, "offset": 3},
                         "alarms": [state], "stories": [ALARM]}  # fmt: skip
    told = {
        "type": "story",
        "station": "east",
        "alarm": ALARM,
        "wipes": 0,
        "talk": {"3": {"text": "s1"}},
        "whole": True,
    }
    for came in ([], [told]):
        link = story.history.linked("V02", {})
        hello: Members = {"type": "ok", "ref": "x", "recovered": {"east": False}}
        for message in [hello, snapshot, *came]:
            story.history.saw(link, message)
    assert counters(story) == []


def test_an_alarm_that_is_open_again() -> None:
    """A console that did not know a closed alarm must have it whole when it is open again."""
    story = Story()
    answers("o1", "reopen", "ok", version=9, status="raised")(story)
    story.add({"type": "alarm_reopened", "cause": "officer", "by": "V01", "reason": "o1"},
              {"status": "raised", "owner": None})  # fmt: skip
    link = story.sees([])
    story.snapshot(link, 8, [])
    story.event(link, 9)
    assert counters(story) == ["lost"]


# -- copies ---------------------------------------------------------------------------------------------------------


def shared(story: Story, version: int) -> Members:
    """West is called in: the whole alarm as it is at `version`."""
    state: Members = {}
    for each in story.log["east"][:version]:
        for name, value in each["changes"].items():
            state[name] = {**state[name], **value} if isinstance(value, dict) and name in state else value
    copied = {**row(1, version, {"type": "alarm_shared", "home": "east"}, state), "station": "west"}
    story.log["west"].append(copied)
    return copied


def follows(story: Story, version: int) -> Members:
    copied = {**copy.deepcopy(story.log["east"][version - 1]), "station": "west"}
    copied["offset"] = len(story.log["west"]) + 1
    story.log["west"].append(copied)
    return copied


def test_copies_that_are_right() -> None:
    """The whole alarm, then each further event once."""
    story = Story()
    shared(story, 6)
    follows(story, 7)
    follows(story, 8)
    assert counters(story) == []


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda s: (shared(s, 6), follows(s, 7)), "lost"),
        (lambda s: (shared(s, 6), follows(s, 8)), "disorder"),
        (lambda s: (shared(s, 6), follows(s, 7), follows(s, 7), follows(s, 8)), "doubled"),
        (lambda s: (shared(s, 6)["changes"].update(status="raised"), follows(s, 7), follows(s, 8)), "invented"),
        (lambda s: (shared(s, 6), follows(s, 7)["event"].update(text="n2"), follows(s, 8)), "invented"),
        (lambda s: (shared(s, 8), s.log["west"][0].update(alarm=OTHER)), "invented"),
    ],
)
def test_copies_that_are_wrong(spoil: Spoil, found: str) -> None:
    """A copy that stops, leaves out, repeats or changes an event."""
    story = Story()
    spoil(story)
    assert found in counters(story)


# -- what it stands on ----------------------------------------------------------------------------------------------


# -- what nobody waited for -----------------------------------------------------------------------------------------


class Failover(Story):
    """After the story V01 writes a note and a citizen raises another alarm; no replica has it, and the store goes back.

    The log says so in its ninth row. V01 saw the note, was told, and got a snapshot.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost = {**row(9, 9, {"type": "note_added", "by": "V01", "text": "n2"}, {}), "at": AT}
        h = self.history
        h.doubt(over=False)
        h.asked("n2", "V01", "note", ALARM, {})
        h.answered("n2", "ok", 0, {"version": 9, "status": "closed", "owner": "V01"})
        h.asked("r2", "citizen", "raise", OTHER, {"text": "help"})
        h.answered("r2", "ok", 201, {"id": OTHER, "code": "L", "station": {"id": "east"}, "stored_at": AT})
        self.link = self.sees([1, 2, 3, 4, 5, 6, 7, 8])
        h.saw(self.link, {**self.lost, "type": "event", "position": {"epoch": EPOCH, "offset": 9}})
        h.doubt(over=True)
        h.asked("s9", "citizen", "say", OTHER, {})
        h.answered("s9", "refused", 404, {"code": "not_found"})
        self.add({"type": "store_restored", "epoch": "e2"}, {}, alarm=None)

    def is_told(self, offset: int = 9) -> None:
        position = {"epoch": "e2", "offset": offset}
        shown = {"type": "snapshot", "station": "east", "position": position, "alarms": []}
        self.history.saw(self.link, shown)
        self.history.alive(self.link, {"east": position})

    def verdict(self) -> Verdict:
        inside = False
        for each in self.history.rows:
            inside = not each.over if isinstance(each, Doubt) else inside
            if not isinstance(each, Alive):
                at = RAISED_AT if inside or isinstance(each, Doubt) else RAISED_AT + (60 if self._after(each) else -1)
                object.__setattr__(each, "at", at)
        last = {"east": {"position": {"epoch": "e2", "offset": 9}, "alarms": []}}
        views = {ALARM: self.view, OTHER: None}
        return judge(self.history, Served(log=self.log, views=views, media=self.media, snapshots=last))

    def _after(self, each: Any) -> bool:
        return self.history.rows.index(each) > max(
            n for n, other in enumerate(self.history.rows) if isinstance(other, Doubt)
        )  # fmt: skip


def test_what_nobody_waited_for_is_counted() -> None:
    """Lost while no replica had it, and told: no fault, and the two confirmations are counted apart."""
    story = Failover()
    story.is_told()
    verdict = story.verdict()
    assert verdict.clean, verdict.told()
    assert verdict.figures["unwaited"] == 2


def test_a_console_that_was_not_told() -> None:
    """It stays in the old epoch, with what was lost on it."""
    story = Failover()
    story.history.alive(story.link, {"east": {"epoch": "e2", "offset": 9}})
    assert counters(story) == ["gaps"]


def test_two_histories_on_one_console() -> None:
    """After what was lost it is shown what came instead, and no snapshot was between."""
    story = Failover()
    story.add({"type": "note_added", "by": "V01", "text": "n1"}, {})
    story.event(story.link, 10)
    story.is_told(10)
    assert "gaps" in counters(story)


def test_a_station_that_does_not_say_so() -> None:
    """Something is lost, and its log has no word of it."""
    story = Failover()
    story.log["east"][8]["event"] = {"type": "duty_changed"}
    story.is_told()
    assert counters(story) == ["gaps"]


def test_what_was_confirmed_before_is_not_forgiven() -> None:
    """Only what was confirmed while no replica got anything may be lost."""
    story = Failover()
    drop(7)(story)
    story.is_told()
    assert "lost" in counters(story)


def test_what_is_there_twice_is_not_forgiven() -> None:
    """A store that went back may have less, never more."""
    story = Failover()
    story.add({"type": "alarm_raised", "code": "M"}, {"id": OTHER, "status": "raised"}, OTHER)
    story.add({"type": "alarm_raised", "code": "M"}, {"id": OTHER, "status": "raised"}, OTHER)
    story.is_told()
    assert "doubled" in counters(story)


def test_it_shares_no_code_with_the_server() -> None:
    """No module here imports the server or its client: what both got wrong would not be seen."""
    wrong = []
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                assert not node.level, f"{path.name}: write imports in full, so that they are seen"
            wrong += [f"{path.name}: {n}" for n in names if n.split(".")[0] in ("dispatch", "fujin_client")]
    assert not wrong


def test_the_history_is_written_down(tmp_path: Path) -> None:
    """Each row is a line of JSON, in order."""
    history = History(tmp_path / "history.jsonl")
    history.asked("r1", "citizen", "raise", ALARM, {"text": "help"})
    history.answered("r1", "ok", 201, {"id": ALARM})
    history.close()
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [(each["row"], each["ref"]) for each in rows] == [("asked", "r1"), ("answered", "r1")]
