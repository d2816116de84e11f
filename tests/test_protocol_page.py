"""The protocol page is made from the code, and what a real hub sends is what the page says."""

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel
from starlette.routing import Mount, Route
from websockets.asyncio.client import ClientConnection, connect

from dispatch.alarm import errors, outbound, shapes
from dispatch.alarm.events import EVENTS
from dispatch.alarm.state import TALLY, Alarm, to_members
from dispatch.protocol_page import CLOSE_CODES, HTTP, page
from dispatch.stream import beside
from tests.flow.people import Answered, Officer, Rests
from tests.flow.town import Town
from tests.patience import PATIENCE_S

PAGES = ("/", "/console", "/supervisor", "/sign-in", "/helper", "/favicon.ico")


def test_the_page_is_fresh(root: Path) -> None:
    """docs/protocol.md is what `python -m dispatch.protocol_page` writes now."""
    assert (root / "docs" / "protocol.md").read_text("utf-8") == page()


def test_every_close_code_is_told() -> None:
    """Each close code that the code knows has its line."""
    known = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert known | {1007} == set(CLOSE_CODES)


def test_every_member_of_an_alarm_is_told() -> None:
    """The page's members are the alarm's, in its order."""
    assert list(outbound.ALARM) == [name for name in Alarm.__dataclass_fields__ if name != TALLY]


async def test_every_route_is_told(town: Town) -> None:
    """What the hub answers over HTTP, pages and static files aside, has its line; and no line is invented."""
    outermost: Any = town.dispatch.asgi
    served = set()
    for route in outermost._application._app.routes:
        if isinstance(route, Mount) or route.path in PAGES:
            continue
        for method in (route.methods or ()) if isinstance(route, Route) else ():
            if method != "HEAD":
                served.add(f"{method} {route.path.replace(':int', '')}")
    assert served == {request for request, *_ in HTTP}


class Tap:
    """Remembers every frame, and checks them against the shapes."""

    def __init__(self, shapes: tuple[type[BaseModel], ...]) -> None:
        self.shapes = shapes
        self.frames: list[dict[str, Any]] = []

    def came(self) -> set[type[BaseModel]]:
        """The shapes of the frames that came, of which every one has one."""
        schemas = {shape: shape.model_json_schema() for shape in self.shapes}
        return {self.check(frame, schemas) for frame in self.frames}

    def check(self, frame: dict[str, Any], schemas: dict[type[BaseModel], dict[str, Any]]) -> type[BaseModel]:
        fits = [
            shape
            for shape, schema in schemas.items()
            if schema["properties"]["type"]["const"] == frame["type"] and set(schema["required"]) <= set(frame)
        ]
        assert fits, f"no shape for {frame}"
        shape = max(fits, key=lambda fit: len(schemas[fit]["required"]))
        shape.model_validate(frame)
        if shape is outbound.Event:
            known = EVENTS[frame["event"]["type"]]
            assert set(frame["event"]) - {"type"} <= {*known.public_fields, *known.private_fields}
            assert set(frame["changes"]) <= set(outbound.ALARM)
        if shape is outbound.Snapshot:
            for alarm in frame["alarms"]:
                shapes.Alarm.model_validate(alarm)
        if shape is outbound.Notices:
            for notice in frame["notices"]:
                shapes.Notice.model_validate(notice)
        return shape


class Phone:
    """A citizen's socket, frame by frame."""

    def __init__(self, socket: ClientConnection, tap: Tap, rests: Rests) -> None:
        self.socket = socket
        self.tap = tap
        self.rests = rests

    async def asks(self, kind: str, **members: Any) -> dict[str, Any]:
        await self.socket.send(json.dumps({"type": kind, "ref": kind, **members}))
        return await self.hears("ok", "error")

    async def hears(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of these kinds; all that come before it are kept too."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = json.loads(await self.socket.recv())
                self.tap.frames.append(frame)
                if frame["type"] in kinds:
                    await self.rests()
                    return dict(frame)


def tapped(officer: Officer, tap: Tap, monkeypatch: pytest.MonkeyPatch) -> Officer:
    receive = officer._receive

    def both(frame: dict[str, Any]) -> None:
        tap.frames.append(frame)
        receive(frame)

    monkeypatch.setattr(officer, "_receive", both)
    return officer


async def test_real_frames_fit(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the whole way of an alarm every frame has a shape of the page, and each shape comes at least once."""
    to_citizen, to_console = Tap(outbound.TO_CITIZEN), Tap(outbound.TO_CONSOLE)
    person = town.citizen()
    names = {"id": person.id, "secret": person.secret}
    place = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 18}
    url = town.url.replace("http", "ws", 1) + "/ws/alarm"
    async with connect(url, subprotocols=["dispatch.v1.json"]) as socket:  # type: ignore[list-item]
        phone = Phone(socket, to_citizen, town.rests)
        assert (await phone.asks("raise", **names, text="门外有人", position=place, pin="4821"))["type"] == "ok"
        officer = tapped(await town.user("V01"), to_console, monkeypatch)
        await officer.opens_console()
        await officer.shows()
        await officer.asks("seen", alarm=person.id)
        await officer.acknowledges(person.id)
        with pytest.raises(Answered):
            await officer.asks("arrive", alarm=person.id, reason="no such field")
        await officer.asks("ask", alarm=person.id, question="您受伤了吗？")
        asked = await phone.hears("asked")
        await phone.asks("answer", question=asked["question"], answer="no")
        await phone.asks("say", text="在三楼")
        await phone.asks("position", position={**place, "accuracy_m": 9})
        await officer.asks("say", alarm=person.id, text="我们马上到")
        await officer.asks("note", alarm=person.id, text="带钥匙")
        late = tapped(await town.user("V02"), to_console, monkeypatch)  # who comes now is told what was said
        await late.opens_console()
        town.stops_watching(late)
        await officer.asks("transfer", alarm=person.id, station="xiaodong", reason="更近")
        await officer.asks("duty", on=True)
        await phone.asks("cancel", pin="4821")
        assert (await phone.asks("say"))["type"] == "error"
        await officer.asks("move", alarm=person.id)
        await officer.asks("arrive", alarm=person.id)
        await officer.asks("close", alarm=person.id, disposition="handled", note="一切都好")
        while (await phone.hears("ladder"))["status"] != "closed":
            pass
        await town.clock.advance(5)
        await phone.hears("beat")
    async with connect(url, subprotocols=["dispatch.v1.json"]) as socket:  # type: ignore[list-item]
        assert (await Phone(socket, to_citizen, town.rests).asks("resume", **names))["cancel"] == "requested"
    supervisor = tapped(await town.user("S01", None, "supervisor"), to_console, monkeypatch)
    await supervisor.opens_console()
    await town.clock.advance(5)
    await town.quiet()
    assert (to_citizen.came(), to_console.came()) == (set(outbound.TO_CITIZEN), set(outbound.TO_CONSOLE))
    loaded = await town.dispatch.alarms.load(person.id, whole=True)
    assert loaded is not None
    shapes.Alarm.model_validate_json(orjson.dumps(beside.shown(to_members(loaded.alarm))))
    town.stops_watching(officer, supervisor)
