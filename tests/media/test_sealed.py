"""What lies on disk can be read by nobody without the key."""

from pathlib import Path

import pytest

from dispatch.media.objects import Damaged, KeyUnusable, Objects, open_key
from dispatch.store.checks import end
from dispatch.store.embedded import EmbeddedStore
from tests.media.conftest import House, housed

WORDS = (b"Owner Name", b"SERIAL-0042", b"Phone Maker", b"words that must not travel", b"OpusHead", b"#!AMR", b"ftyp",
         b"\xff\xd8\xff", b"IHDR", b"WEBP")  # fmt: skip


def pieces(data: bytes) -> list[bytes]:
    return [data[at : at + 24] for at in range(0, len(data) - 24, max(1, len(data) // 50))]


NAMES = ("photo-gps-rotated.jpg", "photo-text-chunk.png", "photo.webp", "voice-zh.webm", "voice-zh.amr")


async def test_nothing_readable_at_rest(tmp_path: Path, fixtures: Path) -> None:
    """After photos and recordings came and their copies were made, no file of the data folder has a piece of either."""
    store = EmbeddedStore(tmp_path / "data" / "store")  # of the data folder too
    store.start()
    known: list[bytes] = list(WORDS)
    async with housed(store.url, tmp_path / "data", fixtures, "dispatch") as house:
        for name in NAMES:
            alarm = await house.raises()
            await house.sends(alarm, name)
            assert await house.copies.step()
            known += [*pieces(house.bytes_of(name)), *pieces(await house.copy(alarm))]
        await end(house.redis)
    store.ended()
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    assert len(files) > 4 * len(NAMES)
    assert any(path.is_relative_to(house.folder / "store") and path.stat().st_size > 1000 for path in files)
    for path in files:
        data = path.read_bytes()
        found = [piece for piece in known if piece in data and len(set(piece)) > 2]
        # Three bytes can come up by chance in what looks like noise; a longer piece cannot.
        assert [piece for piece in found if len(piece) > 4] == [], path


async def test_every_object_has_its_own_nonce(house: House) -> None:
    """The same bytes sealed twice look different."""
    await house.objects.put("a/b/c", b"same")
    once = house.files()[0].read_bytes()
    await house.objects.put("a/b/c", b"same")
    assert house.files()[0].read_bytes() != once
    assert await house.objects.get("a/b/c") == b"same"


async def test_another_key(house: House, tmp_path: Path) -> None:
    """With another key nothing opens, and it is said that the key is another."""
    await house.objects.put("a/b/c", b"same")
    other = Objects(house.folder / "media", open_key(tmp_path / "other.key", make=True))
    with pytest.raises(Damaged, match="another key"):
        await other.get("a/b/c")


async def test_gone(house: House) -> None:
    """An object that is not there is said to be gone; deleting it again is no fault."""
    with pytest.raises(Damaged, match="gone"):
        await house.objects.get("a/b/c")
    await house.objects.delete(["a/b/c"])


def test_the_key_is_the_owners(tmp_path: Path) -> None:
    """The key is made once, readable by its owner only, in a folder that is its owner's only."""
    path = tmp_path / "keys" / "media.key"
    key = open_key(path, make=True)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["media.key"]
    assert open_key(path, make=True) == key


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "00" * 31, "密" * 64])
def test_what_is_not_a_key(tmp_path: Path, text: str) -> None:
    """A file that holds no key is refused by its path and never replaced."""
    path = tmp_path / "media.key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeyUnusable, match=r"media\.key"):
        open_key(path, make=True)
    assert path.read_text(encoding="utf-8") == text


def test_a_named_key_must_be_there(tmp_path: Path) -> None:
    """A key that was named is not made up when it is missing: the old media would be lost for good."""
    with pytest.raises(KeyUnusable, match="no such file"):
        open_key(tmp_path / "media.key", make=False)


async def test_an_object_opens_only_at_its_place(house: House) -> None:
    """The path is bound into the seal: an object moved to another's place does not open."""
    await house.objects.put("a/b/one", b"one")
    await house.objects.put("a/b/two", b"two")
    one, two = house.files()
    two.write_bytes(one.read_bytes())
    with pytest.raises(Damaged, match="not those that were sealed"):
        await house.objects.get("a/b/two")
