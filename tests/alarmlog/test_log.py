"""The log: everything that happened, in order, filtered and by page, only to who may see it, and unchanged."""

import asyncio
import base64
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dispatch.alarmlog.chain import verify
from dispatch.alarmlog.http import harmless
from tests.flow.people import Officer
from tests.flow.town import Town

XIAODONG = {"lat": 41.8375, "lon": 123.4654}


@pytest.fixture
async def supervisor(town: Town) -> AsyncIterator[Officer]:
    """Someone who sees all stations, after a day's work at two of them."""
    supervisor = await town.user("S01", station=None, role="supervisor")
    first, second = await town.officer("V01"), await town.officer("X01", station="xiaodong")
    for n in range(3):
        alarm = await town.citizen().raises(text=f"第{n}个")
        await first.acknowledges(alarm)
        await town.clock.advance(1)
        other = await town.citizen().raises(text="小东", position=XIAODONG)
        await second.acknowledges(other)
        await town.clock.advance(1)
    await first.asks("close", alarm=alarm, disposition="handled", note='=HYPERLINK("http://evil")')
    await first.hears(alarm, "alarm_closed")
    yield supervisor
    town.stops_watching(first)
    town.stops_watching(second)


def cursor(**offsets: int) -> str:
    return base64.urlsafe_b64encode(json.dumps(offsets).encode()).decode()


async def events(who: Officer, **params: Any) -> list[dict[str, Any]]:
    answer = await who.http.get("/log", params={"limit": 1000, **params})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["next"] is None
    return list(body["events"])


async def test_one_station_in_order(supervisor: Officer) -> None:
    """All of a station's events, oldest first, with no gap between offsets, each with time, alarm and version."""
    found = await events(supervisor, station="dadongmen")
    assert [event["offset"] for event in found] == list(range(1, len(found) + 1))
    assert {event["station"] for event in found} == {"dadongmen"}
    kinds = [event["event"]["type"] for event in found]
    assert kinds.count("alarm_raised") == 3
    assert kinds[-1] == "alarm_closed"


async def test_several_stations_are_merged_by_time(supervisor: Officer) -> None:
    """Without a station: all that one may see, by time, each station's own order kept."""
    found = await events(supervisor)
    assert {"dadongmen", "xiaodong"} <= {event["station"] for event in found}
    assert [event["at"] for event in found] == sorted(event["at"] for event in found)
    for station in ("dadongmen", "xiaodong"):
        offsets = [event["offset"] for event in found if event["station"] == station]
        assert offsets == list(range(1, len(offsets) + 1))


async def test_pages(supervisor: Officer) -> None:
    """Page by page with `next` gives exactly the whole, whatever the filter and the size."""
    for params in ({}, {"station": "dadongmen"}, {"type": "alarm_raised"}, {"from": "2026-11-22T02:00:02Z"}):
        whole = await events(supervisor, **params)
        for limit in (1, 3, 7):
            found: list[dict[str, Any]] = []
            after: str | None = ""
            while after is not None:
                query: dict[str, Any] = {**params, "limit": limit, "after": after}
                page = (await supervisor.http.get("/log", params=query)).json()
                assert len(page["events"]) <= limit
                found += page["events"]
                after = page["next"]
            assert found == whole, (params, limit)


async def test_filters(supervisor: Officer) -> None:
    """By alarm, by type, by time: `from` included, `to` not."""
    everything = await events(supervisor, station="dadongmen")
    alarm = next(event["alarm"] for event in everything if event["alarm"])
    assert await events(supervisor, station="dadongmen", alarm=alarm) == [e for e in everything if e["alarm"] == alarm]
    raised = await events(supervisor, type="alarm_raised")
    assert len(raised) == 6
    assert {event["event"]["type"] for event in raised} == {"alarm_raised"}
    since, until = "2026-11-22T02:00:02.000Z", "2026-11-22T02:00:04.000Z"
    some = await events(supervisor, station="dadongmen", **{"from": since, "to": until})
    assert some == [event for event in everything if since <= event["at"] < until]
    assert some
    assert await events(supervisor, **{"from": "2030-01-01T00:00:00Z"}) == []
    assert await events(supervisor, to="2020-01-01T00:00:00+08:00") == []


