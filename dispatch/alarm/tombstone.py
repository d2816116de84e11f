"""What is left of talk, notes and media when their content was wiped: who, when, of which kind. Pure.

Field's term: tombstone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from dispatch.alarm import events as e
from dispatch.alarm.clock import to_text
from dispatch.alarm.state import Alarm

Entries = Mapping[str, Mapping[str, Any]]

GONE = ("wiped", "removed")
"""States of media that were wiped: not to be had any more, then deleted."""
_STAYS = ("who", "by", "at", "question", "answers", "kind", "mime", "chunks", "size", "sha256")
"""Also what proves that a copy kept elsewhere, such as in an export, is the one that was here."""
_GOES = {"text", "choices"}


def changes(alarm: Alarm, event: e.Event, at: datetime, no_content: Mapping[str, Any]) -> dict[str, Any]:
    """What an event about how long content is kept changes in the alarm; `no_content`: its fields without any."""
    match event:
        case e.ContentHeld(by=by, reason=reason):
            return {"held": {"by": by, "at": to_text(at), "reason": reason}}
        case e.ContentReleased():
            return {"held": None}
        case e.MediaRemoved():
            return {"media": removed(alarm.media)}
    gone = left(alarm.talk, alarm.notes, alarm.media)
    return {**no_content, **gone, "question": None, "wiped_at": at, "wipes": (alarm.wipes or 0) + 1}


def left(talk: Entries, notes: Entries, media: Entries) -> dict[str, dict[str, Any]]:
    """`talk`, `notes` and `media` without anything that someone wrote, showed or recorded."""
    gone = {name: {**_bare(item), "state": _next(item["state"])} for name, item in media.items()}
    return {"talk": _all_bare(talk), "notes": _all_bare(notes), "media": gone}


def clears(fields: Collection[str], talk: Entries, notes: Entries) -> dict[str, Any]:
    """A merge patch that takes all content from whoever has it, also from who missed an earlier wipe.

    Args:
        fields: names of the alarm's fields that hold content.
        talk: before the wipe.
        notes: before the wipe.
    """
    patch: dict[str, Any] = dict.fromkeys(fields)
    for name, entries in (("talk", talk), ("notes", notes)):
        patch[name] = {key: dict.fromkeys(_GOES | (entry.keys() - set(_STAYS))) for key, entry in entries.items()}
    return patch


def removed(media: Entries) -> dict[str, Mapping[str, Any]]:
    """`media` once the objects of what was wiped are deleted."""
    return {name: {**item, "state": "removed"} if item["state"] == "wiped" else item for name, item in media.items()}


def _next(state: str) -> str:
    return state if state in GONE else "wiped"


def _all_bare(entries: Entries) -> dict[str, Any]:
    return {key: _bare(entry) for key, entry in entries.items()}


def _bare(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name in _STAYS}
