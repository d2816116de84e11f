"""Requests and frames that are nearly right: made from the protocol's own models, then broken at some places.

What is made follows from the random numbers that it is given, so a fault is found again by its seed.
"""

import copy
import json
import math
import random
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgpack

from dispatch.alarm import messages
from dispatch.alarm.messages import Message

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 1e308, -1e308, 5e-324, math.nan, math.inf,
    -math.inf, "", " ", "\x00", "\n", "x" * 65, "x" * 5000, "x\ud83d", "\udc00", "\u202e", "😀" * 3000, "null", "NaN",
    "1e999", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2038-01-19T03:14:08Z", "2026-11-22", "../../x",
    "%00", "{}", "*", "dadongmen", "V01", [], {}, [[]], [None] * 20, {"": ""}, {"x": {"y": {"z": []}}}, "alarm",
    "zh_CN",
]  # fmt: skip
PACKED: list[Any] = [b"", b"\x00" * 40, msgpack.ExtType(5, b"x"), msgpack.Timestamp(2**33, 5)]
TYPES = ["application/json", "text/plain", "", "multipart/form-data", "multipart/form-data; boundary=x", "\xff",
         "application/x-www-form-urlencoded", "image/jpeg", "audio/webm;codecs=opus"]  # fmt: skip
QUERIES = [
    "", "", "", "?limit=-1", "?limit=9e9", "?since=x", "?until=0001-01-01T00:00:00%2B23:59", "?station=%00", "?shell",
    "?type=plan_made", "?lang=%ed%a0%bd", "?after=" + "9" * 40, "?type=&type=", "?%ff=%ff", "?channel=x", "?limit=0",
]  # fmt: skip
BODIES = [
    model
    for model in vars(messages).values()
    if isinstance(model, type) and issubclass(model, Message) and model is not Message
]


@cache
def _schema(model: type[Message]) -> dict[str, Any]:
    return model.model_json_schema()


class Fuzz:
    """Makes them.

    Args:
        chance: decides everything.
        known: names that are there, by the name of the field or of the path's parameter.
        packed: whether bytes may stand in what is made.
    """

    def __init__(self, chance: random.Random, known: Mapping[str, list[Any]], packed: bool = False) -> None:
        self._chance = chance
        self._known = known
        self._odd = [*ODD, *(PACKED if packed else [])]

    def message(self, model: type[Message]) -> Any:
        """One of this model, broken at up to three places; seldom something else altogether."""
        if self._chance.random() < 0.02:
            return copy.deepcopy(self._chance.choice(self._odd))
        schema = _schema(model)
        made = self._made(schema, schema.get("$defs", {}), "")
        for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3))):
            made = self._broken(made)
        return made

    def path(self, template: str) -> str:
        """An address of this route."""
        parts = []
        for part in template.split("/"):
            if not part.startswith("{"):
                parts.append(part)
                continue
            name = part.strip("{}").split(":")[0]
            known = self._known.get(name, ["0"])
            odd = ["%00", "..", "x" * 300, "-1", "%ff", "%ed%a0%bd", "9" * 30, "0", "%00.js", "x" * 300 + ".js"]
            parts.append(str(self._chance.choice(known if self._chance.random() < 0.7 else odd)))
        return "/".join(parts) + self._chance.choice(QUERIES)

    def body(self) -> bytes:
        """Of a request: JSON mostly, as our pages and as others write it."""
        made = self.message(self._chance.choice(BODIES))
        if isinstance(made, dict) and self._chance.random() < 0.9:
            made.pop("type", None)
            made.pop("ref", None) if self._chance.random() < 0.5 else None
        data = json.dumps(made, ensure_ascii=self._chance.random() < 0.5).encode("utf-8", "surrogatepass")
        odd = (b"\xef\xbb\xbf" + data, data[:-1], data.replace(b'"', b"'"))
        return self._chance.choice((data, data, data, data, *odd))

    def frame(self, model: type[Message], packed: bool) -> bytes:
        """Of a socket."""
        made = self.message(model)
        if packed:
            return bytes(msgpack.packb(made, unicode_errors="surrogatepass"))
        return json.dumps(made).encode()

    def _made(self, schema: Any, defs: Mapping[str, Any], name: str) -> Any:
        chance = self._chance
        if "$ref" in schema:
            return self._made(defs[schema["$ref"].split("/")[-1]], defs, name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.choice(schema["enum"])
        if "anyOf" in schema:
            return self._made(chance.choice(schema["anyOf"]), defs, name)
        match schema.get("type"):
            case "object" if "properties" in schema:
                needed = schema.get("required", [])
                return {
                    each: self._made(inner, defs, each)
                    for each, inner in schema["properties"].items()
                    if each in needed or chance.random() < 0.6
                }
            case "object":
                inner = schema.get("additionalProperties")
                keys = self._known.get("station", ["x"])
                return {chance.choice(keys): self._made(inner, defs, "")} if isinstance(inner, dict) else {}
            case "array":
                return [self._made(schema.get("items", {}), defs, name) for _ in range(chance.randrange(3))]
            case "integer":
                return chance.choice((0, 1, 2, 60, 900))
            case "number":
                return chance.choice((41.8, 123.4, 5.0))
            case "boolean":
                return chance.random() < 0.5
            case "null":
                return None
        if name in self._known and chance.random() < 0.9:
            return chance.choice(self._known[name])
        made = str(uuid.UUID(int=chance.getrandbits(128)))
        return chance.choice(("x", made, "4821", "他在外面", "2026-11-22T02:15:00Z"))

    def _broken(self, made: Any) -> Any:
        """`made` with one place replaced, left out or added."""
        places = list(_places(made))
        if not places:
            return copy.deepcopy(self._chance.choice(self._odd))
        holder, key = self._chance.choice(places)
        what = self._chance.random()
        if what < 0.75:
            holder[key] = copy.deepcopy(self._chance.choice(self._odd))
        elif what < 0.9 and isinstance(holder, dict):
            del holder[key]
        elif isinstance(holder, dict):
            name = self._chance.choice(("x", "", "type", "ref", "\x00", "__proto__"))
            holder[name] = copy.deepcopy(self._chance.choice(self._odd))
        return made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in plain data, as what holds it and the key there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