async def test_each_row_says_its_code(supervisor: Officer) -> None:
    """What people call the alarm stands in every row that is of one, in every form, and finds these rows at once."""
    raised = await events(supervisor, type="alarm_raised")
    codes = {row["alarm"]: row["event"]["code"] for row in raised}
    alarm, code = next(iter(codes.items()))
    assert {row["alarm"] for row in await events(supervisor, alarm=code.lower())} == {alarm}
    for row in await events(supervisor):
        assert row.get("code") == codes.get(row["alarm"])
    table = await supervisor.http.get("/log", headers={"accept": "text/csv"})
    assert {row["alarm"]: row["code"] for row in csv.DictReader(io.StringIO(table.text)) if row["alarm"]} == codes


async def test_which_photo_was_opened(town: Town) -> None:
    """A row about a photo or recording says which, as people count them: photos by themselves, recordings likewise."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    await citizen.raises()
    for media, kind, mime in (
        ("p1", "photo", "image/jpeg"),
        ("a1", "audio", "audio/webm"),
        ("p2", "photo", "image/jpeg"),
    ):
        put = await citizen.http.put(
            f"/alarms/{citizen.id}/media/{media}/0", content=b"x" * 100,
            headers={**citizen.headers, "x-media-kind": kind, "content-type": mime},
        )  # fmt: skip
        assert put.status_code == 204, put.text
    rows = await events(officer, type="media_added")
    assert [row["item"] for row in rows] == [
        {"kind": "photo", "number": 1}, {"kind": "audio", "number": 1}, {"kind": "photo", "number": 2},
    ]  # fmt: skip
    town.stops_watching(officer)


async def test_what_is_wrong_is_named(supervisor: Officer) -> None:
    """A filter that makes no sense is named; none is guessed at."""
    wrong: tuple[dict[str, str], ...] = (
        {"type": "war"}, {"from": "yesterday"}, {"to": "2026-11-22"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "²"},
        {"after": "x"}, {"after": "W10="}, {"after": "eyJhIjoieCJ9"}, {"after": "é"},
        {"after": cursor(dadongmen=-5)}, {"after": cursor(dadongmen=2**63)}, {"limit": "1" * 5000},
    )  # fmt: skip
    for params in wrong:
        answer = await supervisor.http.get("/log", params=params)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_message"), params
        assert answer.json()["message"].startswith(f"{next(iter(params))}: "), params


async def test_ndjson_and_csv(supervisor: Officer) -> None:
    """Streams of all events; a cell that a spreadsheet would run begins with an apostrophe."""
    whole = await events(supervisor, station="dadongmen")
    lines = await supervisor.http.get(
        "/log", params={"station": "dadongmen", "limit": 1}, headers={"accept": "application/x-ndjson"}
    )
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    table = await supervisor.http.get("/log", params={"station": "dadongmen"}, headers={"accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["station"], int(row["offset"]), row["at"]) for row in rows] == [
        (event["station"], event["offset"], event["at"]) for event in whole
    ]
    assert [row["type"] for row in rows] == [event["event"]["type"] for event in whole]
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


async def test_a_timeline(town: Town, supervisor: Officer) -> None:
    """One alarm's events and the alarm as they left it; for its own station, and nobody else's officers."""
    raised = await events(supervisor, station="dadongmen", type="alarm_raised")
    alarm = raised[-1]["alarm"]
    answer = (await supervisor.http.get(f"/log/alarms/{alarm}")).json()
    assert answer["alarm"]["status"] == "closed"
    kinds = [event["event"]["type"] for event in answer["events"]]
    assert kinds == ["alarm_raised", "step_run", "alarm_acknowledged", "alarm_closed"]
    assert [event["version"] for event in answer["events"]] == [1, 2, 3, 4]
    own, other = await town.user("V02"), await town.user("E01", station="dongzhan")
    assert (await own.http.get(f"/log/alarms/{alarm}")).status_code == 200
    unknown = await other.http.get("/log/alarms/0197d3c2-0000-7000-8000-000000000001")
    hidden = await other.http.get(f"/log/alarms/{alarm}")
    assert (hidden.status_code, hidden.content) == (404, unknown.content)


async def test_an_officer_sees_only_their_own_station(town: Town, supervisor: Officer) -> None:
    """Without a station their own; another one is refused; the check of the chain likewise."""
    officer = await town.user("X02", station="xiaodong")
    assert {event["station"] for event in await events(officer)} == {"xiaodong"}
    for path in ("/log", "/log/verify"):
        refused = await officer.http.get(path, params={"station": "dadongmen"})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    cursor = (await supervisor.http.get("/log", params={"limit": 1})).json()["next"]
    page = await officer.http.get("/log", params={"after": cursor})
    assert {event["station"] for event in page.json()["events"]} == {"xiaodong"}, "also with another's cursor"


async def test_the_chain(town: Town, supervisor: Officer) -> None:
    """In order: how many events, and the head. A word changed beside the record: the offset of it, and why."""
    whole = await events(supervisor, station="dadongmen")
    good = (await supervisor.http.get("/log/verify", params={"station": "dadongmen"})).json()
    assert (good["ok"], good["events"]) == (True, len(whole))
    assert len(good["head"]) == 40
    raised = next(event for event in whole if event["event"]["type"] == "alarm_raised")
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    words = keys.words("dadongmen", raised["alarm"])
    before = await redis.hget(words, "1")
    await redis.hset(words, "1", before.replace("第0个".encode(), "第9个".encode()))
    bad = (await supervisor.http.get("/log/verify", params={"station": "dadongmen"})).json()
    assert (bad["ok"], bad["broken_at"]) == (False, raised["offset"])
    assert "words" in bad["why"]
    await redis.hset(words, "1", before)
    await redis.xdel(keys.stream("dadongmen"), f"{raised['offset']}-0")
    gone = (await supervisor.http.get("/log/verify", params={"station": "dadongmen"})).json()
    assert (gone["ok"], gone["broken_at"]) == (False, raised["offset"])
    assert "missing" in gone["why"]


async def test_an_end_that_was_cut_off(town: Town, supervisor: Officer) -> None:
    """The last event is gone, and all before it is whole: the station's index says that there was more (P11)."""
    redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
    last = await town.dispatch.stream.offset("dadongmen")
    await redis.xdel(keys.stream("dadongmen"), f"{last}-0")
    verdict = await verify(town.dispatch.stream, "dadongmen")
    assert (verdict.ok, verdict.broken_at) == (False, last)
    assert f"the index says {last}" in str(verdict.why)


