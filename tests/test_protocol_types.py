"""The pages' types are made from the code, and with them the checker refuses what the hub would refuse."""

import json
import subprocess
from pathlib import Path

import pytest

from dispatch.protocol_types import page, ts

WRONG = """
/** @type {import("@shared/link.js").Link} */
const link = /** @type {any} */ (null);
/** @type {import("@shared/types.d.ts").Alarm} */
const alarm = /** @type {any} */ (null);
/** @type {import("@shared/types.d.ts").Give} */
const command = /** @type {any} */ (null);

void link.request({ type: "release", alarm: alarm.id, reason: "closer" });
// @ts-expect-error: needs a reason
void link.request({ type: "release", alarm: alarm.id });
// @ts-expect-error: no such field
void link.request({ type: "ack", alarm: alarm.id, reason: "closer" });
// @ts-expect-error: of the wrong type
void link.request({ type: "duty", on: "yes" });
// @ts-expect-error: no such message
void link.request({ type: "acknowledge", alarm: alarm.id });
// @ts-expect-error: readiness is told with a ref
link.tell({ type: "ready", sound: true, visible: true });

void command("ack", alarm);
void command("close", alarm, { disposition: "handled" });
// @ts-expect-error: needs how it ended
void command("close", alarm);
// @ts-expect-error: no such disposition
void command("close", alarm, { disposition: "forgotten" });
// @ts-expect-error: no such member of an alarm
void alarm.colour;
// @ts-expect-error: a position may have come without its numbers
void (alarm.position?.lat + 1);
"""


def test_the_types_are_fresh(root: Path) -> None:
    """clients/web/shared/protocol.d.ts is what `python -m dispatch.protocol_types` writes now."""
    assert (root / "clients" / "web" / "shared" / "protocol.d.ts").read_text("utf-8") == page()


def test_a_wrong_message_is_refused(root: Path, node_modules: Path, tmp_path: Path) -> None:
    """A missing, unknown or wrong field, an unknown type: the type checker refuses each; what is right it takes."""
    clients = root / "clients"
    (tmp_path / "wrong.js").write_text(WRONG.replace("@shared", f"{clients}/web/shared"), encoding="utf-8")
    about = {"extends": f"{clients}/tsconfig.json", "include": [f"{tmp_path}/wrong.js"], "exclude": []}
    (tmp_path / "tsconfig.json").write_text(json.dumps(about), encoding="utf-8")
    tsc = [str(node_modules / ".bin" / "tsc"), "--project", str(tmp_path)]
    done = subprocess.run(tsc, cwd=clients, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (str | None, "string | null"),
        (list[str | int], "(string | number)[]"),
        (tuple[int, ...], "number[]"),
        (dict[str, list[bool]], "Record<string, boolean[]>"),
    ],
)
def test_python_types_in_typescript(hint: object, text: str) -> None:
    """A union inside a list stays one; what has no form on the wire is said, not guessed."""
    assert ts(hint) == text
    with pytest.raises(TypeError, match="no form on the wire"):
        ts(complex)
