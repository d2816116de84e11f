"""A dead man's timer, kept by the server: a check-in that is missed raises the alarm with the phone off (P4, P9)."""

from typing import Any

import pytest

from dispatch.alarm.outbound import Ladder, Resumed
from tests.dump import everything
from tests.flow.people import Citizen
from tests.flow.town import Town
from tests.intake.link import Link

PLAN_S = 120
TEXT = "如果我没报平安，我在老槐树下"
AFTER: list[tuple[str, dict[str, Any]]] = [
    ("say", {"ref": "3", "text": "?"}), ("check-in", {"ref": "4", "check_in_s": 60}), ("cancel", {}),
]  # fmt: skip
"""What a device might still try once its plan has ended."""
PLACE = {"lat": 41.8065, "lon": 123.4655, "accuracy_m": 15}


async def plans(town: Town, **body: Any) -> Citizen:
    """A citizen with a plan to check in within two minutes."""
    citizen = town.citizen()
    await citizen.raises(check_in_s=PLAN_S, text=TEXT, position=PLACE, **body)
    return citizen


async def test_a_missed_check_in_raises_the_alarm(town: Town) -> None:
    """Nobody hears of a plan until it is missed; then the alarm comes whole, calls at once and has its receipt."""
    officer = await town.officer("V01")
    citizen = await plans(town)
    assert (citizen.answer.json()["status"], citizen.answer.json()["ladder"]) == ("planned", [])
    assert citizen.answer.status_code == 201
    assert citizen.id not in str(officer.every)
    await town.fast_forward(PLAN_S - 1)
    assert (await citizen.sees())["status"] == "planned"
    await town.fast_forward(1)
    raised = await officer.hears(citizen.id, "alarm_raised", "step_run")
    alarm = officer.alarms[citizen.id]
    assert (alarm["text"], alarm["position"]["lat"], alarm["plan"]) == (TEXT, PLACE["lat"], "missed")
    assert alarm["status"] == "raised"
    assert raised["event"]["reached"] == ["V01"]
    assert await citizen.ladder() == ["stored"]
    await officer.acknowledges(citizen.id)
    await officer.hears(citizen.id, "alarm_acknowledged")
    assert await citizen.ladder() == ["stored", "acknowledged"]


async def test_checking_in_puts_it_off(town: Town) -> None:
    """Each check-in begins the time anew; the same one sent again does so once; its place goes with the alarm."""
    officer = await town.officer("V01")
    citizen = await plans(town)
    await town.fast_forward(100)
    there = {"lat": 41.8066, "lon": 123.4656}
    first = await citizen.does("check-in", ref="1", check_in_s=60, position=there)
    await town.fast_forward(40)
    again = await citizen.does("check-in", ref="1", check_in_s=60, position=there)
    assert first.json()["check_in_by"] == again.json()["check_in_by"] == (await citizen.sees())["check_in_by"]
    await town.fast_forward(19)
    assert (await citizen.sees())["status"] == "planned"
    await town.fast_forward(1)
    await officer.hears(citizen.id, "alarm_raised", "step_run")
    assert officer.alarms[citizen.id]["position"]["lat"] == there["lat"]
    late = await citizen.does("check-in", ref="2", check_in_s=60)
    assert (late.status_code, late.json()["code"]) == (409, "not_possible")


async def test_how_often_is_told(town: Town) -> None:
    """Whoever comes back to a plan learns its interval, over HTTP and over a socket, and learns when it changed."""
    citizen = await plans(town)
    assert citizen.answer.json()["check_in_s"] == (await citizen.sees())["check_in_s"] == PLAN_S
    link = await Link.open(town.url)
    resumed = await link.asks("resume", id=citizen.id, secret=citizen.secret)
    assert Resumed.model_validate(resumed).check_in_s == PLAN_S
    assert Ladder.model_validate(await link.hears("ladder")).check_in_s == PLAN_S
    await town.fast_forward(23)
    await citizen.does("check-in", ref="1", check_in_s=900)
    assert Ladder.model_validate(await link.hears("ladder")).check_in_s == 900
    await link.closes()
    await citizen.does("end-plan", pin=citizen.pin)
    assert "check_in_s" not in await citizen.sees()


async def test_a_plan_that_ends_leaves_nothing(town: Town) -> None:
    """Ended with its number it never becomes an alarm, and its words and place are in the store no more."""
    officer = await town.officer("V01")
    citizen = await plans(town)
    for _ in range(2):
        ended = await citizen.does("end-plan", pin=citizen.pin)
        assert (ended.status_code, ended.json()) == (200, {"plan": "ended"})
    await town.fast_forward(3 * PLAN_S)
    assert (await citizen.sees())["status"] == "ended"
    assert citizen.id not in str(officer.every)
    left = await everything(town.dispatch.stream.redis, town.prefix)
    assert TEXT.encode() not in left
    assert b"41.80" not in left
    counts = await town.dispatch.stream.redis.hmget(town.dispatch.stream.keys.rewrite, "wiped", "written")
    assert counts == [b"1", b"1"], "the append-only file was written anew"
    for what, body in (
        ("say", {"ref": "3", "text": "?"}),
        ("check-in", {"ref": "4", "check_in_s": 60}),
        ("cancel", {}),
    ):
        refused = await citizen.does(what, **body)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_possible"), what


