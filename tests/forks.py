"""Processes of `dispatch` for tests, without a start of Python for each.

One process has imported all of it and forks for each, which so has its own streams, environment, folder, signals and
event loop. That Python starts it likewise is the promise of tests that say `fresh`, and of `test_cli`'s first.
"""

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import IO, Any, Never

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")},
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")]),
}
_WRITTEN = os.O_WRONLY | os.O_CREAT
_fifos = count(1)
_turn = threading.Lock()
_forking: subprocess.Popen[str] | None = None


class Forked:
    """A process that runs or has ended.

    Args:
        pid: of a child of the process that forks.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)
        self._status: int | None = None
        self.stdout: IO[str] | None = None

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        ended = self._status is not None or select.select([self._handle], [], [], 0)[0]
        return self.wait(0) if ended else None

    def wait(self, timeout: float) -> int:
        """The exit status, negative when a signal ended it.

        Raises:
            TimeoutError: it has not ended within `timeout` seconds.
        """
        if self._status is None:
            if not select.select([self._handle], [], [], timeout)[0]:
                raise TimeoutError(f"process {self.pid} has not ended within {timeout} s")
            self._status = _ask(reap=self.pid)
            os.close(self._handle)
        return self._status

    def kill(self) -> None:
        """End it, whatever state it is in; nothing when it has ended."""
        if self._status is None:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)


def serve(*words: str, env: Mapping[str, str], folder: Path, err: Path) -> Forked:
    """Start `dispatch` with these words, and its `stdout` as a pipe; the rest as `fork`."""
    fifo = err.with_suffix(f".{next(_fifos)}")
    os.mkfifo(fifo)
    process = fork(*words, env=env, folder=folder, out=fifo, err=err)
    process.stdout = fifo.open()
    return process


def fork(*words: str, env: Mapping[str, str], folder: Path, out: Path, err: Path, stdin: Path | None = None) -> Forked:
    """Start `dispatch` with these words.

    Args:
        words: of the command line.
        env: its environment.
        folder: where it runs.
        out: a file or a FIFO for its output.
        err: a file, to which its standard error is added.
        stdin: a file; nothing without.
    """
    return Forked(
        _ask(words=words, env=dict(env), folder=str(folder), stdin=str(stdin or os.devnull), out=str(out), err=str(err))
    )


def _ask(**wish: Any) -> int:
    """The answer of the process that forks."""
    global _forking
    with _turn:
        if _forking is None:
            _forking = subprocess.Popen(
                [sys.executable, "-m", "tests.forks"], cwd=ROOT, env=ENVIRONMENT,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            atexit.register(_end, _forking)
        assert _forking.stdin is not None
        assert _forking.stdout is not None
        _forking.stdin.write(json.dumps(wish) + "\n")
        _forking.stdin.flush()
        return int(_forking.stdout.readline())


def _end(forking: subprocess.Popen[str]) -> None:
    assert forking.stdin is not None
    assert forking.stdout is not None
    forking.stdin.close()
    forking.stdout.close()
    forking.wait()


def _serve() -> None:
    """Fork when asked to, and tell how each ended."""
    import dispatch.__main__

    gc.freeze()
    for line in sys.stdin:
        wish = json.loads(line)
        if "reap" in wish:
            answer = os.waitstatus_to_exitcode(os.waitpid(wish["reap"], 0)[1])
        elif (answer := os.fork()) == 0:
            _be(wish, dispatch.__main__.main)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _be(wish: dict[str, Any], main: Callable[[], Never]) -> Never:
    """Be this process: its streams, environment and folder. It ends as one that Python started."""
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "out", _WRITTEN), (2, "err", _WRITTEN | os.O_APPEND)):
        file = os.open(wish[name], flags, 0o600)  # a FIFO's end waits here for the other
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    os.environ.clear()
    os.environ.update(wish["env"])
    time.tzset()
    tempfile.tempdir = None
    os.chdir(wish["folder"])
    sys.argv = ["dispatch", *wish["words"]]
    main()


if __name__ == "__main__":
    _serve()
