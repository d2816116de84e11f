"""Whatever people and timers do to an alarm, in whatever order: its rules hold (P3, P4, P6)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatch.alarm import commands as c
from dispatch.alarm import errors, helping, shapes
from dispatch.alarm import events as e
from dispatch.alarm.claims import before_closing
from dispatch.alarm.clock import whole_milliseconds
from dispatch.alarm.errors import Refused
from dispatch.alarm.fold import evolve
from dispatch.alarm.lifecycle import TRANSITIONS, WIRE_NAMES, decide, possible
from dispatch.alarm.patch import apply_patch, merge_patch
from dispatch.alarm.retention import ends_at
from dispatch.alarm.state import OWNED, PRIVATE, TALLY, Alarm, Status, from_members, to_members
from dispatch.alarm.to_helper import Call
from dispatch.alarm.views import citizen_view, ladder
from dispatch.escalation.policy import Policy, Step, deadlines
from dispatch.nearby.calls import Ground, call
from dispatch.routing.datum import wgs84_to_gcj02
from dispatch.routing.route import wgs84
from dispatch.stream.record import make_record
from tests.nightly import often

ID = "0197d3c2-0000-7000-8000-000000000001"
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = Policy(
    steps=(Step(0, ("on_duty",)), Step(15, ("station",)), Step(30, ("backups", "supervisor"))), remind_after_s=40
)
POLICIES = (
    POLICY, replace(POLICY, steps=POLICY.steps[:1]), replace(POLICY, steps=POLICY.steps[:2], repeat_every_s=5),
    replace(POLICY, steps=(*POLICY.steps, Step(45, ("station",)), Step(600, ("supervisor",)))),
)  # fmt: skip
"""What the configuration may become while the alarm is open."""
ACTORS = (
    c.Actor("V01", "dadongmen"),
    c.Actor("V02", "dadongmen"),
    c.Actor("X01", "xiaodong"),
    c.Actor("E01", "dongzhan"),
    c.Actor("S01", None, "supervisor"),
    c.Actor("S02", "xiaodong", "supervisor"),
)
HELPERS = tuple(c.Actor(name, "dadongmen", "helper") for name in ("H01", "H02", "H03"))
GROUND = Ground(wgs84=wgs84, gcj02=wgs84_to_gcj02, station_name=lambda station: {"zh": station}, coarse_m=300)
STATIONS = ("dadongmen", "xiaodong", "dongzhan")
WHYS = ("in_area", "coarse_position", "outside_nearest", "outside_default", "no_position", "absurd_position")
KEEP = {"alarm": timedelta(days=2), "practice": timedelta(days=1)}
"""Tips are kept for ever."""
AGAIN_IS_ANOTHER = (c.Say, c.Ask, c.AddNote, c.OpenOriginal, c.RequestCancel, c.RemoveMedia)
"""Commands that mean something new each time; their callers' `ref` keeps a retry from doing it twice."""
TAKES_UP = (e.AlarmAcknowledged, e.AlarmTaken, e.TransferAccepted, e.HandoverAccepted)
TRACK = 3
OPENS = (e.AlarmReleased, e.AlarmReopened)
CALLS_ANEW = (*OPENS, e.AlarmRerouted)
pytestmark = pytest.mark.long

actors = st.sampled_from(ACTORS)
words = st.text(min_size=1, max_size=20)
stations = st.sampled_from(STATIONS)
numbers = st.floats(-90, 90, allow_nan=False).map(lambda n: round(n, 5))


