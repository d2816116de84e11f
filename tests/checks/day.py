"""A day of a citizen and an officer at a hub of its own, for the searches of P10: all of it can be recognised."""

import asyncio
import json
import os
import signal
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from tests.flow.helpers import Helper
from tests.flow.people import Answered, Citizen, Officer
from tests.intake.link import CODECS, Link
from tests.patience import PATIENCE_S
from tests.process import HubProcess

AGENT = "Nokia3310-KnownPhone/7.31"
ADDRESS = "203.0.113.77"
AROUND = {
    "user-agent": AGENT, "x-forwarded-for": f"{ADDRESS}, 203.0.113.78", "x-real-ip": ADDRESS,
    "forwarded": f"for={ADDRESS}", "cf-connecting-ip": ADDRESS,
}  # fmt: skip
WORDS = {
    "text": "他拿着刀站在门口",
    "place": "小河沿路三号楼",
    "said": "我躲在衣柜最里面",
    "answer": "卧室的那个窗户",
    "question": "他现在在哪个房间",
    "note": "备注只给同事们看",
    "reason": "所长要求看一下原件",
    "category": "known-category",
    "name": "IMG_known_31415.jpg",
    "file": "known-type",
    "task": "到东门口看一眼就回来",
}
LAT, LON = 41.8031271828, 123.4658731415
NEAR = 41.9131415926  # where the helper is; the officer's own place is further north
PIN = "59301748"
PLAIN = b"the bytes of a photo that nobody may find in plain "
TAIL = PLAIN * 30_000  # 1.5 MB behind the picture's end: more than a form keeps in memory


