"""What people said of an alarm stands beside its snapshot, with the event that brought it: folded when it is read.

An append writes the snapshot anew: without talk and notes it stays small, however much is said. Only entries that have
no event with words any more, because they were wiped, are in the snapshot itself. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from dispatch.alarm import tally
from dispatch.alarm.state import TALLY

SAID = ("talk", "notes")
"""The fields of an alarm that stand beside its snapshot."""
_WORDS = frozenset({"text", "choices"})


def light(snapshot: bytes) -> dict[str, Any]:
    """A stored snapshot as an alarm's members, without what stands beside it."""
    members: dict[str, Any] = orjson.loads(snapshot)
    if TALLY not in members and any(members.get(name) for name in SAID):  # of a version that kept all in the snapshot
        members[TALLY] = tally.of(members.get("talk", {}), members.get("notes", {}))
    for name in SAID:
        if entries := members.get(name):
            members[name] = {key: entry for key, entry in entries.items() if _WORDS.isdisjoint(entry)}
            if not members[name]:
                del members[name]
    return members


def whole(members: Mapping[str, Any], words: Mapping[bytes, bytes]) -> dict[str, Any]:
    """`members` of a light alarm with what stands beside it: version -> the words of its event, as they are stored."""
    found = dict(members)
    for version in sorted(words, key=int):
        changes = orjson.loads(words[version])["changes"]
        for name in SAID:
            # What a wipe takes from entries has no time; what was said has one.
            said = {key: entry for key, entry in (changes.get(name) or {}).items() if entry and "at" in entry}
            if said:
                found[name] = {**found.get(name, {}), **said}
    return found


def stored(members: Mapping[str, Any], kept: Mapping[str, Any]) -> bytes:
    """The snapshot of an alarm with these `members`; `kept`: the same as it was loaded, or as a wipe left it."""
    small = {name: value for name, value in members.items() if name not in SAID}
    return orjson.dumps({**small, **{name: kept[name] for name in SAID if kept.get(name)}})


def shown(members: Mapping[str, Any]) -> dict[str, Any]:
    """As staff get it: without what is only the hubs'."""
    return {name: value for name, value in members.items() if name != TALLY}


def pairs(flat: Iterable[bytes]) -> dict[bytes, bytes]:
    """A hash as a script answers it."""
    each = iter(flat)
    return dict(zip(each, each, strict=True))
