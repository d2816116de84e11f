"""The README's two commands are the whole way in, and CI runs the second one to the letter."""

import re
import subprocess
from pathlib import Path

import pytest

COMMAND = re.compile(r"<!-- (serve|test)-command -->\n```sh\n(.+)\n```\n")
# What fits on one screen.
FIRST_SCREEN_LINES = 40


@pytest.fixture(scope="module")
def commands(root: Path) -> dict[str, str]:
    screen = (root / "README.md").read_text(encoding="utf-8").splitlines(keepends=True)[:FIRST_SCREEN_LINES]
    return dict(COMMAND.findall("".join(screen)))


def test_two_commands_on_the_first_screen(commands: dict[str, str]) -> None:
    """One line installs and serves, one line installs what tests need and runs them."""
    assert set(commands) == {"serve", "test"}
    assert commands["serve"].endswith("dispatch serve")
    assert commands["test"].endswith("-m pytest")


def test_ci_runs_what_the_readme_says(root: Path, commands: dict[str, str]) -> None:
    """CI's command is the README's."""
    shown = subprocess.run([root / ".ci" / "run", "--show"], capture_output=True, text=True, check=True)
    assert shown.stdout == commands["test"] + "\n"
