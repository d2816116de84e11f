"""The checker's part on requests: what was confirmed is there, what is there was asked for, and once.

Where a request carries words, its `ref` is in them, so its event is found for certain; the others are counted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.history import Answered, Asked, Linked, Row
from tests.faults.truth import TAKES, Members, Served, Truth

Fault = Callable[[str, str], None]

MARKED = {
    "say": ("citizen_said", "text"), "tell": ("officer_said", "text"), "note": ("note_added", "text"),
    "take": ("alarm_taken", "reason"), "release": ("alarm_released", "reason"), "reopen": ("alarm_reopened", "reason"),
    "close": ("alarm_closed", "note"), "transfer": ("transfer_offered", "reason"),
    "transfer_reject": ("transfer_rejected", "reason"), "open": ("original_opened", "reason"),
}  # fmt: skip
"""Request -> its event, and the member of it that holds the request's ref."""

COUNTED = {
    "ack": "alarm_acknowledged", "move": "alarm_en_route", "arrive": "alarm_on_scene",
    "transfer_accept": "transfer_accepted", "seen": "alarm_seen",
}  # fmt: skip
"""Request -> its event, of which there are at most as many as there were such requests by this officer."""

SO = {
    "ack": TAKES, "take": TAKES, "move": ("alarm_en_route", "alarm_on_scene"), "arrive": ("alarm_on_scene",),
    "transfer_accept": ("transfer_accepted",), "seen": ("alarm_seen",), "release": ("alarm_released",),
    "reopen": ("alarm_reopened",), "transfer_reject": ("transfer_rejected",), "tell": ("officer_said",),
    "note": ("note_added",),
}  # fmt: skip
"""Request -> the events by the same officer, one of which there is once it was confirmed."""

SO_BY_ANYONE = {"close": ("alarm_closed",), "transfer": ("transfer_offered",)}

BY_ITSELF = {
    "alarm_delivered", "step_run", "alarm_unanswered", "owner_reminded", "alarm_overdue", "alarm_shared", "media_ready",
    "media_unreadable", "media_worker_died", "live_sound_failed", "duty_changed", "console_lost", "audit_late",
    "content_wiped", "media_removed", "owner_lost", "owner_back", "talk_delivered", "talk_seen", "flood_began",
    "flood_ended", "notification_sent", "notification_failed", "notification_shown", "notification_opened",
    "notification_unopened", "helpers_called", "helper_saw_call", "helper_accepted", "helper_declined",
    "helper_shown_place", "helper_done", "helpers_released",
}  # fmt: skip
"""What the server may do without being asked."""

MAY_BE_REFUSED = {
    "ack": {"already_acknowledged", "not_possible"}, "take": {"not_possible"}, "close": {"not_owner", "not_possible"},
    "release": {"not_owner", "not_possible"}, "move": {"not_owner", "not_possible"},
    "arrive": {"not_owner", "not_possible"}, "reopen": {"not_possible"},
    "transfer": {"not_owner", "not_possible", "bad_message"}, "transfer_accept": {"not_possible", "not_allowed"},
    "transfer_reject": {"not_possible", "not_allowed"},
}  # fmt: skip
"""Request -> the codes with which another person's doing may have made it void. A citizen is never refused."""


@dataclass(slots=True)
class Request:
    """One request with all its attempts."""

    ref: str
    who: str
    what: str
    alarm: str
    body: Mapping[str, Any]
    first_at: float
    attempts: int = 0
    answers: list[Answered] = field(default_factory=list)

    @property
    def confirmed(self) -> list[Answered]:
        return [answer for answer in self.answers if answer.outcome == "ok"]

    @property
    def void(self) -> bool:
        """Each attempt was answered, and with a refusal: it cannot have happened."""
        return len(self.answers) >= self.attempts and all(answer.outcome == "refused" for answer in self.answers)

    @property
    def told(self) -> str:
        return f"{self.what} {self.ref} of {self.who} (alarm {self.alarm})"


def requests(rows: Iterable[Row]) -> dict[str, Request]:
    """All requests, by ref."""
    found: dict[str, Request] = {}
    for row in rows:
        if isinstance(row, Asked):
            request = found.get(row.ref)
            if request is None:
                request = found[row.ref] = Request(row.ref, row.who, row.what, row.alarm, row.body, row.at)
            request.attempts += 1
        elif isinstance(row, Answered) and row.ref in found:
            found[row.ref].answers.append(row)
    return found


