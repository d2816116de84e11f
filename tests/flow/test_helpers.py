"""Helpers near an alarm are called with a coarse place and a task; only who accepts sees the exact place."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from dispatch.alarm.messages import CONSOLE, HELPER
from dispatch.identity import hash_password
from dispatch.protocol_page import HTTP
from tests.dump import everything
from tests.flow.helpers import Helper
from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import PASSWORD, Town

LAT, LON = 41.8031271, 123.4658731
HERE = {"lat": LAT, "lon": LON, "accuracy_m": 23.5, "at": "2026-11-21T18:00:00.000Z", "source": "gps"}
WORDS = ("他拿着刀", "小河沿路三号楼", "known-category", "known-need", "我在衣柜里")
EXACT = ("41.80312", "123.46587", "23.5")
TASK = "到东门看一眼"

Called = Callable[..., Awaitable[Helper]]


@pytest.fixture
async def opens(town: Town) -> AsyncIterator[Called]:
    """Opens a helper's page; off watch."""
    there: list[Helper] = []

    async def opened(name: str, station: str = "dadongmen", hub: int = 0) -> Helper:
        one = Helper(await town.user(name, station, "helper", hub))
        there.append(one)
        await one.opens_page()
        await one.until(lambda: one.calls is not None)
        return one

    yield opened
    await asyncio.gather(*(one.closes() for one in there))


