"""What somebody looks for among all alarms, and whether an alarm is that. Pure.

What was wiped is in no alarm any more, so nothing can be found by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import FindBody

LatLon = tuple[float, float]
_CODE: Final = re.compile(r"[0-9A-Z]{3}-?[0-9A-Z]{3}")
_MISREAD: Final = str.maketrans("OIL", "011")
"""Letters that no code has, as people read them (Crockford's Base32)."""
_EXCERPT = 120
_AROUND = 40


@dataclass(frozen=True, slots=True)
class Ground:
    """What must be known of places.

    Args:
        wgs84: (position) -> (lat, lon) in WGS-84; None when it is no place.
        metres: how far two such places are apart.
    """

    wgs84: Callable[[Mapping[str, Any]], LatLon | None]
    metres: Callable[[LatLon, LatLon], float]


def code_in(written: str) -> str | None:
    """The receipt code that somebody wrote, however they wrote it; None when it cannot be one."""
    plain = unicodedata.normalize("NFKC", written).strip().upper()
    if not _CODE.fullmatch(plain):
        return None
    digits = plain.replace("-", "").translate(_MISREAD)
    return f"{digits[:3]}-{digits[3:]}"


@dataclass(frozen=True, slots=True)
class Days:
    """From the beginning of the first day to the end of the last, by the clock on the wall of a station."""

    first: date | None
    last: date | None

    def of(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """(from, until) as instants; `until` is not of the days any more."""
        since = datetime.combine(self.first, time.min, zone) if self.first else None
        until = datetime.combine(self.last + timedelta(days=1), time.min, zone) if self.last else None
        return since, until


@dataclass(frozen=True, slots=True)
class Wanted:
    """The part of a search that is looked for in the alarms themselves; empty means all of them."""

    words: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    near: LatLon | None = None
    within_m: float = 0

    @property
    def said(self) -> bool:
        """Whether what people said has to be looked through, which stands beside the alarm."""
        return bool(self.words)

    def excerpt(self, members: Mapping[str, Any], ground: Ground) -> str | None:
        """None when the alarm is not wanted; else what was found of the words, "" where no words are looked for."""
        if self.place and not _has(self.place, [members.get("place", "")]):
            return None
        if self.near is not None and not self._is_near(members, ground):
            return None
        if not self.words:
            return ""
        said = list(_said(members))
        return _cut(said, self.words[0]) if _has(self.words, said) else None

    def _is_near(self, members: Mapping[str, Any], ground: Ground) -> bool:
        """Whether the citizen was last seen there, or on their way."""
        for position in (members.get("position"), *members.get("track", {}).values()):
            there = ground.wgs84(position) if position else None
            if there is not None and self.near is not None and ground.metres(self.near, there) <= self.within_m:
                return True
        return False


def wanted(asked: FindBody, ground: Ground) -> Wanted:
    """What `asked` looks for in alarms.

    Raises:
        Refused: `bad_message`: the point is none.
    """
    near = None if asked.near is None else ground.wgs84(asked.near.model_dump())
    if asked.near is not None and near is None:
        raise Refused(errors.BAD_MESSAGE, "near: this is no place")
    return Wanted(_parts(asked.words), _parts(asked.place), near, asked.within_m)


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(_plain(text or "").split())


def _plain(text: str) -> str:
    """Without what makes no difference to a reader: capitals, and how wide a character stands."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def _has(parts: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether each of `parts` is in one of `texts`."""
    whole = "\n".join(_plain(text) for text in texts)
    return all(part in whole for part in parts)


def _said(members: Mapping[str, Any]) -> Iterable[str]:
    """What the citizen and officers wrote; an answer is one of the words that its question offered."""
    yield members.get("text", "")
    for entry in (*members.get("talk", {}).values(), *members.get("notes", {}).values()):
        yield entry.get("text", "")


def _cut(texts: Iterable[str], word: str) -> str:
    """A little of the text that has `word`."""
    text = next(text for text in texts if word in _plain(text))
    at = max(0, _plain(text).find(word) - _AROUND)
    cut = " ".join(text[at : at + _EXCERPT].split())
    return f"{'…' if at else ''}{cut}{'…' if at + _EXCERPT < len(text) else ''}"
