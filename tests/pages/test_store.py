"""What a console folds from its stations' streams: no hole, no other history, and what rings for whom (P2, P5)."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import { register } from "node:module";
const web = process.argv[1];
const hook = `export const resolve = (name, context, next) =>
  next(name.startsWith("/static/") ? ${JSON.stringify(web)} + name.slice(8) : name, context);`;
register("data:text/javascript," + encodeURIComponent(hook));
const { makeStore, rings } = await import(web + "shared/store.js");
const { frames, users } = JSON.parse(process.argv[2]);
const store = makeStore();
const how = frames.map((frame) => (frame.type === "snapshot" ? store.snapshot(frame) : store.event(frame)) ?? null);
const alarms = [...store.alarms.value.values()];
const ringing = users.map((user) => alarms.filter((alarm) => rings(alarm, user)).map((alarm) => alarm.id));
console.log(JSON.stringify({ how, alarms, positions: store.positions(), ringing }));
"""
HOME, OTHER = "dadongmen", "xiaodong"

Fold = Callable[..., dict[str, Any]]


@pytest.fixture
def fold(root: Path, program: Callable[..., str]) -> Fold:
    """The page's own module, run by Node.js: what it made of frames, and what rings for these users."""

    def made(*frames: dict[str, Any], users: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        web = f"{(root / 'clients' / 'web').resolve().as_uri()}/"
        given = json.dumps({"frames": frames, "users": users or []})
        command = [program("node"), "--input-type=module", "--no-warnings", "-e", SCRIPT, web, given]
        done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return made


def at(offset: int, epoch: str = "e1", station: str = HOME) -> dict[str, Any]:
    return {"station": station, "position": {"epoch": epoch, "offset": offset}}


def snapshot(place: dict[str, Any], *alarms: dict[str, Any]) -> dict[str, Any]:
    return {"type": "snapshot", "duty": {}, "alarms": alarms, **place}


def event(place: dict[str, Any], alarm: str = "a", **changes: Any) -> dict[str, Any]:
    return {"type": "event", "event": {"type": "note_added"}, "alarm": alarm, "changes": changes, **place}


def alarm(name: str = "a", version: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": name, "version": version, "kind": "alarm", "status": "raised", **more}


def test_a_hole_is_seen(fold: Fold) -> None:
    """What was had before is known, what follows is folded in, and nothing after a hole or of another history is."""
    frames = [event(at(n), text=str(n)) for n in (5, 6, 8)] + [event(at(7, "e2")), event(at(7), text="7")]
    found = fold(snapshot(at(5), alarm()), *frames)
    assert found["how"] == [None, "known", "applied", "gap", "gap", "applied"]
    assert (found["alarms"][0]["text"], found["positions"][HOME]) == ("7", {"epoch": "e1", "offset": 7})


@pytest.mark.parametrize(("epoch", "kept"), [("e1", ["closed", "open"]), ("e2", ["open"])])
def test_what_was_closed_in_another_history(epoch: str, kept: list[str], fold: Fold) -> None:
    """A fresh snapshot leaves what was closed on the page, unless the store went back: then it perhaps never was."""
    closed = event(at(2), "closed", status="closed", closed_at="2026-11-22T02:00:00.000Z")
    found = fold(snapshot(at(1), alarm("closed")), closed, snapshot(at(3, epoch), alarm("open")))
    assert sorted(each["id"] for each in found["alarms"]) == kept


@pytest.mark.parametrize("order", [1, -1])
def test_an_alarm_of_two_stations(order: int, fold: Fold) -> None:
    """It is shown once, as the stream that is further on has it."""
    frames = [snapshot(at(1), alarm(version=4)), snapshot(at(9, station=OTHER), alarm(version=7))][::order]
    assert [each["version"] for each in fold(*frames)["alarms"]] == [7]


def test_it_rings_for_who_was_called(fold: Fold) -> None:
    """On the consoles of those who were called, and of supervisors once they are; practice and what is taken: never."""
    called = [
        alarm("one", called=["V01"], audience=["on_duty"]),
        alarm("all", called=["V01", "V02"], audience=["station", "supervisor"]),
        alarm("taken", status="acknowledged", called=["V01"], audience=["supervisor"]),
        alarm("practice", kind="practice", called=["V01"]),
    ]
    roles = {"V01": "officer", "V02": "officer", "V03": "officer", "S01": "supervisor"}
    found = fold(snapshot(at(1), *called), users=[{"name": name, "role": role} for name, role in roles.items()])
    assert found["ringing"] == [["one", "all"], ["all"], [], ["all"]]


def test_closed_alarms_are_bounded(fold: Fold) -> None:
    """However many end while a console is open, it keeps the 200 that ended last, and every one that is open."""
    raised = [event(at(n), f"a{n}", id=f"a{n}", status="raised", version=1) for n in range(210)]
    closed = [
        event(at(419 - n), f"a{n}", id=f"a{n}", status="closed", version=2, closed_at=str(1000 - n))
        for n in range(209, 0, -1)
    ]
    found = fold(snapshot(at(-1)), *raised, *closed)
    assert [each["id"] for each in found["alarms"]] == [f"a{n}" for n in range(201)]
