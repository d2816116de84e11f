"""Addresses that clients name: only of push services, of one officer each, and not without end."""

import asyncio
import socket
from typing import Any

import pytest

from dispatch.notify.net import Outside, Private, check, public_address
from tests.flow.clock import START
from tests.flow.town import Town
from tests.notify.service import Service

SERVICES = (
    "https://fcm.googleapis.com/fcm/send/x", "https://updates.push.services.mozilla.com/wpush/v2/x",
    "https://web.push.apple.com/x", "https://8.8.8.8/x",
)  # fmt: skip
INSIDE = (
    "http://fcm.googleapis.com/x", "https://127.0.0.1/x", "https://10.1.2.3/x", "https://169.254.169.254/latest",
    "https://[::1]/x", "https://[::ffff:10.0.0.1]/x", "https://[64:ff9b::a00:1]/x", "https://[fe80::1]/x",
    "https://localhost/x", "https://store/x", "https://printer.local/x", "https://a:b@example.org/x",
    "https://example.org:6379/x", "ftp://example.org/x", "https:///x", "https://0.0.0.0/x", "https://224.0.0.1/x",
)  # fmt: skip


def test_addresses() -> None:
    """Only https on its own port, and no host that only this network knows."""
    for url in SERVICES:
        check(url)
    for url in INSIDE:
        with pytest.raises(Private):
            check(url)


async def test_a_name_that_leads_inside() -> None:
    """A name is looked up when it is called, and not called when it leads to this network; no further try helps."""
    outside = Outside(1, 1, "", private=False)
    answer = await outside.post("https://localhost.localdomain/x", {}, b"", START)
    assert (answer.status, answer.final or answer.why == "gaierror") == (0, True)
    with pytest.raises(Private):
        await public_address("localhost", 443)
    await outside.aclose()


async def test_a_name_with_one_address_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of a stranger has several addresses: one that is inside is enough, wherever it stands among them."""
    outside, inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("8.8.8.8", "10.0.0.1")]
    found = [outside]

    async def looked_up(*_: object, **__: object) -> list[Any]:
        return found

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    assert await public_address("example.org", 443) == "8.8.8.8"
    for place in (0, 2):
        found.insert(place, inside)
        with pytest.raises(Private):
            await public_address("example.org", 443)
        found.remove(inside)


async def test_no_redirect_is_followed() -> None:
    """Where a service sends the hub is none of the addresses that were looked at: its answer is told as it is."""
    asked = []

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    outside = Outside(5, 1, "", private=True)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await outside.post(f"http://127.0.0.1:{port}/push", {}, b"", START)
    await outside.aclose()
    assert (answer.status, len(asked)) == (307, 1)


async def test_refused_by_the_hub(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without the setting for tests, the hub takes no address of this network, and no keys that are none."""
    good = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}
    async with Town(tmp_path_factory.mktemp("town")) as town:
        v02 = await town.user("V02")
        for body in (
            {"endpoint": "https://127.0.0.1/x", "keys": good},
            {"endpoint": "https://example.org/x", "keys": {**good, "auth": "AAAA"}},
            {"endpoint": "https://example.org/x", "keys": {**good, "p256dh": "A" * 4}},
            {"endpoint": "https://example.org/x", "keys": good, "surplus": 1},
        ):
            answer = await v02.http.put("/notify/push", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "bad_message")
        assert (
            await v02.http.put("/notify/push", json={"endpoint": "https://a.example.org/x", "keys": good})
        ).is_success


async def test_bounded_and_one_officers(town: Town, service: Service) -> None:
    """At most so many devices of an officer; a device that another officer signs in with is theirs from then on."""
    v01, v02 = await town.user("V01"), await town.user("V02")
    phones = [await service.device().subscribes(v02) for _ in range(5)]
    answer = await v02.http.put("/notify/push", json=service.device().subscription)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many")
    await phones[0].subscribes(v02)  # the same again
    await phones[0].subscribes(v01)
    assert len((await v02.http.get("/notify/push")).json()["devices"]) == 4
    assert [one["id"] for one in (await v01.http.get("/notify/push")).json()["devices"]] == [phones[0].id]
    assert (await v02.http.delete(f"/notify/push/{phones[0].id}")).status_code == 204  # not theirs: nothing happens
    assert (await v02.http.post(f"/notify/push/{phones[0].id}/test")).status_code == 404
    assert len((await v01.http.get("/notify/push")).json()["devices"]) == 1
    for shown in (await v02.http.get("/notify/push")).json()["devices"]:
        assert not {"endpoint", "auth", "p256dh"} & set(shown)
    assert (await v02.http.get("/notify/channels")).status_code == 403
