"""What rules must know of all that was said in an alarm, without the words: how often, how much, which question. Pure.

The words stand beside the alarm, each with the event that brought it (`dispatch.stream.beside`), so that an event costs
what it is, and not what the alarm has become. Is nobody's to see: no page gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Tally = Mapping[str, Any]
"""`said`: how many texts and answers the citizen has sent, `bytes`: of how many in UTF-8, `officers`: the versions of
what officers said, `asked`: question -> whether it was answered, `notes`: how many notes there are. What is 0 or empty
is left out."""


def counted(tally: Tally, version: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """`tally` with one more entry of the talk."""
    found = dict(tally)
    if entry["who"] == "citizen":
        found["said"] = found.get("said", 0) + 1
        found["bytes"] = found.get("bytes", 0) + len((entry.get("text") or "").encode())
        if "answers" in entry:
            found["asked"] = {**found.get("asked", {}), entry["answers"]: True}
    else:
        found["officers"] = [*found.get("officers", ()), int(version)]
        if "question" in entry:
            found["asked"] = {**found.get("asked", {}), entry["question"]: False}
    return found


def noted(tally: Tally) -> dict[str, Any]:
    """`tally` with one more note."""
    return {**tally, "notes": tally.get("notes", 0) + 1}


def of(talk: Mapping[str, Mapping[str, Any]], notes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The tally of all that was said: of an alarm that was stored by a version that kept none."""
    found: dict[str, Any] = {"notes": len(notes)} if notes else {}
    for version in sorted(talk, key=int):
        found = counted(found, version, talk[version])
    return found


def last_heard(tally: Tally, upto: int) -> int:
    """The last version up to `upto` at which an officer said something; 0 when there is none."""
    return max((version for version in tally.get("officers", ()) if version <= upto), default=0)
