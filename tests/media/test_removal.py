"""What was wiped is deleted at least once, whatever dies in between, and only then said to be so (P10)."""

import hashlib
import os

import pytest

from dispatch.alarm.clock import to_ms
from dispatch.alarm.commands import Acknowledge, Actor, Close, EndPlan, MediaDone, Wipe
from dispatch.alarm.errors import Refused
from dispatch.media.chunks import Chunks
from dispatch.media.cuts import Cuts
from dispatch.media.objects import Objects
from dispatch.media.removal import Removal
from tests.dump import everything
from tests.media.conftest import LIMITS, House, Sent

OFFICER = Actor("V01", "dadongmen")
SUPERVISOR = Actor("S01", None, "supervisor")


def removal(house: House, objects: Objects | None = None) -> Removal:
    return Removal(house.alarms, objects or house.objects, house.work)


async def wipe(house: House, alarm: str) -> None:
    await house.alarms.handle(alarm, Acknowledge(by=OFFICER), Close(by=OFFICER, disposition="handled"))
    await house.alarms.handle(alarm, Wipe(by=SUPERVISOR, reason="到期"))


async def kinds(house: House, alarm: str) -> list[str]:
    return [event["type"] for event in await house.events(alarm)]


async def test_originals_copies_and_registers_go(house: House, copied: Sent) -> None:
    """Sealed original, copy and every register of them; of the media its kind, size and hash stay."""
    alarm = await copied("photo-gps-rotated.jpg")
    kept, objects = await house.item(alarm), len(house.files())
    other = await copied("photo.webp")
    await wipe(house, alarm)
    assert await removal(house).step()
    assert {path.parts[path.parts.index("media") + 1] for path in house.files()} == {other}
    assert not (house.folder / "media" / alarm / "m1").exists()
    item = await house.item(alarm)
    assert item == {name: kept[name] for name in ("kind", "mime", "at", "chunks", "size", "sha256")} | {
        "state": "removed"
    }
    assert f"media:{alarm}:m1".encode() not in await everything(house.redis, house.prefix)
    assert f"chunks:{alarm}:m1".encode() not in await everything(house.redis, house.prefix)
    assert (await house.events(alarm))[-1] == {"type": "media_removed", "objects": objects}


async def test_nothing_is_claimed_before_it_is_done(
    house: House, copied: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object store does not answer: the alarm does not say "removed", and the wipe is not forgotten."""
    alarm = await copied("photo.webp")
    await wipe(house, alarm)
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    gone = Objects("s3://nowhere/x", bytes(32), answer_s=1)
    with pytest.raises(Refused, match="not_stored"):
        await removal(house, gone).step()
    assert "media_removed" not in await kinds(house, alarm)
    assert not await removal(house).step(), "another hub has it"
    await house.clock.advance(61)
    assert await removal(house).step()
    assert (await kinds(house, alarm))[-1] == "media_removed"
    assert house.files() == []


async def test_a_hub_that_died_in_the_middle(house: House, copied: Sent) -> None:
    """Killed after the objects were deleted and before that was said: it is said by the next, once."""
    alarm = await copied("photo.webp")
    await wipe(house, alarm)
    await house.redis.zadd(house.keys.removing, {alarm: 10**15})  # it had taken it,
    await house.objects.delete([path for path, _ in await house.objects.under(alarm)])  # and came so far
    assert not await removal(house).step()
    await house.redis.zadd(house.keys.removing, {alarm: 0})  # its lease has ended
    assert await removal(house).step()
    assert not await removal(house).step()
    assert (await kinds(house, alarm)).count("media_removed") == 1


async def test_what_was_on_its_way_is_found_later(house: House, copied: Sent) -> None:
    """A copy that was being made at the wipe, and a chunk whose hub died: both are gone a few minutes later."""
    alarm = await copied("photo.webp")
    await wipe(house, alarm)
    assert await removal(house).step()
    await house.objects.put(f"{alarm}/m1/copy-late/0", b"late")
    await house.redis.hset(house.keys.media(alarm, "m1"), "copy", "{}")
    await house.alarms.handle(alarm, MediaDone(media="m1", mime="image/jpeg"))
    await house.objects.put(f"{alarm}/never-known/abc", b"orphan")
    orphan = next(path for path in house.files() if "never-known" in path.parts)
    os.utime(orphan, (0, 0))
    await house.objects.put(f"{alarm}/just-begun/abc", b"a new photo of a citizen who writes again")
    assert not await removal(house).step()
    await house.clock.advance(301)
    assert await removal(house).step()
    assert [path.parent.name for path in house.files()] == ["just-begun"]
    assert not await house.redis.exists(house.keys.media(alarm, "m1"))
    assert [kind for kind in await kinds(house, alarm) if kind in ("media_ready", "media_removed")] == [
        "media_ready", "media_removed", "media_removed"
    ]  # fmt: skip
    await house.clock.advance(301)
    assert not await removal(house).step()
    assert not await house.redis.exists(house.keys.removing)


async def refused_and_stored(house: House, alarm: str, media: str) -> None:
    """A chunk as a build that stored before it asked has left it: in the registers, unknown to the alarm."""
    await house.chunks._store(alarm, media, 0, b"abc", hashlib.sha256(b"abc").hexdigest(), "audio")
    for path in house.files():
        os.utime(path, (0, 0))


async def left(house: House, alarm: str) -> list[str]:
    """What names the alarm's media: objects and keys."""
    found = [str(path.relative_to(house.folder)) for path in house.files() if alarm in path.parts]
    keys = {key.decode() async for key in house.redis.scan_iter(match=f"{house.prefix}*{alarm}*")}
    return found + sorted(key for key in keys if "chunks:" in key or "media" in key)


@pytest.mark.parametrize("how", ["the plan ends", "its alarm is wiped"])
async def test_what_was_sent_to_a_plan_goes_with_it(house: House, how: str) -> None:
    """A chunk that was refused and stored all the same, by an earlier build, does not outlive its plan or alarm."""
    alarm = await house.plans()
    house.chunks = Chunks(house.alarms, house.objects, LIMITS, house.clock, lambda: to_ms(house.clock.now()))
    for media in ("m1", "m2"):
        await refused_and_stored(house, alarm, media)
    assert len(await left(house, alarm)) == 7, "two objects, two registers of each, their list"
    assert await Cuts(house.alarms, house.chunks).step(house.clock.now())
    assert not await Cuts(house.alarms, house.chunks).step(house.clock.now()), "it is not tried for ever"
    if how == "the plan ends":
        await house.alarms.handle(alarm, EndPlan(duress=False))
    else:
        await house.alarms.handle(alarm, EndPlan(duress=True))
        await wipe(house, alarm)
    assert await removal(house).step()
    assert await left(house, alarm) == []


async def test_a_receipt_that_is_on_its_way_is_kept(house: House) -> None:
    """A photo of a citizen who writes again, stored and not yet known to the wiped alarm, is no remnant."""
    alarm = await house.raises()
    await wipe(house, alarm)
    await house.chunks._store(alarm, "new", 0, b"abc", hashlib.sha256(b"abc").hexdigest(), "photo")
    path = house.files()[0]
    just_before = house.clock.now().timestamp() - 1
    os.utime(path, (just_before, just_before))
    assert await removal(house).step()
    await house.chunks.put(alarm, "new", 0, b"abc", "photo", "image/jpeg")
    assert await house.original(alarm, "new") == b"abc"
