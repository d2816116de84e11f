"""One script appends: events, chain, snapshot, deadline, outbox, doorbell; all of it, once, or nothing."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.alarm.clock import from_ms
from dispatch.alarm.events import CitizenSaid, ConsoleReady
from dispatch.alarmlog.chain import verify
from dispatch.stream.doorbell import Doorbell, Ring
from dispatch.stream.record import Record, make_record
from dispatch.stream.stream import Append, Appended, Done, Stale
from tests.patience import PATIENCE_S
from tests.stream.conftest import HOME, Hub

ALARM = "3f2c9a6e-0000-4000-8000-000000000001"
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FIRST = Append(
    alarm=ALARM, expected=0, version=1, snapshot=b'{"id":"a","v":1}', open=True, deadline=AT, key="V01:r1",
    digest="d1", secret_hash="secret", pin_hash="pin", copy_to=("xiaodong", "wanquan"),
)  # fmt: skip


def record(version: int, text: str = "你好") -> Record:
    return make_record(ALARM, version, CitizenSaid(text=text), AT, {"talk": {str(version): {"text": text}}})


async def deadlines(hub: Hub) -> list[tuple[str, datetime]]:
    """The index, earliest first."""
    found = await hub.redis.zrange(hub.keys.deadlines, 0, -1, withscores=True)
    return [(alarm.decode(), from_ms(int(score))) for alarm, score in found]


async def everything(hub: Hub) -> dict[bytes, Any]:
    """All that is in the store, to see that nothing at all was changed."""
    kinds = {b"string": hub.redis.get, b"hash": hub.redis.hgetall, b"set": hub.redis.smembers}
    found: dict[bytes, Any] = {}
    async for key in hub.redis.scan_iter(match=f"{hub.prefix}:*", count=1000):
        kind = await hub.redis.type(key)
        found[key] = await kinds[kind](key) if kind in kinds else await hub.redis.dump(key)
    return found


async def test_offsets_are_contiguous(hub: Hub) -> None:
    """Of many appends at once each gets its own offsets, and together they have no gap."""
    sizes = [1, 2, 3, 4] * 10
    event = ConsoleReady(officer="V01", console="c")
    batches = [[make_record(None, 0, event, AT, {})] * size for size in sizes]
    answers = await asyncio.gather(*(hub.stream.append(HOME, batch) for batch in batches))
    taken = [
        answer.offset + i
        for answer, size in zip(answers, sizes, strict=True)
        if isinstance(answer, Appended)
        for i in range(size)
    ]
    assert sorted(taken) == list(range(1, sum(sizes) + 1))
    assert [entry.offset for entry in await hub.stream.read(HOME, 0)] == sorted(taken)
    assert await hub.stream.offset(HOME) == sum(sizes)


async def test_stations_have_their_own_offsets(hub: Hub) -> None:
    """Every station's stream begins at 1."""
    told = make_record(None, 0, ConsoleReady(officer="V01", console="c"), AT, {})
    assert await hub.stream.append("dadongmen", [told]) == Appended(1)
    assert await hub.stream.append("xiaodong", [told]) == Appended(1)


async def test_stale_writes_nothing(hub: Hub) -> None:
    """An append that expects another version changes nothing in the whole store, and is answered as a value."""
    assert await hub.stream.append(HOME, [record(1)], FIRST) == Appended(1)
    before = await everything(hub)
    for expected in (0, 2, 7):
        change = replace(FIRST, expected=expected, version=expected + 1, key="V02:r9", deadline=None, open=False)
        assert await hub.stream.append(HOME, [record(expected + 1)], change) == Stale()
    assert await everything(hub) == before


@pytest.mark.parametrize("digest", ["d1", "another"])
async def test_done_writes_nothing_and_says_what_was_done(hub: Hub, digest: str) -> None:
    """A key that was used is answered with the digest and version of then, also when the version is stale by now."""
    await hub.stream.append(HOME, [record(1)], FIRST)
    await hub.stream.append(HOME, [record(2)], replace(FIRST, expected=1, version=2, key="V01:r2"))
    before = await everything(hub)
    assert await hub.stream.append(HOME, [record(1)], replace(FIRST, digest=digest)) == Done("d1", 1)
    assert await everything(hub) == before


