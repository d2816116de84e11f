"""Writes docs/protocol.md from the message models, events and errors: `python -m dispatch.protocol_page`.

Never describes anything by hand that is defined in code. At the top level because it needs the settings' defaults too.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from pydantic import BaseModel

from dispatch.alarm import errors, messages, outbound, to_helper
from dispatch.alarm.codec import JSON, MSGPACK
from dispatch.alarm.events import EVENTS, Event
from dispatch.alarm.state import PRIVATE, Alarm
from dispatch.sections import Limits

CLOSE_CODES: Final[Mapping[int, str]] = {
    1007: "A text frame was not UTF-8.",
    errors.GO_AWAY: "The hub stops or lost its store. Come back, to any hub, and resume.",
    errors.UNDECODABLE_FRAME: "A frame could not be decoded. Mend the client; coming back is allowed.",
    errors.SILENT: "Nothing was heard from the console for too long. Come back and resume.",
    errors.RESTORED: "The store was restored from an older copy. Come back for a fresh snapshot: positions are void.",
    errors.SLOW_CONSUMER: "The console did not take its events. Come back and resume.",
    errors.TOO_MUCH: "More pings, pongs or pieces of one message than anybody needs. Come back, and send fewer.",
    errors.SIGNED_OUT: "Not signed in, or the sign-in was ended. Sign in first.",
    errors.FORBIDDEN: "Not allowed from this origin or for this user.",
}

HTTP: Final = (
    ("POST /alarms", "citizen", "RaiseBody", "201 the receipt when new, 200 the same after that; also as a form"),
    ("GET /alarms/{alarm}", "citizen", "", "200 the alarm as its citizen may see it (`Resumed`)"),
    ("POST /alarms/{alarm}/say", "citizen", "SayBody", "200 `version`"),
    ("POST /alarms/{alarm}/position", "citizen", "Position", "200 `version`"),
    ("POST /alarms/{alarm}/answer", "citizen", "AnswerBody", "200 `version`"),
    ("POST /alarms/{alarm}/cancel", "citizen", "CancelBody", "200 `cancel`, with the right number and without"),
    ("POST /alarms/{alarm}/heard", "citizen", "HeardBody", "200 `{}`"),
    ("POST /alarms/{alarm}/check-in", "citizen", "CheckInBody", "200 `version`, `check_in_by`"),
    ("POST /alarms/{alarm}/end-plan", "citizen", "EndPlanBody", "200 `plan`, with the right number and without"),
    ("POST /alarms/{alarm}/receipt", "citizen", "", "200 the receipt page, for pages without JavaScript (a form)"),
    ("PUT /alarms/{alarm}/media/{media}/{seq}", "citizen", "the chunk's bytes", "204"),
    ("POST /alarms/{alarm}/media/{media}", "citizen", "EndMediaBody", "204"),
    ("POST /session", "anyone", "SignIn", "200 `name`, `role`, `station`, and the cookie"),
    ("GET /session", "signed in", "", "200 the same, `now`, and `ends_at`: when the sign-in ends unless it is used"),
    ("POST /session/stay", "signed in", "", "200 the same: somebody is there"),
    ("DELETE /session", "signed in", "", "204"),
    ("GET /media/{alarm}/{media}", "officer", "", "200 or 206 a copy without metadata; `Range` is understood. "
     "`copy`: `large` (JPEG) or `small` (WebP) of a photo, `mp4` (AAC) or `webm` (Opus) of a recording; the first "
     "without. While a recording grows: as the next line"),
    ("GET /media/{alarm}/{media}/live", "officer", "", "200 or 206 what there is of the growing copy (fragmented MP4, "
     "AAC) from `Range: bytes=N-` on, waited for up to 5 s, else 204. `ETag` names the copy: with `If-Match` 412 when "
     "there is another, then begin anew. `Live-State` (`growing`, `ended`, `cut`), `Live-Seconds`, `Live-Bytes`, "
     "`Live-Gaps` (`at+length,…` in seconds). With `copy` (its name) and `upto`: the first so many bytes, as a file "
     "with ranges"),
    ("POST /media/{alarm}/{media}/original", "officer", "OpenOriginalBody", "200 the sealed original; logged"),
    ("GET /log", "signed in", "", "200 `events`, `next`; NDJSON or CSV by `Accept`. "
     "`station`, `alarm` (its id, or its code), `type`, `from`, `to`, `after`, `limit`. Of several stations an alarm's "
     "event stands once, as it is in the stream of its own station"),
    ("POST /log/alarms", "signed in", "FindBody", "200 `alarms`, the latest raised first: `id`, `code`, `home`, "
     "`station`, `status`, `kind`, `raised_at`, `closed_at`, `owner`, `disposition`, `category`, `text`, `place`, "
     "`wiped_at`, and `excerpt`: what was found of the words. After `find_looks` alarms it stops: `looked_at` says how "
     "many it looked at, `back_to` up to when, `next` how to go on (null: that was all), `behind` how many of the "
     "latest events the index lacks"),
    ("GET /log/alarms/{alarm}", "signed in", "", "200 `alarm`, `events`, `ends_at` (when its content ends; null "
     "while it is open, held, wiped already or kept for ever)"),
    ("GET /log/verify", "signed in", "", "200 `station`, `ok`, `events`, `head`, or `broken_at` and `why`"),
    ("GET /notify/push", "signed in", "", "200 one's own `devices` with phone alerts (`id`, `made_at`, `sent`, "
     "`shown`, `failed`, and `state`: `on`, `silent`, `failing`, `refused`, `old_key` or `gone`), whether push is "
     "`on`, the `key` to subscribe with, and the `most` devices"),
    ("PUT /notify/push", "signed in", "PushBody", "200 `id`; the same endpoint again is the same device"),
    ("DELETE /notify/push/{device}", "signed in", "", "204"),
    ("POST /notify/push/{device}/test", "signed in", "", "202; then `sent` and `shown` of the device say how it went"),
    ("POST /notify/receipts", "the device", "ReceiptBody", "204; again and again changes nothing"),
    ("GET /notify/channels", "supervisor", "", "200 `station`, its own `messengers`, and `channels`: of each "
     "`officer` the `devices` and `messengers`, with the last success and failure. `station`"),
    ("GET /notify/deliveries", "supervisor", "", "200 `deliveries`: each attempt to send, newest first: `at`, "
     "`channel`, `via`, `officers`, `kind`, `code`, `attempt`, `outcome`, `status`, `took_ms`. `station`, `channel`, "
     "`limit`"),
    ("GET /nearby/{alarm}", "officer", "", "200 `officers` (`name`, `station`, `position`, `distance_m`, `at`) who "
     "share their place, and `helpers` on watch (the same and `kind`, `state`), nearest first; "
     "nobody unless the alarm is open"),
    ("GET /voice/{name}", "signed in", "", "200 the clip `STATION.zh.wav` or `STATION.en.wav`"),
    ("GET /static/config.json", "anyone", "", "200 what pages need to know of the configuration"),
    ("GET /areas/{station}", "anyone", "", "200 `areas`: outline and name of the station and the nearest around it; "
     "`streets`: where the demonstration's invented streets are, if there are any"),
    ("GET /map", "signed in", "", "200 `tiles`: null without any, else `kind` (`file`, `address`), `tiles` (where), "
     "`attribution`, `datum`, `most_zoom`. `streets`: where the demonstration's are, null without any"),
    ("GET /map/streets.json", "anyone", "", "200 the demonstration's invented streets (GeoJSON), of which "
     "browsers keep nothing. 404 with other areas or with tiles"),
    ("GET /map/streets-{edition}.json", "anyone", "", "200 the same, kept for good: the address that `/map` tells"),
    ("GET /map/tiles.pmtiles", "signed in", "", "200 or 206 the configured file of tiles; `Range` is understood"),
    ("GET /words/{part}.json", "anyone", "", "200 words of a page, such as `citizen.zh`, `citizen.zh.later`"),
    ("GET /manifest.webmanifest", "anyone", "", "200 what an installed page is called; 404 unless `citizen.install`"),
    ("GET /icon.png", "anyone", "", "200 the neutral icon"),
    ("GET /shell.js", "anyone", "", "200 the worker of an installed page, with the names of the files that it keeps"),
    ("GET /alerts.js", "anyone", "", "200 the worker that shows notifications; of the staff pages alone"),
    ("GET /staff-icon.png", "anyone", "", "200 the icon of the staff pages"),
    ("GET /console.webmanifest", "anyone", "", "200 to put the console on a home screen"),
    ("GET /supervisor.webmanifest", "anyone", "", "200 likewise the supervisor's page"),
    ("GET /notices", "signed in", "", "200 `notices`: what is wrong with the system itself, as in `Notices`"),
    ("GET /healthz", "anyone", "", "200 the process lives"),
    ("GET /readyz", "anyone", "", "200 the store answers and is safe, else 503 and `why`"),
    ("GET /metrics", "anyone", "", "200 OpenMetrics"),
)  # fmt: skip

BODIES: Final = (
    messages.RaiseBody, messages.CheckInBody, messages.EndPlanBody,
    messages.Position, messages.SayBody, messages.AnswerBody, messages.CancelBody,
    messages.EndMediaBody, messages.SignIn, messages.OpenOriginalBody, messages.FindBody, messages.Spot, messages.After,
)  # fmt: skip

_INTRODUCTION: Final = f"""# Protocol, version 1

