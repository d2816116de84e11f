"""Content has an end: words, places and media go, and what was done, by whom and when stays (P10)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from dispatch import resources
from dispatch.alarm.clock import to_ms
from dispatch.settings import load
from tests.dump import DAY_S, everything
from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import PASSWORD, Town
from tests.patience import PATIENCE_S

PHOTO = b"\xff\xd8 bytes of a photo that is none"
WORDS = ("他拿着刀", "小河沿路三号楼", "我在衣柜里", "带备用钥匙", "几个人在里面", "三个都在卧室", "known-category",
         "known-need", "已经送医院了", "41.8031", "换我去更近")  # fmt: skip
KEPT_FOR = 365 * DAY_S


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Town]:
    """Two hubs on one store of four partitions."""
    async with Town(tmp_path, env={"DISPATCH_STORE_PARTITIONS": "4"}) as town:
        await town.opens_hub()
        yield town


async def story(town: Town) -> tuple[Citizen, Officer]:
    """An alarm in which everybody wrote something, with a photo, closed; and its officer."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    position = {"lat": 41.8031271828, "lon": 123.4658731415}
    alarm = await citizen.raises(
        text=WORDS[0], place=WORDS[1], position=position, category=WORDS[6], needs=[WORDS[7]]
    )  # fmt: skip
    await officer.acknowledges(alarm)
    await citizen.does("position", lat=41.81, lon=123.47)  # the first place is in the track now
    await citizen.does("say", ref="1", text=WORDS[2])
    await officer.asks("note", alarm=alarm, text=WORDS[3])
    await officer.asks("ask", alarm=alarm, question=WORDS[4], choices=["一", "二"])
    question = (await citizen.sees())["question"]["question"]
    await citizen.does("answer", question=question, answer=WORDS[5])
    where = f"/alarms/{alarm}/media/m1"
    headers = {**citizen.headers, "content-type": "image/jpeg"}
    assert (await citizen.http.put(f"{where}/0", content=PHOTO, headers=headers)).status_code == 204
    ended = await citizen.http.post(where, json={"kind": "photo", "chunks": 1}, headers=citizen.headers)
    assert ended.status_code == 204
    await officer.asks("transfer", alarm=alarm, station="xiaodong", reason=WORDS[10])
    await officer.asks("close", alarm=alarm, disposition="handled", note=WORDS[8])
    town.stops_watching(officer)
    return citizen, officer


async def passes(town: Town, seconds: float) -> None:
    """So much time goes by; then every hub looks at the end dates."""
    town.clock.jump(seconds)
    for hub in town.hubs:
        await hub.dispatch.leases.look(town.clock.now())
        await hub.dispatch.endings.step(town.clock.now())
    await copied(town)


async def copied(town: Town) -> None:
    """The stations that were called in have everything."""
    await town.quiet()


async def removed(town: Town, alarm: str, after_s: float = 0) -> None:
    """The media of the alarm are deleted, by this or by the hub's own loop."""
    town.clock.jump(after_s)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            while await town.dispatch.evidence.removal.step():
                pass
            loaded = await town.dispatch.alarms.load(alarm, whole=True)
            assert loaded is not None
            if all(item["state"] != "wiped" for item in loaded.alarm.media.values()):
                return


def found(dump: bytes) -> list[str]:
    """The words that are in it, however JSON spells them."""
    return [word for word in WORDS if word.encode() in dump or orjson.dumps(word)[1:-1] in dump]


def files(town: Town) -> list[Path]:
    return [path for path in (town.folder / "media").rglob("*") if path.is_file()]


