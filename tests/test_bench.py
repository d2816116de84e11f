"""The measurements can be believed: nothing that was lost goes unseen, and what is counted was there."""

import argparse
import asyncio
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench.__main__ import PROGRAMS
from bench.copies import EVENTS_OF_A_LIFE, Copier
from bench.load import Console, Consoles
from dispatch.alarmlog.chain import verify
from tests.flow.town import Town

EPOCH = "e1"
ALARMS = [f"{number:08d}-0000-4000-8000-000000000000".encode() for number in range(2)]


def frame(offset: int, event: str, alarm: bytes) -> bytes:
    """One event as a hub writes it."""
    body = b'{"type":"event","station":"dadongmen","position":{"epoch":"%b","offset":%d},"alarm":"%b","event":' % (
        EPOCH.encode(), offset, alarm
    ) + b'{"type":"%b","text":"%b"}}' % (event.encode(), b"x" * 200)  # fmt: skip
    return b"\x81\x7e" + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize("piece", [1, 7, 300, 10_000])
async def test_consoles_see_what_came_and_what_did_not(piece: int) -> None:
    """However its bytes are cut: each alarm once at each console, a gap at the console that missed an event."""
    had: list[tuple[int, bytes]] = []
    consoles = Consoles(lambda console, alarm, now: had.append((console.number, alarm)))
    frames = [
        frame(9, "alarm_raised", ALARMS[0]),
        frame(10, "step_run", ALARMS[0]),
        frame(11, "alarm_raised", ALARMS[1]),
    ]
    for number, missing in enumerate((None, 1, None)):
        console = Console(consoles, number, "http://127.0.0.1:1", "", after=(EPOCH, 8))
        console.opened.set_result(None)
        came = b"".join(each for at, each in enumerate(frames) if at != missing)
        for at in range(0, len(came), piece):
            console.data_received(came[at : at + piece])
        console.stop()
    assert had == [(number, alarm) for number in range(3) for alarm in ALARMS]
    assert consoles.frames == 8
    assert consoles.gaps == 1


async def test_copied_alarms_are_alarms(town: Town) -> None:
    """What fills a store before it is measured is what hubs would have stored: open, chained, with its own digests."""
    redis = town.dispatch.stream.redis
    copier = Copier(redis, town.settings)
    await copier.open_ones(["dadongmen"], 50, lambda made: None)
    events = await copier.lives("dadongmen", 5 * EVENTS_OF_A_LIFE, lambda made: None)
    stream = town.dispatch.stream
    assert len(set(await stream.open_alarms("dadongmen"))) == 50
    verdict = await verify(stream, "dadongmen")
    assert verdict.ok, verdict
    assert verdict.events >= 50 + events


WORDS = {"bench.peers.__main__": ["install", "."], "bench.pictures": ["."]}
"""What a program does not run without."""


class Read(Exception):
    """The options were read; nothing is to be measured."""


@pytest.fixture
def only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement ends where it has read its options."""
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser: argparse.ArgumentParser) -> None:
        parse(parser)
        raise Read

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)


@pytest.mark.usefixtures("only_read")
def test_every_measurement_can_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each module is there with all that it uses, and each program takes the options that `python -m bench` gives."""
    modules = [each.name for each in pkgutil.walk_packages(bench.__path__, "bench.") if "servers" not in each.name]
    for name in modules:
        module = importlib.import_module(name)
        if not hasattr(module, "main"):
            continue
        program = PROGRAMS.get(name.removeprefix("bench."))
        words = program.short.split() if program else WORDS.get(name, [])
        monkeypatch.setattr(sys, "argv", [name, *words])
        with pytest.raises(Read):
            asyncio.run(module.main()) if inspect.iscoroutinefunction(module.main) else module.main()
    assert {f"bench.{name}" for name in PROGRAMS} <= set(modules)


@pytest.mark.nightly
def test_the_fan_out_is_measured_and_nothing_is_lost(root: Path, tmp_path: Path) -> None:
    """`python -m bench.fanout` runs, has its deliveries at every console, and says what it found as JSON."""
    small = "--consoles 3 --intake socket --rounds 1 --warm-up 0.1 --gentle 0.2 --seconds 0.2 --no-pin --json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.fanout", *small.split(), "--data", str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["results"]["Fujin, WebSocket"]["3"]["together"]
    assert found["deliveries_s"] > 0
    assert found["server_us"] > 0
    assert found["every_ms"]["p50"] > 0
    assert found["lost"] == 0


@pytest.mark.nightly
def test_media_are_measured(root: Path, tmp_path: Path) -> None:
    """`python -m bench.media` runs: photos are sealed and copied, recordings come in, no alarm is lost meanwhile."""
    small = "--photos 4 --rate 5 --seconds 1 --consoles 2 --recordings 3 --streaming 2 --json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.media", *small.split(), "--data", str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["photos"]["sealed_s"] > 0
    assert found["photos"]["copied_s"] > 0
    assert found["photos"]["busy"]["figures"]["every"]["p50"] > 0
    assert found["recordings"]["chunks"] >= 6  # one a second from each, and perhaps one more
    assert found["recordings"]["memory_end"] > 0
