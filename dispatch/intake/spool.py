"""Where the files of forms wait, sealed, for the rest of them: past 64 KiB on the disk (P10), and within bounds.

The key lives in memory as long as the file: what is left in deleted blocks cannot be read. When there is no room
(`limits.spool_bytes`, `limits.spool_forms`), a form that stalls loses its files first, then the one with the most; its
words stay. Never a place where anything is kept. Field's terms: spooling, ephemeral key.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections.abc import Callable
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

_IN_MEMORY = 65_536
"""Bytes of one form that wait in memory."""
STALLS_S = 5
"""Seconds without a byte after which a form stalls."""


class Spool:
    """What waits, of all forms of one hub.

    Args:
        most_bytes: of all forms together.
        most_files: forms of which something waits on the disk: each has a file open.
        second: seconds that have passed, counted by whoever looks at connections.
    """

    def __init__(self, most_bytes: int, most_files: int, second: Callable[[], int]) -> None:
        self._most_bytes, self._most_files = most_bytes, most_files
        self.second = second
        self._shelves: set[Shelf] = set()

    @property
    def used(self) -> int:
        """Bytes that wait."""
        return sum(shelf.size for shelf in self._shelves)

    @property
    def files(self) -> int:
        """Forms of which something waits on the disk."""
        return sum(shelf.on_disk for shelf in self._shelves)

    def shelf(self) -> Shelf:
        """Room for one form; whoever got it closes it."""
        made = Shelf(self)
        self._shelves.add(made)
        return made

    def make_room(self, shelf: Shelf, size: int) -> bool:
        """Whether `size` bytes more of this form may wait; if need be others make room for them."""
        while not self._fits(shelf, size):
            victim = self._victim(shelf)
            victim.drop()
            if victim is shelf:
                return False
        return True

    def forget(self, shelf: Shelf) -> None:
        """It is closed."""
        self._shelves.discard(shelf)

    def _fits(self, shelf: Shelf, size: int) -> bool:
        to_disk = shelf.size + size > _IN_MEMORY and not shelf.on_disk
        return self.used + size <= self._most_bytes and self.files + to_disk <= self._most_files

    def _victim(self, shelf: Shelf) -> Shelf:
        others = [each for each in self._shelves if not each.whole and each.size and each is not shelf]
        stalled = [each for each in others if self.second() - each.second >= STALLS_S]
        if stalled:
            return min(stalled, key=lambda each: each.second)
        return max([shelf, *others], key=lambda each: each.size)


class Shelf:
    """What waits of one form, in the order in which it came; written in any thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()  # of the bytes: room is made by another form, in another thread
        self._written = 0
        self.size = 0
        self.second = spool.second()
        """When something came last."""
        self.on_disk = False
        self.whole = False
        """All of the form has come: it keeps what it has."""
        self.lost = False
        """There was no room: nothing of its files is here any more, nor will be."""

    def take(self, size: int) -> bool:
        """Whether `size` bytes more may be written."""
        self.second = self._spool.second()
        if self.lost or not self._spool.make_room(self, size):
            return False
        self.size += size
        self.on_disk |= self.size > _IN_MEMORY
        return True

    def write(self, data: bytes) -> None:
        """Add what was taken before."""
        with self._lock:
            self._written += len(data)
            if self.lost:
                return
            if self._file is None and len(self._memory) + len(data) > _IN_MEMORY:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the shelf
                self._file.write(self._memory)
                self._memory.clear()
            if self._file is None:
                self._memory += data
            else:
                self._file.write(data)

    def read(self, at: int, size: int) -> bytes:
        """Up to `size` bytes from there on; nothing when they are lost."""
        with self._lock:
            if self.lost:
                return b""
            return (
                bytes(self._memory[at : at + size]) if self._file is None else os.pread(self._file.fileno(), size, at)
            )

    @property
    def written(self) -> int:
        """Where the next byte comes."""
        return self._written

    def drop(self) -> None:
        """Lose all of it."""
        with self._lock:
            self.lost = True
            self._end()

    def close(self) -> None:
        """Nobody reads it any more."""
        with self._lock:
            self._end()
        self._spool.forget(self)

    def _end(self) -> None:
        self._memory.clear()
        self.size, self.on_disk = 0, False
        if self._file is not None:
            self._file.close()
            self._file = None


class SealedFile:
    """One file on a shelf: written once from its start, and read from its start; sealed with AES-256-CTR.

    Args:
        shelf: of its form; nothing else is put there before the whole file is.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._begins: int | None = None  # with its first byte: what was before it may not be written yet
        self._size = self._at = 0
        key = AES(secrets.token_bytes(32))
        self._cipher = Cipher(key, CTR(bytes(16)))  # one key, one text: the count may begin at 0
        self._stream = self._cipher.encryptor()

    @property
    def _rolled(self) -> bool:
        """Whether it is on the disk: Starlette then uses a thread."""
        return self.shelf.on_disk

    def write(self, data: bytes) -> int:
        if self._begins is None:
            self._begins = self.shelf.written
        self.shelf.write(self._stream.update(data))
        self._size = self._at = self._size + len(data)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        data = self.shelf.read((self._begins or 0) + self._at, left if size < 0 else min(size, left))
        self._at += len(data)
        return self._stream.update(data)

    def seek(self, offset: int) -> int:
        """To the start, from where it is read.

        Raises:
            ValueError: any other place.
        """
        if offset != 0:
            raise ValueError(f"offset: {offset}; a sealed file is read from its start")
        self._stream = self._cipher.decryptor()
        self._at = 0
        return 0

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """Its shelf is closed with the form."""
