"""Bytes of a frame or body to plain data and back: JSON (orjson) and MessagePack. Never looks at what they say.

What can be understood is: a byte order mark, another UTF than UTF-8, half an emoji, NaN where a number should be.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgpack
import orjson

from dispatch.alarm import errors, wellformed
from dispatch.alarm.errors import Refused

MSGPACK: Final = "dispatch.v1.msgpack"
JSON: Final = "dispatch.v1.json"
# An escape that may stand for it, or a control character itself.
_ODD: Final = re.compile(rb"\\[ubfr]|[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
_ODD_TEXT: Final = re.compile(r"\\[ubfr]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def choose(offered: list[str]) -> str | None:
    """The subprotocol to answer with: the first offered that we speak; None when none is (then JSON is spoken)."""
    return next((name for name in offered if name in (MSGPACK, JSON)), None)


def decode(data: bytes | str, packed: bool) -> Any:
    """The value in `data`, all texts in it well-formed.

    Raises:
        Refused: `undecodable`, with where it broke off; never any of the content.
    """
    try:
        if not packed:
            made = _json(data)
            return wellformed.value(made) if _may_be_odd(data) else made
        if isinstance(data, str):
            raise ValueError("a text frame, and the subprotocol is MessagePack")
        return wellformed.value(msgpack.unpackb(data, strict_map_key=True, unicode_errors="replace"))
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as fault:
        kind = "MessagePack" if packed else "JSON"
        where = f" at line {fault.lineno}, column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else ""
        raise Refused(errors.UNDECODABLE, f"this is not {kind}{where}") from None


def _may_be_odd(data: bytes | str) -> bool:
    """Whether a text in this JSON may be no text; the bytes are looked through faster than each text that they say."""
    return bool(_ODD_TEXT.search(data) if isinstance(data, str) else _ODD.search(data))


def _json(data: bytes | str) -> Any:
    """By the strict and fast way, and where that refuses by Python's own, which takes more."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "replace")
        return json.loads(text.removeprefix("\ufeff"), strict=False)


def encode(message: Any, packed: bool) -> bytes:
    """`message` as the bytes of a frame; its values are the plain data that `decode` gives."""
    return msgpack.packb(message) if packed else orjson.dumps(message)
