"""The command line for tests: a process for each command, as users have it, without a start of Python for each.

One process has imported all of it and forks for each command, which so has its own streams, environment, folder, log
and event loop. That Python starts it likewise is the promise of `test_cli`'s first tests.
"""

import atexit
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S
from tests.process import ENVIRONMENT, ROOT

_turn = threading.Lock()
_running: subprocess.Popen[str] | None = None


class Said:
    """What a command said and its exit status."""

    def __init__(self, status: int, out: str, faults: str) -> None:
        self.status = status
        self.out = out
        self.faults = faults.splitlines()
        assert "Traceback" not in faults, faults

    @property
    def fault(self) -> str:
        """The only line on standard error of a command that failed."""
        assert (self.status, len(self.faults)) == (2, 1), (self.status, self.out, self.faults)
        return self.faults[0]

    @property
    def good(self) -> str:
        """What a command that did its work said; nothing on standard error."""
        assert (self.status, self.faults) == (0, []), (self.status, self.out, self.faults)
        return self.out


class Shell:
    """A terminal in a folder of its own, with a data folder.

    Args:
        folder: where commands are run.
        env: what every command's environment has besides.
    """

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._env = env

    def run(self, *words: str, stdin: str = "", **env: str) -> Said:
        """`dispatch` with these words."""
        with tempfile.TemporaryDirectory() as streams:
            (Path(streams) / "in").write_text(stdin, "utf-8")
            status = _ask(
                words=words, env={**ENVIRONMENT, **self._env, **env}, folder=str(self.folder), streams=streams
            )
            return Said(status, *((Path(streams) / name).read_text("utf-8") for name in ("out", "err")))

    def on_data(self, *words: str, stdin: str = "", **env: str) -> Said:
        """The command with --data."""
        return self.run(*words, "--data", str(self.data), stdin=stdin, **env)


def _ask(**command: Any) -> int:
    """Have a command run; its exit status."""
    global _running
    with _turn:
        if _running is None:
            _running = subprocess.Popen(
                [sys.executable, "-m", "tests.commands"], cwd=ROOT, env=ENVIRONMENT,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            atexit.register(_end, _running)
        assert _running.stdin is not None
        assert _running.stdout is not None
        hangs = threading.Timer(PATIENCE_S, _running.kill)
        hangs.start()
        _running.stdin.write(json.dumps(command) + "\n")
        _running.stdin.flush()
        answer = _running.stdout.readline()
        hangs.cancel()
        if not answer:
            _running.wait()
            _running = None
            raise AssertionError(f"it did not end: {command['words']}")
        return int(answer)


def _end(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.close()
    running.stdout.close()
    running.wait()


def _serve() -> None:
    """Run one command after the other, each as a child of this process."""
    import dispatch.__main__

    gc.freeze()
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            _be(command, dispatch.__main__.main)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _be(command: dict[str, Any], main: Any) -> None:
    """Be this command: its streams, folder and environment; ends the process."""
    status = 1
    try:
        for number, (name, how) in enumerate((("in", "r"), ("out", "w"), ("err", "w"))):
            with (Path(command["streams"]) / name).open(how) as file:
                os.dup2(file.fileno(), number)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        os.environ.clear()
        os.environ.update(command["env"])
        os.chdir(command["folder"])
        sys.argv = ["dispatch", *command["words"]]
        main()
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
