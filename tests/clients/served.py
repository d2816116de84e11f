"""A hub in its own process, as users run it: `dispatch serve` from the checkout, on a free port, with new data."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import fujin_client
from fujin_client.web import Web

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")},
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(fujin_client.__file__).parents[1])]),
}


class Served:
    """The hub.

    Args:
        data: its data folder.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = ""
        self._port = "0"  # any free one, and the same after a restart
        self._process: subprocess.Popen[str] | None = None

    @property
    def password(self) -> str:
        """Of every demonstration sign-in."""
        return (self.data / "demo-sign-ins.txt").read_text().split("\t")[1]

    def start(self) -> None:
        """Start it, until it says where it serves; `ready` waits for the rest."""
        command = [sys.executable, "-m", "dispatch", "serve", "--data", str(self.data), "--port", self._port]
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data.parent / "hub.log").open("a") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.search(r"http://\S+?:(\d+)/", said)
        assert found, f"the hub did not start; it said {said!r}, see {log.name}"
        self._port = found[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def ready(self) -> None:
        web = Web(self.url, {}, 30)
        await web.ask("GET", "/readyz")
        await web.aclose()

    def kill(self) -> None:
        """As a power cut of the hub: its store goes on."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """A graceful stop; the last hub ends the store too."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