class Life(RuleBasedStateMachine):
    """One alarm, and everyone who may touch it."""

    def __init__(self) -> None:
        super().__init__()
        self.alarm: Alarm | None = None
        self.policy = self.stored_with = POLICY
        self.now = START
        self.events: list[tuple[e.Event, datetime, datetime | None]] = []

    # -- the machinery -------------------------------------------------------------------------------------------

    def give(self, command: c.Command) -> list[e.Event]:
        """Decide and fold as `Alarms` does, checking every step of it."""
        before = self.alarm
        try:
            events = decide(before, command)
        except Refused as refused:
            self.check_refusal(command, refused)
            return []
        for event in events:
            self.fold(event)
        if not isinstance(command, AGAIN_IS_ANOTHER):
            self.check_again(command)
        by = getattr(command, "by", None)
        if before is not None and type(command) in WIRE_NAMES and events and by is not None:
            assert (before.status, type(command)) in TRANSITIONS, "an event that the table does not have"
            assert self.alarm is not None
            assert self.alarm.status is (TRANSITIONS[before.status, type(command)] or before_closing(before))
        return events

    def fold(self, event: e.Event) -> None:
        before = to_members(self.alarm) if self.alarm else {}
        version = self.alarm.version if self.alarm else 0
        alarm = evolve(self.alarm, event, self.now, ID)
        due = deadlines(alarm, self.policy, SHANGHAI)
        self.stored_with = self.policy
        self.alarm = replace(alarm, due=due[0].at if due else None)
        self.events.append((event, self.now, self.alarm.due))
        assert self.alarm.version == version + 1
        after = to_members(self.alarm)
        patch = merge_patch(before, after)
        sent = json.loads(orjson.dumps(patch))
        assert apply_patch(json.loads(orjson.dumps(before)), sent) == json.loads(orjson.dumps(after))
        record = make_record(ID, self.alarm.version, event, self.now, patch)
        members = json.loads(record.wire)["event"]
        assert e.load(members).split() == _plain(event).split()

    def check_again(self, command: c.Command) -> None:
        """The same command of the same person a second time: nothing new."""
        try:
            assert decide(self.alarm, command) == []
        except Refused as refused:
            assert refused.error.code in ("not_possible", "not_found"), refused  # noqa: PT017 - both ways are right

    def check_refusal(self, command: c.Command, refused: Refused) -> None:
        """A refusal says what would be possible, or who was first; timers and the citizen's words are never refused."""
        assert not isinstance(command, c.RunStep | c.TellUnanswered | c.Remind | c.ReopenIdle | c.MarkOverdue)
        assert not (isinstance(command, c.Say) and command.by is None)
        assert not isinstance(command, c.Reroute | c.ReportPosition | c.RequestCancel | c.Deliver | c.AddMedia)
        if self.alarm is None:
            assert refused.error is errors.NOT_FOUND
            return
        if isinstance(command, helping.COMMANDS):
            return
        if refused.error is errors.NOT_POSSIBLE and type(command) not in WIRE_NAMES:
            open_still = isinstance(command, c.Wipe) and self.alarm.status is not Status.CLOSED
            assert self.alarm.wiped_at or self.alarm.held or self.alarm.media or open_still
        elif refused.error is errors.NOT_POSSIBLE:
            assert refused.details["possible"] == possible(self.alarm)
            mine = WIRE_NAMES[type(command)]
            assert mine not in refused.details["possible"] or isinstance(command, c.UndoClose), "too late"
        if refused.error is errors.ALREADY_ACKNOWLEDGED:
            assert refused.details["by"] == self.alarm.owner

    def current(self) -> Alarm:
        assert self.alarm is not None
        return self.alarm

    # -- what may happen -----------------------------------------------------------------------------------------

    @initialize(kind=st.sampled_from(("alarm", "tip", "practice")), text=st.none() | words)
    def raised(self, kind: str, text: str | None) -> None:
        self.give(
            c.Raise(station="dadongmen", backups=("xiaodong",), why="in_area", code="A", kind=kind, text=text,
                    needs=("deaf",), position={"lat": 41.8, "lon": 123.4, "accuracy_m": 30.0})
        )  # fmt: skip

    @rule(policy=st.sampled_from(POLICIES))
    def another_configuration(self, policy: Policy) -> None:
        """The hubs are started with another policy: what is due is computed anew, and stored with the next event."""
        self.policy = policy

    @rule(station=stations, why=st.sampled_from(WHYS))
    def its_place_is_known_better(self, station: str, why: str) -> None:
        """For a place that is better known, or as well and another station's; never while somebody has it."""
        was = self.current()
        if self.give(c.Reroute(station=station, backups=("dadongmen",), why=why)):
            assert was.status is Status.RAISED
            assert station not in was.stations or why != was.why
            assert (self.current().station, self.current().why, self.current().since) == (station, why, was.since)
            assert set(self.current().stations) == {*was.stations, station}

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now = whole_milliseconds(self.now + timedelta(seconds=seconds))

    @rule()
    def raised_again(self) -> None:
        command = c.Raise(station="xiaodong", backups=(), why="no_position", code="B")
        assert self.give(command) == []

    @rule(by=actors, what=st.sampled_from(tuple(WIRE_NAMES)), to=stations, reason=words)
    def someone_acts(self, by: c.Actor, what: type[c.Command], to: str, reason: str) -> None:
        self.act(by, what, to, reason)

    @rule(what=st.sampled_from(tuple(WIRE_NAMES)), to=stations, reason=words)
    def the_owner_acts(self, what: type[c.Command], to: str, reason: str) -> None:
        owner = next((actor for actor in ACTORS if actor.name == self.current().owner), ACTORS[0])
        self.act(owner, what, to, reason)

    @rule(by=actors)
    def someone_has_it(self, by: c.Actor) -> None:
        self.act(by, c.Acknowledge if self.current().status is Status.RAISED else c.Take, "", "更近")

    def act(self, by: c.Actor, what: type[c.Command], to: str, reason: str) -> None:
        more: dict[type[c.Command], dict[str, Any]] = {
            c.Take: {"reason": reason if len(reason) % 3 else None, "grace_from": self.now - timedelta(seconds=20)},
            c.UndoClose: {"closed_from": self.now - timedelta(seconds=12)}, c.RejectHandover: {"reason": reason},
            c.OfferHandover: {"to": {"xiaodong": "X01", "dongzhan": "V02"}.get(to), "summary": reason},
            c.Release: {"reason": reason}, c.Reopen: {"reason": reason},
            c.RejectTransfer: {"reason": reason}, c.OfferTransfer: {"to": to, "reason": reason},
            c.Close: {"disposition": "handled", "note": reason},
        }  # fmt: skip
        made: Any = what
        before = self.current()
        offered = before.transfer
        for event in self.give(made(by=by, **more.get(what, {}))):
            self.check_claim(before, event, by)
            if isinstance(event, e.TransferAccepted):
                assert offered is not None
                assert by.station in (None, offered["to"])
                assert self.current().station == offered["to"]

    def check_claim(self, before: Alarm, event: e.Event, by: c.Actor) -> None:
        """An alarm changes hands without a reason only where that is free; an offer moves nothing by itself."""
        if isinstance(event, e.AlarmTaken) and event.reason is None:
            just_now = before.owned_at is not None and self.now - before.owned_at <= timedelta(seconds=20)
            assert before.owner_lost_at or (just_now and before.owner_station == by.station)
        if isinstance(event, e.HandoverOffered | e.HandoverRejected | e.HandoverWithdrawn):
            assert (self.current().owner, self.current().status) == (before.owner, before.status)
        if isinstance(event, e.HandoverAccepted):
            assert before.handover is not None
            assert before.handover.get("to") in (None, by.name)
            assert (self.current().owner, event.handed_by) == (by.name, before.owner)
        if isinstance(event, e.CloseUndone):
            assert before.closed_at is not None
            assert self.now - before.closed_at <= timedelta(seconds=12)

    @rule(lost=st.booleans())
    def owner_falls_silent(self, lost: bool) -> None:
        owner = self.current().owner or "V01"
        events = self.give(c.LoseOwner(owner=owner) if lost else c.FindOwner(owner=owner))
        assert not events or self.current().status in OWNED

    @rule(duress=st.booleans())
    def cancel(self, duress: bool) -> None:
        was = self.current().cancel
        self.give(c.RequestCancel(duress=duress))
        assert was != "duress" or self.current().cancel == "duress", "duress is never taken back"

    @rule(text=words, by=st.none() | actors)
    def say(self, text: str, by: c.Actor | None) -> None:
        self.give(c.Say(text=text, by=by))
        if by is None and self.current().kind != "practice":
            assert self.current().status is not Status.CLOSED, "words into a closed alarm open it again"

    @rule(nth=st.integers(0, 9), answer=words)
    def answer(self, nth: int, answer: str) -> None:
        asked = [n["question"] for n in self.current().talk.values() if "question" in n]
        self.give(c.Answer(question=asked[nth % len(asked)] if asked else "7", answer=answer))

    @rule(upto=st.integers(0, 40), seen=st.booleans())
    def hear(self, upto: int, seen: bool) -> None:
        self.give(c.Heard(upto=upto, seen=seen))
        last = max((int(n) for n, one in self.current().talk.items() if one["who"] == "officer"), default=0)
        assert (self.current().talk_seen or 0) <= (self.current().talk_delivered or 0)
        assert self.current().wiped_at or (self.current().talk_delivered or 0) <= last or self.current().wipes

    @rule(by=actors, text=words, asked=st.booleans())
    def ask_or_note(self, by: c.Actor, text: str, asked: bool) -> None:
        self.give(c.Ask(by=by, text=text, choices=("yes", "no")) if asked else c.AddNote(by=by, text=text))

    @rule(lat=numbers, lon=numbers, accuracy=st.none() | numbers)
    def walk(self, lat: float, lon: float, accuracy: float | None) -> None:
        more = {} if accuracy is None else {"accuracy_m": accuracy}
        was = self.alarm
        events = self.give(c.ReportPosition(position={"lat": lat, "lon": lon, **more}, track=TRACK))
        if events and was is not None and self.alarm is not None:
            earlier = [*was.track.values(), *([was.position] if was.position else [])]
            assert list(self.alarm.track.values()) == earlier[-TRACK:], "the places before, in order, the latest few"
            sent = merge_patch(to_members(was), to_members(self.alarm)).get("track") or {}
            assert sum(place is not None for place in sent.values()) <= 1, "a patch brings one of them"

    @rule(media=st.sampled_from(("m1", "m2")), by=actors, nth=st.integers(0, 4))
    def photo(self, media: str, by: c.Actor, nth: int) -> None:
        done = c.MediaDone(media=media, mime="image/jpeg", width=4, height=3)
        ways: tuple[c.Command, ...] = (
            c.AddMedia(media=media, kind="photo", mime="image/jpeg"),
            c.EndMedia(media=media, chunks=2, size=9, sha256="0" * 64),
            done, replace(done, unreadable="html"), c.OpenOriginal(by=by, media=media, reason="调查"),
        )  # fmt: skip
        self.give(ways[nth])

    @rule(by=actors, what=st.sampled_from((c.Hold, c.Unhold, c.Wipe)), reason=words)
    def keep_or_wipe(self, by: c.Actor, what: type[c.Command], reason: str) -> None:
        made: Any = what
        held = self.current().held
        if self.give(made(by=by, reason=reason)):
            assert by.role == "supervisor"
            assert by.station in (None, self.current().home, self.current().station)
            assert what is not c.Wipe or held is None

    @rule(days=st.integers(0, 3), objects=st.integers(0, 2))
    def the_end_date(self, days: int, objects: int) -> None:
        """An end that is due always wipes; one of an earlier closing, or of what is held, never does."""
        ends = ends_at(self.current(), KEEP)
        at = self.now + timedelta(days=days)
        if ends is not None and ends <= at:
            self.now = at
            assert self.give(c.EndContent(closed_at=self.current().closed_at))
            assert self.current().wiped_at == at
        assert self.give(c.EndContent(closed_at=START - timedelta(days=1))) == []
        self.give(c.RemoveMedia(objects=objects))

    @rule(
        by=actors, nearest=st.integers(1, 3), name=st.none() | st.sampled_from(("H02", "H09")), text=st.none() | words
    )
    def call_helpers(self, by: c.Actor, nearest: int, name: str | None, text: str | None) -> None:
        chosen, upto = (name,) if name else (), len(self.current().helpers) + nearest
        near = tuple(helper.name for helper in HELPERS)
        self.give(c.CallHelpers(by=by, chosen=chosen, upto=upto, tasks=(), text=text, near=near, most=30))

    @rule(helper=st.sampled_from(HELPERS), nth=st.integers(0, 4))
    def helper_answers(self, helper: c.Actor, nth: int) -> None:
        ways = (c.AcceptCall(helper=helper), c.DeclineCall(helper=helper, why="busy"), c.FinishCall(helper=helper),
                c.ShowPlace(helper=helper), c.SeeCall(helper=helper))  # fmt: skip
        asked = helper.name in self.current().helpers
        assert self.give(ways[nth]) == [] or asked, "who was not called has no answer"

    @rule(by=actors)
    def release_helpers(self, by: c.Actor) -> None:
        self.give(c.ReleaseHelpers(by=by))

    @rule(consoles=st.integers(0, 5), by=actors)
    def deliver_or_see(self, consoles: int, by: c.Actor) -> None:
        self.give(c.Deliver(consoles=consoles) if consoles else c.See(by=by))
        assert self.current().consoles >= consoles

    @rule(nth=st.integers(0, 3), step=st.integers(0, 2), loop=st.integers(0, 2))
    def late_timer(self, nth: int, step: int, loop: int) -> None:
        """A deadline of any wait, also of one that is long over, or of none."""
        waits = [1, *(n for n, (event, _, _) in enumerate(self.events, 1) if isinstance(event, CALLS_ANEW)), 99]
        cycle = waits[-1 - nth % len(waits)]
        for command in (_run(cycle, step, loop), c.TellUnanswered(cycle=cycle)):
            if self.give(command):
                assert cycle == self.current().cycle

    @rule(owner=actors)
    def late_reminder(self, owner: c.Actor) -> None:
        was = self.current()
        if self.give(c.Remind(owner=owner.name)):
            assert owner.name == was.owner
        was = self.current()
        if self.give(c.ReopenIdle(owner=owner.name)):
            assert (was.status, was.owner) == (Status.ACKNOWLEDGED, owner.name)
            assert was.reminded_at is not None, "nobody loses an alarm without a reminder"

    @precondition(lambda self: bool(self.alarm and deadlines(self.alarm, self.policy, SHANGHAI)))
    @rule()
    def the_next_deadline(self) -> None:
        """Run what is due, when it is due, as the timer does: it always changes something (P4)."""
        [due, *_] = deadlines(self.current(), self.policy, SHANGHAI)
        self.now = max(self.now, due.at)
        alarm = self.current()
        command: c.Command = {
            "step": _run(alarm.cycle, due.step, due.loop, self.policy),
            "unanswered": c.TellUnanswered(cycle=alarm.cycle),
            "remind": c.Remind(owner=str(alarm.owner)),
            "reopen": c.ReopenIdle(owner=str(alarm.owner)),
            "overdue": c.MarkOverdue(day="2026-11-22"),
        }[due.what]
        assert self.give(command), f"{due.what} was due and did nothing"

    # -- what always holds ---------------------------------------------------------------------------------------

    @invariant()
    def status_and_owner_agree(self) -> None:
        if self.alarm is None:
            return
        if self.alarm.status is Status.RAISED:
            assert (self.alarm.owner, self.alarm.owned_at, self.alarm.owner_station) == (None, None, None)
        if self.alarm.status in OWNED:
            assert self.alarm.owner
            assert self.alarm.owned_at
            assert self.alarm.owner_station in STATIONS
        assert (self.alarm.status is Status.CLOSED) == (self.alarm.closed_at is not None)

    @invariant()
    def a_waiting_alarm_has_a_deadline(self) -> None:
        """P4: an unacknowledged open alarm always has its next step, within the policy's longest pause."""
        if self.alarm is None or not self.alarm.open:
            return
        found = deadlines(self.alarm, self.policy, SHANGHAI)
        assert self.stored_with is not self.policy or self.alarm.due == (found[0].at if found else None)
        if self.alarm.status is Status.RAISED:
            steps = [due for due in found if due.what == "step"]
            assert len(steps) == 1
            since = self.alarm.step_at or self.alarm.since
            waits = max(s.after_s for s in self.policy.steps) + self.policy.repeat_every_s
            assert steps[0].at <= since + timedelta(seconds=waits)

    @invariant()
    def nothing_escalates_that_someone_has(self) -> None:
        """P3: after an acknowledgement there is no step until the alarm is open again."""
        owned = False
        for event, _, _ in self.events:
            owned = isinstance(event, TAKES_UP) or (owned and not isinstance(event, OPENS))
            if isinstance(event, e.StepRun | e.AlarmUnanswered):
                assert not owned, f"{event.type} although someone has it"

    @invariant()
    def a_wiped_alarm_says_nothing(self) -> None:
        """No words, no place and nothing to be shown; who, when and of which kind is left."""
        if self.alarm is None or self.alarm.wiped_at is None:
            return
        assert ends_at(self.alarm, KEEP) is None
        left = {name for name in PRIVATE if getattr(self.alarm, name)}
        assert left <= {"talk", "notes"}
        for entry in (*self.alarm.talk.values(), *self.alarm.notes.values()):
            assert entry.keys() <= {"who", "by", "at", "question", "answers"}
            assert "at" in entry
        for item in self.alarm.media.values():
            assert item["state"] in ("wiped", "removed")
            assert item.keys() <= {"kind", "mime", "at", "state", "chunks", "size", "sha256"}

    @invariant()
    def helpers_see_what_they_may(self) -> None:
        """The exact place only who accepted, while it is open; and whoever was called nothing but what is listed."""
        for helper in HELPERS if self.alarm else ():
            assert self.alarm is not None
            state = self.alarm.helpers.get(helper.name, {}).get("state")
            shown = call(self.alarm, helper.name, None, GROUND)
            assert (shown is not None) == (self.alarm.open and state in ("called", "accepted"))
            if shown is not None:
                Call.model_validate(shown)
                assert ("exact" in shown) == (state == "accepted")
                assert state == "accepted" or ("coarse" in shown) == (wgs84(self.alarm.position or {}) is not None)
            with_place = [event for event, _, _ in self.events if isinstance(event, e.HelperShownPlace)]
            accepted = {event.by for event, _, _ in self.events if isinstance(event, e.HelperAccepted)}
            assert {event.by for event in with_place} <= accepted

    @invariant()
    def the_events_are_the_alarm(self) -> None:
        alarm: Alarm | None = None
        for event, at, due in self.events:
            alarm = replace(evolve(alarm, event, at, ID), due=due)
        assert alarm == self.alarm
        if alarm is not None:
            sent = json.loads(orjson.dumps(to_members(alarm)))
            assert from_members(sent) == _listed(alarm)
            if alarm.status not in (Status.PLANNED, Status.ENDED):
                shapes.Alarm.model_validate({name: value for name, value in sent.items() if name != TALLY})

    @invariant()
    def the_citizen_is_told_the_truth_and_no_name(self) -> None:
        if self.alarm is None:
            return
        view = json.dumps(citizen_view(self.alarm, "大东门派出所", officers_named=False))
        assert not any(f'"{actor.name}"' in view for actor in (*ACTORS, *HELPERS))
        assert "duress" not in view
        rungs = [rung["step"] for rung in ladder(self.alarm)]
        assert rungs[0] == "stored"
        assert ("acknowledged" in rungs) == (self.alarm.owner is not None)


