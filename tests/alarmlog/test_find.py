"""Alarms are found again, open or closed, by what is known of them: by who may see them, and never what was wiped."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarm.views import receipt_code
from dispatch.alarmlog.index import PER_STEP, Index
from tests.flow.people import Citizen, Officer
from tests.flow.town import Town

HERE = {"lat": 41.806, "lon": 123.466}
SAME_IN_GCJ02 = {"lat": 41.80836, "lon": 123.47206, "datum": "gcj02"}
A_KILOMETRE_AWAY = {"lat": 41.797, "lon": 123.466}
XIAODONG = {"lat": 41.8375, "lon": 123.4654}


async def answer(who: Officer, **asked: Any) -> dict[str, Any]:
    told = await who.http.post("/log/alarms", json=asked)
    assert told.status_code == 200, told.text
    return dict(told.json())


async def found(who: Officer, **asked: Any) -> list[str]:
    """The ids, the latest first."""
    return [alarm["id"] for alarm in (await answer(who, **asked))["alarms"]]


@dataclass
class History:
    """Three alarms that are over: a cellar, a shop, and one at Xiaodong; who had them, and who reads of them."""

    supervisor: Officer
    cellar: Citizen
    shop: Citizen
    north: Citizen

    @property
    def all(self) -> list[str]:
        return [self.north.id, self.shop.id, self.cellar.id]


@pytest.fixture
async def history(town: Town) -> History:
    first, second = await town.officer("V01"), await town.officer("V02")
    away = await town.officer("X01", station="xiaodong")
    supervisor = await town.officer("S01", station=None, role="supervisor", ready=False)
    town.stops_watching(first, second, away, supervisor)
    cellar, shop, north = town.citizen(), town.citizen(), town.citizen()
    shop.id = next(name for name in iter(lambda: str(uuid.uuid4()), "") if {"0", "1"} & {*receipt_code(name)})
    await cellar.raises(text="地下室里有人", place="大东路 12 号地下室", position=HERE)
    await first.acknowledges(cellar.id)
    await cellar.does("say", ref="1", text="他拿着一把Axe")
    await first.asks("say", alarm=cellar.id, text="请留在原处")
    await first.asks("note", alarm=cellar.id, text="带备用钥匙")
    await first.asks("release", alarm=cellar.id, reason="换班")
    await second.acknowledges(cellar.id)
    await town.clock.advance(1)
    await shop.raises(text="店里", position=A_KILOMETRE_AWAY)
    await second.acknowledges(shop.id)
    await town.clock.advance(1)
    await north.raises(text="小东", position=XIAODONG)
    await away.acknowledges(north.id)
    for officer, citizen in ((second, cellar), (second, shop), (away, north)):
        await officer.asks("close", alarm=citizen.id, disposition="handled")
    return History(supervisor, cellar, shop, north)


async def test_all_the_latest_first(history: History) -> None:
    """Without a condition all of them, each with what a list shows, and nothing that only one alarm's page has."""
    told = await answer(history.supervisor)
    assert [alarm["id"] for alarm in told["alarms"]] == history.all
    assert (told["next"], told["back_to"], told["looked_at"], told["behind"]) == (None, None, 3, 0)
    cellar = told["alarms"][-1]
    assert (cellar["code"], cellar["owner"], cellar["disposition"], cellar["status"]) == (
        receipt_code(history.cellar.id), "V02", "handled", "closed",
    )  # fmt: skip
    assert not {"talk", "notes", "position", "media", "tally", "excerpt"} & cellar.keys()


async def test_by_code_however_it_is_written(history: History) -> None:
    """In small letters, without the dash, with letters for digits; also in the log, and only this one."""
    code = receipt_code(history.shop.id)
    misread = code.replace("0", "O").replace("1", "l")
    for written in (code, code.lower(), f" {code.replace('-', '')} ", misread):
        assert await found(history.supervisor, code=written) == [history.shop.id], written
        log = (await history.supervisor.http.get("/log", params={"alarm": written, "limit": 1000})).json()["events"]
        assert {(row["alarm"], row["code"]) for row in log} == {(history.shop.id, code)}, written
        assert log[0]["event"]["type"] == "alarm_raised"
    assert await found(history.supervisor, code=code, officer="V01") == []
    assert await found(history.supervisor, code="000-000") == []


async def test_by_words(history: History) -> None:
    """What the citizen and officers wrote, at first or later; each word, however it is written; with a little of it."""
    cellar = [history.cellar.id]
    for words in ("地下室里", "axe", "ＡＸＥ 一把", "留在原处", "备用钥匙 地下室"):
        assert await found(history.supervisor, words=words) == cellar, words
    assert await found(history.supervisor, words="axe 小东") == []
    [one] = (await answer(history.supervisor, words="axe"))["alarms"]
    assert one["excerpt"] == "他拿着一把Axe"


