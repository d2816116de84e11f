"""docs/operations.md says what is there: every command that can be run here is, and every metric has its line."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from prometheus_client.registry import REGISTRY

import dispatch
from dispatch.sections import Store
from tests.deploy import document
from tests.deploy.shipped import DEPLOY
from tests.process import HubProcess


def registered() -> set[str]:
    """The metrics that the code makes, as they are exposed."""
    for module in pkgutil.walk_packages(dispatch.__path__, "dispatch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = set()
    for metric in REGISTRY.collect():
        if metric.name.startswith("dispatch_"):
            found.add(metric.name + ("_total" if metric.type == "counter" else ""))
    return found


def test_every_metric_is_explained() -> None:
    """The table has the metrics that the code registers, with their labels, no more and no fewer."""
    table = document.TEXT.partition("<!-- metrics -->")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `(dispatch_\w+)", table, re.MULTILINE)
    assert sorted(named) == sorted(registered())


def test_every_notice_is_explained() -> None:
    """The table has the codes that the code tells, no more and no fewer."""
    table = document.TEXT.partition("## What the notices mean")[2].partition("##")[0]
    told = set()
    for file in Path(dispatch.__path__[0]).rglob("*.py"):
        codes = r'"code": "((?:store|disk|deadline|rota|station|hubs|clock|media)_\w+)"'
        told |= set(re.findall(codes, file.read_text("utf-8")))
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == told


def test_the_store_is_told_as_it_is_checked() -> None:
    """The settings that a hub refuses are those of the table."""
    table = document.TEXT.partition("| setting | must be |")[2].partition("\n\n")[0]
    allowed = set(str(Store.model_fields["allow"].annotation).split("'")[1::2])
    assert set(re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE)) == allowed - {"version"}


def test_every_file_that_is_named_is_there() -> None:
    """Each file of config/deploy has its place in the document, and each that is named is there."""
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert path.name in document.TEXT, path.name
    for named in re.findall(r"config/deploy/[\w/@.-]+\w", document.TEXT):
        assert (DEPLOY.parents[1] / named).exists(), named


@pytest.mark.parametrize("running", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_checking_and_users(tmp_path: Path, running: bool) -> None:
    """The commands of the first section do what is said, before the first start and beside a running hub."""
    data = tmp_path / "data"
    hub = HubProcess(data, DISPATCH_SERVE_DEMO="false")
    try:
        if running:
            hub.start()
        checked = document.run("check", data)
        assert (checked.returncode, checked.stderr) == (0, "")
        made = document.run("users", data)
        assert made.returncode == 0, made.stderr
        assert re.findall(r"^(\w+)\t(\w+)\t", made.stdout, re.MULTILINE) == [("S01", "supervisor"), ("V01", "officer")]
    finally:
        hub.end()


def test_every_tried_block_is_tried() -> None:
    """A block that is marked is run by a test."""
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in document.BLOCKS if f'"{name}"' not in tests] == []
