"""Media in a bucket: the same promises as in a folder, with a real server that speaks S3 and checks signatures."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.alarm.errors import Refused
from dispatch.media.objects import Damaged, Objects, Unusable, open_key
from tests.flow.people import Citizen, Officer
from tests.media.bucket import Bucket
from tests.media.conftest import House
from tests.media.test_sealed import pieces
from tests.patience import PATIENCE_S
from tests.process import HubProcess

ANSWER_S = 1.5
pytestmark = [pytest.mark.nightly, pytest.mark.bucket]


@pytest.fixture(scope="module")
def bucket(in_ci: bool) -> Iterator[Bucket]:
    if not in_ci:
        pytest.importorskip("moto", reason="needs a server that speaks S3: `pip install -e '.[checks]'`")
    with Bucket() as made:
        yield made


@pytest.fixture
def environment(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    yield
    for name in bucket.objects():
        bucket.delete(name)


@pytest.fixture
def rented(house: House, bucket: Bucket, environment: None) -> House:
    """The house with its media in the bucket."""
    house.objects = Objects(bucket.url, open_key(house.folder / "keys" / "media.key", make=True), ANSWER_S)
    house.chunks = house.chunks_with()
    house.copies = house.copies_with()
    return house


async def test_sealed_and_copied(rented: House, bucket: Bucket) -> None:
    """A photo comes in chunks and out as copies and as the original; the bucket has nothing that can be read."""
    alarm = await rented.raises()
    data = await rented.sends(alarm, "photo-gps-rotated.jpg", order=[2, 0, 1, 3, 2])
    assert await rented.copies.step()
    assert (await rented.item(alarm))["state"] == "ready"
    small, large = await rented.copy(alarm, which="small"), await rented.copy(alarm, which="large")
    assert await rented.original(alarm) == data
    objects = await asyncio.to_thread(bucket.objects)
    assert len(objects) == 6  # four chunks, two copies
    assert all(name.startswith(f"of/fujin/{alarm}/m1/") for name in objects)
    known = [piece for each in (data, small, large) for piece in pieces(each) if len(set(piece)) > 2]
    assert [name for name, sealed in objects.items() if any(piece in sealed for piece in known)] == []
    assert rented.files() == []


async def test_gone_and_changed(rented: House, bucket: Bucket) -> None:
    """What is gone from the bucket, was changed there or put at another's place is noticed."""
    for name in "abc":
        await rented.objects.put(f"x/y/{name}", name.encode())
    sealed = await asyncio.to_thread(bucket.objects)
    bucket.delete("of/fujin/x/y/a")
    bucket.put("of/fujin/x/y/b", sealed["of/fujin/x/y/b"][:-1] + b"?")
    bucket.put("of/fujin/x/y/c", sealed["of/fujin/x/y/b"])
    for name, told in (("a", "gone"), ("b", "not those that were sealed"), ("c", "not those that were sealed")):
        with pytest.raises(Damaged, match=told):
            await rented.objects.get(f"x/y/{name}")
    await rented.objects.delete(["x/y/a", "x/y/b"])
    assert list(await asyncio.to_thread(bucket.objects)) == ["of/fujin/x/y/c"]


async def test_a_bucket_that_does_not_answer(rented: House, bucket: Bucket) -> None:
    """A chunk that the bucket did not confirm is told as not stored in time; sent again it is there once."""
    alarm = await rented.raises()
    data = rented.bytes_of("photo.webp")
    bucket.stop()
    try:
        async with asyncio.timeout(4 * ANSWER_S):
            with pytest.raises(Refused, match="not_stored"):
                await rented.chunks.put(alarm, "m1", 0, data, "photo", "image/webp")
    finally:
        bucket.go_on()
    assert await rented.item(alarm) == {}
    for _ in range(2):
        await rented.chunks.put(alarm, "m1", 0, data, "photo", "image/webp")
    await rented.chunks.end(alarm, "m1", 1, hashlib.sha256(data).hexdigest())
    assert await rented.original(alarm) == data


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("AWS_SECRET_ACCESS_KEY", "wrong", "403"), ("AWS_ACCESS_KEY_ID", "AKIAWRONGWRONGWRONG", "403"), ("", "", "404")],
)  # fmt: skip
async def test_what_is_no_bucket_of_ours(
    bucket: Bucket, environment: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """A wrong key and a bucket that is not there are found before the first alarm."""
    if name:
        monkeypatch.setenv(name, value)
    objects = Objects(bucket.url if name else "s3://another/path", bytes(32), ANSWER_S)
    with pytest.raises(Unusable, match=told):
        await objects.check()
    assert await asyncio.to_thread(bucket.objects) == {}


def env_of(bucket: Bucket, tmp_path: Path) -> dict[str, str]:
    """What a hub is given that keeps its media in the bucket."""
    key = tmp_path / "media.key"
    key.write_text("5" * 64)
    return {"DISPATCH_MEDIA_URL": bucket.url, "DISPATCH_MEDIA_KEY_FILE": str(key), **bucket.environment}


def test_a_hub_that_cannot_use_its_bucket(bucket: Bucket, tmp_path: Path) -> None:
    """It says so and does not start."""
    refused = HubProcess(tmp_path / "refused", **{**env_of(bucket, tmp_path), "AWS_SECRET_ACCESS_KEY": "wrong"})
    refused.spawn()
    assert refused.ended() == 2
    assert f"media.url: {bucket.url} cannot be used" in refused.log
    assert "Traceback" not in refused.log


@pytest.mark.nightly
def test_a_hub_with_a_bucket(bucket: Bucket, environment: None, tmp_path: Path, fixtures: Path) -> None:
    """It keeps its media there, and nowhere else."""
    hub = HubProcess(tmp_path / "data", **env_of(bucket, tmp_path))
    try:
        hub.start()
        asyncio.run(photo(hub, (fixtures / "photo.webp").read_bytes()))
        assert hub.stop() == 0
    finally:
        hub.end()
    assert len(bucket.objects()) == 3
    assert not any((tmp_path / "data" / "media").glob("**/*"))


async def photo(hub: HubProcess, data: bytes) -> None:
    citizen, officer = Citizen(hub.url), Officer(hub.url, "V01")
    await officer.signs_in(hub.password)
    await citizen.raises()
    url = f"/alarms/{citizen.id}/media/m1"
    await citizen.http.put(f"{url}/0", content=data, headers={**citizen.headers, "content-type": "image/webp"})
    ended = await citizen.http.post(url, json={"kind": "photo", "chunks": 1}, headers=citizen.headers)
    assert ended.status_code == 204
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await officer.http.get(f"/media/{citizen.id}/m1?copy=small")).status_code == 409:
            pass
    assert answer.content.startswith(b"RIFF")
    original = await officer.http.post(f"/media/{citizen.id}/m1/original", json={"reason": "court"})
    assert original.content == data
    for person in (citizen, officer):
        await person.http.aclose()
