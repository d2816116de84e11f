"""What every test may use. Stays small: the harness of verbs lives with the flow tests."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.flow.town import Town

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 4

# How fast the machine is decides no test.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


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


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """One hub on a real store, and a clock that is moved by hand."""
    async with Town(tmp_path) as town:
        yield town
