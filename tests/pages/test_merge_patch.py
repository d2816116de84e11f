"""The console's fold and the server's are one: the same patch on the same alarm gives the same alarm."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.alarm.patch import apply_patch, merge_patch

# Numbers as JavaScript can hold them exactly.
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
NAMES = st.sampled_from(["text", "talk", "7", "12", "__proto__", "constructor", ""]) | st.text(max_size=4)
JSON = st.recursive(
    SCALARS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=5)

SCRIPT = """
import { createInterface } from "node:readline";
import { applyPatch } from "./merge.js";
for await (const line of createInterface({ input: process.stdin })) {
  const { target, patch } = JSON.parse(line);
  console.log(JSON.stringify(applyPatch(target, patch)));
}
"""


class Console:
    """The page's own module, run by Node.js: one line in, one line out."""

    def __init__(self, node: str, folder: Path) -> None:
        command = [node, "--input-type=module", "--no-warnings", "-e", SCRIPT]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def apply(self, target: Any, patch: Any) -> Any:
        sent, got = self.process.stdin, self.process.stdout
        assert sent is not None
        assert got is not None
        sent.write(json.dumps({"target": target, "patch": patch}) + "\n")
        sent.flush()
        # JavaScript has one kind of number and writes it in its own way.
        return json.loads(got.readline(), parse_int=float)


@pytest.fixture(scope="module")
def console(root: Path, program: Callable[..., str]) -> Iterator[Console]:
    running = Console(program("node"), root / "clients" / "web" / "shared")
    yield running
    with running.process as process:
        process.terminate()


@given(target=JSON, patch=JSON)
@example(target={"a": {"b": 1}}, patch={"a": {"b": None, "c": {"d": None}}})
@example(target=[1, 2], patch={"0": "x"})
@example(target={"a": 1}, patch=None)
@example(target={}, patch={"__proto__": {"polluted": True}})
def test_any_patch(console: Console, target: Any, patch: Any) -> None:
    """Whatever the target and the patch are, page and server make the same of them."""
    assert console.apply(target, patch) == apply_patch(target, patch)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value


@given(before=OBJECTS.map(_without_nulls), after=OBJECTS.map(_without_nulls))
def test_what_the_server_sends_leads_to_what_the_server_has(
    console: Console, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """An old alarm and the server's patch make the new alarm: alarms hold no nulls, as the wire leaves them out."""
    assert console.apply(before, merge_patch(before, after)) == after