async def log(person: Officer, alarm: str) -> list[dict[str, Any]]:
    answer = await person.http.get(f"/log/alarms/{alarm}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["events"])


async def test_content_ends_and_the_record_stays(two: Town) -> None:
    """At its end date nothing that anybody wrote or showed is in any key or object; who did what and when is."""
    town = two
    citizen, officer = await story(town)
    supervisor = await town.user("S01", None, "supervisor")
    before = await log(supervisor, citizen.id)
    await copied(town)
    redis = town.dispatch.stream.redis
    assert set(found(await everything(redis, town.prefix))) == set(WORDS), "else the rest proves nothing"
    assert files(town)
    await officer.closes()
    await passes(town, KEPT_FOR - 60)
    assert found(await everything(redis, town.prefix))
    await passes(town, 60)
    await removed(town, citizen.id)
    assert found(await everything(redis, town.prefix)) == []
    assert files(town) == []
    await supervisor.signs_in(PASSWORD)  # days have passed
    after = await log(supervisor, citizen.id)
    assert [(row["at"], row["event"]["type"], row["event"].get("by")) for row in after[: len(before)]] == [
        (row["at"], row["event"]["type"], row["event"].get("by")) for row in before
    ]
    assert [row["event"] for row in after[len(before) :]] == [
        {"type": "content_wiped", "why": "policy"}, {"type": "media_removed", "objects": 1},
    ]  # fmt: skip
    assert all(row.get("wiped") for row in after if row["event"]["type"] in ("citizen_said", "note_added"))
    alarm = (await supervisor.http.get(f"/log/alarms/{citizen.id}")).json()["alarm"]
    assert {entry["who"] for entry in alarm["talk"].values()} == {"citizen", "officer"}
    assert alarm["media"]["m1"]["state"] == "removed"
    assert (alarm["media"]["m1"]["size"], len(alarm["media"]["m1"]["sha256"])) == (len(PHOTO), 64)
    export = await supervisor.http.get("/log", headers={"accept": "application/x-ndjson"})
    assert not found(export.content)
    for station in ("dadongmen", "xiaodong"):
        assert (await supervisor.http.get("/log/verify", params={"station": station})).json()["ok"]
    await removed(town, citizen.id, 600)
    assert not await redis.exists(town.dispatch.stream.of("dadongmen").removing)


async def test_a_hold_stops_the_end(town: Town) -> None:
    """Held content is kept beyond its date and cannot be wiped by hand; when it is released, its date counts again."""
    citizen, officer = await story(town)
    supervisor = await town.officer("S01", None, "supervisor", ready=False)
    town.stops_watching(supervisor)
    await supervisor.asks("hold", alarm=citizen.id, reason="案件未结")
    await supervisor.asks("hold", alarm=citizen.id, reason="再说一次")
    with pytest.raises(Answered, match="held") as refused:
        await supervisor.asks("wipe", alarm=citizen.id, reason="到期")
    assert refused.value.body["possible"] == ["unhold"]
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    assert await redis.zscore(keys.endings, citizen.id) is None
    await officer.closes()
    await passes(town, KEPT_FOR * 2)
    supervisor = await town.officer("S01", None, "supervisor", ready=False)  # signs in again: days have passed
    town.stops_watching(supervisor)
    assert (await citizen.sees())["talk"][0]["text"] == WORDS[2]
    held = [row["event"] for row in await log(supervisor, citizen.id) if row["event"]["type"] == "content_held"]
    assert held == [{"type": "content_held", "by": "S01", "reason": "案件未结"}]
    await supervisor.asks("unhold", alarm=citizen.id, reason="已结案")
    await passes(town, 0)
    assert "text" not in (await citizen.sees())["talk"][0]


async def test_only_supervisors_decide_and_only_when_closed(town: Town) -> None:
    """Officers and other stations' supervisors are refused; so is a wipe of an alarm that is open."""
    officer = await town.officer("V01")
    supervisor = await town.officer("S01", "dadongmen", "supervisor", ready=False)
    other = await town.officer("S02", "xiaodong", "supervisor", ready=False)
    town.stops_watching(officer, supervisor, other)
    alarm = await town.citizen().raises(text=WORDS[0])
    await officer.asks("transfer", alarm=alarm, station="xiaodong", reason="更近")
    for what in ("hold", "unhold", "wipe"):
        for person in (officer, other):
            with pytest.raises(Answered, match="not_allowed"):
                await person.asks(what, alarm=alarm, reason="试试")
    with pytest.raises(Answered, match="not closed"):
        await supervisor.asks("wipe", alarm=alarm, reason="试试")
    await officer.acknowledges(alarm)
    await officer.asks("close", alarm=alarm, disposition="handled")
    for _ in range(2):
        answer = await supervisor.asks("wipe", alarm=alarm, reason="当事人申请")
        assert answer["status"] == "closed"
    wiped = [row["event"] for row in await log(supervisor, alarm) if row["event"]["type"] == "content_wiped"]
    assert wiped == [{"type": "content_wiped", "why": "supervisor", "by": "S01", "reason": "当事人申请"}]


async def test_no_hub_serves_wiped_words_from_memory(two: Town) -> None:
    """A console that resumes from before the wipe, at any hub, gets the events without their words."""
    town = two
    citizen, officer = await story(town)
    cut = [await town.officer(name, "dadongmen", hub=hub) for hub, name in enumerate(("V02", "V07"))]
    other = town.citizen()
    await other.raises(text="另一件事")
    supervisor = await town.officer("S01", None, "supervisor", ready=False)
    town.stops_watching(*cut, supervisor)
    await town.quiet()
    for console in cut:
        await console.is_cut()
        console.position["dadongmen"]["offset"] = 0
        console.every.clear()
        console.alarms.clear()
    await supervisor.asks("wipe", alarm=citizen.id, reason="当事人申请")
    await town.quiet()
    for console in cut:
        await console.opens_console()
        await console.is_awake()
        assert console.recovered == {"dadongmen": True}
        told = [event for event in console.every if event["alarm"] == citizen.id]
        assert [event["event"]["type"] for event in told][:1] == ["alarm_raised"]
        assert not found(orjson.dumps(told))
        assert console.alarms[other.id]["text"] == "另一件事"
    for hub in town.hubs:
        for feed in hub.dispatch.hub.feeds.of.values():
            assert not found(b"".join(known.frame.json for known in feed.ring))
    assert (await officer.asks("seen", alarm=citizen.id))["status"] == "closed"


async def test_who_writes_after_the_wipe_is_heard(town: Town) -> None:
    """A citizen whose page is still open writes again: the alarm is open, with the new words and the new photo only."""
    citizen, officer = await story(town)
    supervisor = await town.officer("S01", None, "supervisor", ready=False)
    away = await town.officer("V02")
    town.stops_watching(supervisor, away)
    away.alarms[citizen.id] = dict(officer.alarms[citizen.id])  # it had the whole story,
    await away.is_cut()  # and misses both wipes
    await supervisor.asks("wipe", alarm=citizen.id, reason="当事人申请")
    with pytest.raises(Answered, match="wiped"):
        await officer.asks("note", alarm=citizen.id, text="补充")
    assert (await citizen.does("say", ref="1", text=WORDS[2])).status_code == 200  # a retry of before: done once
    assert (await citizen.sees())["status"] == "closed"
    headers = {**citizen.headers, "content-type": "image/jpeg"}
    again = await citizen.http.put(f"/alarms/{citizen.id}/media/m1/0", content=PHOTO, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "media_ended")
    assert (await citizen.does("say", ref="2", text="他又回来了")).status_code == 200
    new = await citizen.http.put(f"/alarms/{citizen.id}/media/m2/0", content=PHOTO, headers=headers)
    assert new.status_code == 204
    view = await citizen.sees()
    assert (view["status"], view["talk"][-1]["text"]) == ("raised", "他又回来了")
    await officer.has(citizen.id)
    await removed(town, citizen.id)
    await removed(town, citizen.id, 600)
    assert [path.parent.name for path in files(town)] == ["m2"]
    await town.quiet()
    assert officer.alarms[citizen.id]["talk"][str(max(map(int, officer.alarms[citizen.id]["talk"])))]["text"]
    assert found(orjson.dumps(officer.alarms[citizen.id])) == []
    await officer.acknowledges(citizen.id)
    await officer.asks("close", alarm=citizen.id, disposition="handled")
    await supervisor.asks("wipe", alarm=citizen.id, reason="再次申请")
    await removed(town, citizen.id)
    assert files(town) == []
    assert "他又回来了".encode() not in await everything(town.dispatch.stream.redis, town.prefix)
    await away.opens_console()
    await away.is_awake()
    assert found(orjson.dumps(away.alarms[citizen.id])) == []
    assert away.alarms[citizen.id]["wipes"] == 2


async def test_a_practice_alarm_ends_a_day_after_it_was_raised(town: Town) -> None:
    """Nobody closes a practice alarm: its end is counted from when it was raised."""
    citizen = town.citizen()
    alarm = await citizen.raises(text=WORDS[0], kind="practice")
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    assert await redis.zscore(keys.endings, alarm) == to_ms(town.clock.now()) + DAY_S * 1000
    await passes(town, DAY_S)
    assert found(await everything(redis, town.prefix)) == []
    assert await redis.zscore(keys.endings, alarm) is None


async def test_alarms_closed_by_an_earlier_version_end_too(town: Town) -> None:
    """A store from before there were end dates: a round through the streams finds every alarm that has none."""
    citizen, _ = await story(town)
    practice = await town.citizen().raises(text=WORDS[0], kind="practice")
    redis, stream = town.dispatch.stream.redis, town.dispatch.stream
    right = await redis.zrange(stream.keys.endings, 0, -1, withscores=True)
    assert {alarm.decode() for alarm, _ in right} == {citizen.id, practice}
    await redis.delete(stream.keys.endings)
    await passes(town, 3601)  # the next round
    for _ in town.dispatch.stations:
        await passes(town, 0)
    assert await redis.zrange(stream.keys.endings, 0, -1, withscores=True) == right


async def test_an_end_that_the_index_has_wrong(town: Town) -> None:
    """The index is only an index: before its time nothing is wiped, and the index follows the alarm again."""
    citizen, officer = await story(town)
    await officer.closes()
    redis, endings = town.dispatch.stream.redis, town.dispatch.stream.keys.endings
    right = await redis.zscore(endings, citizen.id)
    await redis.zadd(endings, {citizen.id: to_ms(town.clock.now())})
    await passes(town, 1)
    assert await redis.zscore(endings, citizen.id) == right
    loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
    assert loaded is not None
    assert loaded.alarm.text == WORDS[0]


async def test_other_days_count_for_what_is_stored_already(tmp_path: Path) -> None:
    """The days were changed: longer ones count at once, shorter ones from the next round on; 0 keeps for ever."""
    async with Town(tmp_path) as town:
        citizen, officer = await story(town)
        redis, stream = town.dispatch.stream.redis, town.dispatch.stream
        await officer.closes()
        closed_ms = await redis.zscore(stream.keys.endings, citizen.id) - KEPT_FOR * 1000
        for days in (30, 0):
            given = {"DISPATCH_STORE_PREFIX": town.settings.store.prefix}
            town.settings = load(resources.demo_config(), {**given, "DISPATCH_RETENTION_ALARM_DAYS": str(days)})
            hub = await town.opens_hub()
            town.hubs.remove(hub)
            town.hubs.insert(0, hub)
            town.clock.jump(3601)
            for each in town.hubs[1:]:
                await each.dispatch.leases.release(town.clock.now())
            await hub.dispatch.leases.look(town.clock.now())
            for _ in range(len(town.dispatch.stations) + 1):
                await hub.dispatch.endings.step(town.clock.now())
            ends = await redis.zscore(stream.keys.endings, citizen.id)
            assert ends == (closed_ms + days * DAY_S * 1000 if days else None)
