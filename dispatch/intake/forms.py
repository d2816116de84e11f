"""Reads a form as it comes, of which words have a bound in memory and files a place in the spool.

What is beyond a bound is left out and the rest is read: a photo, or a field of 48 MB, costs itself and not the alarm.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import BinaryIO, cast

from starlette.datastructures import Headers
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from dispatch.intake.spool import SealedFile, Shelf

FIELDS = 64
"""Fields of one form."""
_NAME_BYTES = 256
_BYTES_KEPT = 16
"""Of one character of `text_chars`: four times the text is kept, of which a character has four bytes at most."""
_FIELDS_FULL = 4
"""As many fields of the longest kind are kept."""


class Words:
    """What the fields of one form may still have.

    Args:
        text_chars: the longest text.
    """

    def __init__(self, text_chars: int) -> None:
        self._field = _BYTES_KEPT * text_chars
        self._left = _FIELDS_FULL * self._field
        self.left_out = False
        """Whether there were more words than any form has. One long field is cut by whoever reads it."""

    def add(self, field: bytearray, data: bytes, escaped: int = 1) -> bool:
        """Add what there is room for; whether that was all. `escaped`: bytes that one byte takes here."""
        room = min(self._field * escaped - len(field), self._left * escaped)
        kept = data[: max(0, room)]
        field += kept
        self._left -= len(kept) // escaped
        self.left_out |= self._left <= 0
        return len(kept) == len(data)


class SealingParser(MultiPartParser):
    """Starlette's parser of multipart forms, with sealed files.

    Args:
        headers: of the request.
        stream: its body.
        shelf: where the files wait.
        words: what the fields may have.
        files: at most so many.
    """

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], shelf: Shelf, words: Words, files: int = FIELDS
    ) -> None:
        super().__init__(headers, stream, max_files=files, max_fields=FIELDS)
        self._shelf = shelf
        self._words = words
        self._cut = False

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        upload = self._current_part.file
        if upload is not None:
            upload.file.close()
            upload.file = cast("BinaryIO", SealedFile(self._shelf))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._cut |= not self._words.add(self._current_part.data, data[start:end])
        elif self._shelf.take(end - start):
            super().on_part_data(data, start, end)

    def on_part_end(self) -> None:
        if self._cut:
            _whole_characters(self._current_part.data)
            self._cut = False
        super().on_part_end()


class BoundedForm(FormParser):
    """Starlette's parser of urlencoded forms.

    Args:
        headers: of the request.
        stream: its body.
        words: what the fields may have.
    """

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None], words: Words) -> None:
        super().__init__(headers, stream, max_fields=FIELDS)
        self._words = words

    def on_field_name(self, data: bytes, start: int, end: int) -> None:
        if len(self._field_name) + end - start > _NAME_BYTES:
            raise MultiPartException(f"a field's name has more than {_NAME_BYTES} bytes")
        self._field_name += data[start:end]

    def on_field_data(self, data: bytes, start: int, end: int) -> None:
        self._words.add(self._field_value, data[start:end], escaped=3)


def _whole_characters(data: bytearray) -> None:
    """Take away the beginning of a character that was cut: UTF-8 that breaks off would be read as something else."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return
        if byte >= 0xC0:
            if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4):
                del data[-back:]
            return
