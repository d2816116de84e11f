"""What is left of talk, notes and media when their content was wiped: who, when, of which kind. Pure.

Field's term: tombstone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Entries = Mapping[str, Mapping[str, Any]]

GONE = ("wiped", "removed")
"""States of media that were wiped: not to be had any more, then deleted."""
_STAYS = ("who", "by", "at", "question", "answers", "kind", "mime", "chunks", "size", "sha256")
"""Also what proves that a copy kept elsewhere, such as in an export, is the one that was here."""
_GOES = {"text", "choices"}


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
