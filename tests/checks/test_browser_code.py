"""The browser code is checked as the Python code is: types, rules, form."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def tools(root: Path, program: Callable[..., str]) -> Path:
    """The folder of the browser code's tools, installed as the lock file says."""
    npm = program("npm")
    clients = root / "clients"
    lock = hashlib.sha256((clients / "package-lock.json").read_bytes()).hexdigest()
    mark = clients / "node_modules" / "made-from.txt"
    if not mark.is_file() or mark.read_text(encoding="ascii") != lock:
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=clients, check=True, timeout=600)
        mark.write_text(lock, encoding="ascii")
    return clients / "node_modules" / ".bin"


@pytest.mark.parametrize(
    "command",
    [("tsc", "--project", "."), ("eslint", "."), ("prettier", "--check", ".")],
    ids=lambda command: command[0],
)
def test_browser_code(tools: Path, command: tuple[str, ...]) -> None:
    """The tool finds nothing to say."""
    name, *arguments = command
    done = subprocess.run(
        [str(tools / name), *arguments], cwd=tools.parent.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
