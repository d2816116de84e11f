"""A store that an older build wrote is served as it lies: nothing is converted by hand, nothing open is lost.

`store.tar.xz` was written by the build of 22 November 2026 (26d1505), from before talk, notes and plans lay beside
their alarm; `fill.py` says how. What had an expiry of the store's (sign-ins, a lease) is gone from it by now.
"""

import json
import tarfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarmlog.chain import verify
from tests.flow.people import Citizen, Officer
from tests.flow.town import Town

HERE = Path(__file__).parent
MADE: dict[str, Any] = json.loads((HERE / "made.json").read_text("utf-8"))
ALARMS = {name: made["id"] for name, made in MADE.items() if isinstance(made, dict)}
SAID = [f"第{number}句" for number in range(5)]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A hub of this build on that store, a moment later."""
    with tarfile.open(HERE / "store.tar.xz") as packed:
        packed.extractall(tmp_path / "store", filter="data")
    async with Town(tmp_path, datetime.fromisoformat(MADE["at"]), own_store=True) as town:
        yield town


def who(town: Town, name: str) -> Citizen:
    """Whose alarm it is, with what their device kept."""
    citizen = town.citizen()
    citizen.id, citizen.secret = MADE[name]["id"], MADE[name]["secret"]
    return citizen


async def officer(town: Town, name: str) -> Officer:
    """With the password of then."""
    found = Officer(town.url, name, town.rests)
    town.people.append(found)
    await found.signs_in(MADE["password"])
    await found.opens_console()
    return found


def words(talk: dict[str, Any]) -> list[str]:
    return [talk[number]["text"] for number in sorted(talk, key=int)]


async def test_what_is_open_is_there_and_goes_on(town: Town) -> None:
    """Each open alarm stands on the console with every word, is escalated, taken, answered and closed as any other."""
    v08 = await officer(town, "V08")
    town.stops_watching(v08)
    nobodys, taken = v08.alarms[ALARMS["nobody's"]], v08.alarms[ALARMS["taken"]]
    assert set(v08.alarms) == {ALARMS["nobody's"], ALARMS["taken"]}
    assert (nobodys["text"], words(nobodys["talk"])) == ("门外有人", SAID)
    assert (taken["owner"], words(taken["talk"])) == ("V07", ["在公交车上", "收到"])
    await town.fast_forward(60)
    assert v08.alarms[ALARMS["nobody's"]]["step"] == 2
    citizen = who(town, "nobody's")
    assert (await citizen.does("say", ref="new", text="还在")).status_code == 200
    await v08.acknowledges(citizen.id)
    await v08.asks("say", alarm=citizen.id, ref="r", text="马上到")
    assert words(v08.alarms[citizen.id]["talk"]) == [*SAID, "还在", "马上到"]
    assert [entry["text"] for entry in (await citizen.sees())["talk"]] == [*SAID, "还在", "马上到"]
    await v08.asks("close", alarm=citizen.id, disposition="handled")


async def test_every_citizen_finds_their_alarm(town: Town) -> None:
    """The page that was open during the change goes on: open, taken, closed, practice and plan."""
    status = {name: (await who(town, name).sees())["status"] for name in ALARMS}
    assert status == {
        "nobody's": "raised", "taken": "acknowledged", "closed": "closed", "practice": "raised", "plan": "planned",
    }  # fmt: skip


async def test_a_plan_is_kept(town: Town) -> None:
    """One that is missed is raised in time, with its words."""
    town.clock.jump(3590)
    v08 = await officer(town, "V08")
    town.stops_watching(v08)
    await town.fast_forward(15)
    assert v08.alarms[ALARMS["plan"]]["text"] == "去看房"


async def test_the_chain_holds(town: Town) -> None:
    """Every event of then is in its place, and what comes is chained to it."""
    await who(town, "nobody's").does("say", ref="new", text="还在")
    verdict = await verify(town.dispatch.stream, "dadongmen")
    assert verdict.ok, verdict
    assert verdict.events > 20