async def test_a_stations_own_event_is_done_once(hub: Hub) -> None:
    """Events of the station itself (a handover) are told once by any number of hubs."""
    told = [make_record(None, 0, ConsoleReady(officer="V01", console="c"), AT, {})]
    once = Append(alarm="", expected=0, version=0, snapshot=b"", open=False, deadline="keep", key="duty:1")
    answers = await asyncio.gather(*(hub.stream.append(HOME, told, once) for _ in range(8)))
    assert sum(isinstance(answer, Appended) for answer in answers) == 1
    assert sum(isinstance(answer, Done) for answer in answers) == 7


async def test_the_chain_verifies(hub: Hub) -> None:
    """Each link is made of the one before, the offset and the record; `verify` finds the head by itself."""
    await hub.stream.append(HOME, [record(1), record(2)], replace(FIRST, version=2))
    await hub.stream.append(HOME, [make_record(None, 0, ConsoleReady(officer="V01", console="c"), AT, {})])
    head = ""
    for entry in await hub.stream.read(HOME, 0):
        link = f"{head}{entry.offset}{hashlib.sha256(entry.body).hexdigest()}"
        head = hashlib.sha1(link.encode()).hexdigest()
        assert entry.link == head
    verdict = await verify(hub.stream, HOME)
    assert (verdict.ok, verdict.events, verdict.head) == (True, 3, head)


async def test_the_deadline_index(hub: Hub) -> None:
    """A deadline is set, left alone by `keep`, and taken out with the last one; all with the append."""
    assert await hub.redis.zcard(hub.keys.deadlines) == 0
    await hub.stream.append(HOME, [record(1)], FIRST)
    assert await deadlines(hub) == [(ALARM, AT)]
    assert await deadlines(hub) == [(ALARM, AT)]
    kept = replace(FIRST, expected=1, version=2, key="", deadline="keep")
    await hub.stream.append(HOME, [record(2)], kept)
    assert await deadlines(hub) == [(ALARM, AT)]
    await hub.stream.append(HOME, [record(3)], replace(kept, expected=2, version=3, deadline=None))
    assert await deadlines(hub) == []


async def test_the_index_follows_only_what_is_true(hub: Hub) -> None:
    """A deadline computed from an older version of the alarm is not written; what is right already is not counted."""
    await hub.stream.append(HOME, [record(1)], FIRST)
    later = AT + timedelta(minutes=5)
    assert not await hub.stream.set_deadline(hub.keys, ALARM, 0, None)
    assert not await hub.stream.set_deadline(hub.keys, ALARM, 2, later)
    assert await deadlines(hub) == [(ALARM, AT)]
    assert not await hub.stream.set_deadline(hub.keys, ALARM, 1, AT)
    assert await hub.stream.set_deadline(hub.keys, ALARM, 1, later)
    assert await deadlines(hub) == [(ALARM, later)]
    await hub.stream.postpone(hub.keys, ALARM, AT)
    await hub.stream.postpone(hub.keys, "nothing", later)
    assert await deadlines(hub) == [(ALARM, later)]


async def test_the_doorbell_carries_the_events(hub: Hub, other_hub: Hub) -> None:
    """Every append rings once: the first offset, the link before it, each event as consoles get it, and its link."""
    bell = Doorbell(other_hub.stream, other_hub.work)
    rung: list[tuple[str, Ring | None]] = []
    bell.heard = lambda station, ring: rung.append((station, ring))
    await bell.listen(HOME)
    first, second, third = record(1, "一"), record(2, "二"), record(3, "三")
    await hub.stream.append(HOME, [first, second], replace(FIRST, version=2))
    await hub.stream.append(HOME, [third], replace(FIRST, expected=2, version=3, key=""))
    async with asyncio.timeout(PATIENCE_S):
        while len(rung) < 3:
            await asyncio.sleep(0)
    links = [entry.link for entry in await hub.stream.read(HOME, 0)]
    assert rung[0] == (HOME, None)
    assert rung[1] == (HOME, Ring(1, "", ((links[0], first.wire), (links[1], second.wire))))
    assert rung[2] == (HOME, Ring(3, links[1], ((links[2], third.wire),)))
    assert "一".encode() in first.wire
    await bell.aclose()


