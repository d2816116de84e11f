"""The console and the supervisor's page have words for everything that they can have to say."""

import re
from pathlib import Path
from typing import get_args

import pytest

from dispatch.alarm.events import EVENTS
from dispatch.alarm.messages import Close, Decline, Task
from dispatch.alarm.outbound import Notices
from dispatch.alarm.state import Status
from dispatch.alarm.to_helper import Agreed
from dispatch.catalogues import OTHER
from dispatch.config.names import Why
from dispatch.escalation.policy import AUDIENCES, What
from dispatch.identity import KINDS
from dispatch.sections import Store
from tests.pages.catalogues import entries, forms

NAMES = re.compile(r"\{(\w+)\}")
FOLDERS = {"console": ("shared", "console"), "supervisor": ("shared", "supervisor"), "helper": ("helper",)}


def words(root: Path, page: str, language: str) -> dict[str, str]:
    """What the page loads: the common words and its own."""
    table: dict[str, str] = {}
    for name in ("common", page):
        table |= {key: forms(entry)[OTHER] for key, entry in entries(name, language).items()}
    return table


@pytest.mark.parametrize("page", FOLDERS)
def test_every_key_that_the_modules_name(root: Path, page: str) -> None:
    """No module of the page names a word that its catalogues lack."""
    known = words(root, page, "zh").keys()
    used: set[str] = set()
    for folder in FOLDERS[page]:
        for path in (root / "clients" / "web" / folder).glob("*.js"):
            used |= set(re.findall(r'\bt\(\s*"([\w./?]+)"', path.read_text(encoding="utf-8")))
    assert len(used) > 20
    assert used <= known, used - known


@pytest.mark.parametrize("page", FOLDERS)
def test_no_language_forgets_a_value(root: Path, page: str) -> None:
    """No translation forgets a number, a name or a time that the other one tells."""
    zh, en = words(root, page, "zh"), words(root, page, "en")
    assert {key for key, text in zh.items() if set(NAMES.findall(text)) != set(NAMES.findall(en[key]))} == set()


@pytest.mark.parametrize("page", FOLDERS)
def test_statuses_dispositions_and_audiences(root: Path, page: str) -> None:
    """Every status, every way to close and everyone who can be called has words."""
    known = words(root, page, "en").keys()
    dispositions = Close.model_fields["disposition"].annotation.__args__  # type: ignore[union-attr]
    wanted = {f"status.{status}" for status in Status} | {f"audience.{one}" for one in AUDIENCES}
    assert wanted | {f"disposition.{one}" for one in dispositions} <= known


def test_every_event_is_a_sentence(root: Path) -> None:
    """Each type of event can be read in the log and chosen in its filter; the list of types is complete."""
    known = words(root, "supervisor", "zh").keys()
    logged = set(EVENTS) - {"sealed", "plan_ended"}  # what is nobody's is in no log
    for kind in logged:
        assert f"type.{kind}" in known
        assert any(key == f"event.{kind}" or key.startswith(f"event.{kind}.") for key in known), kind
    source = (root / "clients" / "web" / "supervisor" / "sentence.js").read_text(encoding="utf-8")
    listed = re.search(r"TYPES = \[(.*?)\]", source, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed[1])) == logged


def test_every_rung_and_command_of_the_console(root: Path) -> None:
    """Every step of the ladder, and every command from its button to its wait, has words."""
    known = words(root, "console", "zh").keys()
    source = (root / "clients" / "web" / "console" / "ladder.js").read_text(encoding="utf-8")
    rungs = re.findall(r'step: "(\w+)"', source)
    assert len(rungs) == 8
    commands = ("ack", "take", "release", "move", "arrive", "close", "reopen", "transfer", "transfer_accept",
                "transfer_reject", "note")  # fmt: skip
    wanted = {f"ladder.{rung}" for rung in rungs} | {f"{kind}.{c}" for c in commands for kind in ("act", "pending")}
    assert wanted <= known, wanted - known


def test_everything_about_helpers(root: Path) -> None:
    """Every task, kind, reason and state has words wherever it is shown; the pages offer the tasks that there are."""
    tasks = {f"task.{one}" for one in get_args(Task)}
    refusals = {f"refusal.{one}" for one in get_args(Decline.model_fields["why"].annotation)}
    for page in ("console", "supervisor", "helper"):
        assert tasks | refusals | {f"helper_kind.{kind}" for kind in KINDS} <= words(root, page, "zh").keys()
    states = get_args(Agreed.model_fields["state"].annotation)
    assert {f"helper_state.{state}" for state in states} <= words(root, "console", "zh").keys()
    module = (root / "clients" / "web" / "console" / "helpers.js").read_text(encoding="utf-8")
    offered = re.search(r"TASKS = \[(.*?)\]", module)
    assert offered is not None
    assert {f"task.{one}" for one in re.findall(r'"(\w+)"', offered[1])} == tasks
    phases = ("off", "coming", "shared", "no_place", "denied", "unavailable", "sound_off", "sound_blocked")
    assert {f"watch.{phase}" for phase in phases} <= words(root, "helper", "en").keys()


def test_every_notice_says_what_and_what_to_do(root: Path) -> None:
    """Each notice of the system, each setting that can be unsafe and each deadline that can be late has words."""
    known = words(root, "supervisor", "zh").keys()
    codes = set(re.findall(r"`((?:store|disk|deadline|rota|station|hubs)_\w+)`", Notices.__doc__ or ""))
    assert len(codes) == 10
    settings = get_args(get_args(Store.model_fields["allow"].annotation)[0])
    assert "appendonly" in settings
    apart = {"rota_names", "hubs_differ"}  # each of their reasons has its own words
    reasons = {f"rota_names.{why}" for why in get_args(Why)}
    of_messengers = {f"rota_names.{why}.messenger" for why in ("no_sign_in", "disabled", "helper")}
    of_hubs = {"hubs_differ.newest", "hubs_differ.older"}
    wanted = (codes - apart) | reasons | of_messengers | of_hubs | {"store_unsafe.allowed"}
    assert {f"notice.{one}" for one in wanted} <= known
    assert {f"mend.{one}" for one in (codes - {"rota_names", "store_unsafe"}) | set(settings) | reasons} <= known
    assert {f"late.{what}" for what in get_args(What)} <= known
    module = (root / "clients" / "web" / "shared" / "notices.js").read_text(encoding="utf-8")
    short = re.search(r"FOR_OFFICERS = \[(.*?)\]", module)
    assert short is not None
    officers = set(re.findall(r'"(\w+)"', short[1]))
    assert officers <= codes
    assert {f"notice.{code}.short" for code in officers} <= known
