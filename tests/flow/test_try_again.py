"""Trying again is always safe: any request may be repeated and has its effect once (P6)."""

import asyncio

import pytest

from tests.flow.people import Answered
from tests.flow.town import Town


async def test_a_double_press_is_one_alarm(town: Town) -> None:
    """The same id and secret, twice at once and once more on another hub: one alarm, the same receipt to the byte."""
    officer = await town.officer("V01")
    other_hub = await town.opens_hub()
    citizen = town.citizen()
    body = {"id": citizen.id, "secret": citizen.secret, "text": "救命"}
    answers = await asyncio.gather(*(citizen.http.post("/alarms", json=body) for _ in range(5)))
    later = await citizen.http.post(f"{other_hub.url}/alarms", json=body | {"text": "再发一次"})
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert {answer.content for answer in [*answers, later]} == {answers[0].content}
    await officer.hears(citizen.id, "alarm_raised", "step_run")


async def test_another_secret_is_another_persons(town: Town) -> None:
    """The same id with another secret is refused, and the alarm stays as it was."""
    citizen, stranger = town.citizen(), town.citizen()
    await citizen.raises(text="第一个")
    stranger.id = citizen.id
    answer = await stranger.posts(text="第二个")
    assert (answer.status_code, answer.json()["code"]) == (409, "alarm_exists")
    assert (await stranger.http.get(f"/alarms/{citizen.id}", headers=stranger.headers)).status_code == 404


async def test_words_repeated_are_said_once(town: Town) -> None:
    """A message with the same ref is the same message, also after other things happened."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    first = await citizen.does("say", ref="a1", text="我在三楼")
    await officer.asks("say", alarm=alarm, text="收到")
    again = await citizen.does("say", ref="a1", text="我在三楼")
    assert (first.status_code, again.status_code) == (200, 200)
    assert [said["text"] for said in (await citizen.sees())["talk"]] == ["我在三楼", "收到"]
    other = await citizen.does("say", ref="a1", text="别的话")
    assert (other.status_code, other.json()["code"]) == (409, "ref_reused")
    await town.forgets(officer)


async def test_an_ack_that_was_undone_is_not_done_again(town: Town) -> None:
    """A late copy of an ack does not take back an alarm that was released meanwhile."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.asks("ack", alarm=alarm, ref="ack-1")
    await officer.asks("release", alarm=alarm, ref="release-1", reason="换人")
    await officer.asks("ack", alarm=alarm, ref="ack-1")
    await town.quiet()
    assert officer.alarms[alarm]["status"] == "raised"
    with pytest.raises(Answered, match="ref_reused"):
        await officer.asks("move", alarm=alarm, ref="ack-1")
    await town.forgets(officer)


async def test_a_cancel_repeated_is_one_cancel(town: Town) -> None:
    """The same number again, at once and at another hub, is the same request; so is the same place."""
    officer = await town.officer("V01")
    other_hub = await town.opens_hub()
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    for url in (town.url, town.url, other_hub.url):
        answer = await citizen.http.post(f"{url}/alarms/{alarm}/cancel", json={"pin": "0000"}, headers=citizen.headers)
        assert answer.json() == {"cancel": "requested"}
    await officer.hears(alarm, "cancel_requested")
    place = {"lat": 41.8, "lon": 123.47, "at": "2026-11-22T02:00:10.000Z"}
    await citizen.does("position", **place)
    await citizen.does("position", **place)
    moved = await officer.hears(alarm, "position_reported")
    assert (moved["event"]["position"]["lat"], officer.alarms[alarm]["position"]["lat"]) == (41.8, 41.8)


async def test_a_cancel_of_a_later_wait_is_another(town: Town) -> None:
    """The alarm was released, and waits for a person again: the same number asks to cancel that, and officers hear."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    await citizen.does("cancel", pin=citizen.pin)
    await officer.acknowledges(alarm)
    await officer.asks("release", alarm=alarm, reason="换人")
    await officer.hears(alarm, "alarm_raised", "step_run", "cancel_requested", "alarm_acknowledged", "alarm_released")
    await officer.hears(alarm, "step_run")
    for _ in range(2):
        await citizen.does("cancel", pin=citizen.pin)
    await officer.hears(alarm, "cancel_requested")