async def test_the_chain_of_a_living_station(town: Town, supervisor: Officer) -> None:
    """Events that are appended while the chain is checked break nothing."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()

    async def writes() -> None:
        for n in range(30):
            await officer.asks("note", alarm=alarm, text=str(n))

    with town.clock.under_way():
        writing = asyncio.create_task(writes())
        while not writing.done():
            verdict = await verify(town.dispatch.stream, "dadongmen")
            assert (verdict.ok, verdict.why) == (True, None)
        await writing
    await town.forgets(officer)


async def test_words_that_were_wiped_leave_the_record(town: Town, supervisor: Officer) -> None:
    """Without the words the log still shows who did what when, and the chain holds."""
    raised = (await events(supervisor, station="dadongmen", type="alarm_raised"))[0]
    keys = town.dispatch.stream.keys
    await town.dispatch.stream.redis.delete(keys.words("dadongmen", raised["alarm"]))
    after = (await events(supervisor, station="dadongmen", alarm=raised["alarm"]))[0]
    assert after["wiped"] is True
    assert "text" not in after["event"]
    assert after["event"]["code"] == raised["event"]["code"]
    assert (await supervisor.http.get("/log/verify", params={"station": "dadongmen"})).json()["ok"] is True


def test_a_cell_that_a_spreadsheet_would_run_is_text() -> None:
    """Whatever column it comes to be in."""
    for cell in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert harmless(cell) == "'" + cell
    for other in ("dadongmen", "", 7, None):
        assert harmless(other) == other