def _run(cycle: int, step: int, loop: int, policy: Policy = POLICY) -> c.RunStep:
    return c.RunStep(
        cycle=cycle, step=step, loop=loop, audience=policy.audience(step), called=("V01",), reached=(), why="due",
        stations=("xiaodong",) if step == 2 else (),
    )  # fmt: skip


def _plain(event: e.Event) -> Any:
    """The event as it comes back from JSON: tuples are tuples again, numbers stay."""
    public, private = event.split()
    return e.load(json.loads(orjson.dumps({**public, **private})))


def _listed(alarm: Alarm) -> Alarm:
    """The alarm with nested tuples as lists, which is how JSON has them."""
    talk = json.loads(orjson.dumps(dict(alarm.talk)))
    return replace(alarm, talk=talk)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=often(25, at_night=1000), stateful_step_count=50, deadline=None)


def lived(*commands: c.Command) -> Alarm:
    """An alarm after these commands."""
    alarm: Alarm | None = None
    for command in (c.Raise(station="dadongmen", backups=(), why="in_area", code="7F3-K9Q"), *commands):
        for event in decide(alarm, command):
            alarm = evolve(alarm, event, START, ID)
    assert alarm is not None
    return alarm


def test_an_answer_into_a_closed_alarm_opens_it_again() -> None:
    """Not only who writes, also who answers a question from before the close is heard (P12)."""
    by = ACTORS[0]
    alarm = lived(
        c.Acknowledge(by=by), c.Ask(by=by, text="安全吗", choices=("yes", "no")), c.Close(by=by, disposition="handled")
    )
    (asked,) = alarm.talk.values()
    answered, opened = decide(alarm, c.Answer(question=asked["question"], answer="no"))
    assert (answered.type, opened) == ("question_answered", e.AlarmReopened(cause="citizen_wrote"))


@pytest.mark.parametrize("command", [c.AddNote, c.Say])
def test_a_helper_has_no_alarm(command: type[c.AddNote | c.Say]) -> None:
    """For a helper of the very station it is as for a guessed id: not there (P10)."""
    with pytest.raises(Refused) as refused:
        decide(lived(), command(by=HELPERS[0], text="我也在"))
    assert refused.value.error is errors.NOT_FOUND


def test_what_became_of_a_photo_is_said_once() -> None:
    """Of two hubs that made its copies, or could not, the first is heard (P6)."""
    done = (c.MediaDone(media="a", mime="image/jpeg", width=1, height=1), c.MediaDone(media="a", unreadable="broken"))
    begun = (
        c.AddMedia(media="a", kind="photo", mime="image/jpeg"),
        c.EndMedia(media="a", chunks=1, size=1, sha256="0"),
    )
    for first in done:
        alarm = lived(*begun, first)
        assert alarm.media["a"]["state"] in ("ready", "unreadable")
        assert [decide(alarm, again) for again in done] == [[], []]
