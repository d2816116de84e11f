"""Hubs with different configurations: every page says so, nobody falls silent, and alarms go by the newest (P4, P5)."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dispatch.config.versions import Versions, differing, digests
from dispatch.escalation.policy import Step
from dispatch.notices import NOTICE_EVERY_S
from dispatch.settings import Settings, load
from tests.commands import Shell
from tests.flow.clock import START
from tests.flow.people import Officer
from tests.flow.town import Town
from tests.nightly import mostly_by_night
from tests.patience import PATIENCE_S

HOME = "dadongmen"
SOON_S = 1.0
"""After so long each hub knows with what the others live."""


def with_rota(settings: Settings, *officers: str) -> Settings:
    rota = replace(settings.rotas[HOME], officers=officers, per_day=1, start=date(2026, 11, 21))
    return replace(settings, rotas={**settings.rotas, HOME: rota})


def with_steps(settings: Settings, *after_s: float) -> Settings:
    every = settings.policies["default"].steps
    steps = tuple(Step(at, step.audience) for at, step in zip(after_s, every, strict=True))
    policies = {name: replace(policy, steps=steps) for name, policy in settings.policies.items()}
    return replace(settings, policies=policies)


async def also(town: Town, settings: Settings) -> None:
    """Another hub of the town, with these settings, which is known to the first."""
    town.settings = settings
    await town.opens_hub()
    await town.fast_forward(SOON_S)


def differs(officer: Officer) -> list[tuple[str, list[str]]]:
    return [(one["why"], one["names"]) for one in officer.notices or [] if one["code"] == "hubs_differ"]


async def calls(officer: Officer, alarm: str) -> set[str]:
    return set(officer.alarms[alarm]["called"])


@pytest.mark.parametrize("pressed_at", [0, 1])
async def test_the_only_ready_console_is_not_silenced(town: Town, pressed_at: int) -> None:
    """Whom one hub's rota called stays called until somebody has the alarm, whatever names the newest has."""
    officer = await town.officer("V01")  # of the first hub's rota alone
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await also(town, with_rota(town.settings, "V08", "V09"))
    for _ in range(6):
        await town.fast_forward(15)
        assert {"V01", "V08", "V09"} & await calls(officer, alarm) == {"V01", "V08", "V09"}
    later = await town.citizen(hub=pressed_at).raises()
    await town.fast_forward(SOON_S)
    assert {"V08"} <= await calls(officer, later), "called by the newest, wherever it was pressed"
    await town.forgets(officer)


async def test_every_page_says_so(town: Town) -> None:
    """Officers and supervisors at either hub are told, with the files; when all agree again it is gone."""
    officer = await town.officer("V01")
    assert differs(officer) == []
    await also(town, with_steps(with_rota(town.settings, "V01", "V02"), 0, 5, 10))
    supervisor = await town.officer("S01", None, "supervisor", hub=1)
    await town.fast_forward(NOTICE_EVERY_S)
    files = ["policies.toml", "rota.toml"]
    assert differs(officer) == [("older", files)]
    assert differs(supervisor) == [("newest", files)]
    town.stops_watching(supervisor)
    await supervisor.closes()
    town.people.remove(supervisor)
    await town.hubs.pop().stop()
    await town.fast_forward(SOON_S + NOTICE_EVERY_S)
    assert differs(officer) == []


@pytest.mark.parametrize("pressed_at", mostly_by_night([0, 1], by_day=[0]))
@pytest.mark.parametrize(("older", "newer"), [((0, 60, 120), (0, 5, 10)), ((0, 5, 10), (0, 60, 120))])
async def test_alarms_go_by_the_newest(
    town: Town, older: tuple[float, ...], newer: tuple[float, ...], pressed_at: int
) -> None:
    """Each step comes when the newest policy has it, wherever the alarm is pressed and whoever changes it."""
    await town.hubs.pop().stop()
    base = town.settings
    town.settings = with_steps(base, *older)
    await town.opens_hub()
    await also(town, with_steps(base, *newer))
    officer = await town.officer("V01")
    citizen = town.citizen(hub=pressed_at)
    alarm = await citizen.raises()
    await town.fast_forward(SOON_S)
    seen: dict[int, float] = {}
    for second in range(1, 125):
        if second in (2, 7, 62):
            await citizen.does("say", ref=str(second), text="?")  # an event, with a deadline by the hub that takes it
        seen.setdefault(officer.alarms[alarm]["step"], second - 1)
        await town.fast_forward(1)
    wanted = dict(enumerate(newer))
    assert {step: at for step, at in seen.items() if abs(at - wanted[step]) > 2} == {}
    assert set(seen) == set(wanted)
    await town.forgets(officer)


@pytest.fixture
async def ghost(town: Town) -> AsyncIterator[Callable[..., Versions]]:
    """Makes a hub's view of the configurations; no more of it lives than what the test has it do."""

    def make(name: str, settings: Settings) -> Versions:
        return Versions(town.dispatch.stream, name, settings, town.settings.timer.lease_s)

    return make  # type: ignore[return-value]


