"""What the citizen may see of an alarm: the honest ladder, the talk, the open question. Pure.

Officers are never named here, and neither notes, nor duress, nor other stations: the device may be in
someone else's hands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatch.alarm.clock import to_text
from dispatch.alarm.state import Alarm, Status
from dispatch.alarm.tombstone import GONE

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def receipt_code(alarm_id: str) -> str:
    """Six characters that people can read out (Crockford's Base32), the same for the same id on every hub."""
    number = int.from_bytes(hashlib.sha256(alarm_id.encode()).digest()[:4]) >> 2
    digits = [_CROCKFORD[number >> shift & 31] for shift in (25, 20, 15, 10, 5, 0)]
    return "".join(digits[:3]) + "-" + "".join(digits[3:])


def ladder(alarm: Alarm) -> list[dict[str, Any]]:
    """What is true so far, in the order in which it became true; each `{"step", "at"}`. A plan has nothing of it."""
    if _is_plan(alarm):
        return []
    reached: list[tuple[datetime | None, str, dict[str, Any]]] = [
        (alarm.raised_at, "stored", {}),
        (alarm.delivered_at, "delivered", {"consoles": alarm.consoles}),
        (alarm.seen_at, "seen", {}),
        (alarm.unanswered_at, "unanswered", {}),
        (alarm.owned_at, "acknowledged", {}),
        (alarm.moved_at, "en_route", {}),
        (alarm.arrived_at, "on_scene", {}),
        (alarm.closed_at, "closed", {}),
    ]
    true = sorted((row for row in reached if row[0] is not None), key=lambda row: row[0] or alarm.raised_at)
    return [{"step": step, "at": to_text(at), **more} for at, step, more in true if at is not None]


def receipt(alarm: Alarm, station_name: str) -> dict[str, Any]:
    """The answer to raising the alarm: made of what never changes, so that every retry gets the same bytes."""
    stored_at = to_text(alarm.raised_at)
    if _is_plan(alarm):
        plan = {"id": alarm.id, "code": alarm.code, "station": {"id": alarm.home, "name": station_name}}
        return {**plan, "status": _shown_status(alarm), "stored_at": stored_at, "ladder": [], **_check_in(alarm)}
    return {
        "id": alarm.id,
        "code": alarm.code,
        "station": {"id": alarm.home, "name": station_name},
        "status": "raised",
        "stored_at": stored_at,
        "ladder": [{"step": "stored", "at": stored_at}],
    }


def citizen_view(alarm: Alarm, station_name: str, officers_named: bool, after: int = 0) -> dict[str, Any]:
    """The alarm as its citizen may see it; `talk` and `media` as they are, talk only after version `after`."""
    view: dict[str, Any] = {
        "id": alarm.id,
        "version": alarm.shown,
        "code": alarm.code,
        "kind": alarm.kind,
        "station": {"id": alarm.station, "name": station_name},
        "status": _shown_status(alarm),
        "ladder": ladder(alarm),
        "talk": [_said(n, entry, officers_named) for n, entry in talk_after(alarm, after)],
        "media": {each["id"]: each["state"] for each in media_shown(alarm)},
        **_check_in(alarm),
    }
    if alarm.hushed:  # as one that ended: who holds the device must not see that officers have an alarm
        return {**view, "station": {"id": alarm.home, "name": station_name}, "talk": []}
    if alarm.read:
        view["read"] = max(alarm.read.values())
    if alarm.cancel is not None:
        view["cancel"] = "requested"
    if alarm.question is not None:
        entry = next(entry for entry in alarm.talk.values() if entry.get("question") == alarm.question)
        view["question"] = {"question": alarm.question, "text": entry["text"], "choices": entry["choices"]}
    if officers_named and alarm.owner is not None:
        view["officer"] = alarm.owner
    return view


def media_shown(alarm: Alarm) -> list[dict[str, str]]:
    """Each photo and recording that the citizen may know of: `id`, `kind`, `state`; none of what looks ended."""
    items = [] if alarm.hushed else alarm.media.items()
    return [
        {"id": media, "kind": item["kind"], "state": item["state"]}
        for media, item in items if item["state"] not in GONE
    ]  # fmt: skip


def _is_plan(alarm: Alarm) -> bool:
    return alarm.status in (Status.PLANNED, Status.ENDED) or alarm.hushed


def _shown_status(alarm: Alarm) -> str:
    return Status.ENDED if alarm.hushed else alarm.status


def _check_in(alarm: Alarm) -> dict[str, Any]:
    """Of a plan: until when its citizen has to check in, and how often, so that a device that comes back knows."""
    if alarm.check_in_by is None:
        return {}
    every = alarm.check_in_by - alarm.since
    return {"check_in_by": to_text(alarm.check_in_by), "check_in_s": round(every.total_seconds())}


def talk_after(alarm: Alarm, after: int) -> list[tuple[int, Mapping[str, Any]]]:
    """(version, entry) of all that was said after version `after`, in order."""
    return sorted((int(n), entry) for n, entry in alarm.talk.items() if int(n) > after)


def _said(n: int, entry: Mapping[str, Any], officers_named: bool) -> dict[str, Any]:
    shown = {name: entry[name] for name in ("who", "text", "at", "question", "choices", "answers") if name in entry}
    return {"n": n, **shown, **({"by": entry["by"]} if officers_named and "by" in entry else {})}
