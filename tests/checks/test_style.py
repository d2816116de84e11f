"""The code is checked by tools, and the tools' findings are failures."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.code
FOLDERS = ("dispatch", "tests", "clients/python", "bench")


def run(root: Path, *command: str) -> None:
    """Run a Python tool of this environment on what there is of FOLDERS."""
    there = [folder for folder in FOLDERS if any((root / folder).rglob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-m", *command, *there], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("ruff", "check"), ("ruff", "format", "--check")], ids=" ".join)
def test_ruff(root: Path, command: tuple[str, ...]) -> None:
    """Ruff finds nothing to say about the code or its form."""
    run(root, *command)


def test_types(root: Path) -> None:
    """Every type is stated and holds, strictly, of tests and benches too."""
    run(root, "mypy", "--strict")
