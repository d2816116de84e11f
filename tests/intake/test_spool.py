"""What waits for the rest of a form is sealed, comes out as it went in, and has an end, of one form and of all."""

import tracemalloc
from collections.abc import AsyncGenerator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException

from dispatch.intake.forms import BoundedForm, SealingParser, Words
from dispatch.intake.spool import SealedFile, Shelf, Spool

BOUNDARY = b"--x\r\n"
TEXT_CHARS = 4000
FIELD = 16 * TEXT_CHARS


def spool(most_bytes: int = 10_000_000, most_files: int = 10, second: list[int] | None = None) -> Spool:
    return Spool(most_bytes, most_files, lambda: second[0] if second else 0)


def put(shelf: Shelf, data: bytes) -> SealedFile:
    """One file on it, as the parser puts it there."""
    file = SealedFile(shelf)
    if shelf.take(len(data)):
        file.write(data)
    return file


def read(file: SealedFile) -> bytes:
    file.seek(0)
    return file.read()


@given(st.lists(st.lists(st.binary(max_size=40_000), max_size=8), max_size=4), st.integers(1, 50_000))
def test_it_comes_out_as_it_went_in(files: list[list[bytes]], at_once: int) -> None:
    """Whatever the pieces in which files are written and read, in memory and on the disk, as often as they are read."""
    shelf = spool().shelf()
    sealed = []
    for parts in files:
        sealed.append(SealedFile(shelf))
        for part in parts:
            assert shelf.take(len(part))
            assert sealed[-1].write(part) == len(part)
    for file, parts in zip(sealed, files, strict=True):
        for _ in range(2):
            file.seek(0)
            came = b""
            while piece := file.read(at_once):
                came += piece
            assert came == b"".join(parts)
    shelf.close()


