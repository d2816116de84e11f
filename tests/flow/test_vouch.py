"""While the store may lose what it has, nobody is told that something is stored, whoever asks and however (P1)."""

import uuid
from typing import Any

import pytest
from starlette.routing import Route

from dispatch.alarm import errors, messages
from dispatch.alarm.errors import Refused
from dispatch.stream.keys import Keys
from tests.flow.helpers import Helper
from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import Town
from tests.intake.link import Link

PLACE = {"lat": 41.80312, "lon": 123.46587}
READS = {"GET", "HEAD", "OPTIONS"}
PROMISES_NOTHING = {messages.Subscribe, messages.Ready, messages.Resume, messages.Watch}
"""What stores nothing that anybody relies on: while the store is unsafe, alarms must still be seen and heard."""


async def raised(town: Town) -> tuple[Citizen, Officer]:
    """An alarm with a photo, and its officer; from now on the store is unsafe."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    await citizen.raises(text="门外有人")
    await officer.acknowledges(citizen.id)
    headers = {**citizen.headers, "content-type": "image/jpeg"}
    await citizen.http.put(f"/alarms/{citizen.id}/media/m1/0", content=b"\xff\xd8 a photo", headers=headers)
    ended = {"kind": "photo", "chunks": 1}
    await citizen.http.post(f"/alarms/{citizen.id}/media/m1", json=ended, headers=citizen.headers)
    town.stops_watching(officer)
    town.dispatch.stream.unsafe = "appendfsync is everysec"
    return citizen, officer


async def test_every_route_that_changes_something(town: Town) -> None:
    """There is no route with a POST, PUT or DELETE whose answer is not vouched for, but those of signing in."""
    routes = [route for route in town.dispatch.routes if isinstance(route, Route) and (route.methods or set()) - READS]
    assert len(routes) > 15
    plain = {route.path for route in routes if not route.endpoint.__qualname__.startswith("_vouched.")}
    assert plain == {"/session", "/session/stay"}


def test_every_message_promises_unless_it_is_named() -> None:
    """A message that is added tomorrow is vouched for, without anybody thinking of it."""
    known = {*messages.CITIZEN.values(), *messages.CONSOLE.values(), *messages.HELPER.values()}
    assert {model for model in known if not model.stores} == PROMISES_NOTHING


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("duty", {"on": True}),
        ("note", {"text": "三楼"}),
        ("say", {"text": "我们到了"}),
        ("delivered", {"station": "dadongmen"}),
        ("share_place", {"on": True, "position": PLACE}),
    ],
)
async def test_a_console(town: Town, kind: str, members: dict[str, Any]) -> None:
    """An officer's request is refused, duty sign-on and confirmations too; being ready goes on."""
    citizen, officer = await raised(town)
    if kind in ("note", "say"):
        members = {**members, "alarm": citizen.id}
    if kind == "delivered":
        members = {**members, "position": officer.position["dadongmen"]}
    with pytest.raises(Answered, match="not_stored"):
        await officer.asks(kind, **members)
    await officer.is_awake()
    await officer.opens_console()


async def test_a_confirmation_that_is_refused_is_made_again(town: Town) -> None:
    """What a console confirmed in vain counts once it confirms it again, when the store is safe."""
    citizen, officer = await raised(town)
    for _ in range(2):
        with pytest.raises(Answered, match="not_stored"):
            await officer.asks("delivered", station="dadongmen", position=officer.position["dadongmen"])
    town.dispatch.stream.unsafe = ""
    await officer.shows()
    rungs = {rung["step"]: rung for rung in (await citizen.sees())["ladder"]}
    assert rungs["delivered"]["at"]


async def test_a_confirmation_that_was_not_stored(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store does not answer just then: the console is told, nothing is called delivered, and it confirms again."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.hears(alarm, "alarm_raised", "step_run")

    async def away(_: str) -> Keys:
        raise Refused(errors.NOT_STORED, "the store does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(town.dispatch.stream.homes, "keys", away)
        with pytest.raises(Answered, match="not_stored"):
            await officer.shows()
    assert "delivered" not in await citizen.ladder()
    await officer.shows()
    await officer.hears(alarm, "alarm_delivered")
    assert "delivered" in await citizen.ladder()


async def test_http(town: Town) -> None:
    """A citizen's and an officer's requests: words, places, chunks, an opened original. Looking goes on."""
    citizen, officer = await raised(town)
    answers = [
        await citizen.does("say", ref="1", text="他走了"),
        await citizen.does("position", **PLACE),
        await citizen.does("cancel", pin=citizen.pin),
        await citizen.http.put(
            f"/alarms/{citizen.id}/media/m2/0", content=b"\xff\xd8 another",
            headers={**citizen.headers, "content-type": "image/jpeg"},
        ),
        await officer.http.post(f"/media/{citizen.id}/m1/original", json={"reason": "脸看不清"}),
        await town.citizen().posts(text="有人跟着我"),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "not_stored")] * len(answers)
    assert (await citizen.sees())["status"] == "acknowledged"


async def test_a_citizens_socket(town: Town) -> None:
    """The same over the socket of the page: resuming is looking, saying is not."""
    citizen, _ = await raised(town)
    link = await Link.open(town.url)
    resumed = await link.asks("resume", id=citizen.id, secret=citizen.secret)
    assert resumed["type"] == "ok"
    said = await link.asks("say", text="他走了")
    assert (said["type"], said["code"]) == ("error", "not_stored")
    new = await link.asks("raise", id=str(uuid.uuid4()), secret=citizen.secret, text="有人")
    assert (new["type"], new["code"]) == ("error", "not_stored")
    await link.closes()


async def test_a_helper(town: Town) -> None:
    """An accepted call is not confirmed; leaving the watch always is."""
    citizen, officer = await raised(town)
    town.dispatch.stream.unsafe = ""
    await town.dispatch.alarms.stream.now()
    helper = Helper(await town.user("H01", role="helper"))
    await helper.opens_page()
    await helper.watches(**PLACE)
    await citizen.does("position", **PLACE)
    await officer.asks("call_helpers", alarm=citizen.id, tasks=["guide_police"], helpers=["H01"])
    call = await helper.is_called()
    town.dispatch.stream.unsafe = "appendfsync is everysec"
    with pytest.raises(Answered, match="not_stored"):
        await helper.asks("accept", call=call["call"])
    assert (await helper.asks("watch", on=False))["on"] is False
    await helper.closes()
