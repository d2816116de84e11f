"""However much was said, and however slow a line is: its console is live, with its list, and is not cut (P8)."""

import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.flow.people import merge, tell
from tests.flow.town import Town

LONG = "救" * 3990
TEXTS = 200
"""2.4 MB of words in one alarm: more than a console may leave untaken."""


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Where a citizen may say much, and a console may leave little untaken."""
    env = {"DISPATCH_LIMITS_SAY_BYTES": "1073741824", "DISPATCH_LIMITS_CONSOLE_BUFFER_BYTES": "65536"}
    async with Town(tmp_path, env=env) as town:
        yield town


@pytest.fixture
async def busy(town: Town) -> str:
    """An alarm in which much was said."""
    citizen = town.citizen()
    alarm = await citizen.raises()
    for n in range(TEXTS):
        assert (await citizen.does("say", ref=str(n), text=f"{n}{LONG}")).status_code == 200
    return alarm


async def slow(town: Town, name: str) -> tuple[ClientConnection, str]:
    """A console whose device takes what comes only when it is read, a little at a time; and its cookie."""
    user = await town.user(name)
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # With packets larger than its room each would wait for the kernel's timer.
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    peer.connect(("127.0.0.1", int(town.url.rsplit(":", 1)[1])))
    peer.setblocking(False)
    link = await connect(
        town.url.replace("http", "ws", 1) + "/ws/console", sock=peer, origin=town.url, max_size=None,  # type: ignore[arg-type]
        additional_headers={"cookie": f"dispatch_session={user.http.cookies['dispatch_session']}"}, compression=None,
        max_queue=1, ping_interval=None, proxy=None,
    )  # fmt: skip
    return link, name


async def until(link: ClientConnection, kind: str) -> dict[str, Any]:
    """Read on until such a message comes."""
    while True:
        message: dict[str, Any] = orjson.loads(await link.recv())
        if message["type"] == kind:
            return message


async def closed_with(link: ClientConnection) -> int | None:
    """Read on until it is closed; the code. 1006 where not even the close was taken."""
    with suppress(ConnectionClosed):
        async for _ in link:
            pass
    return link.close_code


async def test_a_slow_line_is_live_before_it_has_all(town: Town, busy: str) -> None:
    """The list comes first and is small; events go on beside what was said; at the end it has every word.

    The hub holds what the line has not taken yet in the store, not in memory.
    """
    with town.clock.under_way():
        link, _ = await slow(town, "V01")
        await link.send(orjson.dumps({"type": "subscribe", "ref": "1"}).decode())
        snapshot = await until(link, "snapshot")
        assert len(orjson.dumps(snapshot)) < 10_000
        assert snapshot["stories"] == [busy]
        alarm = {**tell(snapshot["alarms"][0], await until(link, "story")), "whole": None}
        other = await town.citizen().raises(text="另一起")
        seen: list[str] = []
        untaken = []
        while not alarm.get("whole") or other not in seen:
            message = orjson.loads(await link.recv())
            untaken += [console.wire.buffered() for console in town.dispatch.hub.consoles]
            if message["type"] == "story":
                alarm = {**tell(alarm, message), "whole": message.get("whole")}
            elif message["type"] == "event" and message["alarm"] == busy:
                alarm = merge(alarm, message["changes"])
            elif message["type"] == "event":
                seen.append(message["alarm"])
        assert [alarm["talk"][key]["text"] for key in sorted(alarm["talk"], key=int)] == [
            f"{n}{LONG}" for n in range(TEXTS)
        ]
        assert max(untaken) < 200_000
        assert link.close_code is None
        await link.close()


async def test_who_reads_nothing_is_cut_all_the_same(town: Town, busy: str) -> None:
    """What is asked for is bounded by what there is; a console that takes nothing of what comes then is cut."""
    with town.clock.under_way():
        link, _ = await slow(town, "V01")
        await link.send(orjson.dumps({"type": "subscribe", "ref": "1"}).decode())
        await until(link, "snapshot")
        citizen = town.citizen()
        await citizen.raises()
        for n in range(TEXTS // 2):
            await citizen.does("say", ref=str(n), text=LONG)
        assert await closed_with(link) in (4413, 1006)


def test_a_wipe_between_is_not_undone() -> None:
    """A part that was read before a wipe and comes after it brings nothing back."""
    before = {"id": "a", "wipes": 1, "talk": {"3": {"who": "citizen", "at": "T"}}}
    late = {"wipes": 0, "talk": {"3": {"who": "citizen", "at": "T", "text": "一"}}}
    assert tell(before, late) == before
