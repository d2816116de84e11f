"""Whatever is sent: a clear answer that names what is wrong, a hub that lives, and earlier alarms intact."""

import asyncio
import math
import uuid
from typing import Any

import msgpack
import pytest
from starlette.routing import Route

from dispatch.alarm.clock import to_text
from dispatch.underway import UnderWay
from dispatch.web import Guard
from tests.flow.people import Citizen
from tests.flow.town import Town
from tests.intake.link import CODECS, Link
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("earlier")
SECRET = "0123456789abcdefghijklmn"
MARK = "never-in-an-answer"


def names(**more: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "secret": SECRET, **more}


BAD_BODIES: list[tuple[Any, str]] = [
    ({"id": "1"}, "id: "),
    ({"id": None}, "id: "),
    ({"id": "1", "text": MARK, "kind": "war"}, "id: "),
    ({"secret": "short"}, "secret: "),
    ({"secret": MARK * 20}, "secret: "),
    ({"secret": 7, "position": "here"}, "secret: "),
]
ABSURD: list[dict[str, Any]] = [
    {"lat": 999, "lon": -999}, {"lat": 0, "lon": 0}, {"lat": 1e308, "lon": -1e308}, {"lat": 10**18, "lon": 1},
    {"lat": 41.8, "lon": 123.4, "accuracy_m": -5}, {"lat": 41.8, "lon": 123.4, "accuracy_m": 1e300},
    {"lat": "41.80312", "lon": "123.46587"}, {"lat": 41.8, "lon": 123.4, "at": "1899-01-01T00:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS)
async def test_a_name_that_is_wrong_is_named(town: Town, codec: str) -> None:
    """Without id and secret nothing could come back to it: over each way the field, never what was in it."""
    citizen = town.citizen()
    link = await Link.open(town.url, codec=codec)
    for more, names_it in BAD_BODIES:
        body = names() | more
        answer = await citizen.http.post("/alarms", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_message"), more
        assert names_it in answer.json()["message"]
        assert MARK not in answer.text
        refused = await link.asks("raise", **body)
        assert (refused["type"], refused["code"]) == ("error", "bad_message"), more
        assert names_it in refused["message"]
        assert MARK not in str(refused)
    assert (await link.asks("raise", **names()))["type"] == "ok", "the connection stays"
    await link.closes()


@pytest.mark.parametrize("missing", ["id", "secret"])
async def test_a_missing_name_is_named(town: Town, missing: str) -> None:
    body = names()
    del body[missing]
    answer = await town.citizen().http.post("/alarms", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_message")
    assert f"{missing}: " in answer.json()["message"]


MALFORMED_JSON = {
    "empty": b"", "open": b"{", "cut": b'{"id":', "bytes": b"\xff\xfe", "deep list": b"[" * 60_000,
    "deep map": b'{"a":' * 10_000, "two": b'{"a":1}{"b":2}', "zeros": b"\x00" * 1000,
}  # fmt: skip
MALFORMED_MSGPACK = {
    "empty": b"", "reserved": b"\xc1", "cut map": b"\x85", "huge map": b"\xdf\xff\xff\xff\xff",
    "deep": b"\x91" * 100_000, "huge text": b"\xdb\xff\xff\xff\xff", "two": b"\x80\x80",
    "number key": msgpack.packb({1: 2}), "cut extension": b"\xc7\x00",
}  # fmt: skip


async def test_malformed_json(town: Town) -> None:
    """A 400 that says where, without repeating it."""
    citizen = town.citizen()
    for why, body in MALFORMED_JSON.items():
        answer = await citizen.http.post("/alarms", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "undecodable"), why
        assert answer.json()["message"].startswith("this is not JSON"), why


@pytest.mark.parametrize("path", ["/ws/alarm", "/ws/console"])
async def test_undecodable_frames(town: Town, path: str) -> None:
    """Closed with 4400, in both codecs; the next connection is served."""
    options = signed_in(await town.user("V01")) if path == "/ws/console" else {}
    for codec, frames in (("json", MALFORMED_JSON), ("msgpack", MALFORMED_MSGPACK)):
        for why, data in frames.items():
            link = await Link.open(town.url, path, codec, **options)
            await link.sends_raw(data, text=False)
            assert await link.closed_with() == 4400, why


async def test_json_that_is_no_message(town: Town) -> None:
    """Valid JSON that is not a map with what is needed: 422, and a socket that stays open."""
    link = await Link.open(town.url)
    for body in (b"[]", b"null", b"7", b'"raise"', b"{}"):
        answer = await town.citizen().http.post("/alarms", content=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_message"), body
        await link.sends_raw(body, text=True)
        assert (await link.answer())["code"] in ("bad_message", "unknown_type"), body
    assert (await link.asks("raise", **names()))["type"] == "ok"
    await link.closes()


async def test_values_that_only_msgpack_has(town: Town) -> None:
    """Bytes as keys or names, extension types, huge numbers: an error, and the connection stays."""
    link = await Link.open(town.url, codec="msgpack")
    for message in (
        {b"type": "raise", "ref": "1"},
        {"type": b"raise", "ref": "1"},
        {"type": "raise", "ref": b"1"},
        {"type": "raise", "ref": "1", b"ref": "1"},
        {"type": ["raise"], "ref": "1"},
        {"type": "raise", "ref": "1", "id": msgpack.ExtType(5, b"x"), "secret": SECRET},
        {"type": "raise", "ref": "1", "id": msgpack.Timestamp(1, 2), "secret": SECRET},
        {"type": "raise", "ref": "1", "secret": 2**64 - 1},
    ):
        await link.sends(message)
        assert (await link.answer())["code"] in ("bad_message", "unknown_type"), message
    assert (await link.asks("raise", **names()))["type"] == "ok"
    await link.closes()


@pytest.mark.parametrize("codec", CODECS)
async def test_unknown_types_and_wrong_order(town: Town, codec: str) -> None:
    """An unknown type is told which there are; what needs an alarm first is told so."""
    link = await Link.open(town.url, codec=codec)
    refused = await link.asks("fly")
    assert (refused["code"], refused["ref"]) == ("unknown_type", refused["ref"])
    assert "raise" in refused["message"]
    assert (await link.asks("ack", alarm=str(uuid.uuid4())))["code"] == "unknown_type", "officers' words are not known"
    early = await link.asks("say", text="喂")
    assert (early["code"], early["possible"]) == ("not_possible", ["raise", "resume"])
    assert (await link.asks("raise", **names()))["type"] == "ok"
    await link.closes()


@pytest.mark.parametrize("codec", CODECS)
async def test_a_huge_ref(town: Town, codec: str) -> None:
    """At most 64 characters; it is refused by name over HTTP and the sockets, and nothing is said."""
    citizen = town.citizen()
    await citizen.raises()
    for ref in ("x" * 65, "x" * 50_000, "", 7):
        answer = await citizen.does("say", ref=ref, text="你好")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_message")
        assert "ref: " in answer.json()["message"]
    link = await Link.open(town.url, codec=codec)
    await link.sends({"type": "raise", "ref": "r" * 500_000, **names()})
    assert "ref: " in (await link.answer())["message"]
    assert (await citizen.sees())["talk"] == []
    await link.closes()


@pytest.mark.parametrize("codec", CODECS)
async def test_a_megabyte_of_text(town: Town, codec: str) -> None:
    """1 MB is refused: by HTTP before it is read whole, by a socket's frame limit with 1009."""
    citizen = town.citizen()
    await citizen.raises()
    text = "长" * 350_000
    raised = await citizen.http.post("/alarms", json=names(text=text))
    assert (raised.status_code, raised.json()["code"]) == (413, "too_large")
    said = await citizen.does("say", ref="1", text=text)
    assert (said.status_code, said.json()["code"]) == (413, "too_large")
    link = await Link.open(town.url, codec=codec)
    assert (await link.asks("raise", **names()))["type"] == "ok"
    assert (await link.asks("say", text="长" * 100_000))["code"] == "too_large"
    await link.sends({"type": "raise", "ref": "1", **names(text=text)})
    assert await link.closed_with() == 1009


async def test_as_long_as_may_be(town: Town) -> None:
    """What reaches its limit and does not pass it is taken: the limit in each message of a refusal is the true one."""
    citizen = town.citizen()
    await citizen.raises(text="长" * 4000, place="x" * 300, category="x" * 64, needs=["x"] * 8)
    assert (await citizen.does("say", ref="1", text="长" * 4000)).status_code == 200


async def test_an_empty_alarm_is_an_alarm(town: Town) -> None:
    """Nothing but id and secret, or empty words, over each way: raised, routed, called."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    for more in ({}, {"text": "", "place": "", "needs": []}, {"text": None, "position": None}):
        body = names(**more)
        assert (await citizen.http.post("/alarms", json=body)).status_code == 201
        await officer.hears(body["id"], "alarm_raised", "step_run")
    for codec in CODECS:
        body = names()
        link = await Link.open(town.url, codec=codec)
        assert (await link.asks("raise", **body))["status"] == "raised"
        await officer.hears(body["id"], "alarm_raised", "step_run")
        await link.closes()


async def test_an_absurd_position_is_routed(town: Town) -> None:
    """The alarm is taken and some station is called; the numbers stay as they were received."""
    link = await Link.open(town.url, codec="msgpack")
    for place in ABSURD:
        alarm = await town.citizen().raises(position=place)
        loaded = await town.dispatch.alarms.load(alarm)
        assert loaded is not None
        assert loaded.alarm.position is not None
        assert loaded.alarm.position["lat"] == float(str(place["lat"]))
        assert loaded.alarm.station in town.dispatch.stations
        assert (await link.asks("raise", **names(position=place)))["type"] == "ok"
    await link.closes()


async def test_a_position_that_is_no_number(town: Town) -> None:
    """MessagePack can say NaN: such an alarm is one without a place; such a place is refused, and the last stays."""
    officer = await town.officer("V01")
    link = await Link.open(town.url, codec="msgpack")
    for number in (math.nan, math.inf, -math.inf):
        body = names(position={"lat": number, "lon": 123.4, "accuracy_m": number})
        assert (await link.asks("raise", **body))["type"] == "ok"
        await officer.hears(body["id"], "alarm_raised", "step_run")
        assert officer.alarms[body["id"]]["why"] == "no_position"
        moved = await link.asks("position", position={"lat": 41.8, "lon": 123.4, "accuracy_m": number, "at": "soon"})
        assert moved["type"] == "ok"
        await officer.hears(body["id"], "position_reported")
        wrong = await link.asks("position", position={"lat": 41.8, "lon": number})
        assert (wrong["code"], "position.lon: " in wrong["message"]) == ("bad_message", True)
        known = {"lat": 41.8, "lon": 123.4, "datum": "wgs84", "received": to_text(town.clock.now())}
        assert officer.alarms[body["id"]]["position"] == known
    await link.closes()


# -- whose is it -------------------------------------------------------------------------------------------------


async def test_a_wrong_secret_is_answered_like_an_unknown_alarm(town: Town) -> None:
    """Every way to an alarm: status, headers and body tell nobody whether the alarm is there."""
    citizen = town.citizen()
    there = await citizen.raises()
    unknown = str(uuid.uuid4())
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "", {}),
        ("POST", "/say", {"json": {"ref": "1", "text": "你好"}}),
        ("POST", "/position", {"json": {"lat": 1, "lon": 2}}),
        ("POST", "/answer", {"json": {"question": "2", "answer": "yes"}}),
        ("POST", "/cancel", {"json": {"pin": "4821"}}),
        ("PUT", "/media/m1/0", {"content": b"x", "headers": {"content-type": "image/jpeg"}}),
        ("POST", "/media/m1", {"json": {"kind": "photo", "chunks": 1}}),
        ("POST", "/receipt", {"data": {"secret": SECRET, "action": "say", "text": "你好"}}),
    ]
    for method, path, options in ways:
        for secret in (b"Bearer " + SECRET.encode(), b"Bearer", b"Basic x", "Bearer Ä".encode()):
            headers = {**options.get("headers", {}), "authorization": secret}
            answers = [
                await citizen.http.request(method, f"/alarms/{alarm}{path}", **{**options, "headers": headers})
                for alarm in (there, unknown)
            ]
            shown = [(a.status_code, a.content, sorted(a.headers.keys() - {"date"})) for a in answers]
            assert shown[0] == shown[1]
            assert shown[0][0] == 404
    for codec in CODECS:
        link = await Link.open(town.url, codec=codec)
        found = [await link.asks("resume", ref="1", id=alarm, secret=SECRET) for alarm in (there, unknown)]
        assert found[0] == found[1]
        assert found[0]["code"] == "not_found"
        await link.closes()


async def test_odd_addresses(town: Town) -> None:
    """An address that there is not is a 404 or 405, never a fault."""
    http = town.citizen().http
    for path in ("/", "/../x", "/%2e%2e/x", "/" + "a" * 5000, "/x/y/z", "/%00", "/say", "/media/m1/-1"):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "BREW"):
            answer = await http.request(method, f"/alarms{path}")
            assert answer.status_code in (307, 400, 404, 405), (method, path)


# -- from elsewhere ----------------------------------------------------------------------------------------------


async def test_every_changing_route_refuses_a_foreign_origin(town: Town) -> None:
    """Whatever route changes something: a page of another address gets 403 before anything is done."""
    officer = await town.user("S01", station=None, role="supervisor")
    counted = town.dispatch.asgi
    assert isinstance(counted, UnderWay)
    guard = counted._application
    assert isinstance(guard, Guard)
    routes: list[Any] = guard._app.routes  # type: ignore[attr-defined]
    changing = [
        (method, route.path)
        for route in routes
        if isinstance(route, Route)
        for method in sorted(route.methods or ())
        if method not in ("GET", "HEAD")
    ]
    assert len(changing) >= 11
    for method, path in changing:
        address = path.replace("{seq:int}", "0").replace("{alarm}", str(uuid.uuid4())).replace("{media}", "m1")
        for origin in ("https://evil.example", officer.url.replace("http", "https").replace("127.0.0.1", "127.0.0.2")):
            answer = await officer.http.request(method, address, json={}, headers={"origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin"), (method, path)
    assert (await officer.http.get("/session")).status_code == 200, "still signed in"


@pytest.mark.parametrize("path", ["/ws/alarm", "/ws/console"])
async def test_sockets_refuse_a_foreign_origin(town: Town, path: str) -> None:
    """Closed with 4503: a page of another address cannot speak for who is signed in here."""
    officer = await town.user("V01")
    for origin in ("https://evil.example", "null") if path == "/ws/console" else ("https://evil.example",):
        link = await Link.open(town.url, path, origin=origin, additional_headers=cookie(officer))
        assert await link.closed_with() == 4503


async def test_the_console_socket_needs_an_origin_and_a_sign_in(town: Town) -> None:
    """Without an Origin 4503, without a sign-in 4501."""
    officer = await town.user("V01")
    link = await Link.open(town.url, "/ws/console", additional_headers=cookie(officer))
    assert await link.closed_with() == 4503
    link = await Link.open(town.url, "/ws/console", origin=town.url)
    assert await link.closed_with() == 4501


# -- frames and bodies that lie ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws/alarm", "/ws/console"])
async def test_a_text_frame_that_is_not_utf8(town: Town, path: str) -> None:
    """Closed with 1007, as RFC 6455 says, on both sockets."""
    options = signed_in(await town.user("V01")) if path == "/ws/console" else {}
    link = await Link.open(town.url, path, **options)
    await link.sends_raw(b'{"type":"\xff\xfe"}', text=True)
    assert await link.closed_with() == 1007


async def test_a_text_frame_where_msgpack_is_spoken(town: Town) -> None:
    link = await Link.open(town.url, codec="msgpack")
    await link.sends_raw('{"type":"raise"}', text=True)
    assert await link.closed_with() == 4400


async def test_the_console_names_what_is_wrong(town: Town) -> None:
    """Wrong types, unknown fields, other stations, unknown alarms: an error each, and the console stays."""
    officer = await town.user("V01")
    for codec in CODECS:
        link = await Link.open(town.url, "/ws/console", codec=codec, **signed_in(officer))
        unknown = str(uuid.uuid4())
        bad: list[tuple[str, dict[str, Any], str]] = [
            ("fly", {}, "unknown_type"),
            ("ack", {}, "bad_message"),
            ("ack", {"alarm": "x"}, "bad_message"),
            ("ack", {"alarm": unknown}, "not_found"),
            ("ack", {"alarm": unknown, "by": "V02"}, "bad_message"),
            ("subscribe", {"stations": ["xiaodong"]}, "not_allowed"),
            ("subscribe", {"stations": ["mars"]}, "not_allowed"),
            ("subscribe", {"after": {"dadongmen": {"epoch": 3, "offset": -1}}}, "bad_message"),
            ("delivered", {"station": "dadongmen", "position": {"epoch": "x", "offset": "9"}}, "bad_message"),
            ("ready", {"sound": "yes", "visible": True}, "bad_message"),
            ("ready", {"sound": 1, "visible": True}, "bad_message"),
            ("transfer", {"alarm": unknown, "station": "mars", "reason": "x"}, "bad_message"),
            ("close", {"alarm": unknown, "disposition": "bored"}, "bad_message"),
            ("ask", {"alarm": unknown, "question": "?", "choices": []}, "bad_message"),
            ("note", {"alarm": unknown, "text": "x" * 2001}, "too_large"),
        ]
        for kind, members, code in bad:
            answer = await link.asks(kind, **members)
            assert (answer["type"], answer["code"]) == ("error", code), (kind, members)
        odd = {"dadongmen": {"epoch": "x" * 64, "offset": 2**53}}
        assert (await link.asks("subscribe", after=odd))["recovered"] == {"dadongmen": False}
        position = {"epoch": town.dispatch.stream.epoch("dadongmen"), "offset": 10**18}
        assert (await link.asks("delivered", station="mars", position=position))["type"] == "ok"
        assert (await link.asks("delivered", station="dadongmen", position=position))["type"] == "ok"
        await link.closes()


async def test_a_confirmation_needs_no_answer_and_its_fault_has_one(town: Town) -> None:
    """`delivered` without a `ref` is answered only when it is wrong; the word in another message changes nothing."""
    officer = await town.user("V01")
    for codec in CODECS:
        link = await Link.open(town.url, "/ws/console", codec=codec, **signed_in(officer))
        await link.asks("subscribe")
        position = {"epoch": town.dispatch.stream.epoch("dadongmen"), "offset": 1}
        await link.sends({"type": "delivered", "station": "dadongmen", "position": position})
        await link.sends({"type": "delivered", "station": "dadongmen", "position": {**position, "offset": "1"}})
        wrong = await link.answer()
        assert (wrong["type"], wrong["code"], wrong.get("ref")) == ("error", "bad_message", None)
        await link.sends({"type": "delivered", "station": "dadongmen", "position": position, "ref": ""})
        assert (await link.answer())["code"] == "bad_message"
        answer = await link.asks("note", alarm=str(uuid.uuid4()), text="delivered")
        assert answer["code"] == "not_found"
        await link.closes()


async def raw(town: Town, request: bytes) -> bytes:
    """Send bytes as they are, close the sending side, and read what comes back."""
    host, port = town.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return answer


LIES = [
    (b"content-length: 5000", b"{}"),
    (b"content-length: 2", b'{"id":1}GET /healthz HTTP/1.1\r\n\r\n'),
    (b"content-length: -1", b"{}"),
    (b"content-length: many", b"{}"),
    (b"content-length: 2\r\ncontent-length: 3", b"{}"),
    (b"transfer-encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    (b"transfer-encoding: chunked\r\ncontent-length: 2", b"2\r\n{}\r\n0\r\n\r\n"),
    (b"content-length: 99999999999999999999", b"{}"),
]


async def test_a_content_length_that_lies(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """More, fewer, none, two: refused or closed, and the next connection is served; no traceback is logged."""
    for length, body in LIES:
        answer = await raw(town, b"POST /alarms HTTP/1.1\r\nhost: x\r\n" + length + b"\r\n\r\n" + body)
        assert not answer or answer.split(b" ")[1] in (b"400", b"413", b"422"), (length, answer[:100])
        assert b" 201 " not in answer
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


# -- media -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beyond", [300, pytest.param(7_600, marks=pytest.mark.nightly)])
async def test_more_chunks_than_there_may_be(town: Town, beyond: int) -> None:
    """Beyond the limit each chunk is refused with the limit's name; those before it are stored, and can be ended."""
    limit = town.settings.limits.chunks_per_media
    link = await Link.open(town.url, codec="msgpack")
    body = names()
    await link.asks("raise", **body)
    chunk = {"media": "m1", "data": b"\xff\xd8", "kind": "photo", "mime": "image/jpeg"}
    for seq in range(3):
        assert (await link.asks("media_chunk", seq=seq, **chunk))["type"] == "ok"
    for seq in range(limit, limit + beyond):
        await link.sends({"type": "media_chunk", "ref": str(seq), "seq": seq, **chunk})
    for seq in range(limit, limit + beyond):
        refused = await link.answer()
        assert (refused["ref"], refused["code"]) == (str(seq), "too_many")
    assert "chunks_per_media" in refused["message"]
    assert (await link.asks("media_end", media="m1", chunks=limit + beyond))["code"] == "too_many"
    assert (await link.asks("media_end", media="m1", chunks=4))["missing"] == [3]
    assert (await link.asks("media_end", media="m1", chunks=3))["type"] == "ok"
    await link.closes()


async def test_chunks_that_are_wrong(town: Town, earlier: Citizen) -> None:
    """After the end, too large, empty, of another type, other bytes: named; what is stored stays."""
    citizen = town.citizen()
    await citizen.raises()

    async def put(
        seq: object, data: bytes, mime: str = "image/jpeg", media: str = "m1", **headers: str
    ) -> tuple[int, str]:
        answer = await citizen.http.put(
            f"/alarms/{citizen.id}/media/{media}/{seq}", content=data,
            headers={**citizen.headers, "content-type": mime, **headers},
        )  # fmt: skip
        return answer.status_code, "" if answer.status_code == 204 else answer.json()["code"]

    async def end(**body: Any) -> tuple[int, str]:
        answer = await citizen.http.post(f"/alarms/{citizen.id}/media/m1", json=body, headers=citizen.headers)
        return answer.status_code, "" if answer.status_code == 204 else answer.json()["code"]

    assert await put(0, b"one") == (204, "")
    assert await put(0, b"one") == (204, "")
    assert await put(0, b"two") == (409, "chunk_conflict")
    assert await put(1, b"") == (422, "bad_message")
    assert await put(1, b"x" * 262_145) == (413, "too_large")
    assert await put(0, b"one", mime="text/html") == (204, "")
    assert await put(0, b"one", mime="") == (204, "")
    assert await put(1, b"x", **{"x-media-kind": "film"}) == (422, "bad_message")
    assert await put(1, b"x", media="a b") == (422, "bad_message")
    assert await put(1, b"x", media="m" * 65) == (422, "bad_message")
    assert await put(10**30, b"x") == (409, "too_many")
    assert await put("one", b"x") == (404, "not_found")
    assert await end(kind="photo", chunks=0) == (422, "bad_message")
    assert await end(kind="photo", chunks=2) == (409, "chunks_missing")
    assert await end(kind="photo", chunks=1, sha256="0" * 64) == (422, "bad_message")
    assert await end(kind="photo", chunks=1) == (204, "")
    assert await end(kind="photo", chunks=1) == (204, "")
    assert await end(kind="photo", chunks=2) == (409, "media_ended")
    assert await put(0, b"one") == (204, "")
    assert await put(1, b"more") == (409, "media_ended")


async def test_html_under_a_photos_name(town: Town) -> None:
    """It is kept sealed, never made a copy of and never served; the original only as bytes to save, with a reason."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    page = b"<!doctype html><script>alert(1)</script>"
    media = f"/alarms/{alarm}/media/m1"
    await citizen.http.put(f"{media}/0", content=page, headers={**citizen.headers, "content-type": "image/jpeg"})
    await citizen.http.post(media, json={"kind": "photo", "chunks": 1}, headers=citizen.headers)
    await officer.hears(alarm, "alarm_raised", "step_run", "media_added", "media_ended", "media_unreadable")
    shown = await officer.http.get(f"/media/{alarm}/m1")
    assert (shown.status_code, shown.json()["code"]) == (409, "not_possible")
    saved = await officer.http.post(f"/media/{alarm}/m1/original", json={"reason": "取证"})
    assert saved.content == page
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in saved.headers["content-security-policy"]
    await officer.hears(alarm, "original_opened")


def cookie(officer: Any) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in officer.http.cookies.items())}


def signed_in(officer: Any) -> dict[str, Any]:
    return {"origin": officer.url, "additional_headers": cookie(officer)}
