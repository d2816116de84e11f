"""An operator's own system is told what happened, signed, again when it did not answer; every attempt can be read."""

import asyncio
import base64
import hmac
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.flow.town import Server, Town
from tests.notify.service import settles
from tests.patience import PATIENCE_S

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """The operator's system."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.came = asyncio.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    async def told(self, request: Request) -> Response:
        body = await request.body()
        async with self.came:
            self.got.append((request.url.path, dict(request.headers), body))
            self.came.notify_all()
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    async def gets(self, number: int) -> tuple[str, dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE_S), self.came:
            await self.came.wait_for(lambda: len(self.got) >= number)
        return self.got[number - 1]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/{path:path}", receiver.told, methods=["POST"])])
    server = Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[receiver._listener]))
    yield receiver
    server.leave()
    await task


def verifies(headers: dict[str, str], body: bytes) -> None:
    """As the Standard Webhooks scheme has it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mark = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert f"v1,{mark}" in headers["webhook-signature"].split(" ")
    assert "." not in headers["webhook-id"]


async def test_signed_and_again(tmp_path: Path, receiver: Receiver) -> None:
    """Each event once, signed; again after a fault with the same id and a new time; every attempt can be read."""
    hook = f'[{{name="desk",url="http://{receiver.host}/hook",secret="{SECRET}",' + (
        'events=["alarm_raised","alarm_acknowledged"]}]'
    )
    receiver.answers = [500]
    async with Town(tmp_path, env={"DISPATCH_NOTIFY_WEBHOOKS": hook}) as town:
        v01 = await town.officer("V01")
        boss = await town.user("S01", station=None, role="supervisor")
        alarm = await town.citizen().raises(text="PRIVATE-WORDS", place="PRIVATE-PLACE", category="PRIVATE")
        _, first, body = await receiver.gets(1)
        verifies(first, body)
        async with asyncio.timeout(PATIENCE_S):
            while town.dispatch.notify.senders[-1].busy:
                await asyncio.sleep(0)
        await town.fast_forward(4)
        assert len(receiver.got) == 1
        await town.fast_forward(1)
        _, second, again = await receiver.gets(2)
        verifies(second, again)
        assert (again, second["webhook-id"]) == (body, first["webhook-id"])
        assert int(second["webhook-timestamp"]) == int(first["webhook-timestamp"]) + 5
        said = json.loads(body)
        assert (said["type"], said["timestamp"]) == ("alarm_raised", "2026-11-22T02:00:00.000Z")
        assert (said["data"]["alarm"], said["data"]["station"]) == (alarm, "dadongmen")
        await v01.acknowledges(alarm)
        told = json.loads((await receiver.gets(3))[2])
        assert (told["type"], told["data"]["by"]) == ("alarm_acknowledged", "V01")
        assert b"PRIVATE" not in b"".join(body for _, _, body in receiver.got)
        async with asyncio.timeout(PATIENCE_S):
            while len(rows := (await boss.http.get("/notify/deliveries")).json()["deliveries"]) < 3:
                await asyncio.sleep(0)
        kept = [(row["kind"], row["attempt"], row["status"], row["outcome"]) for row in reversed(rows)]
        assert kept == [
            ("alarm_raised", 1, 500, "busy"), ("alarm_raised", 2, 200, "sent"), ("alarm_acknowledged", 1, 200, "sent"),
        ]  # fmt: skip
        await town.forgets(v01)


async def test_messengers(tmp_path: Path, receiver: Receiver) -> None:
    """An officer's messenger and the station's get a message through apprise; one that hangs is ended in time."""
    with socket.create_server(("127.0.0.1", 0)) as hung:  # takes connections and never answers
        messengers = (
            f'[{{name="v02-phone",url="json://{receiver.host}/v02",officers=["V02"]}},'
            f'{{name="room",url="json://{receiver.host}/room",stations=["dadongmen"]}},'
            f'{{name="hung",url="json://127.0.0.1:{hung.getsockname()[1]}/?rto=30",officers=["V02"]}}]'
        )
        env = {"DISPATCH_NOTIFY_MESSENGERS": messengers, "DISPATCH_NOTIFY_MESSENGER_TIMEOUT_S": "6"}
        async with Town(tmp_path, env=env) as town:
            v01 = await town.officer("V01")
            boss = await town.user("S01", station=None, role="supervisor")
            alarm = await town.citizen().raises(text="PRIVATE-WORDS", place="PRIVATE-PLACE")
            await receiver.gets(2)
            told = {path: json.loads(body) for path, _, body in receiver.got}
            assert set(told) == {"/v02", "/room"}
            code = town.citizens[0].answer.json()["code"]
            assert all(code in said["message"] for said in told.values())
            assert b"PRIVATE" not in b"".join(body for _, _, body in receiver.got)
            async with asyncio.timeout(PATIENCE_S):
                while len(v01.alarms[alarm].get("notified", {}).get("V02", {})) < 3:
                    await asyncio.sleep(0.01)
            await settles(town)
            rows = (await boss.http.get("/notify/deliveries", params={"channel": "messenger"})).json()["deliveries"]
            assert {row["via"]: row["outcome"] for row in rows} == {
                "v02-phone": "sent", "room": "sent", "hung": "no_answer",
            }  # fmt: skip
            await v01.acknowledges(alarm)  # it was tried in vain, and will not be again: now that is in the record
            await town.clock.advance(1)
            await v01.hears(alarm, "alarm_acknowledged", "notification_failed")
            await settles(town)
            seen = (await boss.http.get("/notify/channels", params={"station": "dadongmen"})).json()
            v02 = next(who for who in seen["channels"] if who["officer"] == "V02")
            assert [one["name"] for one in v02["messengers"] if "sent" in one] == ["v02-phone"]
            assert [one["name"] for one in v02["messengers"] if "failed" in one] == ["hung"]
            assert [one["name"] for one in seen["messengers"] if "sent" in one] == ["room"]
            town.stops_watching(v01)
