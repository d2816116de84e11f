"""What every test may use. Stays small: the harness of verbs lives with the flow tests."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop
from _pytest.assertion import rewrite
from hypothesis import HealthCheck, settings

from dispatch import resources
from dispatch.built import Files, files
from dispatch.server import calm_collector
from tests import compiled
from tests.beside import DELAY, answer_late
from tests.floors import Tally, floor_of
from tests.flow.clock import FakeClock
from tests.flow.town import Town

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 4
NIGHT_S = 1800
"""What takes longer hangs, also by night."""

# Without compiled code each of the hundred processes that tests start would compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How fast the machine is decides no test.
for _each, _often in (("ours", 25), ("nightly", 1000)):
    settings.register_profile(_each, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=_often)


def _anything_is_busy() -> bool:
    return FakeClock.newest is not None and bool(FakeClock.newest.busy)


# pytest would put every assertion that passes into words, which takes most of the time of a property with large values.
rewrite._check_if_assertion_pass_impl = _anything_is_busy


def _by_night(config: pytest.Config) -> bool:
    return str(config.option.markexpr).startswith("nightly")


def pytest_configure(config: pytest.Config) -> None:
    """By night properties are tried more often (see `tests.nightly`). Workers find the tests compiled."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        compiled.at_once(config, ROOT / "tests")
    settings.load_profile("nightly" if _by_night(config) else "ours")
    config.pluginmanager.register(Tally())
    if late_ms := int(os.environ.get(DELAY, "0")):
        answer_late(late_ms / 1000)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each floor can be run by its name: `pytest -m hub`. What is `long` runs by day, and by night as well.

    So does every property, which needs no mark.
    """
    for item in items:
        is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if _by_night(config) and (is_property or item.get_closest_marker("long")):
            item.add_marker("nightly")
        markers = {mark.name for mark in item.iter_markers()}
        item.add_marker(floor_of(item.nodeid, markers))
        if "nightly" in markers:
            item.add_marker(pytest.mark.timeout(NIGHT_S))


def pytest_collection_finish() -> None:
    """The collector is as a hub has it: tests run hubs, and what is there now stays."""
    calm_collector()


def pytest_assertion_pass(item: pytest.Item) -> None:
    """An assertion says what has become of something: while that still goes on it fails, and names the work.

    One of the test's own file: that of a helper is about what it has just been answered.
    """
    if FakeClock.newest is not None and FakeClock.newest.busy and _asserts() == str(item.path):
        FakeClock.newest.asserted()


def _asserts() -> str:
    """The file of the assertion that passed just now."""
    frame = sys._getframe(2)
    while frame.f_back and ("/pluggy/" in frame.f_code.co_filename or "/_pytest/" in frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    """The loop that a hub runs on."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_xdist_auto_num_workers() -> int:
    """Four at least: most tests wait more than they compute, for a store, a hub or a browser."""
    return max(WORKERS, os.cpu_count() or 1)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Real photographs and recordings, in the forms that phones send (see the README there)."""
    return ROOT / "tests" / "fixtures"


@pytest.fixture(scope="session")
def in_ci() -> bool:
    """Whether nothing may be skipped for want of a program."""
    return os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def program(in_ci: bool) -> Callable[..., str]:
    """Finds a program of the machine: skips with a reason where a user lacks it, fails in CI."""

    def find(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        reason = f"needs one of these programs, and there is none: {', '.join(names)}"
        if in_ci:
            pytest.fail(reason)
        pytest.skip(reason)

    return find


@pytest.fixture(scope="session")
def node_modules(root: Path, program: Callable[..., str]) -> Path:
    """The browser code's tools (tsc, eslint, prettier) and axe-core, installed as clients/package-lock.json says."""
    npm = program("npm")
    clients = root / "clients"
    lock = hashlib.sha256((clients / "package-lock.json").read_bytes()).hexdigest()
    mark = clients / "node_modules" / "made-from.txt"
    with (clients / "package.json").open() as one_at_a_time:  # each worker of the tests asks for it
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not mark.is_file() or mark.read_text(encoding="ascii") != lock:
            subprocess.run([npm, "ci", "--ignore-scripts"], cwd=clients, check=True, timeout=600)
            mark.write_text(lock, encoding="ascii")
    return mark.parent


@pytest.fixture(scope="session")
def built(in_ci: bool) -> Files:
    """The built files of the pages: skips where they are older than the sources, which is no fault of the code."""
    found = files(resources.web())
    if not found.are_built:
        reason = "needs built pages: `pip install -e .` builds them"
        if in_ci:
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """One hub on a real store, and a clock that is moved by hand."""
    async with Town(tmp_path) as town:
        yield town