@pytest.mark.parametrize("size", [5000, 500_000])
def test_its_bytes_are_sealed(size: int) -> None:
    """What is held is nothing of what was written, in memory and on the disk, and no two files hold the same."""
    shelf = spool().shelf()
    for _ in range(2):
        put(shelf, b"plain" * (size // 5))
    held = [shelf.read(0, size), shelf.read(size, size)]
    assert [len(data) for data in held] == [size, size]
    assert not [data for data in held if b"plain" in data]
    assert held[0] != held[1]
    shelf.close()


def test_it_is_read_from_its_start_only() -> None:
    with pytest.raises(ValueError, match="from its start"):
        SealedFile(spool().shelf()).seek(3)


# -- of all forms --------------------------------------------------------------------------------------------------


def test_there_is_room_for_so_much() -> None:
    """Never more than that, in bytes and in files; the form with the most makes room, and one that is whole never."""
    room = spool(most_bytes=1_000_000, most_files=3)
    whole = room.shelf()
    kept = put(whole, b"w" * 450_000)
    whole.whole = True
    large, small = room.shelf(), room.shelf()
    put(large, b"l" * 400_000)
    file = put(small, b"s" * 100_000)
    put(small, b"t" * 100_000)
    assert (large.lost, small.lost, whole.lost) == (True, False, False)
    assert room.used == 650_000
    assert (read(kept)[:1], len(read(file))) == (b"w", 100_000)
    put(small, b"s" * 800_000)
    assert small.lost
    assert (room.used, room.files) == (450_000, 1)
    shelves = [room.shelf() for _ in range(5)]
    for shelf in shelves:
        put(shelf, b"x" * 70_000)
    assert room.files <= 3
    for shelf in (whole, large, small, *shelves):
        shelf.close()
    assert (room.used, room.files) == (0, 0)


def test_who_stalls_makes_room_first() -> None:
    """A form that stands still loses its files before one that goes on, however much that has."""
    now = [0]
    room = spool(most_bytes=1_000_000, second=now)
    stalled = [room.shelf() for _ in range(4)]
    for n, shelf in enumerate(stalled):
        now[0] = n
        put(shelf, b"x" * 200_000)
    now[0] = 10
    going = room.shelf()
    put(going, b"y" * 500_000)
    assert [shelf.lost for shelf in stalled] == [True, True, False, False]
    assert not going.lost
    assert read(put(stalled[0], b"more")) == b""
    for shelf in (*stalled, going):
        shelf.close()


# -- of one form ---------------------------------------------------------------------------------------------------


def part(name: str, value: bytes) -> bytes:
    return BOUNDARY + f'content-disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"


async def stream(*pieces: bytes, times: int = 1) -> AsyncGenerator[bytes, None]:
    first, middle, last = pieces
    yield first
    for _ in range(times):
        yield middle
    yield last


async def parsed(body: AsyncGenerator[bytes, None], words: Words, kind: str = "multipart") -> FormData:
    if kind == "multipart":
        headers = Headers({"content-type": "multipart/form-data; boundary=x"})
        return await SealingParser(headers, body, spool().shelf(), words).parse()
    return await BoundedForm(Headers({}), body, words).parse()


async def test_the_parser_seals_files_and_no_words() -> None:
    """Every file of a form is sealed; its words are as they were."""
    body = (
        part("text", b"words"),
        b'--x\r\ncontent-disposition: form-data; name="photo"; filename="a"\r\n\r\nbytes\r\n',
        part("place", b"here") + b"--x--\r\n",
    )
    form = await parsed(stream(*body), Words(TEXT_CHARS))
    assert (form["text"], form["place"]) == ("words", "here")
    photo = form["photo"]
    assert isinstance(photo, UploadFile)
    assert isinstance(photo.file, SealedFile)
    assert (photo.size, await photo.read()) == (5, b"bytes")
    photo.file.shelf.close()


@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
@pytest.mark.parametrize("name", ["text", "unheard-of"])
async def test_a_field_of_48_megabytes(kind: str, name: str) -> None:
    """It costs a part of that, whatever it is called, is cut between two characters, and what follows is read."""
    words, piece = Words(TEXT_CHARS), "我饿".encode() * 10_000
    if kind == "multipart":
        body = [part(name, b"")[:-2], piece, b"\r\n" + part("id", b"an-id") + b"--x--\r\n"]
    else:
        body = [f"{name}=".encode(), quote(piece).encode(), b"&id=an-id"]
    tracemalloc.start()
    form = await parsed(stream(*body, times=48_000_000 // len(body[1])), words, kind)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (2_000_000 if kind == "multipart" else 20_000_000)
    assert form["id"] == "an-id"
    value = str(form[name])
    assert FIELD * 0.9 < len(value.encode()) <= FIELD + 10
    assert set(value[:-1]) == {"我", "饿"}
    assert "\ufffd" not in value if kind == "multipart" else True
    assert not words.left_out


@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
async def test_fields_of_48_megabytes_together(kind: str) -> None:
    """Sixty fields of a longest text: what was first is kept, and it is said that there was more."""
    words, value = Words(TEXT_CHARS), b"x" * FIELD
    fields = [("id", b"an-id"), *((f"f{n}", value) for n in range(50))]
    if kind == "multipart":
        body = b"".join(part(name, value) for name, value in fields) + b"--x--\r\n"
    else:
        body = b"&".join(name.encode() + b"=" + value for name, value in fields)
    form = await parsed(stream(b"", body, b""), words, kind)
    assert form["id"] == "an-id"
    assert sum(len(str(value)) for value in form.values()) <= 4 * FIELD * (3 if kind == "urlencoded" else 1) + 100
    assert words.left_out


async def test_a_name_without_end() -> None:
    """A form is no form when the name of a field is longer than any."""
    with pytest.raises(MultiPartException, match="name"):
        await parsed(stream(b"", b"x" * 1_000_000, b"=1"), Words(TEXT_CHARS), "urlencoded")
    with pytest.raises(MultiPartException):
        await parsed(stream(b"--x\r\ncontent-disposition: ", b"x" * 1_000_000, b"\r\n"), Words(TEXT_CHARS))