async def alarm_of(town: Town) -> tuple[Citizen, Officer, str]:
    """An alarm in which the citizen said everything that no helper may learn; and an officer who has it."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(
        text=WORDS[0], place=WORDS[1], category=WORDS[2], needs=[WORDS[3]], position=HERE
    )  # fmt: skip
    await officer.acknowledges(alarm)
    await citizen.does("say", ref="1", text=WORDS[4])
    town.stops_watching(officer)
    return citizen, officer, alarm


async def calls(officer: Officer, alarm: str, **more: Any) -> list[str]:
    answer = await officer.asks("call_helpers", alarm=alarm, **{"tasks": ["guide_police"], **more})
    return list(answer["helpers"])


async def history(officer: Officer, alarm: str) -> list[dict[str, Any]]:
    rows = (await officer.http.get(f"/log/alarms/{alarm}")).json()["events"]
    return [row["event"] for row in rows if row["event"]["type"].startswith("helper")]


async def test_from_the_call_to_done(town: Town, opens: Called) -> None:
    """The nearest are called; who accepts is shown the place, which is in the log first; done, it is gone."""
    citizen, officer, alarm = await alarm_of(town)
    near, far, off = await opens("H01"), await opens("H02"), await opens("H03")
    await near.watches(LAT + 0.002, LON)
    await far.watches(LAT + 0.01, LON)
    shown = (await citizen.sees())["version"]

    assert await calls(officer, alarm, nearest=2, text=TASK) == ["H01", "H02"]
    call = await near.is_called()
    assert (call["tasks"], call["text"], call["station"]["zh"]) == (["guide_police"], TASK, "大东门派出所")
    assert call["coarse"]["within_m"] == 250
    assert "exact" not in call
    assert abs(call["coarse"]["lat"] - LAT) < 0.003
    assert abs(call["coarse"]["lon"] - LON) < 0.004
    assert call["distance_m"] % 50 == 0
    assert (await far.is_called())["state"] == "called"
    for _ in range(2):
        assert (await near.asks("seen", call=call["call"]))["state"] == "called"

    assert (await near.asks("accept", call=call["call"]))["state"] == "accepted"
    accepted = await near.is_called("accepted")
    assert accepted["exact"]["words"] == WORDS[1]
    assert {name: accepted["exact"][name] for name in ("lat", "lon", "accuracy_m", "at")} == {
        name: HERE[name] for name in ("lat", "lon", "accuracy_m", "at")
    }  # fmt: skip
    assert accepted["exact"]["wgs84"] == [LAT, LON]
    assert accepted["exact"]["gcj02"] != [LAT, LON]
    assert accepted["distance_m"] == 222
    call_of_far = (await far.is_called())["call"]
    assert (await far.asks("decline", call=call_of_far, why="too_far"))["state"] == "declined"
    await far.is_free()
    with pytest.raises(Answered, match="the call is declined"):
        await far.asks("accept", call=call_of_far)
    seen = await citizen.sees()
    assert seen["version"] == shown
    assert "H01" not in json.dumps(seen)
    moved = {**HERE, "lat": LAT + 0.001, "at": "2026-11-21T18:01:00.000Z"}
    await citizen.does("position", **moved)
    await near.until(lambda: near.calls and near.calls[0]["exact"]["lat"] == LAT + 0.001)
    await near.asks("done", call=call["call"])
    await near.is_free()

    assert await history(officer, alarm) == [
        {"type": "helpers_called", "by": "V01", "helpers": ["H01", "H02"], "tasks": ["guide_police"], "text": TASK},
        {"type": "helper_saw_call", "by": "H01"},
        {"type": "helper_accepted", "by": "H01"},
        {"type": "helper_shown_place", "by": "H01"},
        {"type": "helper_declined", "by": "H02", "why": "too_far"},
        {"type": "helper_done", "by": "H01"},
    ]
    await town.quiet()
    states = {name: entry["state"] for name, entry in officer.alarms[alarm]["helpers"].items()}
    assert states == {"H01": "done", "H02": "declined"}
    assert "shown_at" in officer.alarms[alarm]["helpers"]["H01"]
    assert off.calls == []
    assert not [frame for frame in off.frames if '"call"' in frame]


async def test_only_what_is_allowed_reaches_a_helper(town: Town, opens: Called) -> None:
    """No words, code, id or exact number before accepting; every frame is of the allowed shapes (the reader checks)."""
    citizen, officer, alarm = await alarm_of(town)
    code = citizen.answer.json()["code"]
    asked, other = await opens("H01"), await opens("H02")
    for one in (asked, other):
        await one.watches(LAT + 0.002, LON)
    await calls(officer, alarm, helpers=["H01"])
    await asked.is_called()
    await citizen.does("position", **{**HERE, "lat": LAT + 0.0001, "at": "2026-11-21T18:02:00.000Z"})
    await officer.asks("note", alarm=alarm, text="known-note")
    await town.quiet()
    before = "\n".join(asked.frames)
    secret = (alarm, code, citizen.secret, *WORDS, "known-note", "V01")
    assert [word for word in (*secret, *EXACT) if word in before] == []
    await asked.asks("accept", call=(await asked.is_called())["call"])
    await asked.is_called("accepted")
    after = "\n".join(asked.frames)
    assert [word for word in EXACT if word in after] == ["41.80312", "123.46587", "23.5"] or "41.80322" in after
    assert [word for word in secret if word in after] == [WORDS[1]]
    assert [word for word in (*secret, *EXACT, '"call"') if word in "\n".join(other.frames)] == []


async def test_the_coarse_place_tells_no_more_when_asked_again(town: Town, opens: Called) -> None:
    """Whatever the device reports within the square, and however often, the helper is shown the same middle."""
    citizen, officer, alarm = await alarm_of(town)
    helper = await opens("H01")
    await helper.watches(LAT, LON)
    await calls(officer, alarm)
    middle = (await helper.is_called())["coarse"]
    middles = set()
    for n in range(1, 6):
        at = f"2026-11-21T18:0{n}:00.000Z"
        near = {"lat": middle["lat"] + 0.0002 * n, "lon": middle["lon"] - 0.0002 * n, "at": at, "accuracy_m": 20}
        await citizen.does("position", **near)
        await officer.asks("release_helpers", alarm=alarm)
        await helper.is_free()
        await calls(officer, alarm, helpers=["H01"])
        middles.add(json.dumps((await helper.is_called())["coarse"]))
    assert middles == {json.dumps(middle)}


async def test_two_officers_call_at_once(town: Town, opens: Called) -> None:
    """Each wants the three nearest: three are called, not six, and both are told that it is done."""
    _, officer, alarm = await alarm_of(town)
    other = await town.officer("V02")
    town.stops_watching(other)
    for n in range(6):
        await (await opens(f"H0{n}")).watches(LAT + 0.001 * n, LON)
    found = await asyncio.gather(calls(officer, alarm), calls(other, alarm))
    assert sorted(map(len, found)) == [0, 3]
    assert found[0] + found[1] == ["H00", "H01", "H02"]
    assert await calls(other, alarm, nearest=2, called=3) == ["H03", "H04"]
    with pytest.raises(Answered, match="H09"):
        await calls(other, alarm, helpers=["H09"])
    await calls(other, alarm, nearest=3, called=5)
    with pytest.raises(Answered, match="no further helper") as none:
        await calls(other, alarm, nearest=3, called=6)
    assert none.value.code == "not_possible"


async def test_trying_again_is_safe(town: Town, opens: Called) -> None:
    """The same call again, with the same ref, calls nobody twice though the helpers have moved; nor do the answers."""
    _, officer, alarm = await alarm_of(town)
    one, two = await opens("H01"), await opens("H02")
    await one.watches(LAT, LON)
    await two.watches(LAT + 0.01, LON)
    assert await calls(officer, alarm, nearest=1, ref="once") == ["H01"]
    await one.watches(LAT + 0.05, LON)
    assert await calls(officer, alarm, nearest=1, ref="once") == []
    call = (await one.is_called())["call"]
    for _ in range(2):
        assert (await one.asks("accept", call=call, ref="yes"))["state"] == "accepted"
        assert (await one.asks("accept", call=call))["state"] == "accepted"
    await one.is_called("accepted")
    kinds = [event["type"] for event in await history(officer, alarm)]
    assert kinds == ["helpers_called", "helper_accepted", "helper_shown_place"]
    assert two.calls == []


async def test_too_late_and_not_asked(town: Town, opens: Called) -> None:
    """A call that is over, or another's, is refused in words; nobody learns more than that it is not theirs."""
    _, officer, alarm = await alarm_of(town)
    one, other = await opens("H01"), await opens("H02")
    await one.watches(LAT, LON)
    await calls(officer, alarm)
    call = (await one.is_called())["call"]
    with pytest.raises(Answered) as not_mine:
        await other.asks("accept", call=call)
    assert not_mine.value.code == "not_found"
    with pytest.raises(Answered) as early:
        await one.asks("done", call=call)
    assert early.value.body["possible"] == ["accept", "decline"]
    await officer.asks("release_helpers", alarm=alarm, helpers=["H01"])
    await one.is_free()
    with pytest.raises(Answered, match="released"):
        await one.asks("accept", call=call)
    await calls(officer, alarm, helpers=["H01"])
    await one.is_called()
    await officer.asks("close", alarm=alarm, disposition="handled")
    await one.is_free()
    with pytest.raises(Answered, match="closed"):
        await one.asks("accept", call=call)
    with pytest.raises(Answered, match="closed"):
        await calls(officer, alarm)
    assert [e["type"] for e in await history(officer, alarm)] == [
        "helpers_called",
        "helpers_released",
        "helpers_called",
    ]