@dataclass
class Run:
    """What is known after a run."""

    hub: HubProcess
    folder: Path
    alarms: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    on_disk: list[bytes] = field(default_factory=list)  # files of the hub in the middle of a form

    @property
    def said(self) -> str:
        """All that the hub printed and logged."""
        return self.hub.out + self.hub.log

    def files(self) -> Iterator[tuple[Path, bytes]]:
        for file in sorted(self.folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield file, file.read_bytes()


class Person(Citizen):
    """A citizen of whom everything that a browser tells along is recognisable."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.hub.url)
        self.http.headers.update(AROUND)
        self.pin = PIN
        run.alarms.append(self.id)
        run.secrets.append(self.secret)


async def live(run: Run, photo: bytes) -> None:
    officer = Officer(run.hub.url, "V01")
    officer.http.headers.update(AROUND)
    await officer.signs_in(run.hub.password)
    run.tokens += list(officer.http.cookies.values())
    await officer.opens_console()
    people = [await by_http(run, officer), await by_form(run, photo)]
    await by_helper(run, officer, people[0])
    for codec in CODECS:
        await by_socket(run, codec, photo)
    await at_the_console(run, officer, people[1])
    await with_faults(run)
    await officer.closes()
    for person in people:
        await person.http.aclose()


async def by_http(run: Run, officer: Officer) -> Person:
    """Raise, say, move, answer, cancel."""
    person = Person(run)
    position = {"lat": LAT, "lon": LON, "accuracy_m": 12.5}
    for _ in range(2):
        await person.raises(text=WORDS["text"], place=WORDS["place"], position=position, category=WORDS["category"])
    await person.does("say", ref="1", text=WORDS["said"])
    await person.does("position", lat=LAT + 0.001, lon=LON)
    await officer.asks("ask", alarm=person.id, question=WORDS["question"])
    question = (await person.sees())["question"]["question"]
    for answer in (WORDS["answer"], "yes"):
        await person.does("answer", question=question, answer=answer)
    assert (await person.does("cancel", pin=PIN)).status_code == 200
    return person


async def by_helper(run: Run, officer: Officer, person: Person) -> None:
    """On watch, called, accepted, done; officer and helper share where they are until they leave."""
    redis = Redis.from_url(f"unix://{run.hub.data / 'store' / 'store.sock'}")
    await redis.hset("dispatch:{0}:rewrite", "next", 2**53)  # or the file would be written anew for the places
    await redis.aclose()
    user = Officer(run.hub.url, "H01")
    user.http.headers.update(AROUND)
    await user.signs_in(run.hub.password)
    run.tokens += list(user.http.cookies.values())
    helper = Helper(user)
    await helper.opens_page()
    for moved in (0, 0.001):
        await helper.watches(NEAR + moved, LON)
    here = {"lat": NEAR + 0.01, "lon": LON}
    await officer.asks("duty", on=True)
    await officer.asks("share_place", on=True, position=here)
    assert (await officer.http.get(f"/nearby/{person.id}")).json()["officers"]
    await officer.asks("call_helpers", alarm=person.id, tasks=["look_and_report"], text=WORDS["task"])
    call = (await helper.is_called())["call"]
    await helper.asks("accept", call=call)
    await helper.is_called("accepted")
    await helper.asks("done", call=call)
    await officer.asks("share_place", on=False)
    await helper.asks("watch", on=False)
    await helper.closes()
    await user.closes()


async def by_form(run: Run, photo: bytes) -> Person:
    """The form of a page without JavaScript, held in the middle of its photo."""
    person = Person(run)
    named = {"id": person.id, "secret": person.secret, "pin": PIN, "text": WORDS["text"], "place": WORDS["place"]}
    files = {"photo": (WORDS["name"], photo, "image/jpeg")}
    request = person.http.build_request("POST", "/alarms", data=named, files=files, headers={"accept": "text/html"})
    body = request.read()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", run.hub.port)
    writer.write(f"POST /alarms HTTP/1.1\r\n{head}connection: close\r\n\r\n".encode() + body[:-1000])
    async with asyncio.timeout(PATIENCE_S):
        while not (held := deleted_files(run.hub.pid)):
            await asyncio.sleep(0)
    run.on_disk += held
    writer.write(body[-1000:])
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    writer.close()
    return person


def deleted_files(pid: int) -> list[bytes]:
    """What is in the files that a process has open and that have no name any more, once they have a megabyte."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            about = entry.stat()
            if stat.S_ISREG(about.st_mode) and about.st_nlink == 0 and about.st_size > 1_000_000:
                found.append(entry.read_bytes())
        except OSError:
            continue
    return found


async def by_socket(run: Run, codec: str, photo: bytes) -> None:
    """The same by a socket, with media in MessagePack, and frames that are no messages."""
    person = Person(run)
    link = await Link.open(run.hub.url, codec=codec, additional_headers=AROUND, user_agent_header=AGENT)
    names = {"id": person.id, "secret": person.secret}
    answer = await link.asks("raise", **names, pin=PIN, text=WORDS["text"], position={"lat": LAT, "lon": LON})
    assert answer["type"] == "ok"
    await link.asks("say", text=WORDS["said"])
    if codec == "msgpack":
        data = photo[:200_000]
        await link.asks("media_chunk", media="m1", seq=0, data=data, kind="photo", mime="image/jpeg")
        await link.asks("media_chunk", media="m1", seq=0, data=PLAIN, kind="photo", mime="image/jpeg")
        assert (await link.asks("media_end", media="m1", chunks=1))["type"] == "ok"
    await link.asks("cancel", pin="11" + PIN[2:])
    await link.asks("raise", **names, pin=PIN, text=WORDS["text"], unknown=WORDS["said"])
    await link.asks(WORDS["said"])
    await link.sends_raw(b'{"type":"say","text":"' + WORDS["said"].encode() + b'\xff"}', text=True)
    await link.closed_with()
    again = await Link.open(run.hub.url, codec=codec, additional_headers=AROUND, user_agent_header=AGENT)
    await again.asks("resume", **names, after=0)
    await again.sends_raw(("{" + WORDS["text"]).encode(), text=False)
    await again.closed_with()
    await person.http.aclose()


async def at_the_console(run: Run, officer: Officer, person: Person) -> None:
    """Everything that an officer and a supervisor do with an alarm that has a photo."""
    media = ""
    async with asyncio.timeout(PATIENCE_S):
        while not media:
            alarm = officer.alarms.get(person.id, {})
            media = next((name for name, item in alarm.get("media", {}).items() if item["state"] == "ready"), "")
            await officer.is_awake()
    await officer.asks("ack", alarm=person.id)
    await officer.asks("note", alarm=person.id, text=WORDS["note"])
    await officer.asks("say", alarm=person.id, text=WORDS["question"])
    assert (await officer.http.get(f"/media/{person.id}/{media}")).status_code == 200
    original = await officer.http.post(f"/media/{person.id}/{media}/original", json={"reason": WORDS["reason"]})
    assert original.content.endswith(PLAIN)
    await officer.asks("transfer", alarm=person.id, station="xiaodong", reason=WORDS["reason"])
    await officer.asks("close", alarm=person.id, disposition="handled", note=WORDS["note"])
    with pytest.raises(Answered):
        await officer.asks("take", alarm=person.id, reason=WORDS["reason"] * 400)
    supervisor = Officer(run.hub.url, "S01")
    supervisor.http.headers.update(AROUND)
    await supervisor.signs_in(run.hub.password)
    run.tokens += list(supervisor.http.cookies.values())
    for accept in ("application/json", "application/x-ndjson", "text/csv"):
        answer = await supervisor.http.get("/log", params={"station": "dadongmen"}, headers={"accept": accept})
        assert answer.status_code == 200
    await supervisor.http.delete("/session")
    await supervisor.closes()


async def with_faults(run: Run) -> None:
    """Requests that cannot be done, bytes that are no request, and a store that is gone."""
    person = Person(run)
    text = WORDS["text"]
    for path in (f"/{text}", f"/alarms/{quote(text)}", f"/?q={text}", f"/static/{text}", f"/alarms/{person.id}?{text}"):
        await person.http.get(path, headers={"authorization": f"Bearer {person.secret}", "referer": f"/{quote(text)}"})
    for body in (text, json.dumps({"text": text}), json.dumps({"id": text}), json.dumps([text]), text * 30_000):
        await person.http.post("/alarms", content=body.encode())
    await person.http.post("/alarms", content=b"x", headers={"content-type": f"multipart/form-data; boundary={PIN}"})
    await person.http.post("/session", json={"user": "V01", "password": WORDS["note"]})
    await person.http.put(f"/alarms/{person.id}/media/m1/0", content=PLAIN, headers={"content-type": WORDS["file"]})
    for junk in (b"GET /" + text.encode() + b" HTTP/9.9\r\n\r\n", text.encode() * 50 + b"\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", run.hub.port)
        writer.write(junk)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    store = int((run.hub.data / "store" / "store.pid").read_text())
    os.kill(store, signal.SIGSTOP)  # one that died would be started again
    link = await Link.open(run.hub.url, additional_headers=AROUND)
    _, answer = await asyncio.gather(  # both wait for it to answer
        person.posts(text=text, place=WORDS["place"], position={"lat": LAT, "lon": LON}),
        link.asks("raise", id=str(uuid.uuid4()), secret=person.secret, text=text),
    )
    assert person.answer.status_code == 503
    assert answer["code"] == "not_stored"
    os.kill(store, signal.SIGKILL)
    await link.closes()
    await person.http.aclose()
