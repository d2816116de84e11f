"""What is wrong in a piece of configuration, collected so that all of it is told at once.

Checks plain data (from TOML, JSON or the environment) against a pydantic model and puts each fault into our
words: the key's path, the value, what would be legal. Never reads a file and never raises for bad data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

# (path of the key, the value found or None when it is absent, what would be legal)
Found: TypeAlias = tuple[str, object, str]

M = TypeVar("M", bound=BaseModel)

_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


class Table(BaseModel):
    """Base of everything that is read from configuration: frozen, no unknown keys, no conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean "port"?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def join(path: str, key: str) -> str:
    """`path.key`, without the dot where there is no path yet."""
    return f"{path}.{key}" if path else key


def check(model: type[M], raw: object, path: str = "") -> tuple[M | None, list[Found]]:
    """`raw` as a `model`, or None and every fault in it; `path` is where `raw` stands in its file."""
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, [
            (_path(path, e["loc"]), None if e["type"] == "missing" else e["input"], _legal(model, dict(e)))
            for e in error.errors(include_url=False)
        ]


def _path(path: str, loc: Iterable[int | str]) -> str:
    for part in loc:
        path = f"{path}[{part}]" if isinstance(part, int) else join(path, part)
    return path


def _legal(model: type[BaseModel], error: dict[str, Any]) -> str:
    loc = error["loc"]
    if error["type"] == "extra_forbidden":
        known = _keys(_model(model, loc[:-1]))
        return f"no such key{did_you_mean(loc[-1], known) or '; known here: ' + ', '.join(known)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] in ("model_type", "dict_type", "model_attributes_type"):
        return "must be a table of keys and values"
    field = _field(model, loc)
    if field is not None and (field.description or field.annotation in _KINDS):
        return f"must be {field.description or _range(field)}"
    return str(error["msg"]).replace("Input should", "must").replace("Field required", "must be given")


def _range(field: FieldInfo) -> str:
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    return _KINDS[field.annotation] + ("" if low is None or high is None else f", {low} to {high}")


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [f.alias or name for name, f in model.model_fields.items()] if model else []


def _field(model: type[BaseModel], loc: tuple[int | str, ...]) -> FieldInfo | None:
    """The field that `loc` ends at; None when it ends inside a list or a mapping without a model."""
    owner = _model(model, loc[:-1])
    fields = owner.model_fields if owner else {}
    return next((f for name, f in fields.items() if loc and loc[-1] in (f.alias, name)), None)


def _model(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model of the table at `loc`."""
    inner: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, str):
            field = _field(inner, (part,)) if inner else None
            inner = _inside(field.annotation) if field else None
    return inner


def _inside(annotation: Any) -> type[BaseModel] | None:
    """The model in `Model`, `Model | None`, `list[Model]` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for a in get_args(annotation) if (found := _inside(a))), None)