async def test_by_place(history: History) -> None:
    """By what was said of it, and around a point of either datum, also where the citizen was before."""
    supervisor, cellar = history.supervisor, history.cellar
    assert await found(supervisor, place="12 大东路") == [cellar.id]
    for point in (HERE, SAME_IN_GCJ02):
        assert await found(supervisor, near=point, within_m=300) == [cellar.id], point
        assert await found(supervisor, near=point, within_m=1500) == [history.shop.id, cellar.id], point


async def test_around_a_place_that_was_left(town: Town, history: History) -> None:
    """Who was there when they pressed is found there, wherever they went."""
    citizen = town.citizen()
    await citizen.raises(text="快走", position=HERE)
    await citizen.does("position", **A_KILOMETRE_AWAY)
    assert await found(history.supervisor, near=HERE, within_m=300) == [citizen.id, history.cellar.id]


async def test_by_officer(history: History) -> None:
    """Who had it at any time, or closed it; not who was only called."""
    assert await found(history.supervisor, officer="V01") == [history.cellar.id]
    assert await found(history.supervisor, officer="V02") == [history.shop.id, history.cellar.id]
    assert await found(history.supervisor, officer="V09") == []


async def test_what_was_wiped_is_found_by_nothing_that_it_said(history: History) -> None:
    """Words and places are gone from every search at once; what was done, by whom and when still finds it."""
    supervisor, cellar = history.supervisor, history.cellar.id
    await supervisor.asks("wipe", alarm=cellar, reason="当事人申请")
    for asked in ({"words": "axe"}, {"words": "地下室"}, {"place": "大东路"}, {"near": HERE, "within_m": 300}):
        assert await found(supervisor, **asked) == [], asked
    assert await found(supervisor, officer="V01", code=receipt_code(cellar)) == [cellar]
    [one] = (await answer(supervisor, officer="V01"))["alarms"]
    assert "wiped_at" in one
    assert not {"text", "place", "category"} & one.keys()


async def test_a_day_is_the_stations_own(tmp_path: Path) -> None:
    """From midnight to midnight by the clock on the station's wall, both days included."""
    async with Town(tmp_path, datetime(2026, 11, 22, 15, 58, tzinfo=UTC)) as town:  # 23:58 in Shanghai
        supervisor = await town.user("S01", station=None, role="supervisor")
        before = await town.citizen().raises()
        await town.clock.advance(180)
        after = await town.citizen().raises()
        days = {"from": "2026-11-22", "to": "2026-11-22"}
        assert await found(supervisor, **days) == [before]
        assert await found(supervisor, **{"from": "2026-11-23"}) == [after]
        assert await found(supervisor, **{**days, "to": "2026-11-23"}) == [after, before]
        assert await found(supervisor, to="2026-11-21") == []
        assert await found(supervisor, code=receipt_code(before), **days) == [before]
        assert await found(supervisor, code=receipt_code(after), **days) == []


