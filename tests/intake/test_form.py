"""The form of a page without JavaScript: words, photos, several files; and whatever breaks it off, the words count."""

import asyncio
import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.people import Citizen
from tests.flow.town import Town

pytestmark = pytest.mark.usefixtures("earlier")
HTML = {"accept": "text/html,application/xhtml+xml"}


def fields(citizen: Citizen, **more: Any) -> dict[str, Any]:
    return {"id": citizen.id, "secret": citizen.secret, "pin": citizen.pin, "lang": "zh", **more}


async def posts(citizen: Citizen, files: Any = None, headers: dict[str, str] = HTML, **more: Any) -> httpx.Response:
    """Submit the page's form, as a browser does: always multipart, unused file inputs as empty files."""
    empty = [("photo", ("", b"", "application/octet-stream")), ("audio", ("", b"", "application/octet-stream"))]
    return await citizen.http.post("/alarms", data=fields(citizen, **more), files=files or empty, headers=headers)


async def test_words_only(town: Town) -> None:
    """The receipt is a page: its code is on it, no secret in its address, nothing is cached; again is the same."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    pages = [await posts(citizen, text="他在门口", place="三楼", needs=["deaf", "text_only"]) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    view = await citizen.sees()
    for page in pages:
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-store"
        assert view["code"] in page.text
        assert citizen.secret not in str(page.url)
    raised = await officer.hears(citizen.id, "alarm_raised")
    assert (raised["event"]["text"], raised["event"]["place"]) == ("他在门口", "三楼")
    assert raised["event"]["needs"] == ["deaf", "text_only"]
    assert raised["event"]["channel"] == "form"
    await officer.hears(citizen.id, "step_run")


async def test_several_files(town: Town, fixtures: Path) -> None:
    """Two photos and a recording come with the words; sent twice there are still three."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    files = [
        ("photo", ("a.jpg", (fixtures / "photo-gps-rotated.jpg").read_bytes(), "image/jpeg")),
        ("photo", ("b.webp", (fixtures / "photo.webp").read_bytes(), "image/webp")),
        ("audio", ("c.m4a", (fixtures / "voice-en.m4a").read_bytes(), "audio/mp4")),
    ]
    for _ in range(2):
        assert (await posts(citizen, files, text="有照片")).status_code == 200
    await officer.hears(citizen.id, "alarm_raised", *["media_ready"] * 3)
    loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
    assert loaded is not None
    assert sorted(item["kind"] for item in loaded.alarm.media.values()) == ["audio", "photo", "photo"]
    officer.unexpected.clear()


