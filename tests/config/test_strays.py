"""An alarm whose station is renamed or taken out of the files is somebody's all the same, and it is said (P4, P5)."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dispatch.config.agreement import COMPARE_EVERY_S
from dispatch.config.strays import LOOK_EVERY_S
from dispatch.notices import NOTICE_EVERY_S
from dispatch.settings import Settings, load
from tests import shared
from tests.commands import Shell
from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import PASSWORD, Town

GONE, NAMED, DEFAULT = "xiaodong", "xiaodong-lu", "dadongmen"
THERE = {"lat": 41.8375, "lon": 123.4654}
SOON_S = LOOK_EVERY_S + NOTICE_EVERY_S
PLAN_S = 60

Done = Callable[[Town, Officer, Officer], Awaitable[Citizen]]


def renamed(root: Path, folder: Path) -> Path:
    """The demonstration's files, in which a station has another id."""
    shutil.copytree(root / "config", folder)
    for name in ("stations.geojson", "rota.toml", "policies.toml"):
        text = (folder / name).read_text("utf-8").replace(f'"{GONE}"', f'"{NAMED}"')
        (folder / name).write_text(text.replace(f"[{GONE}]", f"[{NAMED}]"), "utf-8")
    return folder


@pytest.fixture
def files(root: Path, tmp_path: Path) -> Path:
    return renamed(root, tmp_path / "renamed")


@pytest.fixture
def settings(town: Town, files: Path) -> Settings:
    return replace(load(files, {}), store=town.settings.store)


async def begins_again(town: Town, settings: Settings) -> None:
    """The hub is stopped, and started with other files."""
    await town.quiet()
    town.stops_watching(*town.people)
    await town.hubs.pop().stop()
    for person in town.people:
        await person.closes()
    town.people.clear()
    town.settings = settings
    await town.opens_hub()


