"""`dispatch send`: an alarm from the command line."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from dispatch.cli.send import send
from fujin_client import Citizen, Officer
from tests.clients.conftest import MEDIA_BYTES
from tests.clients.near import Near
from tests.forks import ENVIRONMENT, ROOT

COMMAND = (sys.executable, "-m", "dispatch", "send")


async def sent(*arguments: str | Path) -> tuple[int, str, str]:
    """The command in a thread of this process: (exit status, standard output, standard error)."""
    async with asyncio.timeout(60):
        done = await asyncio.to_thread(CliRunner().invoke, send, [str(each) for each in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.stdout, done.stderr


@asynccontextmanager
async def running(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as users run it."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def test_stored(served: Near, officer: Officer, fixtures: Path) -> None:
    """It ends when everything is stored, with a receipt code and the way back; officers have all of it."""
    status, out, err = await sent(
        "--url", served.url, "--text", "门外有人", "--at", "41.797,123.462", "--needs", "deaf", "--needs", "signs",
        "--lang", "en", "--photo", fixtures / "photo.webp", "--photo", fixtures / "photo-gps.heic",
        "--audio", fixtures / "voice-zh.amr",
    )  # fmt: skip
    assert (status, err) == (0, "")
    code = re.search(r"Receipt ([0-9A-Z]{3}-[0-9A-Z]{3}), (.+)\.", out)
    back = re.search(r"Bearer (\S+)' (\S+/alarms/(\S+))", out)
    assert code
    assert back
    async with httpx.AsyncClient() as http:
        view = (await http.get(back[2], headers={"authorization": f"Bearer {back[1]}"})).json()
    assert (view["code"], view["station"]["name"]) == (code[1], code[2])
    assert len(view["media"]) == 3
    async with Officer(served.url, "S01", served.password, auto_ready=False) as boss:
        await boss.subscribe()
        alarm = boss.alarms[back[3]]
    assert (alarm["channel"], alarm["text"], alarm["needs"], alarm["lang"]) == (
        "cli", "门外有人", ["deaf", "signs"], "en",
    )  # fmt: skip
    assert (alarm["position"]["lat"], alarm["position"]["lon"]) == (41.797, 123.462)
    assert sorted(item["kind"] for item in alarm["media"].values()) == ["audio", "photo", "photo"]


async def test_empty_is_an_alarm(served: Near, officer: Officer) -> None:
    """An alarm needs nothing. With --json each line is an object."""
    status, out, _ = await sent("--url", served.url, "--json")
    (receipt,) = rows(out)
    assert (status, receipt["type"]) == (0, "receipt")
    assert {"id", "secret", "pin", "code", "station"} <= set(receipt)
    assert (await officer.next_event("alarm_raised", receipt["id"])).data["channel"] == "cli"


async def test_follow(served: Near, officer: Officer) -> None:
    """With --follow each rung is one line when it becomes true, and it ends when the alarm is closed."""
    async with running("--url", served.url, "--follow") as process:
        assert process.stdout is not None
        receipt = (await process.stdout.readline()).decode()
        assert "Stored. Receipt" in receipt
        alarm = (await officer.next_event("alarm_raised")).alarm
        assert alarm is not None
        while (await officer.next_event(alarm=alarm)).type != "alarm_delivered":
            pass
        await officer.acknowledge(alarm)
        await officer.say(alarm, "We are near")
        await officer.ask(alarm, "Is the door open?", ["yes", "no"])
        told = receipt.encode()  # of what is over, such as a question of an alarm that is closed, nothing is told
        told += await process.stdout.readuntil(b"Question: Is the door open? (yes, no)")
        await officer.close(alarm)
        out, err = await process.communicate()
    lines = [re.sub(r"^[\d:]{8}  ", "", line).strip() for line in (told + out).decode().splitlines()]
    assert (process.returncode, err) == (0, b"")
    for line in ("It is on the officers' screens.", "An officer has taken it.", "Officer: We are near",
                 "Question: Is the door open? (yes, no)"):  # fmt: skip
        assert lines.count(line) == 1, lines
    assert lines[-1] == "Closed."


async def test_follow_json_and_reopen(served: Near, officer: Officer) -> None:
    """An alarm that is given back is said to be open again, and its second acknowledgement is told too."""
    async with running("--url", served.url, "--follow", "--json") as process:
        assert process.stdout is not None
        alarm = json.loads(await process.stdout.readline())["id"]
        await officer.next_event("alarm_raised", alarm)

        async def told(kind: str, step: str | None = None) -> None:
            assert process.stdout is not None
            async for line in process.stdout:
                row = json.loads(line)
                if (row["type"], row.get("step")) == (kind, step):
                    return
            raise AssertionError(f"{kind} {step} was not told")

        await officer.acknowledge(alarm)
        await told("ladder", "acknowledged")
        await officer.release(alarm, "cannot go")
        await told("reopened")
        await officer.acknowledge(alarm)
        await told("ladder", "acknowledged")
        await officer.close(alarm)
        await told("ladder", "closed")
        assert await process.wait() == 0


async def test_practice(served: Near, officer: Officer) -> None:
    """A practice alarm is stored and on no list, and following it ends at once: nobody will answer."""
    status, out, _ = await sent("--url", served.url, "--practice", "--follow", "--json")
    assert status == 0
    assert [row["type"] for row in rows(out)] == ["receipt"]
    async with Officer(served.url, "V02", served.password, auto_ready=False) as fresh:
        await fresh.subscribe()
        assert rows(out)[0]["id"] not in fresh.alarms


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("--lang", "!"), "lang: "), (("--text", "x" * 5000), "text: 5000 characters; at most 4000 (text_chars)")],
)
async def test_told_what_was_changed(served: Near, officer: Officer, arguments: tuple[str, ...], reason: str) -> None:
    """The alarm is stored, and what of it is not as it was given is said."""
    status, out, err = await sent("--url", served.url, *arguments)
    assert (status != 0, "Traceback" in err) == (True, False)
    assert reason in err
    assert "The alarm is stored all the same." in err
    assert "cancel" in out, "the receipt"
    await officer.next_event("alarm_raised")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--photo", "no-such-file.jpg"), "'no-such-file.jpg' does not exist"),
        (("--photo", "tests/media/__init__.py"), "__init__.py: it is empty; there is nothing to send"),
        (("--audio", "tests"), "is a directory"),
        (("--at", "41.8"), "'41.8' must be LAT,LON"),
        (("--at", "123.4,41.8"), "latitude comes first"),
        (("--at", "nan,1"), "must be a latitude of -90 to 90"),
        (("--url", "somewhere"), "url: 'somewhere' is not the address of a server"),
        (("--url", "http://127.0.0.1:9", "--wait", "0.3"), "not known to be stored"),
    ],
)
async def test_told_what_is_wrong(served: Near, officer: Officer, arguments: tuple[str, ...], reason: str) -> None:
    """Exit status 2 with the reason on standard error, nothing on standard output, and no alarm."""
    status, out, err = await sent("--url", served.url, *arguments)
    assert (status, out) == (2, "")
    assert reason in err
    assert "Traceback" not in err
    async with Citizen(served.url, over="http") as citizen:  # what comes after shows what did not come before
        after = await citizen.raise_alarm()
    assert (await officer.next_event("alarm_raised")).alarm == after.id


async def test_file_that_the_server_refuses(served: Near, officer: Officer, tmp_path: Path) -> None:
    """A file that is too large is told with exit status 2; the alarm and the other file are stored all the same."""
    large, small = tmp_path / "large.amr", tmp_path / "small.png"
    with large.open("wb") as file:
        file.write(b"#!AMR\n")
        os.truncate(file.fileno(), MEDIA_BYTES + 1)
    small.write_bytes((ROOT / "tests/fixtures/photo-text-chunk.png").read_bytes())
    status, out, err = await sent("--url", served.url, "--audio", large, "--photo", small, "--json")
    assert status == 2
    assert "large.amr" in err
    assert "media_bytes" in err
    assert "stored all the same" in err
    receipt, media = rows(out)
    assert media["file"] == str(small)
    await officer.next_event("media_ready", receipt["id"])
