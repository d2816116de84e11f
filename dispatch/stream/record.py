"""One event as bytes: the record that stays for ever, and the words that people wrote beside it, which can be wiped.

Pure. Field's terms: event, record, tombstone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from dispatch.alarm.clock import to_text
from dispatch.alarm.events import Event
from dispatch.alarm.state import PRIVATE


@dataclass(frozen=True, slots=True)
class Record:
    """One event ready to be appended.

    Args:
        version: the alarm's version after it (0 for an event of the station itself).
        body: the record: what was done, without anyone's words.
        words: the private part, or empty.
        wire: both, as consoles get it; everything but station and position.
    """

    version: int
    body: bytes
    words: bytes
    wire: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as read back. `members` is the wire form without station and position."""

    offset: int
    members: dict[str, Any]
    body: bytes
    link: str
    altered: bool  # the words beside the record are not those that it was stored with


def make_record(alarm: str | None, version: int, event: Event, at: datetime, changes: Mapping[str, Any]) -> Record:
    """`event` as bytes, with what it `changes` in the alarm (a JSON merge patch), split into record and words.

    Of a sealed event only what is public is written at all.
    """
    public, private = event.split()
    head = {"at": to_text(at), "alarm": alarm, "version": version}
    if event.sealed:
        only = orjson.dumps({**head, "event": public})
        return Record(version, only, b"", only)
    hidden = {name: value for name, value in changes.items() if name in PRIVATE}
    wire = orjson.dumps({**head, "event": {**public, **private}, "changes": changes})
    if not private and not hidden:
        return Record(version, wire, b"", wire)
    # The salt keeps a short answer from being guessed by its hash once it was wiped.
    words = orjson.dumps({"salt": secrets.token_hex(16), "event": private, "changes": hidden})
    shown = {name: value for name, value in changes.items() if name not in PRIVATE}
    digest = hashlib.sha256(words).hexdigest()
    return Record(version, orjson.dumps({**head, "event": public, "changes": shown, "words": digest}), words, wire)


def with_words(offset: int, members: dict[str, Any], row: Mapping[bytes, bytes], words: bytes | None) -> Entry:
    """The event with what people wrote put back; `wiped` when that is gone and only the record stays."""
    digest = members["words"]
    whole = {name: value for name, value in members.items() if name != "words"}
    if words is None:
        whole["wiped"] = True
    else:
        hidden = orjson.loads(words)
        whole["event"] = {**members["event"], **hidden["event"]}
        whole["changes"] = {**members["changes"], **hidden["changes"]}
    altered = words is not None and hashlib.sha256(words).hexdigest() != digest
    return Entry(offset, whole, row[b"r"], row[b"h"].decode(), altered)
