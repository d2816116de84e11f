"""A test that fails once is told from one that fails twice, and both by their names (`.ci/run`)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import again, failed

TESTS = """
from pathlib import Path

def test_passes():
    assert True

def test_sometimes():
    mark = Path(__file__).with_name("was-here")
    there = mark.exists()
    mark.touch()
    assert there

def test_never():
    assert Path(__file__).with_name("mended").exists()
"""


@pytest.mark.nightly
def test_flaky_and_failed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What passes by itself does not refuse a landing; what fails again does; without failed tests it is no excuse."""
    assert again(tmp_path) == 1
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    first = subprocess.run([sys.executable, "-m", "pytest", "-n0", "-q"], cwd=tmp_path, check=False)
    assert first.returncode == 1
    assert failed(tmp_path) == ["test_some.py::test_never", "test_some.py::test_sometimes"]
    assert again(tmp_path) == 1
    said = capfd.readouterr().out
    assert "flaky: test_some.py::test_sometimes\n" in said
    assert "failed twice: test_some.py::test_never\n" in said
    (tmp_path / "mended").touch()
    assert again(tmp_path) == 0
    assert "flaky: test_some.py::test_never\n" in capfd.readouterr().out
