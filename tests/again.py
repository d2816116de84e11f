"""`python -m tests.again`: runs each test that failed last once more, by itself. One that passes then is named flaky.

For `.ci/run`, after a run in which tests failed. Exit status 0 when all passed this time, 1 when one failed twice.
"""

import json
import subprocess
import sys
from pathlib import Path

LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def failed(folder: Path) -> list[str]:
    """The tests that failed when pytest ran last in `folder`, by their names; empty when it did not come so far."""
    file = folder / LAST_FAILED
    return sorted(json.loads(file.read_text("utf-8"))) if file.is_file() else []


def again(folder: Path) -> int:
    """Run them, say what came of each, and answer the exit status."""
    names = failed(folder)
    if not names:
        print("no test is known to have failed: the run itself did", file=sys.stderr)  # noqa: T201 - for people
        return 1
    verdicts = {name: _passes(name, folder) for name in names}
    for name, passes in verdicts.items():
        print(f"flaky: {name}" if passes else f"failed twice: {name}", flush=True)  # noqa: T201 - for people
    return 0 if all(verdicts.values()) else 1


def _passes(name: str, folder: Path) -> bool:
    return subprocess.run([sys.executable, "-m", "pytest", "-n0", "-q", name], cwd=folder, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(again(Path.cwd()))
