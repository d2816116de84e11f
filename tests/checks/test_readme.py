"""The README's two commands are the whole way in, and CI runs the second one to the letter."""

import re
import subprocess
from pathlib import Path

import pytest

COMMAND = re.compile(r"<!-- (serve|test)-command -->\n```sh\n(.+)\n```\n")
# What fits on one screen.
FIRST_SCREEN_LINES = 40
MOST_LINES = 150
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


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


def test_short(root: Path) -> None:
    """The README is read in five minutes; what is more stands in docs."""
    assert len((root / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_links_lead_somewhere(root: Path) -> None:
    """What a document links is there, and each document is linked from the README."""
    docs = sorted((root / "docs").glob("*.md"))
    led = {
        one: [(one.parent / to).resolve() for to in LINK.findall(one.read_text(encoding="utf-8"))]
        for one in (root / "README.md", root / "CONTRIBUTING.md", root / "bench" / "README.md", *docs)
    }
    assert [(one.name, to.name) for one, all_to in led.items() for to in all_to if not to.exists()] == []
    assert {one.name for one in docs} - {to.name for to in led[root / "README.md"]} == set()
