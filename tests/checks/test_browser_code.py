"""The browser code is checked as the Python code is: types, rules, form."""

import subprocess
from pathlib import Path

import pytest


@pytest.mark.code
@pytest.mark.parametrize(
    "command",
    [("tsc", "--project", "."), ("eslint", "."), ("prettier", "--check", ".")],
    ids=lambda command: command[0],
)
def test_browser_code(node_modules: Path, command: tuple[str, ...]) -> None:
    """The tool finds nothing to say."""
    name, *arguments = command
    done = subprocess.run(
        [str(node_modules / ".bin" / name), *arguments],
        cwd=node_modules.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