async def test_the_place_is_gone_after_closing(town: Town, opens: Called) -> None:
    """Who accepted is shown nothing once the alarm is closed, also after reopening; undone at once, they go on."""
    _, officer, alarm = await alarm_of(town)
    helper = await opens("H01")
    await helper.watches(LAT, LON)
    await calls(officer, alarm)
    await helper.asks("accept", call=(await helper.is_called())["call"])
    await helper.is_called("accepted")
    await officer.asks("close", alarm=alarm, disposition="false_alarm")
    await helper.is_free()
    await officer.asks("undo_close", alarm=alarm)
    await helper.is_called("accepted")
    await officer.asks("close", alarm=alarm, disposition="handled")
    await helper.is_free()
    await officer.asks("reopen", alarm=alarm, reason="又来了")
    await officer.asks("note", alarm=alarm, text="-")
    await town.quiet()
    assert officer.alarms[alarm]["helpers"]["H01"]["state"] == "released"
    await helper.closes()
    await helper.opens_page()
    await helper.is_free()


async def test_places_end(town: Town, opens: Called) -> None:
    """A place ends by lapse, with the watch, with the duty and with the sign-in; and the next one takes its place."""
    _, owner, alarm = await alarm_of(town)
    officer = await town.officer("V02")
    town.stops_watching(officer)
    await officer.asks("duty", on=True)
    position = {"lat": LAT, "lon": LON, "accuracy_m": 9, "at": "2026-11-21T18:00:00.000Z", "datum": "gcj02"}

    async def near() -> dict[str, Any]:
        return dict((await owner.http.get(f"/nearby/{alarm}")).json())

    one = await opens("H01")
    await one.watches(LAT + 0.01, LON)
    await one.watches(LAT + 0.002, LON)
    await officer.asks("share_place", on=True, position=position)
    now = await near()
    assert [(row["name"], row["distance_m"]) for row in now["helpers"]] == [("H01", 222)]
    assert now["officers"][0]["position"] == position
    assert now["officers"][0]["station"] == "dadongmen"
    assert 500 < now["officers"][0]["distance_m"] < 700  # the same numbers in the other datum are another place
    await officer.asks("share_place", on=False)
    await one.asks("watch", on=False)
    assert await near() == {"officers": [], "helpers": []}

    await officer.asks("share_place", on=True, position=position)
    await officer.asks("duty", on=False)
    with pytest.raises(Answered, match="on duty"):
        await officer.asks("share_place", on=True, position=position)
    await one.watches(LAT, LON)
    await one.user.http.delete("/session")
    assert await near() == {"officers": [], "helpers": []}
    await town.clock.advance(5)
    await one.until(lambda: one.closed == 4501)

    two = await opens("H02")
    await two.asks("watch", on=True)
    assert [(row["position"], row["distance_m"]) for row in (await near())["helpers"]] == [(None, None)]
    await two.watches(LAT, LON)
    assert (await near())["helpers"] != []
    town.clock.jump(121)
    assert (await near())["helpers"] == []
    await town.dispatch.nearby.step(town.clock.now())
    assert b"places" not in await everything(town.dispatch.stream.redis, town.prefix)


