"""encode/broadcaster in its memory, on Starlette and uvicorn: `servers/broadcaster_app.py`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bench.peers.base import SERVERS, Listener, Peer, done

_PACKAGES = ("broadcaster==0.3.1", "starlette==1.10.0", "uvicorn[standard]==0.54.0")


class Broadcaster(Peer):
    name = "broadcaster on uvicorn"
    store = "in its own memory only"
    versions: ClassVar[str] = ", ".join(_PACKAGES)

    @classmethod
    def install(cls, home: Path) -> None:
        folder = home / "broadcaster"
        done([sys.executable, "-m", "venv", folder])
        done([folder / "bin/python", "-m", "pip", "install", "--quiet", *_PACKAGES])

    def command(self, folder: Path, port: int, redis: str) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        return [
            self.home / "broadcaster/bin/uvicorn", "--app-dir", SERVERS, "--port", str(port), "--no-access-log",
            "--log-level", "warning", "broadcaster_app:app",
        ], {}  # fmt: skip

    def listener(self) -> Listener:
        return Listener(self, "/console")
