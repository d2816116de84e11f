"""Text that every part of the system can hold: whatever a device sends becomes such, and nothing is refused for it.

A keyboard's backspace leaves half an emoji, a text that is cut leaves another, a messenger passes a NUL on. JSON can
carry them and UTF-8 can't, or a terminal acts on them. What stands in their place shows that something stood there.
"""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\ufffd"
_LINE_ENDS = re.compile("\r\n?")
# Halves of surrogate pairs, and the control characters (C0, DEL, C1) but tab and newline.
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def text(given: str) -> str:
    """`given` with line ends as newlines, and U+FFFD for whatever is no text."""
    if not _NOT_TEXT.search(given):
        return given
    return _NOT_TEXT.sub(REPLACEMENT, _LINE_ENDS.sub("\n", given))


def value(given: Any) -> Any:
    """Plain data with every text in it, keys too, well-formed; the same object where all was."""
    if isinstance(given, str):
        return text(given)
    if isinstance(given, list):
        return [value(each) for each in given]
    if isinstance(given, dict):
        return {value(name): value(each) for name, each in given.items()}
    return given


def length(given: str) -> int:
    """Characters as browsers count them, in the `maxlength` of a field too: UTF-16 code units."""
    return len(given) if given.isascii() else len(given.encode("utf-16-le", "surrogatepass")) // 2


def cut(given: str, most: int) -> tuple[str, str]:
    """(its beginning, of `most` characters as `length` counts them; the rest). Never halves a character."""
    at = most if length(given) == len(given) else _at(given, most)
    return given[:at], given[at:]


def _at(given: str, most: int) -> int:
    units = 0
    for index, each in enumerate(given):
        units += 1 + (each > "\uffff")
        if units > most:
            return index
    return len(given)