async def test_the_snapshot_and_the_open_set(hub: Hub) -> None:
    """An open alarm is in its station's snapshot as it was appended; a closed one is not."""
    await hub.stream.append(HOME, [record(1)], FIRST)
    assert await hub.stream.snapshot(HOME) == (*await hub.stream.end(HOME), [FIRST.snapshot])
    closed = replace(FIRST, expected=1, version=2, key="", snapshot=b'{"id":"a","v":2}', open=False)
    await hub.stream.append(HOME, [record(2)], closed)
    assert await hub.stream.snapshot(HOME) == (*await hub.stream.end(HOME), [])
    row = await hub.redis.hgetall(hub.keys.alarm(ALARM))
    assert (row[b"v"], row[b"s"]) == (b"2", closed.snapshot)


async def test_secret_and_number_are_set_once(hub: Hub) -> None:
    """Only the append that makes the alarm sets what its citizen is checked against."""
    await hub.stream.append(HOME, [record(1)], FIRST)
    other = replace(FIRST, expected=1, version=2, key="", secret_hash="other", pin_hash="other")
    await hub.stream.append(HOME, [record(2)], other)
    assert await hub.redis.hmget(hub.keys.alarm(ALARM), "k", "p") == [b"secret", b"pin"]


async def test_the_outbox_has_an_entry_for_each_station(hub: Hub) -> None:
    """What has to be copied is written by the same append: which station, from where, which events."""
    await hub.stream.append(HOME, [record(1), record(2)], replace(FIRST, version=2))
    expected = [f"{to} {HOME} {ALARM} 1 2".encode() for to in FIRST.copy_to]
    assert await hub.redis.lrange(hub.keys.outbox, 0, -1) == expected


async def test_words_are_kept_beside_the_record(hub: Hub) -> None:
    """The record names the words by hash only; reading puts them back; wiping them leaves the chain whole."""
    await hub.stream.append(HOME, [record(1, "只有我知道")], FIRST)
    entry = (await hub.stream.read(HOME, 0))[0]
    assert "只有我知道".encode() not in entry.body
    assert entry.members["event"] == {"type": "citizen_said", "text": "只有我知道"}
    assert entry.members["changes"] == {"talk": {"1": {"text": "只有我知道"}}}
    await hub.redis.hdel(hub.keys.words(HOME, ALARM), "1")
    wiped = (await hub.stream.read(HOME, 0))[0]
    assert (wiped.members["event"], wiped.members["wiped"]) == ({"type": "citizen_said"}, True)
    assert (await verify(hub.stream, HOME)).ok


async def test_changed_words_are_found(hub: Hub) -> None:
    """Other words beside the record than those it was stored with break the chain at that offset."""
    await hub.stream.append(HOME, [record(1), record(2)], replace(FIRST, version=2))
    words = await hub.redis.hget(hub.keys.words(HOME, ALARM), "2")
    await hub.redis.hset(hub.keys.words(HOME, ALARM), "2", words.replace("你".encode(), "他".encode()))
    verdict = await verify(hub.stream, HOME)
    assert (verdict.ok, verdict.broken_at) == (False, 2)


async def test_reading_is_bounded(hub: Hub) -> None:
    """`limit` and `until` bound what is read, and reading goes on from any offset."""
    await hub.stream.append(HOME, [make_record(None, 0, ConsoleReady(officer="V01", console="c"), AT, {})] * 10)
    assert [e.offset for e in await hub.stream.read(HOME, 3, limit=2)] == [4, 5]
    assert [e.offset for e in await hub.stream.read(HOME, 7, until=9)] == [8, 9]
    assert await hub.stream.read(HOME, 10) == []


async def test_a_store_from_before_the_ends_were_kept(hub: Hub) -> None:
    """Where a stream ends is found in the stream, by who appends and by who asks, and the chain goes on."""
    for ask in (False, True):
        await hub.stream.append(HOME, [record(1)])
        offset, link = await hub.stream.end(HOME)
        await hub.redis.delete(hub.keys.ends)
        if ask:
            assert await hub.stream.end(HOME) == (offset, link)
        assert await hub.stream.append(HOME, [record(2)]) == Appended(offset + 1)
    assert (await verify(hub.stream, HOME)).ok
