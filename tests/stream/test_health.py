"""The store is watched while it is used: what becomes unsafe or full is told, and no falsehood with it (P1)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.store.health import Health
from tests.flow.clock import START
from tests.flow.people import Answered, Officer
from tests.flow.town import Town
from tests.stores import Single
from tests.stream.conftest import HOME, Hub


@pytest.fixture
async def store() -> AsyncIterator[Single]:
    async with Single() as made:
        yield made


@pytest.fixture
async def hub(store: Single) -> AsyncIterator[Hub]:
    made = Hub(store.url)
    yield made
    await made.closes()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A hub on a store of its own, to which these tests do what they like."""
    async with Town(tmp_path, own_store=True) as town:
        yield town


def health_of(hub: Hub, allowed: tuple[str, ...] = ()) -> Health:
    return Health(hub.redis, lambda why: setattr(hub.stream, "unsafe", why), allowed, 0.7, None)


async def test_a_store_that_became_unsafe(store: Single, hub: Hub) -> None:
    """Someone turns syncing off: it is told at once how to mend it, and nobody is told that anything is stored."""
    health = health_of(hub)
    await health.step(START)
    assert health.notices == []
    await store.set("appendfsync", "everysec")
    await health.step(START)
    (notice,) = health.notices
    assert (notice["code"], notice["setting"], notice["value"]) == ("store_unsafe", "appendfsync", "everysec")
    assert notice["refused"] is True
    with pytest.raises(Refused, match="appendfsync is 'everysec'") as refused:
        hub.stream.vouch()
    assert refused.value.error is errors.NOT_STORED
    await store.set("appendfsync", "always")
    await health.step(START)
    assert health.notices == []
    hub.stream.vouch()


async def test_what_is_allowed_by_name_is_said(store: Single, hub: Hub) -> None:
    """A setting that the configuration accepts refuses nothing, and every supervisor is told of it."""
    await store.set("appendfsync", "everysec")
    health = health_of(hub, ("appendfsync",))
    await health.step(START)
    assert [(n["code"], n["refused"]) for n in health.notices] == [("store_unsafe", False)]
    hub.stream.vouch()


async def test_a_store_that_does_not_tell_its_settings(store: Single, hub: Hub) -> None:
    """As a managed one may: unknown is not safe, so nothing is called stored unless that is allowed by name."""
    names = ("appendonly", "appendfsync", "maxmemory-policy")
    await hub.redis.execute_command("ACL", "SETUSER", "managed", "on", "nopass", "~*", "&*", "+@all", "-config")
    managed = store.url.replace("redis://", "redis://managed:any@")
    other = Hub(managed)
    await health_of(other).step(START)
    with pytest.raises(Refused, match="appendfsync is 'unknown'"):
        other.stream.vouch()
    await health_of(other, names).step(START)
    other.stream.vouch()
    await other.closes()


async def test_a_store_that_fills(store: Single, hub: Hub) -> None:
    """Well before it is full it is told how full; when it is full, nothing is called stored and nothing is deleted."""
    health = health_of(hub)
    await hub.raises()
    used = int((await store.nodes[0].info("memory"))["used_memory"])
    await store.set("maxmemory", str(int(used / 0.8)))
    await health.step(START)
    (notice,) = health.notices
    assert notice["code"] == "store_filling"
    assert 0.7 <= notice["share"] <= 0.9
    await store.set("maxmemory", "1")
    with pytest.raises(Refused) as refused:
        await hub.raises()
    assert refused.value.error is errors.NOT_STORED
    assert await hub.kinds() == ["alarm_raised", "step_run"]
    await store.set("maxmemory", "0")
    await hub.raises()
    assert (await hub.stream.offset(HOME)) == 4


def of_store(officer: Officer) -> list[dict[str, Any]]:
    return [notice for notice in officer.notices or [] if notice["code"].startswith("store_")]


async def test_consoles_hear_of_it(town: Town) -> None:
    """Consoles are told while it lasts; alarms reach them and escalate, but neither side is told "stored"."""
    officer = await town.officer("V01")
    assert officer.notices == []
    await town.dispatch.stream.redis.config_set("appendfsync", "everysec")
    await town.fast_forward(62)
    assert [n["code"] for n in of_store(officer)] == ["store_unsafe"]
    late = await town.officer("V02")
    assert of_store(late) == of_store(officer)
    assert (await late.http.get("/readyz")).status_code == 503
    citizen = town.citizen()
    for _ in range(2):
        answer = await citizen.posts()
        assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
    await officer.hears(citizen.id, "alarm_raised", "step_run")  # help comes all the same
    with pytest.raises(Answered, match="not_stored"):
        await officer.asks("ack", alarm=citizen.id)
    await officer.hears(citizen.id, "alarm_acknowledged")
    await town.dispatch.stream.redis.config_set("appendfsync", "always")
    await town.fast_forward(62)
    assert (of_store(officer), of_store(late)) == ([], [])
    assert (await citizen.posts()).status_code == 200
    await town.forgets(officer, late)


async def test_a_store_that_is_gone(town: Town) -> None:
    """Consoles are told since when, no citizen hears a beat, and when it is back all is well again."""
    officer = await town.officer("V01")
    pid = int((town.folder / "store" / "store.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(town.store.ended)
    await town.clock.advance(4)
    assert [(n["code"], n["since"]) for n in town.dispatch.notices.current] == [
        ("store_away", "2026-11-22T02:00:01.000Z")
    ]
    await asyncio.to_thread(town.store.start)
    await town.clock.advance(4)
    assert town.dispatch.notices.current == []
    await town.forgets(officer)
