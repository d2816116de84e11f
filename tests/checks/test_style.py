"""The code is checked by tools, and the tools' findings are failures."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

FOLDERS = ("dispatch", "tests", "clients/python", "bench")
PUBLISHED = ("dispatch", "clients/python")


def run(root: Path, *command: str, folders: Sequence[str] = FOLDERS) -> None:
    """Run a Python tool of this environment on what there is of `folders`."""
    there = [folder for folder in folders if any((root / folder).rglob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-m", *command, *there], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("ruff", "check"), ("ruff", "format", "--check")], ids=" ".join)
def test_ruff(root: Path, command: tuple[str, ...]) -> None:
    """Ruff finds nothing to say about the code or its form."""
    run(root, *command)


@pytest.mark.parametrize(
    "folders", [PUBLISHED, pytest.param(FOLDERS, marks=pytest.mark.nightly)], ids=["what is published", "everything"]
)
def test_types(root: Path, folders: Sequence[str]) -> None:
    """Every type is stated and holds, strictly: of what is published each day, by night of tests and benches too."""
    run(root, "mypy", "--strict", folders=folders)
