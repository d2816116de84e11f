"""What does not agree with the configuration is said to supervisors while it is so, and in the log."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from dispatch.config.agreement import COMPARE_EVERY_S
from dispatch.notices import NOTICE_EVERY_S
from tests import shared
from tests.commands import Shell
from tests.flow.town import PASSWORD, Town

SOON_S = COMPARE_EVERY_S + NOTICE_EVERY_S
"""After so long every hub has compared, and has told."""


def names_of(notices: list[dict[str, Any]] | None, station: str) -> list[tuple[str, list[str]]]:
    return [
        (notice["why"], notice["names"])
        for notice in notices or []
        if notice["code"] == "rota_names" and notice.get("station") == station
    ]


async def test_a_name_without_a_sign_in_is_on_the_supervisors_page(town: Town) -> None:
    """Names of the rota without a sign-in are a notice until the sign-in is made, with the one that was meant."""
    supervisor = await town.officer("S01", None, "supervisor")
    for name in (f"W0{n}" for n in range(2, 7)):
        await town.user(name, "wanquan")
    await town.user("w01", "wanquan")
    await town.fast_forward(SOON_S)
    assert names_of(supervisor.notices, "wanquan") == [("no_sign_in", ["W01"])]
    [notice] = [one for one in supervisor.notices or [] if one.get("station") == "wanquan"]
    assert notice["near"] == {"W01": "w01"}
    first = notice["since"]
    await town.fast_forward(SOON_S)
    assert [one["since"] for one in supervisor.notices or [] if one.get("station") == "wanquan"] == [first]
    await town.user("W01", "wanquan")
    await town.fast_forward(SOON_S)
    assert names_of(supervisor.notices, "wanquan") == []


async def test_a_hub_says_it_when_it_starts(town: Town) -> None:
    """The log of a hub that starts has every such name, and says it once."""
    await town.user("v01")
    with capture_logs() as logged:
        await town.opens_hub()
        await town.fast_forward(2 * SOON_S)
    said = [line for line in logged if line["event"] == "names_wake_nobody" and line["key"] == "dadongmen.officers"]
    assert len(said) == 2  # each of the two hubs, to whose first comparison there was no sign-in at all
    assert all("V01" in line["names"] for line in said)


CHECKED: dict[str, tuple[Callable[[str], str], tuple[str, ...]]] = {
    "no sign-in": (
        lambda rota: rota.replace('"V01"', '"v01"'),
        ('mine/rota.toml: dadongmen.officers: v01 (there is "V01"): no sign-in has the name',),
    ),
    "two stations": (
        lambda rota: rota.replace('["X01"', '["V01"'),
        (
            "mine/rota.toml: dadongmen.officers: V01: the name is in the rota of several stations",
            "mine/rota.toml: xiaodong.officers: V01: the name is in the rota of several stations",
        ),
    ),
}


@pytest.mark.parametrize(("change", "wanted"), CHECKED.values(), ids=CHECKED)
async def test_check_says_it(
    root: Path, town: Town, tmp_path: Path, change: Callable[[str], str], wanted: tuple[str, ...]
) -> None:
    """`dispatch check` fails for such names, one line for each station and reason."""
    dispatch = town.dispatch
    for station, rota in town.settings.rotas.items():
        for name in rota.officers:
            await dispatch.identity.add(name, shared.hashed(PASSWORD), "officer", station)
    await dispatch.identity.add("S01", shared.hashed(PASSWORD), "supervisor", None)
    folder = tmp_path / "mine"
    shutil.copytree(root / "config", folder)
    shell = Shell(tmp_path, DISPATCH_STORE=town.store.url, DISPATCH_STORE_PREFIX=town.prefix.removesuffix(":"))
    assert "in order" in shell.on_data("check", "--config", "mine").good
    file = folder / "rota.toml"
    file.write_text(change(file.read_text("utf-8")), "utf-8")
    said = shell.on_data("check", "--config", "mine")
    assert said.status == 2
    assert len(said.faults) == len(wanted)
    for line, begins in zip(said.faults, wanted, strict=True):
        assert line.startswith(begins)
