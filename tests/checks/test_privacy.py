"""The citizen is protected from everyone who needs not know (P10): after a whole run everything on disk is searched."""

import asyncio
import json
import re
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from dispatch.alarmlog.chain import verify
from tests.checks.day import ADDRESS, AGENT, LAT, LON, NEAR, PIN, PLAIN, TAIL, WORDS, Run, live
from tests.flow.people import Answered, Officer
from tests.flow.town import Town
from tests.patience import PATIENCE_S
from tests.process import HubProcess


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, fixtures: Path) -> Iterator[Run]:
    """A hub that lived a whole day in a few seconds, and has ended; it logged all that it can log."""
    folder = tmp_path_factory.mktemp("privacy")
    (folder / "tmp").mkdir()
    hub = HubProcess(folder / "data", DISPATCH_LOG_LEVEL="debug", TMPDIR=str(folder / "tmp"))
    made = Run(hub, folder)
    try:
        hub.start()
        photo = (fixtures / "photo-gps-rotated.jpg").read_bytes() + TAIL
        asyncio.run(live(made, photo))
        assert hub.stop() == 0
        yield made
    finally:
        hub.end()


def spellings(mark: str) -> set[str]:
    """A text as logs might spell it."""
    return {
        mark, quote(mark), ascii(mark)[1:-1], json.dumps(mark)[1:-1], repr(mark.encode())[2:-1], mark.encode().hex(),
        mark.lower(), mark.encode("utf-16-le").hex(),
    }  # fmt: skip


def test_the_run_was_a_run(run: Run) -> None:
    """What is searched holds what belongs there: ids in the log, words in the store; else the rest proves nothing."""
    assert "alarm_raised" in run.said
    assert run.alarms[0] in run.said
    stored = b"".join(data for file, data in run.files() if "appendonlydir" in file.parts)
    for name in ("text", "place", "said", "answer", "question", "note", "reason", "category", "task"):
        assert WORDS[name].encode() in stored or json.dumps(WORDS[name]).encode() in stored, name
    assert str(LAT).encode() in stored
    assert str(NEAR).encode() in stored
    assert b'"source":"photo"' in stored  # where a photo says that it was made: told to officers, and else to nobody
    assert len(run.on_disk) == 1


def test_nothing_of_the_citizen_is_logged(run: Run) -> None:
    """No words, place, position, address or user agent, no secret and no number, at any level, whatever goes wrong."""
    marks = [*WORDS.values(), "41.80", "41.91", "123.46", ADDRESS, "203.0.113", AGENT, "Nokia3310", PIN, "KnownPhone"]
    marks += [*run.secrets, *run.tokens, "the bytes of a photo"]
    said = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "", run.said)  # 02:15:41.915 is no place
    found = {mark: line for mark in marks for spelt in spellings(mark) for line in said.splitlines() if spelt in line}
    assert found == {}


def test_the_log_is_one_json_line_per_event(run: Run) -> None:
    """Also of the libraries' words; nothing else is printed but where the pages are."""
    assert all({"event", "level", "at"} <= line.keys() for line in run.hub.logged)


def test_no_address_and_no_user_agent_on_disk(run: Run) -> None:
    """Where a request came from and with what is nowhere in the data folder."""
    marks = [mark.encode() for mark in (ADDRESS, "203.0.113.78", AGENT, "KnownPhone")]
    assert [(file, mark) for file, data in run.files() for mark in marks if mark in data] == []


def test_secrets_are_hashes_on_disk(run: Run) -> None:
    """Neither an alarm's secret, nor its cancel number, nor the token of a sign-in can be read from the disk."""
    marks = [mark.encode() for mark in (*run.secrets, *run.tokens, PIN, "11" + PIN[2:])]
    assert [(file, mark) for file, data in run.files() for mark in marks if mark in data] == []


def test_photos_are_sealed_on_disk(run: Run, fixtures: Path) -> None:
    """No piece of an original or of its copy lies in plain anywhere, and no temporary file is left."""
    photo = (fixtures / "photo-gps-rotated.jpg").read_bytes()
    pieces = [PLAIN, *(photo[at : at + 64] for at in range(0, len(photo) - 64, 4096)), b"\xff\xd8\xff", b"Exif\x00"]
    media = [(file, data) for file, data in run.files() if "media" in file.parts]
    assert len(media) >= 4
    for file, data in run.files():
        short = [piece for piece in pieces if len(piece) > 8]
        assert not [piece for piece in (pieces if "media" in file.parts else short) if data.startswith(piece)]
        assert not [piece for piece in short if piece in data], file
    assert list((run.folder / "tmp").iterdir()) == []