def judge_requests(rows: list[Row], truth: Truth, served: Served, fault: Fault) -> None:
    """Every request against the log, every event against the requests."""
    asked = requests(rows)
    of_alarm: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for request in asked.values():
        of_alarm[request.what, request.alarm].append(request)
        _judge_answers(request, truth, fault)
        match request.what:
            case "raise":
                _judge_raise(request, truth, served, fault)
            case "say":
                _judge_say(request, served, fault)
            case "chunk" | "end":
                _judge_media(request, truth, served, fault)
            case "cancel":
                kinds = {row["event"]["type"] for row in truth.events.get(request.alarm, [])}
                if request.confirmed and not kinds & {
                    "cancel_requested",
                    "alarm_closed",
                }:  # a closed one needs no event
                    fault("lost", request.told)
    _judge_marks(asked, truth, fault)
    _judge_events(of_alarm, rows, truth, fault)


def _judge_answers(request: Request, truth: Truth, fault: Fault) -> None:
    """Refusals were allowed; each confirmation of an officer's command states what the log states."""
    for answer in request.answers:
        if answer.outcome == "refused":
            code = str(answer.answer.get("code"))
            if code not in MAY_BE_REFUSED.get(request.what, set()):
                fault("refused", f"{request.told}: {code}")
            owner = answer.answer.get("by")
            if code == "already_acknowledged" and not _ever_owned(truth, request.alarm, owner):
                fault("invented", f"{request.told}: it was told that {owner} took it")
    if request.what not in SO and request.what not in SO_BY_ANYONE:
        return
    for answer in request.confirmed:
        version = int(answer.answer.get("version", 0))
        state = truth.state(request.alarm, version)
        if state is None:
            fault("lost", f"{request.told}: confirmed at version {version}, which the alarm does not have")
            continue
        owner = state.get("owner") if state["status"] != "raised" else None
        if (state["status"], owner) != (answer.answer.get("status"), answer.answer.get("owner")):
            fault("invented", f"{request.told}: it was told {dict(answer.answer)}, and version {version} is {state}")
        if _so(request, truth.upto(request.alarm, version)):
            continue
        if _so(request, truth.events[request.alarm]):
            fault("disorder", f"{request.told}: confirmed at version {version}, and its event came later")
        else:
            fault("lost", f"{request.told}: confirmed at version {version}, and there is no such event")


def _so(request: Request, events: list[Members]) -> bool:
    for row in events:
        event = row["event"]
        if event["type"] in SO_BY_ANYONE.get(request.what, ()):
            return True
        if event["type"] not in SO.get(request.what, ()) or event.get("by") != request.who:
            continue
        marked = MARKED.get(request.what)
        if request.what == "take" or marked is None or event.get(marked[1]) == request.ref:
            return True
    return False


def _ever_owned(truth: Truth, alarm: str, owner: Any) -> bool:
    return any(row["event"]["type"] in TAKES and row["event"]["by"] == owner for row in truth.events.get(alarm, []))


def _judge_raise(request: Request, truth: Truth, served: Served, fault: Fault) -> None:
    receipts = request.confirmed
    if not receipts:
        return
    events = truth.events.get(request.alarm)
    if not events:
        fault("lost", f"{request.told}: no alarm")
        return
    raised, receipt = events[0], receipts[0].answer
    if any(dict(other.answer) != dict(receipt) for other in receipts):
        fault("disorder", f"{request.told}: two receipts that differ")
    if sum(answer.code == 201 for answer in receipts) > 1:
        fault("doubled", f"{request.told}: told twice that it is new")
    home = truth.homes[request.alarm]
    stored = (receipt.get("stored_at"), receipt.get("code"), receipt.get("station", {}).get("id"))
    if stored != (raised["at"], raised["event"].get("code"), home):
        fault("invented", f"{request.told}: the receipt says {stored}")
    if raised["event"].get("text") != request.body.get("text"):
        fault("lost", f"{request.told}: its words")
    at = datetime.fromisoformat(raised["at"]).timestamp()
    if not request.first_at - _CLOCKS_S <= at <= receipts[0].at + _CLOCKS_S:
        fault(
            "disorder",
            f"{request.told}: stored at {raised['at']}, {at - request.first_at:+.1f} s from when it was sent",
        )
    view = served.views.get(request.alarm, {})
    if served.views and (view is None or [rung["step"] for rung in view.get("ladder", [])][:1] != ["stored"]):
        fault("lost", f"{request.told}: its citizen is not told that it is stored")


_CLOCKS_S = 5.0
"""What an event's time may be off: the hub's clock follows the store's, which is this machine's."""


def _judge_say(request: Request, served: Served, fault: Fault) -> None:
    view = served.views.get(request.alarm)
    if view is None:
        return
    times = sum(said.get("text") == request.ref for said in view.get("talk", []))
    if times > 1:
        fault("doubled", f"{request.told}: {times} times in the talk")
    elif request.confirmed and not times:
        fault("lost", f"{request.told}: not in the talk")


