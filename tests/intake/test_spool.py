"""What waits for the rest of a form is sealed, and comes out as it went in."""

from collections.abc import AsyncGenerator
from tempfile import SpooledTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from dispatch.intake.spool import SealedFile, SealingParser


@given(st.lists(st.binary(max_size=200), max_size=20), st.integers(1, 300), st.integers(0, 1000))
def test_it_comes_out_as_it_went_in(parts: list[bytes], at_once: int, in_memory: int) -> None:
    """Whatever the pieces in which it is written and read, in memory and on the disk, as often as it is read."""
    with SpooledTemporaryFile[bytes](max_size=in_memory + 1) as spool:
        sealed = SealedFile(spool)
        for part in parts:
            assert sealed.write(part) == len(part)
        assert sealed.tell() == len(b"".join(parts))
        for _ in range(2):
            sealed.seek(0)
            read = b""
            while piece := sealed.read(at_once):
                read += piece
            assert read == b"".join(parts)


def test_its_bytes_are_sealed() -> None:
    """The file below holds nothing of what was written, and no two files hold the same."""
    held = []
    for _ in range(2):
        with SpooledTemporaryFile[bytes]() as spool:
            SealedFile(spool).write(b"plain" * 1000)
            spool.seek(0)
            held.append(spool.read())
    assert [len(data) for data in held] == [5000, 5000]
    assert not [data for data in held if b"plain" in data]
    assert held[0] != held[1]


def test_it_is_read_from_its_start_only() -> None:
    with SpooledTemporaryFile[bytes]() as spool, pytest.raises(ValueError, match="from its start"):
        SealedFile(spool).seek(3)


async def test_the_parser_seals_files_and_no_words() -> None:
    """Every file of a form is sealed; its words are as they were; all are closed when the form breaks off."""
    body = (
        b'--x\r\ncontent-disposition: form-data; name="text"\r\n\r\nwords\r\n'
        b'--x\r\ncontent-disposition: form-data; name="photo"; filename="a"\r\n\r\nbytes\r\n--x--\r\n'
    )

    async def stream(data: bytes) -> AsyncGenerator[bytes, None]:
        yield data

    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    form = await SealingParser(headers, stream(body)).parse()
    assert form["text"] == "words"
    photo = form["photo"]
    assert not isinstance(photo, str)
    assert isinstance(photo.file, SealedFile)
    assert (photo.size, await photo.read()) == (5, b"bytes")
    await form.close()
    assert photo.file._file.closed