async def raised(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = town.citizen()
    await citizen.raises(text="门外有人", position=THERE)
    return citizen


async def escalated(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = await raised(town, first, other)
    await town.fast_forward(95)
    return citizen


async def acknowledged(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = await raised(town, first, other)
    await first.acknowledges(citizen.id)
    return citizen


async def en_route(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = await acknowledged(town, first, other)
    await first.asks("move", alarm=citizen.id)
    return citizen


async def on_scene(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = await en_route(town, first, other)
    await first.asks("arrive", alarm=citizen.id)
    return citizen


async def transferred(town: Town, first: Officer, other: Officer) -> Citizen:
    """From another station, whose officer is of a third one's list now."""
    citizen = town.citizen()
    await citizen.raises(text="门外有人", position={"lat": 41.806, "lon": 123.466})
    await other.acknowledges(citizen.id)
    await other.asks("transfer", alarm=citizen.id, station=GONE, reason="那里更近")
    await first.asks("transfer_accept", alarm=citizen.id)
    await first.asks("move", alarm=citizen.id)
    return citizen


async def closed(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = await acknowledged(town, first, other)
    await first.asks("close", alarm=citizen.id, disposition="handled")
    return citizen


async def planned(town: Town, first: Officer, other: Officer) -> Citizen:
    citizen = town.citizen()
    await citizen.raises(text="门外有人", position=THERE, check_in_s=PLAN_S)
    return citizen


NOBODYS = {"raised": raised, "escalated": escalated}
OWNED = {"acknowledged": acknowledged, "en_route": en_route, "on_scene": on_scene, "transferred": transferred}
LATER = {"closed, and its citizen writes": closed, "a plan, which is missed": planned}


@pytest.fixture
async def before(town: Town, request: pytest.FixtureRequest, settings: Settings) -> Citizen:
    """What the hub with the old files left when it was stopped, as its citizen sees it at the new one."""
    first, other = await town.officer("X01", GONE), await town.officer("V01")
    done: Done = request.param
    citizen = await done(town, first, other)
    await begins_again(town, settings)
    again = town.citizen()
    again.id, again.secret = citizen.id, citizen.secret
    return again


def moved(officer: Officer, alarm: str) -> list[tuple[str, str]]:
    notices = officer.notices or []
    return [(n["station"], n["to"]) for n in notices if n["code"] == "station_gone" and n["alarm"] == alarm]


@pytest.mark.parametrize("before", NOBODYS.values(), ids=NOBODYS, indirect=True)
async def test_one_that_nobody_had_is_called_at_the_default_station(town: Town, before: Citizen) -> None:
    """It is in the default station's list at once, escalates there from the first step, and can be taken."""
    officer = await town.officer("V01")
    await town.fast_forward(SOON_S)
    alarm = officer.alarms[before.id]
    assert (alarm["station"], alarm["station_gone"], alarm["status"]) == (DEFAULT, GONE, "raised")
    assert "V01" in alarm["called"]
    step = alarm["step"]
    assert step == 0
    await town.fast_forward(16)
    assert officer.alarms[before.id]["step"] == 1
    await officer.acknowledges(before.id)
    assert (await before.ladder())[-1] == "acknowledged"
    await town.forgets(officer)


@pytest.mark.parametrize("before", OWNED.values(), ids=OWNED, indirect=True)
async def test_one_that_an_officer_of_it_had_is_free_to_take(town: Town, before: Citizen) -> None:
    """It stays as far as it was; its owner, who is shown it no more, is lost, and it is taken without a reason."""
    officer = await town.officer("V01")
    await town.fast_forward(SOON_S)
    alarm = officer.alarms[before.id]
    assert (alarm["station"], alarm["owner"], "owner_lost_at" in alarm) == (DEFAULT, "X01", True)
    status = alarm["status"]
    assert status == (await before.sees())["status"] != "raised"
    await officer.asks("take", alarm=before.id)
    assert officer.alarms[before.id]["owner"] == "V01"
    await town.forgets(officer)


@pytest.mark.parametrize("before", LATER.values(), ids=LATER, indirect=True)
async def test_one_that_opens_later_is_called_too(town: Town, before: Citizen) -> None:
    """A closed alarm whose citizen writes finds the default station; a missed plan the one that its place has now."""
    officer = await town.officer("V01")
    await town.fast_forward(SOON_S)
    assert before.id not in officer.alarms
    await before.does("say", ref="1", text="他回来了")  # refused of a plan
    await town.fast_forward(PLAN_S + SOON_S)
    alarm = officer.alarms[before.id]
    assert alarm["status"] == "raised"
    assert alarm["station"] == (NAMED if "plan" in alarm else DEFAULT)
    assert "V01" in alarm["called"]
    await town.forgets(officer)


@pytest.mark.parametrize("before", [en_route], ids=["en_route"], indirect=True)
async def test_it_is_said(town: Town, settings: Settings, before: Citizen) -> None:
    """Supervisors are told which alarm went where and who is left behind, the log says why, the record has it once."""
    supervisor = await town.officer("S01", None, "supervisor")
    left = await town.officer("X01", GONE)
    await town.fast_forward(COMPARE_EVERY_S + SOON_S)
    assert moved(supervisor, before.id) == [(GONE, DEFAULT)]
    behind = [(n["why"], n["names"]) for n in supervisor.notices or [] if n.get("station") == GONE and "names" in n]
    assert behind == [("no_station", ["X01"])]
    assert left.notices == supervisor.notices
    timeline = (await supervisor.http.get(f"/log/alarms/{before.id}")).json()["events"]
    kinds = [event["event"]["type"] for event in timeline]
    assert kinds[-2:] == ["station_gone", "owner_lost"]
    assert (await supervisor.http.get("/log", params={"station": GONE})).status_code == 200
    assert (await supervisor.http.get("/log/verify", params={"station": GONE})).json()["ok"]
    with pytest.raises(Answered, match="not_allowed"):
        await left.asks("duty", on=True)
    await town.forgets(supervisor, left)
    town.stops_watching(supervisor, left)
    with capture_logs() as logged:
        await begins_again(town, settings)
        await town.fast_forward(SOON_S)
    assert [line for line in logged if line["event"] == "alarm_station_gone"] == [], "moved once, said once"


async def test_a_hub_with_older_files_moves_nothing(town: Town, settings: Settings) -> None:
    """While hubs differ, an alarm of a station that only the newest has stays where it is."""
    older = town.settings
    town.settings = settings
    await town.opens_hub()
    officer = await town.officer("X01", NAMED, hub=1)
    alarm = await town.citizen(hub=1).raises(text="门外有人", position=THERE)
    await officer.hears(alarm, "alarm_raised", "step_run")
    town.settings = older
    await town.opens_hub()  # seen before: still the older ones
    await town.fast_forward(2 * SOON_S)
    assert officer.alarms[alarm]["station"] == NAMED
    assert "station_gone" not in officer.alarms[alarm]
    await town.forgets(officer)


async def test_check_says_it_before(town: Town, files: Path, tmp_path: Path) -> None:
    """`dispatch check` of such files fails: which alarms are open, where they would go, whose sign-ins are left."""
    shell = Shell(tmp_path, DISPATCH_STORE=town.store.url, DISPATCH_STORE_PREFIX=town.prefix.removesuffix(":"))
    for station, rota in town.settings.rotas.items():
        for name in rota.officers:
            await town.dispatch.identity.add(name, shared.hashed(PASSWORD), "officer", station)
    await town.dispatch.identity.add("S01", shared.hashed(PASSWORD), "supervisor", None)
    citizen = town.citizen()
    await citizen.raises(text="门外有人", position=THERE)
    said = shell.on_data("check", "--config", str(files))
    assert said.status == 2
    code = (await citizen.sees())["code"]
    for wanted in (
        f"stations.geojson: {GONE}: there is no such station, and the store has open alarms of it: {code} (raised)",
        f"they go to {DEFAULT}",
        f"stations.geojson: {GONE}: X01, X02, X03, X04: these sign-ins belong to it",
        f"rota.toml: {NAMED}.officers: X01, X02, X03, X04: the sign-in is of another station",
    ):
        assert [line for line in said.faults if wanted in line], (wanted, said.faults)


async def test_check_says_another_number_of_partitions(town: Town, root: Path, tmp_path: Path) -> None:
    """So it does where the store was made with another number of partitions, and leaves a new store as it is."""
    shell = Shell(tmp_path, DISPATCH_STORE=town.store.url, DISPATCH_STORE_PREFIX=town.prefix.removesuffix(":"))
    config = ("--config", str(root / "config"))
    fault = shell.on_data("check", *config, DISPATCH_STORE_PARTITIONS="4").fault
    assert "store.partitions = 4: this store was made with 1" in fault
    fresh = shared.prefix()
    assert shell.on_data("check", *config, DISPATCH_STORE_PARTITIONS="4", DISPATCH_STORE_PREFIX=fresh).good
    assert [key async for key in town.dispatch.stream.redis.scan_iter(f"{fresh}:*")] == []