Made from the code by `python -m dispatch.protocol_page`; a test fails when this page is stale. Do not edit it.

- HTTP bodies are JSON. Times are RFC 3339 in UTC with milliseconds.
- WebSocket subprotocols: `{MSGPACK}` (binary frames) and `{JSON}` (text frames, also when none
  is offered). The same messages in both; media bytes only in MessagePack.
- Every message is a map with a `type`. Every request has a `ref` and gets exactly one answer with it, after its effect
  is stored; `delivered` needs none, and without one it is answered only when refused. The same `ref` with the same
  request is the same request: its effect is there once, however often it comes.
- An unknown field, an unknown type, a wrong type or too long a text is an error that names the field; the connection
  stays.
- `/ws/alarm` is for citizens, with the alarm's secret. `/ws/console` is for officers and supervisors: it needs the
  cookie of `POST /session` and an allowed `Origin`, and so does `/ws/helper`, for helpers, in JSON.
  Over HTTP citizens send `Authorization: Bearer SECRET`.
- Limits are named as in `config/dispatch.toml`, section `[limits]`; the numbers here are the defaults.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        _INTRODUCTION,
        "## HTTP\n", _table(("request", "who", "body", "answer"), [_http(row) for row in HTTP]),
        "Errors have the fitting status and the body `code`, `message`, `retry`, `advice`.\n",
        "## Bodies\n", *_models(BODIES),
        "## From a citizen, `/ws/alarm`\n", *(_message(name, model) for name, model in messages.CITIZEN.items()),
        "## To a citizen\n", *_models(outbound.TO_CITIZEN),
        "## From a console, `/ws/console`\n", *(_message(name, model) for name, model in messages.CONSOLE.items()),
        "## To a console\n", *_models((*outbound.TO_CONSOLE[:-2], outbound.Duty)),
        "And `Beat` and `Error`, as to a citizen.\n",
        "## From a helper, `/ws/helper`\n", *(_message(name, model) for name, model in messages.HELPER.items()),
        "## To a helper\n", *_models((*to_helper.TO_HELPER[:-2], to_helper.Call, to_helper.Coarse, to_helper.Exact)),
        "And `Beat` and `Error`, as to a citizen.\n",
        "## Members of an alarm\n",
        "Members that are empty are left out. What is private can be wiped later while the record stays.\n", _alarm(),
        "## Events\n", "A field that is empty is left out.\n", *map(_event, EVENTS.values()),
        "## Errors\n", _errors(),
        "## Close codes\n", "4000 to 4499: come back. 4500 to 4999: do not.\n",
        _table(("code", "meaning"), [(str(code), text) for code, text in sorted(CLOSE_CODES.items())]),
        "## Limits\n", _limits(),
    ]  # fmt: skip
    return "\n".join(parts)