async def test_without_a_place(town: Town, opens: Called) -> None:
    """An alarm without a position: everyone is listed, without a distance, and helpers can be called all the same."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    town.stops_watching(officer)
    helper = await opens("H01")
    await helper.watches(LAT, LON)
    near = (await officer.http.get(f"/nearby/{alarm}")).json()
    assert [(row["name"], row["distance_m"]) for row in near["helpers"]] == [("H01", None)]
    await calls(officer, alarm)
    call = await helper.is_called()
    assert not {"coarse", "exact", "distance_m"} & call.keys()
    await helper.asks("accept", call=call["call"])
    assert (await helper.is_called("accepted"))["exact"] == {}
    assert "helper_shown_place" not in [event["type"] for event in await history(officer, alarm)]


async def test_a_called_in_station_and_another_hub(town: Town, opens: Called) -> None:
    """Helpers of a station that was called in hear of it too, on any hub; for all others there is no such alarm."""
    await town.opens_hub()
    _, officer, alarm = await alarm_of(town)
    await officer.asks("transfer", alarm=alarm, station="xiaodong", reason="换我去更近")
    await town.quiet()
    helper = await opens("H11", "xiaodong", 1)
    await helper.watches(LAT, LON)
    assert await calls(officer, alarm) == ["H11"]
    await helper.asks("accept", call=(await helper.is_called())["call"])
    await helper.is_called("accepted")
    stranger = await town.user("V77", "wanquan")
    assert (await stranger.http.get(f"/nearby/{alarm}")).status_code == 404
    assert (await stranger.http.get("/nearby/guessed")).json() == (await stranger.http.get(f"/nearby/{alarm}")).json()


async def test_a_helper_has_no_other_rights(town: Town, opens: Called) -> None:
    """No route and no message of officers or supervisors is a helper's, nor their socket; nor the reverse."""
    _, officer, alarm = await alarm_of(town)
    helper = await opens("H01")
    page = helper.user.http
    await officer.asks("share_place", on=True, position=HERE)
    theirs = {*(f"{method} /session" for method in ("GET", "POST", "DELETE")), "POST /session/stay"}
    staff = [
        request for request, who, *_ in HTTP if who not in ("anyone", "citizen", "the device") and request not in theirs
    ]
    assert len(staff) > 8
    for request in staff:
        method, path = request.format(alarm=alarm, media="m1", name="dadongmen.zh.wav", device="d1").split(" ")
        answer = await page.request(method, path, json={"reason": "-"} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), request
    known = (await page.get("/session")).json()
    assert known.pop("now") < known.pop("ends_at")
    assert known == {"name": "H01", "role": "helper", "station": "dadongmen"}
    with pytest.raises((ConnectionError, ConnectionClosed)):
        await helper.user.opens_console(ready=False)
    assert helper.user.closed == 4503
    for kind in sorted(CONSOLE.keys() - HELPER.keys()):
        with pytest.raises(Answered) as unknown:
            await helper.asks(kind, alarm=alarm)
        assert unknown.value.code == "unknown_type"
    reverse = Helper(officer)
    await reverse.opens_page()
    await reverse.until(lambda: reverse.closed == 4503)
    with pytest.raises(ValueError, match="station"):
        await town.dispatch.identity.add("H55", await hash_password(PASSWORD), "helper", None)


async def test_a_wipe_takes_the_words_and_leaves_who_was_called(town: Town, opens: Called) -> None:
    """After a wipe the officer's words to helpers are gone, and nobody's place is in the record or the log."""
    _, officer, alarm = await alarm_of(town)
    supervisor = await town.officer("S01", None, "supervisor")
    town.stops_watching(supervisor)
    helper = await opens("H01")
    await helper.watches(LAT + 0.0123456, LON)
    await calls(officer, alarm, text=TASK)
    await helper.asks("accept", call=(await helper.is_called())["call"])
    await helper.is_called("accepted")
    await helper.asks("watch", on=False)
    await officer.asks("close", alarm=alarm, disposition="handled")
    redis = town.dispatch.stream.redis
    stored = (await everything(redis, town.prefix)).decode(errors="replace")
    assert TASK in stored
    assert str(LAT + 0.0123456) not in stored
    await supervisor.asks("wipe", alarm=alarm, reason="到期")
    stored = (await everything(redis, town.prefix)).decode(errors="replace")
    assert TASK not in stored
    await town.quiet()
    assert supervisor.alarms[alarm]["helpers"]["H01"]["state"] == "accepted"
    assert "calls" not in supervisor.alarms[alarm]
    assert (await history(officer, alarm))[0] == {
        "type": "helpers_called", "by": "V01", "helpers": ["H01"], "tasks": ["guide_police"],
    }  # fmt: skip