def _judge_media(request: Request, truth: Truth, served: Served, fault: Fault) -> None:
    if not request.confirmed:
        return
    media, kind = str(request.body["media"]), "media_added" if request.what == "chunk" else "media_ended"
    if not any(
        e["event"]["type"] == kind and e["event"]["media"] == media for e in truth.events.get(request.alarm, [])
    ):
        fault("lost", f"{request.told}: no {kind}")
    if not served.media:
        return
    number = int(request.body["seq"]) if request.what == "chunk" else -1
    have = served.media.get((request.alarm, media), {}).get(number)
    if have is None:
        fault("lost", f"{request.told}: {media} {number}")
    elif have != request.body["sha256"]:
        fault("invented", f"{request.told}: {media} {number} has other bytes")


def _judge_marks(asked: Mapping[str, Request], truth: Truth, fault: Fault) -> None:
    """Events that carry a ref: asked by this person, of this alarm, and once."""
    kinds = {event: (what, name) for what, (event, name) in MARKED.items()}
    times: dict[str, int] = defaultdict(int)
    for alarm, events in truth.events.items():
        for row in events:
            event = row["event"]
            if event["type"] not in kinds or event.get("cause") in ("not_moving", "citizen_wrote"):
                continue
            what, name = kinds[event["type"]]
            where = f"alarm {alarm} version {row['version']}: {event['type']} with {event.get(name)!r}"
            request = asked.get(str(event.get(name)))
            if request is None or (request.what, request.alarm) != (what, alarm):
                fault("invented", f"{where}: nobody asked for it")
                continue
            if event.get("by", request.who) != request.who:
                fault("invented", f"{where}: by {event.get('by')}, and {request.who} asked for it")
            if request.void:
                fault("invented", f"{where}: it was refused")
            times[request.ref] += 1
            if times[request.ref] == 2:
                fault("doubled", f"{where}: it was asked for once")
    for request in asked.values():
        if request.what == "say" and request.confirmed and not times[request.ref]:
            fault("lost", f"{request.told}: no event")


def _judge_events(
    of_alarm: Mapping[tuple[str, str], list[Request]], rows: list[Row], truth: Truth, fault: Fault
) -> None:
    """All other events: asked for, and not more often than that, or such as the server makes by itself."""
    officers = {row.officer for row in rows if isinstance(row, Linked)}
    kinds = {event: what for what, event in COUNTED.items()}
    for alarm, events in truth.events.items():
        counted: dict[tuple[str, str], int] = defaultdict(int)
        for row in events:
            event = row["event"]
            kind, by = event["type"], event.get("by")
            where = f"alarm {alarm} version {row['version']}: {kind} by {by}"
            if kind == "alarm_raised":
                if ("raise", alarm) not in of_alarm:
                    fault("invented", f"{where}: nobody raised it")
            elif kind in kinds:
                counted[kind, str(by)] += 1
                able = [r for r in of_alarm.get((kinds[kind], alarm), []) if r.who == by and not r.void]
                if not able:
                    fault("invented", f"{where}: nobody asked for it")
                elif counted[kind, str(by)] > len(able):
                    fault("doubled", f"{where}: asked for {len(able)} times")
            elif kind in ("media_added", "media_ended"):
                what = "chunk" if kind == "media_added" else "end"
                counted[kind, event["media"]] += 1
                if not any(r.body["media"] == event["media"] for r in of_alarm.get((what, alarm), [])):
                    fault("invented", f"{where}: nobody sent {event['media']}")
                elif counted[kind, event["media"]] > 1:
                    fault("doubled", f"{where}: {event['media']}")
            elif kind == "position_reported":
                counted[kind, ""] += 1
                if counted[kind, ""] > sum(r.attempts for r in of_alarm.get(("position", alarm), [])):
                    fault("invented", f"{where}: not sent so often")
            elif kind == "alarm_rerouted":
                if ("position", alarm) not in of_alarm:
                    fault("invented", f"{where}: nobody told another place")
            elif kind == "cancel_requested":
                counted[kind, ""] += 1
                if counted[kind, ""] > sum(r.attempts for r in of_alarm.get(("cancel", alarm), [])):
                    fault("invented", f"{where}: not asked for so often")
            elif kind == "alarm_delivered" and event["consoles"] > len(officers):
                fault("invented", f"{where}: {event['consoles']} consoles")
            elif kind not in BY_ITSELF and kind not in {event for event, _ in MARKED.values()}:
                fault("invented", f"{where}: it is not known how that comes about")
    for station, log in truth.log.items():
        for row in log:
            event = row["event"]
            if row["alarm"] is None and event["type"] == "console_ready" and event["officer"] not in officers:
                fault("invented", f"{station} {row['offset']}: {event['officer']} has no console")