def _http(row: tuple[str, str, str, str]) -> tuple[str, ...]:
    request, who, body, answer = row
    return f"`{request}`", who, f"`{body}`" if body.isalnum() else body, answer


def _message(name: str, model: type[BaseModel]) -> str:
    return f"### `{name}`\n\n{_doc(model)}{_fields(model, ('type',))}"


def _models(models: Iterable[type[BaseModel]]) -> list[str]:
    return [f"### {model.__name__}\n\n{_doc(model)}{_fields(model, ())}" for model in models]


def _doc(thing: type) -> str:
    """The thing's own docstring as a paragraph; a dataclass without one has only its signature, which says nothing."""
    text = thing.__dict__.get("__doc__") or ""
    if not text or text.startswith(f"{thing.__name__}("):
        return ""
    return "\n".join(line.strip() for line in text.strip().splitlines()) + "\n\n"


def _fields(model: type[BaseModel], without: tuple[str, ...]) -> str:
    schema = model.model_json_schema()
    needed = schema.get("required", ())
    rows = []
    for name, about in schema.get("properties", {}).items():
        if name in without:
            continue
        default = about.get("default")
        may = "needed" if name in needed else "" if default is None else f"`{_value(default)}` without"
        rows.append((f"`{name}`", _kind(about), "; ".join(_limits_of(about)), may))
    return _table(("field", "type", "limits and meaning", ""), rows)