async def test_json_to_who_asks_for_no_page(town: Town) -> None:
    """The same form without `Accept: text/html` gets the receipt as JSON: 201, then 200; as plain form data too."""
    citizen = town.citizen()
    first = await posts(citizen, headers={}, text="喂")
    second = await citizen.http.post("/alarms", data=fields(citizen, text="喂"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


async def test_a_missing_name(town: Town) -> None:
    """Without an id there can be no alarm: a page that says so and gives the other ways to get help."""
    citizen = town.citizen()
    page = await citizen.http.post("/alarms", data={"secret": citizen.secret, "text": "喂"}, headers=HTML)
    assert page.status_code == 422
    assert "id: " in page.text
    assert "sms:12110" in page.text
    assert "没有成功" in page.text


@pytest.mark.parametrize("text", ["x" * 4001, "x" * 1_100_000])
async def test_too_long_a_text_is_cut(town: Town, text: str) -> None:
    """The alarm is stored with its beginning, the rest are the first words of the talk; the page says so."""
    citizen = town.citizen()
    page = await posts(citizen, text=text)
    assert page.status_code == 200
    assert "被截短" in page.text
    assert "没有存上" not in page.text
    loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
    assert loaded is not None
    assert loaded.alarm.text == "x" * 3999 + "…"
    (rest,) = loaded.alarm.talk.values()
    assert rest["text"] == "…" + text[3999 : 3999 + 12_000]
    assert (await posts(citizen, text=text)).status_code == 200
    loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
    assert loaded is not None
    assert len(loaded.alarm.talk) == 1, "sent twice it is there once"


async def test_files_of_any_type(town: Town, fixtures: Path) -> None:
    """HEIC without a type, AMR as film or in the wrong field, and what nobody can open: all of it is stored."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    heic, amr = (fixtures / "photo-gps.heic").read_bytes(), (fixtures / "voice-zh.amr").read_bytes()
    files = [
        ("photo", ("a.heic", heic, "")), ("photo", ("b", heic + bytes(8), "application/octet-stream")),
        ("audio", ("c.3gp", amr, "video/3gpp")), ("photo", ("d.amr", amr[:1500], "text/html")),
        ("photo", ("e.exe", b"MZ", "application/x-msdownload")), ("audio", ("f.slk", b"\x02#!SILK_V3", "audio/silk")),
    ]  # fmt: skip
    page = await posts(citizen, files, text="救命")
    assert page.status_code == 200
    assert "no-link" not in page.text, "nothing was left out"
    await officer.hears(citizen.id, "alarm_raised", *["media_ready"] * 4)
    await officer.hears(citizen.id, *["media_unreadable"] * 2)
    media = officer.alarms[citizen.id]["media"].values()
    assert sorted((item["kind"], item["state"]) for item in media) == [
        ("audio", "ready"), ("audio", "ready"), ("audio", "unreadable"), ("photo", "ready"), ("photo", "ready"),
        ("photo", "unreadable"),
    ]  # fmt: skip
    officer.unexpected.clear()


async def test_a_file_too_many(tmp_path: Path) -> None:
    """The alarm is stored with its words and as many files as it may have; the page says that one was not."""
    async with Town(tmp_path, env={"DISPATCH_LIMITS_MEDIA_PER_ALARM": "3"}) as town:
        await _one_too_many(town, 3)


async def _one_too_many(town: Town, most: int) -> None:
    citizen = town.citizen()
    page = await posts(
        citizen, [("photo", (f"{n}.jpg", b"\xff\xd8\xff%d" % n, "")) for n in range(most + 1)], text="救命"
    )
    assert page.status_code == 200
    assert "no-link" in page.text, "the part that says so"
    loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
    assert loaded is not None
    assert loaded.alarm.text == "救命"
    assert len(loaded.alarm.media) == most


async def test_an_empty_file_and_another_try(town: Town, fixtures: Path) -> None:
    """Each file has a fate of its own, in words; one that was empty may be sent again, alone, from the receipt."""
    citizen = town.citizen()
    heic = (fixtures / "photo-gps.heic").read_bytes()
    files = [
        ("photo", ("空 <b>.jpg", b"", "image/jpeg")), ("photo", ("a.heic", heic, "")), ("audio", ("c.amr", b"", "")),
        ("photo", ("", b"", "application/octet-stream")),
    ]  # fmt: skip
    page = await posts(citizen, files, text="救命")
    fates = re.findall(r'data-(?:fate|state)="(\w+)"', page.text)
    assert sorted(fates) == ["empty", "empty", "stored"]
    assert "空 &lt;b&gt;.jpg" in page.text
    assert page.text.count("文件是空的（0 字节）") == 2
    told = await posts(citizen, files, headers={}, text="救命")
    assert [fault.split(":")[0] for fault in told.json()["faults"]] == ["photo", "audio"]
    # Alone, as the first of its form, it is another one than the first of the form before.
    webp = (fixtures / "photo.webp").read_bytes()
    data = {"id": citizen.id, "secret": citizen.secret, "lang": "zh", "action": "add"}
    for _ in range(2):
        again = await citizen.http.post(
            f"/alarms/{citizen.id}/receipt", data=data, headers=HTML,
            files=[("photo", ("空 <b>.jpg", webp, "")), ("audio", ("", b"", "application/octet-stream"))],
        )  # fmt: skip
        assert again.status_code == 200
        assert re.findall(r'data-(?:fate|state)="(\w+)"', again.text) in (["ready", "stored"], ["ready", "ready"])
        assert "no-link" not in again.text
    loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
    assert loaded is not None
    assert sorted(item["mime"] for item in loaded.alarm.media.values()) == ["image/heic", "image/webp"]


async def test_files_for_a_wrong_secret(town: Town) -> None:
    """Who does not know the alarm adds nothing to it."""
    citizen = town.citizen()
    await citizen.raises()
    wrong = {"secret": "0123456789abcdefghijklmn", "action": "add"}
    files = [("photo", ("a.jpg", b"\xff\xd8\xff", ""))]
    answer = await citizen.http.post(f"/alarms/{citizen.id}/receipt", data=wrong, files=files, headers=HTML)
    assert answer.status_code == 404
    assert (await citizen.sees())["media"] == {}


async def test_files_for_a_plan(town: Town) -> None:
    """A plan takes none: the page comes all the same, and says of the file that it was not taken."""
    citizen = town.citizen()
    await citizen.raises(check_in_s=600)
    data = {"secret": citizen.secret, "action": "add", "lang": "zh"}
    files = [("photo", ("a.jpg", b"\xff\xd8\xff", ""))]
    answer = await citizen.http.post(f"/alarms/{citizen.id}/receipt", data=data, files=files, headers=HTML)
    assert answer.status_code == 200
    assert re.findall(r'data-(?:fate|state)="(\w+)"', answer.text) == ["failed"]
    assert (await citizen.sees())["media"] == {}


async def test_a_form_beyond_the_limit_is_an_alarm(town: Town) -> None:
    """Limits never drop an alarm (P8): the words came first and are stored; the files are left out and it is said."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    most = town.settings.limits.form_bytes
    page = await posts(citizen, [("photo", ("a.jpg", b"x" * most, "image/jpeg"))], text="救命")
    assert page.status_code == 200
    assert "no-link" in page.text
    raised = await officer.hears(citizen.id, "alarm_raised", "step_run")
    assert raised["alarm"] == citizen.id
    assert officer.alarms[citizen.id]["text"] == "救命"
    told = await posts(citizen, [("photo", ("a.jpg", b"x" * most, "image/jpeg"))], headers={}, text="救命")
    assert "form_bytes" in told.json()["faults"][0]


async def test_no_room_for_a_photo(tmp_path: Path) -> None:
    """The words are stored, also those after the photo, which is told to be missing; nothing of it stays behind."""
    async with Town(tmp_path, env={"DISPATCH_LIMITS_SPOOL_BYTES": "16777216"}) as town:
        citizen = town.citizen()
        photo = [("photo", ("a.jpg", b"x" * 17_000_000, "image/jpeg")), ("place", (None, "三楼"))]
        told = await posts(citizen, photo, headers={}, text="救命")
        assert told.status_code == 201
        assert "spool_bytes" in told.json()["faults"][0]
        loaded = await town.dispatch.alarms.load(citizen.id, whole=True)
        assert loaded is not None
        assert (loaded.alarm.text, loaded.alarm.place) == ("救命", "三楼")
        assert town.dispatch.spool.used == 0


async def test_too_many_files_and_fields(town: Town) -> None:
    """A thousand fields, a thousand files: what came first is stored, and it is said that the rest was not."""
    citizen = town.citizen()
    many = [("photo", (f"{n}.jpg", b"\xff\xd8\xff", "image/jpeg")) for n in range(1000)]
    told = await posts(citizen, many, headers={}, text="救命")
    assert told.status_code == 201
    assert "files" in told.json()["faults"][0]
    second = town.citizen()
    extra = {f"field{n}": "x" for n in range(1000)}
    told = await posts(second, headers={}, **extra)
    assert told.status_code == 201
    assert "fields" in told.json()["faults"][0]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary here"),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data\r\n\r\nv\r\n--x--\r\n'),
        ("multipart/form-data; boundary=" + "x" * 5000, b"--x--\r\n"),
        ("multipart/form-data; boundary=x; charset=martian", b'--x\r\ncontent-disposition: form-data; name="id"\r\n'),
        ("application/x-www-form-urlencoded", b"%zz=%&&&=;id"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 2_000_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(1000))),
        ("application/x-www-form-urlencoded", b""),
    ],
)  # fmt: skip
async def test_forms_that_are_none(town: Town, kind: str, body: bytes) -> None:
    """A clear answer, 400 to 422, in the form that was asked for."""
    citizen = town.citizen()
    for accept in ("text/html", "application/json"):
        headers = {"content-type": kind, "accept": accept}
        answer = await citizen.http.post("/alarms", content=body, headers=headers)
        assert 400 <= answer.status_code <= 422, answer.text
        assert answer.headers["content-type"].startswith(accept)