def test_a_forms_photo_is_sealed_while_it_is_sent(run: Run) -> None:
    """A photo that waits on the disk for the rest of its form is not in plain there: deleted is not gone."""
    assert not [data for data in run.on_disk if PLAIN in data or data.startswith(b"\xff\xd8\xff")]


def test_the_data_folder_is_closed_to_others(run: Run) -> None:
    """Keys, sign-ins and the store are for their own user alone."""
    for path in (run.hub.data / "store", run.hub.data / "keys" / "media.key", run.hub.data / "demo-sign-ins.txt"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


WHY = "当事人申请删除"


@pytest.fixture(scope="module")
def wiped(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same data, at another hub, after a supervisor has wiped every alarm; the hub has ended."""
    made = Run(run.hub, tmp_path_factory.mktemp("wiped"), alarms=run.alarms)
    shutil.copytree(run.folder / "data", made.folder / "data", ignore=shutil.ignore_patterns("*.sock"))
    with capture_logs() as said:
        asyncio.run(wipe(made))
    (made.folder / LOG).write_text("\n".join(map(repr, said)), "utf-8")
    return made


LOG = "log.txt"


async def wipe(run: Run) -> None:
    """Close and wipe every alarm, and let time pass until it is off the disk."""
    async with Town(run.folder / "data", datetime.now(UTC), own_store=True) as town:
        redis, keys = town.dispatch.stream.redis, town.dispatch.stream.keys
        await redis.config_set("rdbcompression", "no")  # or the search would not find what it should
        supervisor = Officer(town.url, "S01", town.rests, waits=False)
        town.people.append(supervisor)
        town.stops_watching(supervisor)
        await supervisor.signs_in(run.hub.password)
        await supervisor.opens_console()
        for alarm in run.alarms:
            found = await supervisor.http.get(f"/log/alarms/{alarm}")
            if found.status_code != 200:
                continue  # it never got through
            status = found.json()["alarm"]["status"]
            if status == "raised":
                await supervisor.acknowledges(alarm)
            if status != "closed":
                await supervisor.asks("close", alarm=alarm, disposition="test", note=WORDS["note"])
            await supervisor.asks("wipe", alarm=alarm, reason=WHY)
        async with asyncio.timeout(PATIENCE_S):  # the store writes its file in its own time
            while any((run.folder / "data" / "media").rglob("*-*-*-*-*/*/*")):
                await town.fast_forward(5)
            while len(set(await redis.hmget(keys.rewrite, ["wiped", "written"]))) > 1:
                await redis.hdel(keys.rewrite, "next")  # it may be written from now on
                await town.fast_forward(5)
        for station in ("dadongmen", "xiaodong"):
            assert (await verify(town.dispatch.stream, station)).ok
        with pytest.raises(Answered, match="wiped"):
            await supervisor.asks("note", alarm=run.alarms[0], text=WORDS["note"])


def test_after_a_wipe_nothing_of_the_citizen_is_left(run: Run, wiped: Run) -> None:
    """No word, place, photo or recording of anybody in store, append-only file, objects, logs or temporary files."""
    texts = [*WORDS.values(), str(LAT), str(LON), str(LAT + 0.001)]
    texts += [str(NEAR + moved) for moved in (0, 0.001, 0.01)]
    marks = {spelt.encode() for text in texts for spelt in spellings(text)} | {PLAIN, PIN.encode()}
    assert {mark for _, data in run.files() for mark in marks if mark in data}, "else the rest proves nothing"
    assert [(file, mark) for file, data in wiped.files() for mark in marks if mark in data] == []
    assert [file for file, _ in wiped.files() if "media" in file.parts] == []


def test_after_a_wipe_what_was_done_is_left(wiped: Run) -> None:
    """Who wiped what, and why, stands in the store's file; and every event that there was before."""
    stored = b"".join(data for file, data in wiped.files() if "appendonlydir" in file.parts)
    for mark in (
        "content_wiped",
        "media_removed",
        "original_opened",
        "alarm_closed",
        "helper_shown_place",
        "S01",
        "V01",
        wiped.alarms[0],
    ):
        assert mark.encode() in stored, mark
    assert WHY.encode() in stored or json.dumps(WHY)[1:-1].encode() in stored
    assert "append_only_file_rewritten" in (wiped.folder / LOG).read_text("utf-8")