def _kind(about: Mapping[str, Any]) -> str:
    """The type of a JSON schema in words."""
    if "$ref" in about:
        return f"`{about['$ref'].rsplit('/', 1)[1]}`"
    if "anyOf" in about:
        return " or ".join(_kind(one) for one in about["anyOf"])
    if "const" in about:
        return f"`{_value(about['const'])}`"
    if "enum" in about:
        return ", ".join(f"`{_value(one)}`" for one in about["enum"])
    match about.get("type"):
        case "array":
            return f"list of {_kind(about['items'])}"
        case "object":
            inside = about.get("additionalProperties")
            return f"map of text to {_kind(inside)}" if isinstance(inside, Mapping) else "map"
        case "string":
            return "bytes" if about.get("format") == "binary" else "text"
    return {"integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}.get(
        str(about.get("type")), "anything"
    )


def _limits_of(about: Mapping[str, Any]) -> Iterable[str]:
    for one in about.get("anyOf", ()):
        yield from _limits_of(one)
    if isinstance(about.get("items"), Mapping) and (each := list(_limits_of(about["items"]))):
        yield f"each {', '.join(each)}"
    unit = {"array": "entries"}.get(
        str(about.get("type")), "bytes" if about.get("format") == "binary" else "characters"
    )
    least = about.get("minLength", about.get("minItems"))
    if least is not None:
        yield f"at least {least} {unit if least > 1 else unit.removesuffix('s').replace('entrie', 'entry')}"
    if "maxLength" in about:
        yield f"at most {about['maxLength']} {unit}"
    if "limit" in about:
        yield f"at most {getattr(Limits(), about['limit'])} {unit} (`{about['limit']}`)"
    if "minimum" in about:
        yield f"at least {about['minimum']}"
    if "maximum" in about:
        yield f"at most {about['maximum']}"
    if "most" in about:
        yield f"at most {getattr(Limits(), about['most'])} (`{about['most']}`)"
    if "pattern" in about:
        yield "`" + about["pattern"].replace("|", "\\|") + "`"
    if "description" in about and "$ref" not in about:
        yield about["description"]


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _event(event: type[Event]) -> str:
    hints = typing.get_type_hints(event)
    rows = []
    for one in fields(typing.cast("Any", event)):
        private = "private" if one.name in event.private_fields else ""
        rows.append((f"`{one.name}`", _hint(hints[one.name]), private))
    return f"### `{event.type}`\n\n{_doc(event)}{_table(('field', 'type', ''), rows)}"


def _alarm() -> str:
    hints = typing.get_type_hints(Alarm)
    rows = [
        (f"`{name}`", _hint(hints[name]), text + (" (private)" if name in PRIVATE else ""))
        for name, text in outbound.ALARM.items()
    ]
    return _table(("member", "type", "meaning"), rows)


def _hint(hint: Any) -> str:
    """A Python type in words; None is left out, because what is None is left out on the wire."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_hint(one) for one in inside if one is not types.NoneType)
    if origin is tuple:
        return f"list of {_hint(inside[0])}"
    if origin is not None:
        return "map"
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "datetime": "time"}
    return names.get(hint.__name__, "text")


def _errors() -> str:
    rows = [
        (f"`{e.code}`", str(e.status), "yes" if e.retry else "no", e.advice)
        for e in sorted(errors.ERRORS.values(), key=lambda e: e.code)
    ]
    return _table(("code", "status", "retry", "advice"), rows)


def _limits() -> str:
    rows = []
    for name, about in Limits.model_fields.items():
        low = next((m.ge for m in about.metadata if hasattr(m, "ge")), "")
        high = next((m.le for m in about.metadata if hasattr(m, "le")), "")
        rows.append((f"`{name}`", str(about.default), f"{low} to {high}"))
    return _table(("limit", "default", "may be"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    made = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *made, ""]) if made else "No fields.\n"


if __name__ == "__main__":
    sys.stdout.write(page())