async def test_who_sees_what(town: Town, history: History) -> None:
    """An officer finds their own station's alarms and those that it was called in to; each once, for who sees all."""
    officer, away = await town.user("V01"), await town.user("X01", station="xiaodong")
    assert await found(officer) == [history.shop.id, history.cellar.id]
    assert await found(away, code=receipt_code(history.shop.id)) == []
    assert await found(away, officer="V02") == []
    assert await found(history.supervisor, officer="V02", station="xiaodong") == []
    refused = await away.http.post("/log/alarms", json={"station": "dadongmen"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")

    await town.clock.advance(1)
    alarm = await town.citizen().raises(text="增援", position=HERE)
    await town.clock.advance(60)  # nobody takes it: the backup stations are called
    loaded = await town.dispatch.alarms.load(alarm)
    assert loaded is not None
    assert "xiaodong" in loaded.alarm.shared
    assert await found(away) == [alarm, history.north.id]
    assert await found(history.supervisor, words="增援") == [alarm]
    assert await found(history.supervisor, station="xiaodong") == [alarm, history.north.id]
    events = (await history.supervisor.http.get("/log", params={"alarm": alarm, "limit": 1000})).json()["events"]
    own = [row["version"] for row in events if row["event"]["type"] != "alarm_shared"]
    assert own == sorted(set(own)), "an event stands once"
    assert {row["station"] for row in events if row["event"]["type"] != "alarm_shared"} == {"dadongmen"}


async def test_a_plan_is_not_there(town: Town, history: History) -> None:
    """Nobody finds it by anything, until it is an alarm (P10)."""
    citizen = town.citizen()
    await citizen.raises(check_in_s=60, text="老槐树", place="老槐树街", position=HERE)
    code = receipt_code(citizen.id)
    searches: list[dict[str, Any]] = [{"code": code}, {"words": "老槐树"}, {"place": "老槐树街"}, {"near": HERE}, {}]
    for asked in searches:
        assert citizen.id not in await found(history.supervisor, **asked), asked
    await town.clock.advance(70)
    for asked in searches:
        assert citizen.id in await found(history.supervisor, **asked), asked


async def test_page_by_page(town: Town, history: History) -> None:
    """With `next` every alarm once, in order, also those of the same instant."""
    same = [await town.citizen().raises() for _ in range(5)]
    every = await found(history.supervisor)
    assert set(every) == {*same, *history.all}
    for limit in (1, 2, 7):
        told, got = await answer(history.supervisor, limit=limit), []
        while True:
            got += [alarm["id"] for alarm in told["alarms"]]
            if told["next"] is None:
                break
            told = await answer(history.supervisor, limit=limit, after=told["next"])
        assert got == every, limit


@pytest.fixture
async def brief(tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose searches look at ten alarms."""
    async with Town(tmp_path, env={"DISPATCH_LIMITS_FIND_LOOKS": "10"}) as town:
        yield town


async def test_a_search_says_how_far_it_came(brief: Town) -> None:
    """It looks at so many alarms and no more; then it says up to when it looked, and how to go on."""
    supervisor = await brief.user("S01", station=None, role="supervisor")
    oldest = await brief.citizen().raises(text="最早的")
    for _ in range(22):
        await brief.clock.advance(1)
        await brief.citizen().raises()
    first = await answer(supervisor, words="最早的")
    assert (first["alarms"], first["looked_at"], first["back_to"]) == ([], 10, "2026-11-22T02:00:13.000Z")
    second = await answer(supervisor, words="最早的", after=first["next"])
    third = await answer(supervisor, words="最早的", after=second["next"])
    assert [alarm["id"] for alarm in third["alarms"]] == [oldest]
    assert (third["looked_at"], third["next"]) == (3, None)


async def test_the_index_is_made_from_the_streams(town: Town, history: History) -> None:
    """An older store has none, and neither has one that lost it: it is made a little at a time, to the same."""
    stream, keys = town.dispatch.stream, town.dispatch.stream.keys
    code, index = receipt_code(history.cellar.id), Index(town.dispatch.stream)
    before = [await found(history.supervisor, **asked) for asked in ({}, {"code": code}, {"officer": "V01"})]
    kept = await stream.redis.keys(f"{keys.trail('*', '*')}")
    await stream.redis.delete(keys.codes, keys.indexed, keys.had("V01"), keys.history("dadongmen"), *kept)
    stations = ["dadongmen", "xiaodong"]
    left = sum(end for end, _ in await stream.ends(stations))
    assert await index.follow(stations, most=5) == left - 5
    await index.follow(stations, PER_STEP)
    after = [await found(history.supervisor, **asked) for asked in ({}, {"code": code}, {"officer": "V01"})]
    assert after == before


async def test_a_timeline_costs_what_the_alarm_has(town: Town, history: History) -> None:
    """However much else happened at its station: only its own events are read."""
    busy = await town.citizen().raises()
    officer = town.people[0]
    with town.clock.under_way():
        for _ in range(150):
            await officer.asks("note", alarm=busy, text="x" * 500)
    await town.quiet()
    await town.clock.advance(5)  # the index follows by itself
    redis = town.dispatch.stream.redis
    sent = (await redis.info("stats"))["total_net_output_bytes"]
    told = (await history.supervisor.http.get(f"/log/alarms/{history.shop.id}")).json()
    assert [row["event"]["type"] for row in told["events"]][-1] == "alarm_closed"
    assert (await redis.info("stats"))["total_net_output_bytes"] - sent < 50_000


async def test_what_is_wrong_is_named(history: History) -> None:
    """Nothing is guessed at: the field, and what would be right."""
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"code": "K7P2"}, "code"), ({"code": ""}, "code"), ({"words": "  "}, "words"), ({"words": "x" * 201}, "words"),
        ({"place": 5}, "place"), ({"near": {"lat": 91, "lon": 0}}, "near.lat"),
        ({"near": {"lat": 0, "lon": 0}}, "near"), ({"who": "V01"}, "who"),
        ({"near": HERE, "within_m": 20_001}, "within_m"), ({"near": HERE, "within_m": 0}, "within_m"),
        ({"from": "22.11.2026"}, "from"), ({"from": "2026-02-30"}, "from"), ({"to": "9999-12-31"}, "to"),
        ({"from": "2026-11-23", "to": "2026-11-22"}, "to"), ({"limit": 0}, "limit"), ({"limit": 51}, "limit"),
        ({"after": "x"}, "after"), ({"after": "W10="}, "after"), ({"after": "WzEsMl0="}, "after"),
    )  # fmt: skip
    for asked, field in wrong:
        told = await history.supervisor.http.post("/log/alarms", json=asked)
        assert told.status_code in (413, 422), (asked, told.text)
        assert told.json()["message"].startswith(f"{field}: "), (asked, told.json()["message"])
    for body, code in ((b"{", "undecodable"), (b"[]", "bad_message"), (b'"' + b"x" * 70_000, "too_large")):
        told = await history.supervisor.http.post("/log/alarms", content=body)
        assert told.json()["code"] == code
