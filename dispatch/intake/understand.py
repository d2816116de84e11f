"""What a raise says, however it is written: what is wrong in a part of it costs that part, never the alarm.

Nothing is refused but a raise without an id and a secret, which could be neither stored nor come back to. `kind` and
`check_in_s` always have their effect: practice stays practice, and a plan is never raised at once. Which parts were
understood in another way than they were written is told in the receipt's `faults`; only what stands beside the numbers
of a position is left out in silence (`messages.Position`). Field's term: Postel's law, for this one message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from dispatch.alarm import messages, wellformed
from dispatch.alarm.messages import RaiseBody, told

R = TypeVar("R", bound=RaiseBody, covariant=True)
Limits = Mapping[str, int]
CUT = "…"
"""Ends what was cut, and begins the rest of it."""
_REST = 3
"""So many times the longest text is kept of what is cut from one."""
_KINDS = ("alarm", "tip", "practice")
_NEEDED = ("id", "secret", "type", "ref")


@dataclass(frozen=True, slots=True)
class Understood(Generic[R]):
    """A raise that can be stored.

    Args:
        body: within all limits.
        rest: what was cut from its text, or empty.
        faults: what was wrong in it, each naming its part.
    """

    body: R
    rest: str
    faults: tuple[str, ...]


def understand(model: type[R], members: Any, limits: Limits) -> Understood[R]:
    """`members` as a raise.

    Raises:
        Refused: `bad_message`, when it is no map or its `id`, `secret`, `type` or `ref` is missing or wrong.
    """
    try:
        return Understood(model.model_validate(members, context=limits), "", ())
    except ValidationError as wrong:
        faults = wrong.errors(include_input=False, include_url=False)
    parts = {str(fault["loc"][0]) for fault in faults if fault["loc"]}
    if not isinstance(members, dict) or parts & {*_NEEDED}:
        needed = members if not isinstance(members, dict) else {n: v for n, v in members.items() if n in _NEEDED}
        messages.check(model, needed, limits)
        raise AssertionError("a raise without faults was refused")
    mended, rest = dict(members), ""
    for part in parts:
        given = mended.pop(part)
        if part == "text":
            text, rest = _text(given, limits)
            mended |= {"text": text} if text else {}
        elif part in _PARTS and (read := _PARTS[part](given, limits)) is not None:
            mended[part] = read
    for part in _wrong(model, mended, limits):  # read, and still not right
        del mended[part]
    return Understood(messages.check(model, mended, limits), rest, tuple(sorted({told(fault) for fault in faults})))


def _wrong(model: type[RaiseBody], members: dict[str, Any], limits: Limits) -> set[str]:
    """The parts of `members` that are wrong."""
    try:
        model.model_validate(members, context=limits)
    except ValidationError as wrong:
        return {str(fault["loc"][0]) for fault in wrong.errors(include_input=False, include_url=False)}
    return set()


def _words(given: Any) -> str:
    """A value that should have been text, as text."""
    if isinstance(given, list):
        return "\n".join(filter(None, map(_words, given)))
    return str(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else ""


def _text(given: Any, limits: Limits) -> tuple[str, str]:
    """(what the alarm says, cut and marked so; the rest of it)."""
    words, most = _words(given), limits["text_chars"]
    if wellformed.length(words) <= most:
        return words, ""
    begins, rest = wellformed.cut(words, most - len(CUT))
    return begins + CUT, CUT + wellformed.cut(rest, _REST * most)[0]


def _short(limit: str) -> Callable[[Any, Limits], str | None]:
    """Words of at most that many characters; what is longer is cut, and marked so."""

    def read(given: Any, limits: Limits) -> str | None:
        words, most = _words(given), limits[limit]
        if wellformed.length(words) > most:
            words = wellformed.cut(words, most - len(CUT))[0] + CUT
        return words or None

    return read


def _needs(given: Any, limits: Limits) -> list[str]:
    short = _short("name_chars")
    each = (short(need, limits) for need in (given if isinstance(given, list) else [given]))
    return [need for need in each if need][: limits["needs"]]


def _kind(given: Any, limits: Limits) -> str:
    """What was pressed. A word that is none of them is an alarm: rather one too many."""
    word = _words(given).strip().lower()
    return word if word in _KINDS else "alarm"


def _lang(given: Any, limits: Limits) -> str | None:
    """A language as systems write it: zh_CN.UTF-8, or C for none."""
    tag = _words(given).split(".")[0].split("@")[0].strip().replace("_", "-")
    return tag if len(tag) > 1 else None


def _pin(given: Any, limits: Limits) -> str | None:
    return _words(given).strip() or None


def _check_in(given: Any, limits: Limits) -> int | None:
    """The nearest interval that is allowed; the shortest for what is no number: it is a plan all the same."""
    if given is None:
        return None
    least, most = limits["check_in_least_s"], limits["check_in_most_s"]
    try:
        wanted = float(given)
    except OverflowError:
        return most
    except (TypeError, ValueError):
        return least
    return least if math.isnan(wanted) else int(min(max(wanted, least), most))


_PARTS: dict[str, Callable[[Any, Limits], Any]] = {
    "kind": _kind,
    "category": _short("name_chars"),
    "needs": _needs,
    "lang": _lang,
    "place": _short("place_chars"),
    "pin": _pin,
    "check_in_s": _check_in,
}
