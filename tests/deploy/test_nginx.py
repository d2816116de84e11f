"""Several hubs behind nginx are one server: any of them may go at any moment, and nginx keeps nothing of who came."""

import asyncio
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from fujin_client import Citizen, Officer
from tests.deploy.balanced import ADDRESS, AGENT, CITIZENS, TOLD, Balanced
from tests.deploy.shipped import Nginx
from tests.nodes import free_ports
from tests.process import HubProcess

Behind = Callable[..., Awaitable[Balanced]]
FORM_BYTES = 2**21


def names() -> dict[str, str]:
    return {"id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(24)}


def consoles(hub: HubProcess) -> int:
    """How many consoles the hub says that it has."""
    text = httpx.get(f"{hub.url}/metrics").text
    found = re.search(r"^dispatch_consoles (\d+)", text, re.MULTILINE)
    assert found
    return int(found[1])


async def test_two_hubs_are_one_server(behind: Behind, fixtures: Path, program: Callable[..., str]) -> None:
    """Everything goes through, sign-in knows of the TLS, a hub may be killed, and nothing of a client is kept."""
    both = await behind(None, DISPATCH_LIMITS_FORM_BYTES=str(FORM_BYTES), DISPATCH_LOG_LEVEL="debug")
    await _everything_goes_through(both, (fixtures / "photo-gps-rotated.jpg").read_bytes(), program("curl"))
    await _sign_in_knows_of_the_tls(both)
    await _a_hub_is_killed(both)
    await _nothing_of_a_client_is_kept(both)


async def _everything_goes_through(both: Balanced, photo: bytes, program: str) -> None:
    """Pages, sign-in, both sockets, photos in chunks and in a form, the log: as without nginx, and over HTTP/2."""
    assert both.nginx is not None
    async with both.browser() as http:
        for path in ("/", "/console", "/supervisor", "/sign-in", "/static/shared/tokens.css", "/static/config.json"):
            page = await http.get(path)
            assert (page.status_code, page.headers["x-content-type-options"]) == (200, "nosniff"), path
        absent = await http.get("/static/built/console-AAAAAAAA.js")  # asked of each hub: the answer is the last one's
        assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
        assert (await http.get("/readyz")).json() == {"ready": True, "why": []}
        assert (await http.get("/metrics")).status_code == 404
        plain = await http.get(f"http://localhost:{both.nginx.plain_port}/?lang=en")
        assert (plain.status_code, plain.headers["location"]) == (307, "https://localhost/?lang=en")
        assert plain.headers["cache-control"] == "no-store"
    curl = [program, "--silent", "--cacert", str(both.nginx.authority), "--write-out", "%{http_version}"]
    curl += ["--output", "/dev/null", both.url]
    spoken = await asyncio.to_thread(subprocess.run, curl, check=True, capture_output=True, text=True)
    assert spoken.stdout == "2"

    photo += secrets.token_bytes(700_000)
    async with Officer(both.url, "V01", both.password) as officer:
        await officer.subscribe()
        async with Citizen(both.url) as citizen:
            alarm = await citizen.raise_alarm(text="门外有人")
            media = await alarm.send_photo(photo)
            await officer.next_event("alarm_raised", alarm.id)
            await officer.next_event("media_ready", alarm.id)
            await officer.acknowledge(alarm.id)
            copy, _ = await officer.media(alarm.id, media)
            assert copy.startswith(b"\xff\xd8\xff")
            assert await officer.original(alarm.id, media, "所长要求看一下原件") == photo

            async with both.browser() as http:
                sent = {**names(), "text": "有人跟着我"}
                receipt = await http.post("/alarms", data=sent, files=as_file(photo), headers={"accept": "text/html"})
                assert receipt.headers["content-type"].startswith("text/html")
                await officer.next_event("media_ready", sent["id"])

                sent = {**names(), "text": "门外有人"}
                form = http.build_request("POST", "/alarms", data=sent, files=as_file(b"\xff\xd8\xff" * FORM_BYTES))
                kind = {"content-type": form.headers["content-type"]}
            for body in (form.read(), parts(form.read())):
                # The hub answers as soon as it has the words and too much besides. nginx then ends the connection,
                # though it called it keep-alive: a part of the request was not read. So each takes its own.
                async with both.browser() as http:
                    answer = await http.post("/alarms", content=body, headers=kind)
                assert answer.status_code in (200, 201), "limits never drop an alarm"
                assert len(answer.json()["faults"]) == 1
            await officer.next_event("alarm_raised", sent["id"])


def as_file(data: bytes) -> dict[str, tuple[str, bytes, str]]:
    return {"photo": ("a.jpg", data, "image/jpeg")}


async def parts(data: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not told before."""
    for at in range(0, len(data), 65_536):
        yield data[at : at + 65_536]


async def _sign_in_knows_of_the_tls(both: Balanced) -> None:
    """The cookie is Secure, the page's own origin may sign in, and a foreign one may not."""
    body = {"user": "V01", "password": both.password}
    async with both.browser() as http:
        own = await http.post("/session", json=body, headers={"origin": both.url})
        assert own.status_code == 200
        assert "; Secure" in own.headers["set-cookie"]
        foreign = await http.post("/session", json=body, headers={"origin": "https://example.org"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "wrong_origin")


async def _a_hub_is_killed(both: Balanced) -> None:
    """With -9 under load: no citizen sees an error, and the officer whose hub it was hears every alarm, once."""
    async with Officer(both.url, "V01", both.password) as officer:
        await officer.subscribe()
        async with both.load() as load:
            await load.more(20)
            theirs = next(hub for hub in both.hubs if consoles(hub))
            os.kill(theirs.pid, signal.SIGKILL)
            theirs.ended()
            await load.more(100)
        heard = [str((await officer.next_event("alarm_raised")).alarm) for _ in load.receipts]
        assert sorted(heard) == sorted(load.receipts)
        assert officer.recovered == {"dadongmen": True}


@pytest.mark.nightly
async def test_hubs_are_restarted_one_after_the_other(behind: Behind) -> None:
    """As for an upgrade, under load: no citizen sees an error, and no console misses an alarm or has one twice."""
    both = await behind()
    async with Officer(both.url, "V01", both.password) as officer:
        async with both.load() as load:
            await officer.subscribe()
            raised = len(load.receipts)
            for hub in both.hubs:
                await both.used(hub, load)
                assert await asyncio.to_thread(hub.stop) == 0
                await load.more(20)
                await asyncio.to_thread(hub.start)
                await both.used(hub, load)
            await load.more(20)
        await officer.until(lambda: {*load.receipts} <= officer.alarms.keys() or None)
        heard = Counter(event.alarm for event in officer.heard if event.type == "alarm_raised")
        assert set(heard.values()) == {1}
        missed = {*load.receipts[raised:]} - heard.keys()
        assert len(missed) <= CITIZENS, "only those that were under way while it subscribed: they were in its snapshot"


@pytest.mark.nightly
async def test_a_hub_hangs(behind: Behind) -> None:
    """A hub that takes requests and does not answer: they are answered by the other one, POST too."""
    both = await behind({"proxy_read_timeout 10s": "proxy_read_timeout 1s"})
    async with both.load() as load:
        await both.used(both.hubs[0], load)
        os.kill(both.hubs[0].pid, signal.SIGSTOP)
        await load.more(100)
        os.kill(both.hubs[0].pid, signal.SIGCONT)
        await load.more(20)


async def test_no_hub_answers(tmp_path: Path, nginx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are told `not_stored` and to try again, browsers get a page that says so; then all is as before."""
    await asyncio.to_thread(tmp_path.chmod, 0o755)
    both = Balanced(tmp_path, nginx)
    for hub, port in zip(both.hubs, free_ports(2), strict=True):
        hub.port = port
    both.start_nginx()
    assert both.nginx is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(both.nginx.authority))
    body = {**names(), "text": "门外有人"}
    try:
        async with both.browser() as http:
            told = await http.post("/alarms", json=body)
            assert (told.status_code, told.headers["retry-after"]) == (503, "2")
            assert (told.json()["code"], told.json()["retry"]) == ("not_stored", True)
            page = await http.post("/alarms", data=body, headers={"accept": "text/html,*/*"})
            assert (page.status_code, page.headers["cache-control"]) == (503, "no-store")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert "还没有存好" in page.text
            await asyncio.to_thread(both.hubs[1].start)
            async with Citizen(both.url) as citizen:
                await citizen.raise_alarm(**body_of(body))
    finally:
        await asyncio.to_thread(both.end)


def body_of(body: dict[str, str]) -> dict[str, Any]:
    return {"alarm_id": body["id"], "secret": body["secret"], "text": body["text"]}


async def _nothing_of_a_client_is_kept(both: Balanced) -> None:
    """Whatever goes wrong, no log of nginx or of a hub has an address or a user agent, and no upload lies on a disk."""
    assert both.nginx is not None
    (left,) = (hub for hub in both.hubs if hub.runs)
    async with both.browser() as http:
        await http.get("/")
        await http.get("/no/such/page")
        await http.put("/alarms/x/media/m1/0", content=b"x" * 10**6)
        await http.post("/alarms", json=names())
        await http.post("/alarms", content=b"{" + b" " * 400_000)
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(200), b"\r\n" * 10):
            for port in (both.nginx.port, both.nginx.plain_port):
                with socket.create_connection(("127.0.0.1", port), 5, (ADDRESS, 0)) as link:
                    link.sendall(junk)
                    link.shutdown(socket.SHUT_WR)
                    while link.recv(4096):
                        pass
        assert left.stop() == 0
        await http.post("/alarms", json=names())
        await http.post("/alarms", data=names(), files=as_file(b"x" * 10**6))
    both.nginx.stop()
    said = both.nginx.said() + "".join(hub.log + hub.out for hub in both.hubs)
    assert "signal 15" in both.nginx.said() or "exiting" in both.nginx.said(), "it keeps a log of itself"
    for mark in (ADDRESS, TOLD, AGENT, "KnownPhone"):
        assert mark not in said
    for kind in ("body", "answer"):
        assert [path for path in (both.nginx.folder / kind).rglob("*") if path.is_file()] == []


def test_what_a_hub_is_told(tmp_path: Path, nginx: str) -> None:
    """The host, that there was TLS and, for who tries passwords, where from; nothing that the client says of itself."""
    tmp_path.chmod(0o755)
    (tmp_path / "nginx").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as hub:
        balancer = Nginx(nginx, tmp_path / "nginx", (hub.getsockname()[1], free_ports(1)[0]))
        balancer.start()
        try:
            asyncio.run(_asks(balancer, hub))
        finally:
            balancer.stop()


async def _asks(balancer: Nginx, hub: socket.socket) -> None:
    trust = ssl.create_default_context(cafile=str(balancer.authority))
    around = {"user-agent": AGENT, "x-forwarded-for": TOLD, "x-real-ip": TOLD, "forwarded": TOLD, "via": TOLD,
              "x-forwarded-proto": "http"}  # fmt: skip
    async with httpx.AsyncClient(verify=trust, headers=around) as http:
        asked = asyncio.create_task(http.post(f"{balancer.url}/alarms", json={"text": "门外有人"}))
        link, _ = await asyncio.to_thread(hub.accept)
        with link:
            link.settimeout(10)
            came = await asyncio.to_thread(link.recv, 65_536)
            link.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            assert (await asked).text == "{}", "a hub's own answer is handed on and not asked for again"
    head = came.partition(b"\r\n\r\n")[0].decode().lower()
    assert f"host: localhost:{balancer.port}" in head
    assert "x-forwarded-proto: https" in head
    assert "x-forwarded-for: 127.0.0.1\r" in head
    for mark in (TOLD, AGENT.lower(), "x-real-ip", "user-agent"):
        assert mark not in head