async def test_the_connection_is_lost_in_the_middle_of_a_photo(town: Town) -> None:
    """The words had come: the alarm is raised, although nobody can be told any more."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    parts = [
        f'--x\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields(citizen, text="救命").items()
    ]
    photo = '--x\r\ncontent-disposition: form-data; name="photo"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
    body = "".join(parts).encode() + photo.encode() + b"\xff" * 100_000
    host, port = town.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = "POST /alarms HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\n"
    head += "content-length: 9000000\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()
    await officer.hears(citizen.id, "alarm_raised", "step_run")
    assert officer.alarms[citizen.id]["text"] == "救命"


async def test_the_receipts_own_forms(town: Town) -> None:
    """Say, answer and cancel without JavaScript; the same form pressed twice says it once."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(text="救命")
    version = str((await citizen.sees())["version"])

    async def acts(**more: str) -> httpx.Response:
        data = {"id": alarm, "secret": citizen.secret, "lang": "zh", **more}
        page = await citizen.http.post(f"/alarms/{alarm}/receipt", data=data, headers=HTML)
        assert page.status_code == 200, page.text
        return page

    for _ in range(2):
        assert "他进来了" in (await acts(action="say", text="他进来了", version=version)).text
    await acts(action="say", text="在卧室", version=version)
    await officer.asks("ask", alarm=alarm, question="几个人？", choices=["一个", "两个"])
    asked = await acts(action="check")
    assert "几个人？" in asked.text
    question = (await citizen.sees())["question"]["question"]
    await acts(action="answer", question=question, answer="两个")
    await acts(action="cancel", pin="0000")
    await acts(action="unheard-of")
    view = await citizen.sees()
    assert [said["text"] for said in view["talk"]] == ["他进来了", "在卧室", "几个人？", "两个"]
    assert view["cancel"] == "requested"
    kinds = ["alarm_raised", "step_run", "citizen_said", "citizen_said", "question_asked", "question_answered"]
    cancelled = await officer.hears(alarm, *kinds, "cancel_requested")
    assert cancelled["event"]["duress"] is True


async def test_the_receipts_forms_need_the_secret(town: Town) -> None:
    """A wrong secret and an unknown alarm get the same page, to the byte."""
    citizen = town.citizen()
    alarm = await citizen.raises()
    wrong = {"secret": "0123456789abcdefghijklmn", "action": "check"}
    pages = [
        await citizen.http.post(f"/alarms/{each}/receipt", data=wrong, headers=HTML) for each in (alarm, uuid.uuid4())
    ]
    assert [page.status_code for page in pages] == [404, 404]
    assert pages[0].content == pages[1].content


async def test_words_are_words_on_the_page(town: Town) -> None:
    """What someone writes is shown as text, never run: the page escapes it."""
    citizen = town.citizen()
    alarm = await citizen.raises()
    data = {"secret": citizen.secret, "action": "say", "text": "<script>alert(1)</script>\"'"}
    page = await citizen.http.post(f"/alarms/{alarm}/receipt", data=data, headers=HTML)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
