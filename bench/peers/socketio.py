"""Socket.IO with its Redis streams adapter, on Node: `servers/socketio.cjs`. Consoles speak Engine.IO 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bench.peers.base import SERVERS, Listener, Peer, done

_PACKAGES = ("socket.io@4.8.4", "@socket.io/redis-streams-adapter@0.3.1", "redis@5.12.1")


class SocketIo(Peer):
    name = "Socket.IO + Redis streams"
    store = "in a stream in memory (Redis's defaults); not on the disk"
    versions: ClassVar[str] = ", ".join(_PACKAGES)
    redis: ClassVar[bool] = True

    @classmethod
    def install(cls, home: Path) -> None:
        folder = home / "socketio"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        done(["npm", "install", "--no-audit", "--no-fund", "--save-exact", *_PACKAGES], folder)

    def command(self, folder: Path, port: int, redis: str) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        modules = self.home / "socketio" / "node_modules"
        return ["node", SERVERS / "socketio.cjs", str(port), redis], {
            "NODE_PATH": str(modules), "NODE_ENV": "production"
        }  # fmt: skip

    def listener(self) -> Listener:
        return Listener(self, "/socket.io/?EIO=4&transport=websocket", hello=b"40", ping=b"2", pong=b"3")