async def test_a_forced_end_raises_the_alarm_and_looks_ended(town: Town) -> None:
    """With a wrong number, or none, officers have the alarm as duress, and the device cannot tell: now or later."""
    officer = await town.officer("V01")
    seen = []
    for pin in ("4821", "0000", None):
        citizen = await plans(town)
        answer = await citizen.does("end-plan", **({"pin": pin} if pin else {}))
        if pin == "4821":
            assert citizen.id not in str(officer.every)
        else:
            cancel = await officer.hears(citizen.id, "alarm_raised", "cancel_requested", "step_run")
            alarm = officer.alarms[citizen.id]
            assert (alarm["cancel"], alarm["plan"], alarm["text"], alarm["status"]) == (
                "duress",
                "duress",
                TEXT,
                "raised",
            )
            assert cancel["event"]["reached"] == ["V01"]
            await officer.asks("say", alarm=citizen.id, text="在路上")
            await officer.acknowledges(citizen.id)
            await officer.hears(citizen.id, "officer_said", "alarm_acknowledged")
        view = await citizen.http.get(f"/alarms/{citizen.id}", headers=citizen.headers)
        refused = [(await citizen.does(what, **body)).content for what, body in (*AFTER, ("end-plan", {}))]
        same = {name: value for name, value in view.json().items() if name not in ("id", "code")}
        seen.append((answer.status_code, answer.content, sorted(answer.headers.keys()), same, refused))
    assert seen[0] == seen[1] == seen[2]


async def test_a_plan_takes_no_media(town: Town) -> None:
    """Photos and sound are refused over HTTP and over a socket, while it runs and once it ended; nothing is stored."""
    citizen = await plans(town)
    for status in ("planned", "ended"):
        path = f"/alarms/{citizen.id}/media/m1"
        for kind in ("photo", "audio"):
            headers = {**citizen.headers, "x-media-kind": kind}
            put = await citizen.http.put(f"{path}/0", content=b"abc", headers=headers)
            end = await citizen.http.post(path, json={"kind": kind, "chunks": 1}, headers=citizen.headers)
            for answer in (put, end):
                assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
                assert f"while the alarm is {status}" in answer.json()["message"]
        link = await Link.open(town.url, codec="msgpack")
        await link.asks("resume", id=citizen.id, secret=citizen.secret)
        refused = await link.asks("media_chunk", media="m2", seq=0, data=b"abc")
        assert refused["code"] == "not_possible"
        await link.closes()
        await citizen.does("end-plan", pin=citizen.pin)
    assert [path for path in (town.folder / "media").rglob("*") if path.is_file()] == []
    assert b":chunks:" not in await everything(town.dispatch.stream.redis, town.prefix)


async def test_the_citizen_presses_before_the_time(town: Town) -> None:
    """The plan's alarm can be raised at once, with what is to be added; words left out are the plan's."""
    officer = await town.officer("V01")
    citizen = await plans(town)
    await citizen.raises(place="三楼")
    await officer.hears(citizen.id, "alarm_raised")
    await town.fast_forward(1)
    await officer.hears(citizen.id, "step_run")
    alarm = officer.alarms[citizen.id]
    assert (alarm["text"], alarm["place"], alarm["plan"]) == (TEXT, "三楼", "pressed")


async def test_a_practice_plan_calls_nobody(town: Town) -> None:
    """Missed, it is a practice alarm like any other."""
    officer = await town.officer("V01")
    citizen = await plans(town, kind="practice")
    await town.fast_forward(PLAN_S)
    await officer.hears(citizen.id, "alarm_raised")
    assert (await citizen.sees())["status"] == "raised"


@pytest.mark.parametrize(
    ("seconds", "understood"), [(59, 60), (86_401, 86_400), ("600", 600), (61.5, 61), ("soon", 60)]
)
async def test_times_that_are_not_allowed(town: Town, seconds: Any, understood: int) -> None:
    """Too short, too long, no whole number: planned with the nearest that is, and told; never raised at once."""
    citizen = town.citizen()
    answer = await citizen.posts(check_in_s=seconds)
    assert (answer.status_code, answer.json()["status"]) == (201, "planned")
    assert answer.json()["faults"][0].startswith("check_in_s: ")
    assert (await citizen.sees())["check_in_s"] == understood


async def test_a_hub_that_is_gone_loses_no_plan(town: Town) -> None:
    """The plan is the store's: another hub raises it in its time."""
    await town.opens_hub()
    officer = await town.officer("V01")
    citizen = town.citizen(hub=1)
    await citizen.raises(check_in_s=PLAN_S)
    await town.hubs.pop().stop()
    await town.fast_forward(PLAN_S + 5)
    await officer.hears(citizen.id, "alarm_raised", "step_run")
