"""Reads a multipart form whose files wait sealed for the rest of it: past 1 MB they wait on the disk (P10).

The key lives in memory as long as the file: what is left in deleted blocks cannot be read. Never a place where anything
is kept. Field's terms: spooling, ephemeral key.
"""

from __future__ import annotations

import secrets
from typing import Any, BinaryIO, cast

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from starlette.formparsers import MultiPartParser


class SealedFile:
    """A file that is written once from its start, and read from its start; sealed with AES-256-CTR.

    Args:
        file: what holds the sealed bytes.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._cipher = Cipher(
            AES(secrets.token_bytes(32)), CTR(bytes(16))
        )  # one key, one text: the count may begin at 0
        self._stream = self._cipher.encryptor()

    @property
    def _rolled(self) -> bool:
        """Whether it is on the disk: Starlette then uses a thread."""
        return bool(getattr(self._file, "_rolled", True))

    def write(self, data: bytes) -> int:
        return int(self._file.write(self._stream.update(data)))

    def read(self, size: int = -1) -> bytes:
        return self._stream.update(self._file.read(size))

    def seek(self, offset: int) -> int:
        """To the start, from where it is read.

        Raises:
            ValueError: any other place.
        """
        if offset != 0:
            raise ValueError(f"offset: {offset}; a sealed file is read from its start")
        self._stream = self._cipher.decryptor()
        return int(self._file.seek(0))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()


class SealingParser(MultiPartParser):
    """Starlette's parser, with sealed files."""

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        upload = self._current_part.file
        if upload is not None:
            upload.file = cast("BinaryIO", SealedFile(upload.file))
