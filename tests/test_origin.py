"""A page of another address changes nothing, and one of ours is never taken for another, however it is written."""

import asyncio
from typing import Any

import pytest

from dispatch.origin import Ours
from tests.flow.town import PASSWORD, Town
from tests.intake.test_bad_input import names
from tests.patience import PATIENCE_S

HOST = "dispatch.example.org"
# (Origin, Host, scheme of the request, Sec-Fetch-Site, whether it is ours)
CASES = [
    (f"https://{HOST}", HOST, "https", "", True),
    (f"https://{HOST}", f"{HOST}:443", "https", "", True),
    (f"https://{HOST}:443", HOST, "https", "", True),
    (f"https://{HOST}", HOST, "http", "", True),  # TLS ends before the hub
    (f"https://{HOST}.", HOST, "https", "", True),
    (f"https://{HOST}", f"{HOST}.", "https", "", True),
    (f"https://{HOST}", HOST.upper(), "https", "", True),
    (f"HTTPS://{HOST.upper()}", HOST, "https", "", True),
    (f"https://{HOST}:8443", f"{HOST}:8443", "wss", "", True),
    (f"http://{HOST}", HOST, "http", "", True),
    (f"http://{HOST}:80", HOST, "ws", "", True),
    (f"http://{HOST}:8787", f"{HOST}:8787", "http", "", True),
    ("http://[::1]:8787", "[::1]:8787", "http", "", True),
    ("https://other.example.org", "anything", "https", "", True),  # configured
    ("https://other.example.org:443", "anything", "https", "", True),
    (f"http://{HOST}", HOST, "https", "", False),  # an attacker's page on the same name, without TLS
    (f"http://{HOST}", HOST, "wss", "same-origin", False),
    (f"https://{HOST}:444", HOST, "https", "", False),
    (f"https://{HOST}", f"{HOST}:8443", "https", "", False),
    (f"https://{HOST}.evil.example", HOST, "https", "", False),
    (f"https://evil.example/{HOST}", HOST, "https", "", False),
    (f"https://user@{HOST}.evil.example", HOST, "https", "", False),
    ("http://other.example.org", "anything", "http", "", False),
    ("https://evil.example", "evil.example:8443", "https", "", False),
    ("null", HOST, "https", "same-origin", True),
    ("null", HOST, "https", "cross-site", False),
    ("null", HOST, "https", "", False),
    ("", "", "https", "", False),
    (f"https://{HOST}", "", "https", "", False),
    ("https://[::1", HOST, "https", "", False),
    ("https://x:port", HOST, "https", "", False),
    ("https://x:99999", HOST, "https", "", False),
    (f"https://{HOST}", "[::1", "https", "", False),
    (f"https://{HOST}", "x:port", "https", "", False),
    ("file://", HOST, "https", "", False),
    ("chrome-extension://abcdef", HOST, "https", "", False),
    ("\x00", HOST, "https", "", False),
    ("https://" + "x" * 70_000, HOST, "https", "", False),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "host", "scheme", "site", "ours"), CASES)
def test_scheme_host_and_port(origin: str, host: str, scheme: str, site: str, ours: bool) -> None:
    """Compared as an origin; what can't be read is nobody's, and raises nothing."""
    assert Ours(["https://other.example.org"]).is_ours(origin, host, scheme, site) is ours


async def answered(town: Town, request: bytes) -> bytes:
    """Send bytes as they are, and read until the hub closes."""
    host, port = town.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return answer


ODD = [
    b"Host: \r\n",
    b"",
    b"Origin: https://[::1\r\nHost: x\r\n",
    b"Origin: \xff\xfe\r\nHost: x\r\n",
    b"Origin: http://x:port\r\nHost: x:port\r\n",
    b"Host: [::1\r\n",
    b"Host: x\r\nCookie: \xff; dispatch_session\r\n",
    b"Host: x\r\nAuthorization: Bearer \xff\r\nAccept-Language: \xff;;;q=\r\nContent-Type: \xff\r\n",
]


@pytest.mark.parametrize("head", ODD)
async def test_odd_heads_are_answered(town: Town, head: bytes) -> None:
    """A request with a head that is wrong gets an answer below 500, on pages, routes and sockets."""
    body = b'{"user":"x","password":"y"}'
    for line in (b"GET /", b"GET /console", b"POST /session", b"GET /session", b"POST /alarms", b"DELETE /session"):
        sent = b"".join(
            [line, b" HTTP/1.1\r\n", head, b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body), body]
        )
        answer = await answered(town, sent)
        assert answer.split(b" ")[1] < b"500", (line, answer[:200])


async def test_a_stale_cookie_beside_the_right_one(town: Town) -> None:
    """Before it, after it, in a header of its own or in quotes: who is signed in is, and a sign-out ends it."""
    officer = await town.user("V01")
    token = officer.http.cookies["dispatch_session"]
    officer.http.cookies.clear()

    async def asks(*cookies: str) -> Any:
        return await officer.http.get("/session", headers=[("cookie", each) for each in cookies])

    mine = f"dispatch_session={token}"
    for cookies in (
        [f"dispatch_session=stale; {mine}"],
        [f"{mine}; dispatch_session=stale"],
        ["dispatch_session=stale", mine],
        [f'dispatch_session=""; a=b;; dispatch_session="{token}"'],
    ):
        assert (await asks(*cookies)).status_code == 200, cookies
    assert (await asks("dispatch_session=stale")).status_code == 401
    gone = await officer.http.delete("/session", headers={"cookie": f"dispatch_session=stale; {mine}"})
    assert gone.status_code == 204
    assert (await asks(mine)).status_code == 401


async def test_a_refused_press_is_logged(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator hears of it, with the address of the page; of the citizen nothing."""
    body = names(text="他在外面", secret="never-in-a-log-0123456789")
    answer = await town.citizen().http.post("/alarms", json=body, headers={"origin": "https://mirror.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
    logged = capsys.readouterr().out
    assert "wrong_origin" in logged
    assert "https://mirror.example:443" in logged
    assert not any(word in logged for word in ("他在外面", body["secret"], body["id"], PASSWORD))
