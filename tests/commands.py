"""The command line for tests: a process for each command, as users have it, of which all that it says is kept."""

import tempfile
from pathlib import Path

from tests.forks import ENVIRONMENT, fork
from tests.patience import PATIENCE_S


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
            given, out, err = (Path(streams) / name for name in ("in", "out", "err"))
            given.write_text(stdin, "utf-8")
            running = fork(
                *words, env={**ENVIRONMENT, **self._env, **env}, folder=self.folder, stdin=given, out=out, err=err
            )
            try:
                status = running.wait(PATIENCE_S)
            except TimeoutError:
                running.kill()
                running.wait(PATIENCE_S)
                raise
            return Said(status, out.read_text("utf-8"), err.read_text("utf-8"))

    def on_data(self, *words: str, stdin: str = "", **env: str) -> Said:
        """The command with --data."""
        return self.run(*words, "--data", str(self.data), stdin=stdin, **env)
