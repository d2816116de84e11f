"""Writes clients/web/shared/protocol.d.ts, the pages' types of the protocol: `python -m dispatch.protocol_types`.

Made from the message models, the events and the alarm, as `protocol_page` is; never describes anything by hand that
is defined there.
"""

from __future__ import annotations

import enum
import json
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from dispatch.alarm import errors, messages, outbound, shapes
from dispatch.alarm.events import EVENTS, Event

_HEAD: Final = """/**
 * What travels between the hub and its pages: made from the code by `python -m dispatch.protocol_types`; a test fails
 * when it is stale. Do not edit it. Used by the type checker only.
 */
"""
_PLAIN: Final[Mapping[Any, str]] = {
    str: "string", datetime: "string", int: "number", float: "number", bool: "boolean", bytes: "Uint8Array",
    types.NoneType: "null", Any: "unknown",
}  # fmt: skip
_INSIDE: Final[Mapping[str, str]] = {
    "Duty.flood": "{ since: string }",
    "ErrorFrame.code": "ErrorCode",
    "NoticesFrame.notices": "Notice[]",
    "SubscribedFrame.user": "User",
    "SnapshotFrame.alarms": "Alarm[]",
    "EventFrame.event": "AlarmEvent",
    "EventFrame.changes": "Record<string, unknown>",
    "ReceiptFrame.station": "{ id: string; name: string }",
    "ReceiptFrame.ladder": "Rung[]",
    "ResumedFrame.station": "{ id: string; name: string }",
    "ResumedFrame.ladder": "Rung[]",
    "StoryFrame.talk": "Record<string, TalkEntry> | null",
    "StoryFrame.notes": "Record<string, NoteEntry> | null",
    "ResumedFrame.talk": 'Omit<SaidFrame, "type">[]',
    "ResumedFrame.question": 'Omit<AskedFrame, "type">',
    "LadderFrame.ladder": "Rung[]",
}
"""Members whose model says only "a map"."""
_BODIES: Final = (
    messages.RaiseBody, messages.CheckInBody, messages.EndPlanBody, messages.SayBody, messages.AnswerBody,
    messages.CancelBody, messages.EndMediaBody, messages.SignIn, messages.OpenOriginalBody, messages.FindBody,
)  # fmt: skip
_EMPTY_LEFT_OUT: Final = (
    shapes.Place, shapes.TalkEntry, shapes.NoteEntry, shapes.MediaEntry, shapes.Found, shapes.Offer,
    shapes.Handing, shapes.Notified, shapes.HelperEntry, shapes.CallWords, shapes.Hold, shapes.Notice, shapes.Rung,
    shapes.Alarm,
)  # fmt: skip
_PARTS: Final = (messages.Position, messages.After, messages.Spot, outbound.Duty, shapes.User, *_EMPTY_LEFT_OUT)


def page() -> str:
    """The whole file."""
    frames = {model: f"{model.__name__}Frame" for model in (*outbound.TO_CONSOLE, *outbound.TO_CITIZEN)}
    citizen = {model: f"{model.__name__}Request" for model in messages.CITIZEN.values()}
    console = {model: f"{model.__name__}Request" for model in messages.CONSOLE.values()}
    parts = [
        _HEAD,
        *(_model(model.__name__, model) for model in _PARTS),
        "// Bodies over HTTP\n", *(_model(model.__name__, model) for model in _BODIES),
        "// From a citizen\n", *(_model(name, model) for model, name in citizen.items()),
        _union("CitizenRequest", citizen.values()),
        "// From a console\n", *(_model(name, model) for model, name in console.items()),
        _union("ConsoleRequest", console.values()),
        "// From the hub\n", *(_model(name, model) for model, name in frames.items()),
        _union("ConsoleFrame", (frames[model] for model in outbound.TO_CONSOLE)),
        _union("CitizenFrame", (frames[model] for model in outbound.TO_CITIZEN)),
        "// Events; a member that is empty, or was wiped, is left out\n", *map(_event, EVENTS.values()),
        _union("AlarmEvent", (_event_name(event) for event in EVENTS.values())),
        _union("ErrorCode", (_text(code) for code in sorted(errors.ERRORS))),
    ]  # fmt: skip
    return "\n".join(parts).rstrip("\n") + "\n"


def _model(name: str, model: type[BaseModel]) -> str:
    lines = []
    for field, about in model.model_fields.items():
        wire = about.alias or field
        kind = _INSIDE.get(f"{name}.{wire}") or ts(about.annotation)
        if model in _EMPTY_LEFT_OUT and not about.is_required():
            kind = kind.removesuffix(" | null")
        if about.description:
            lines.append(f"  /** {about.description} */")
        lines.append(f"  {wire}{'' if about.is_required() else '?'}: {kind};")
    if model.model_config.get("extra") == "allow":
        lines.append("  [member: string]: unknown;")
    return _interface(name, model.__dict__.get("__doc__"), lines)


def _event(event: type[Event]) -> str:
    hints = typing.get_type_hints(event)
    lines = [f"  type: {_text(event.type)};"]
    for one in fields(typing.cast("Any", event)):
        kind = ts(hints[one.name])
        may = kind.endswith(" | null")
        kind = "Place" if one.name == "position" else kind.removesuffix(" | null")
        lines.append(f"  {one.name}{'?' if may else ''}: {kind};")
    text = event.__dict__.get("__doc__") or ""
    return _interface(_event_name(event), None if text.startswith(f"{event.__name__}(") else text, lines)


def _event_name(event: type[Event]) -> str:
    return f"{event.__name__}Event"


def _interface(name: str, text: str | None, lines: Iterable[str]) -> str:
    told = "".join(f" * {line.strip()}".rstrip() + "\n" for line in (text or "").strip().splitlines())
    return (f"/**\n{told} */\n" if told else "") + "\n".join([f"export interface {name} {{", *lines, "}", ""])


def _union(name: str, of: Iterable[str]) -> str:
    return f"export type {name} =\n" + "".join(f"  | {one}\n" for one in dict.fromkeys(of)).rstrip("\n") + ";\n"


def ts(hint: Any) -> str:
    """A Python type as TypeScript writes it.

    Raises:
        TypeError: it has no form on the wire.
    """
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return ts(inside[0])
    if origin is typing.Literal:
        return " | ".join(_text(one) for one in inside)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(ts(one) for one in inside))
    if origin in (list, tuple):
        each = ts(inside[0])
        return f"({each})[]" if " | " in each else f"{each}[]"
    if origin is not None and issubclass(origin, Mapping):
        return f"Record<string, {ts(inside[1])}>"
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return " | ".join(_text(one.value) for one in hint)
    if isinstance(hint, type) and hint in _PARTS:
        return hint.__name__
    raise TypeError(f"{hint!r} has no form on the wire: add it to _PARTS")


def _text(value: object) -> str:
    return json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(page())
