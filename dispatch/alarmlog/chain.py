"""Checks that a station's history was not quietly changed: recomputes the hash chain and names the first broken link.

A record's SHA-256 is linked to the link before it; the record holds the SHA-256 of the words that are kept beside it.
Who can rewrite the whole store can rewrite the chain too: keep heads elsewhere (`log verify` prints them).
Field's terms: audit trail, tamper-evident log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from dispatch.stream.stream import Stream

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ok`, or the offset of the first `broken_at` link and `why`. `events` were checked; `head` is the last link."""

    station: str
    ok: bool
    events: int
    head: str
    broken_at: int | None = None
    why: str | None = None


async def verify(stream: Stream, station: str) -> Verdict:
    """Check every event of `station`, oldest first, and that the chain ends where the station's index says."""
    told = await stream.end(station)  # the station may live: what is appended meanwhile is checked too
    offset, head, there = 0, "", told[0] == 0
    while entries := await stream.read(station, offset, limit=_PAGE):
        for entry in entries:
            if entry.offset != offset + 1:
                why = f"the event at offset {offset + 1} is missing"
                return Verdict(station, False, offset, head, offset + 1, why)
            link = next_link(head, entry.offset, entry.body)
            if link != entry.link:
                why = "the record or its link was changed"
                return Verdict(station, False, offset, head, entry.offset, why)
            if entry.altered:
                why = "the words kept beside the record are not those of the record"
                return Verdict(station, False, offset, head, entry.offset, why)
            offset, head = entry.offset, link
            there = there or (offset, head) == told
    if not there or offset > (end := await stream.end(station))[0]:
        why = f"the stream ends at offset {offset}, and the index says {(told if not there else end)[0]}"
        return Verdict(station, False, offset, head, offset + 1, why)
    return Verdict(station, True, offset, head)


def next_link(head: str, offset: int, body: bytes) -> str:
    """The link after `head`; the same formula as in `append.lua`, whose only hash is SHA-1.

    The input is a SHA-256 digest, so a forger would need a second preimage, not one of SHA-1's chosen collisions.
    """
    digest = hashlib.sha256(body).hexdigest()
    return hashlib.sha1(f"{head}{offset}{digest}".encode(), usedforsecurity=False).hexdigest()