async def test_a_newest_hub_that_dies(town: Town, ghost: Callable[..., Versions]) -> None:
    """Its timers are those of the older ones within 3 s: an alarm that was pressed meanwhile is called."""
    officer = await town.officer("V01")
    newer = ghost("newer", with_rota(town.settings, "V08", "V09"))
    await newer.step(town.clock.now())
    await town.clock.advance(0.5)
    alarm = await town.citizen().raises()
    assert "step" not in officer.alarms[alarm]
    await town.fast_forward(3)
    await officer.hears(alarm, "alarm_raised", "step_run")
    assert "V01" in await calls(officer, alarm)


ORDERS = {
    "who comes later is newer": ("one", "two"),
    "who comes back is as old as before": ("one", "two", "one"),
    "also after another": ("one", "two", "three", "two", "one"),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
async def test_which_is_the_newest(town: Town, ghost: Callable[..., Versions], order: tuple[str, ...]) -> None:
    """The one that came last: a hub that starts again with files from before stays older while others live."""
    versions = {
        name: with_rota(town.settings, *names)
        for name, names in (("one", ("V01",)), ("two", ("V02",)), ("three", ("V03",)))
    }
    last: dict[str, Versions] = {}
    for n, name in enumerate(order):
        last[name] = ghost(f"hub {n}", versions[name])
        await last[name].step(START)
    for one in last.values():
        await one.step(START)
    assert [name for name, one in last.items() if one.newest] == [list(dict.fromkeys(order))[-1]]
    assert all(one.differ for one in last.values())


async def test_going_back(town: Town, ghost: Callable[..., Versions]) -> None:
    """When no hub has the newer one any more, the one from before is in force, and nothing differs."""
    one, two = (ghost(name, with_rota(town.settings, name)) for name in ("V01", "V02"))
    town.dispatch.versions._digests = one._digests
    town.dispatch.versions._whole = one._whole
    await one.step(START)
    await two.step(START)
    await one.step(START)
    assert (one.newest, one.other) == (False, ("rota.toml",))
    await two.leave()
    await town.clock.advance(2)
    await one.step(town.clock.now())
    assert (one.newest, one.other) == (True, ())


Change = tuple[str, str, str, set[str]]
CHANGES: dict[str, Change] = {
    "a name in the rota": ("rota.toml", '"V01"', '"V11"', {"rota.toml"}),
    "the handover": ("rota.toml", 'handover = "08:00"', 'handover = "09:00"', {"rota.toml"}),
    "a remark": ("rota.toml", "# Who is on duty", "# Who it is", set()),
    "a step": ("policies.toml", "after_s = 15", "after_s = 16", {"policies.toml"}),
    "a station's name": ("stations.geojson", "大东门派出所", "大东门所", {"stations.geojson"}),
    "how near is near": ("stations.geojson", '"near_m": ', '"near_m": 1', {"stations.geojson"}),
    "a limit": ("dispatch.toml", "text_chars = 4000", "text_chars = 4001", {"dispatch.toml"}),
    "how long a sign-in lasts": ("dispatch.toml", "hours = 12", "hours = 13", {"dispatch.toml"}),
    "the port": ("dispatch.toml", "port = 8787", "port = 8788", set()),
    "what is logged": ("dispatch.toml", 'level = "info"', 'level = "debug"', set()),
    "workers": ("dispatch.toml", "workers = 1 ", "workers = 2 ", set()),
}


@pytest.mark.parametrize(("file", "old", "new", "wanted"), CHANGES.values(), ids=CHANGES)
def test_what_counts(root: Path, tmp_path: Path, file: str, old: str, new: str, wanted: set[str]) -> None:
    """What changes what hubs do makes its file another one; how it is written, and what is one hub's own, does not."""
    folder = tmp_path / "config"
    shutil.copytree(root / "config", folder)
    before = digests(load(folder, {}))
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    assert differing(before, digests(load(folder, {}))) == wanted


def test_no_secret_is_in_it(root: Path) -> None:
    """What no message may show is in no digest, from which a short one could be guessed; the rest of it is."""

    def made(**env: str) -> dict[str, str]:
        return digests(load(root / "config", {f"DISPATCH_NOTIFY_{name.upper()}": value for name, value in env.items()}))

    def messenger(**more: Any) -> str:
        members = {"name": "phone", "url": "json://one", "officers": '["V01"]', **more}
        shown = (f"{name} = {value if value.startswith('[') else repr(value)}" for name, value in members.items())
        return f"[{{ {', '.join(shown)} }}]"

    assert made() == made(proxy="http://someone:secret@example.org")
    one = made(messengers=messenger())
    assert one != made()
    assert one == made(messengers=messenger(url="json://other"))
    assert one != made(messengers=messenger(officers='["V02"]'))


async def test_check_says_what_runs(root: Path, town: Town, tmp_path: Path) -> None:
    """`dispatch check` of files that the running hubs don't have says so, and that they must be restarted."""
    shutil.copytree(root / "config", tmp_path / "mine")
    file = tmp_path / "mine" / "rota.toml"
    file.write_text(file.read_text("utf-8").replace("per_day = 2", "per_day = 1"), "utf-8")
    shell = Shell(tmp_path, DISPATCH_STORE=town.store.url, DISPATCH_STORE_PREFIX=town.prefix.removesuffix(":"))
    lasting = Versions(town.dispatch.stream, "lasting", town.settings, PATIENCE_S)  # however slowly the command starts
    await lasting.step(await town.dispatch.stream.now())  # the command's time is the store's
    said = shell.on_data("check", "--config", "mine").good
    assert "Hubs that run have another rota.toml: restart them" in said
