"""Runs one hub: finds or starts the store, checks it, binds the port, serves until it is told to stop.

Says on standard output where the pages are and, for the demonstration, how to sign in; everything else goes to the log.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
from redis.asyncio import Redis

from dispatch import resources, voice
from dispatch.alarm.clock import StoreClock
from dispatch.app import Dispatch
from dispatch.fanout.transport import Protocol
from dispatch.identity import hash_password
from dispatch.media.objects import KeyUnusable, Objects, open_key
from dispatch.settings import Settings
from dispatch.stream import store
from dispatch.stream.embedded import EmbeddedStore, StoreUnavailable

log = structlog.get_logger()
_BACKLOG = 2048  # asyncio's 100 makes a thousand consoles that come back wait seconds for SYN retries
_DEMO_SUPERVISOR = "S01"


class CannotServe(Exception):
    """The hub cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A demonstration sign-in."""

    name: str
    role: str
    station: str | None


class _Server(uvicorn.Server):
    """uvicorn, which does not raise the signal again when it has stopped: the store is to be ended after it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


@asynccontextmanager
async def opened(settings: Settings, data: Path, hub: bool = False) -> AsyncIterator[Dispatch]:
    """A hub that is wired to its store and not serving yet; also for commands beside a running hub.

    The built-in store is started when none runs for `data`, and ended when no hub uses it any more.

    Raises:
        CannotServe: no store, an unsafe one, or a data folder that cannot be written.
    """
    embedded = EmbeddedStore(data / "store") if not settings.store.url else None
    name = (store.HUB if hub else "dispatch-command-") + secrets.token_hex(4)
    if embedded is not None:
        try:
            await asyncio.to_thread(embedded.start)
        except (StoreUnavailable, OSError) as fault:
            raise CannotServe(str(fault)) from None
        if embedded.found:
            log.info("store_found", socket=str(embedded.socket))
    redis = store.connect(embedded.url if embedded else settings.store.url, name)
    try:
        dispatch = await _wired(settings, data, redis)
        await dispatch.open()
        yield dispatch
    finally:  # also when it was refused: who started a store leaves none behind
        if embedded is not None and not await _used_by_others(redis, name):
            await store.end(redis)
            await asyncio.to_thread(embedded.ended)
        await redis.aclose()


async def store_dangers(url: str, data: Path) -> list[store.Danger]:
    """What is wrong with the store at `url` (empty: the built-in one of `data`); nothing else is opened.

    Raises:
        CannotServe: there is no store to look at.
    """
    embedded = None if url else EmbeddedStore(data / "store")
    redis = None
    try:
        if embedded is not None:
            await asyncio.to_thread(embedded.start)
        redis = store.connect(embedded.url if embedded else url, "dispatch-check")
        return await store.dangers(redis)
    except (StoreUnavailable, ValueError) as fault:
        raise CannotServe(str(fault)) from None
    finally:
        if embedded is not None and redis is not None and not embedded.found:
            await store.end(redis)
            await asyncio.to_thread(embedded.ended)
        if redis is not None:
            await redis.aclose()


async def _wired(settings: Settings, data: Path, redis: Redis) -> Dispatch:
    try:
        objects = _objects(settings, data)
        found = await store.dangers(redis, settings.store.allow)
    except (StoreUnavailable, KeyUnusable, OSError) as fault:
        raise CannotServe(str(fault)) from None
    if found:
        raise CannotServe("\n".join(str(danger) for danger in found))
    return Dispatch(settings, redis, objects, StoreClock(), resources.web(), data / "voice")


def _objects(settings: Settings, data: Path) -> Objects:
    """Where media are kept, opened with their key. A new key is made only where nothing was sealed yet."""
    folder = data / "media"
    if settings.media.key:
        key = bytes.fromhex(settings.media.key)
    else:
        sealed = bool(settings.media.url) or (folder.is_dir() and any(folder.iterdir()))
        key = open_key(data / "keys" / "media.key", make=not sealed)
    return Objects(settings.media.url or folder, key)


async def serve(settings: Settings, data: Path) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        CannotServe: also when the port is taken.
    """
    listener = _bind(settings.serve.host, settings.serve.port)
    async with opened(settings, data, hub=True) as dispatch:
        await _welcome(dispatch, data, listener)
        _calm_collector()
        clips = asyncio.create_task(_make_clips(settings, data / "voice"))
        try:
            await _Server(uvicorn_config(dispatch)).serve(sockets=[listener])
        finally:
            clips.cancel()


def _calm_collector() -> None:
    """What start-up made stays: the collector need not walk all of it again and again while alarms wait for it.

    With bench.press_to_console, 50 alarms/s over the socket, two or three rounds each: p99 44 ms without, 27 with the
    freeze, 23 with the thresholds too; a longer run gave 42, so the machine's noise is of the same size.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def uvicorn_config(dispatch: Dispatch) -> uvicorn.Config:
    """How a hub is served; the same in tests."""
    return uvicorn.Config(
        dispatch.asgi, ws=Protocol, ws_per_message_deflate=False, ws_ping_interval=None,
        ws_max_size=dispatch.settings.limits.frame_bytes, access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=int(dispatch.settings.serve.shutdown_s), lifespan="on", backlog=_BACKLOG,
    )  # fmt: skip


async def make_demo_users(dispatch: Dispatch, file: Path) -> str | None:
    """Make the demonstration's users when there is no user yet; their password, also written to `file` (0600)."""
    if await dispatch.identity.users():
        return None
    password = "-".join(secrets.token_hex(2) for _ in range(3))
    users = demo_users(dispatch.settings)
    hashed = await hash_password(password)  # once: it is one printed password, and forty hashes take seconds
    await asyncio.gather(*(dispatch.identity.add(u.name, hashed, u.role, u.station) for u in users))
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("".join(f"{u.name}\t{password}\t{u.role}\t{u.station or 'all stations'}\n" for u in users))
    return password


def demo_users(settings: Settings) -> list[DemoUser]:
    """Every officer of every rota by call sign, and one supervisor of all stations."""
    officers = [DemoUser(o, "officer", station) for station, rota in settings.rotas.items() for o in rota.officers]
    return [*officers, DemoUser(_DEMO_SUPERVISOR, "supervisor", None)]


async def _welcome(dispatch: Dispatch, data: Path, listener: socket.socket) -> None:
    settings = dispatch.settings
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host
    lines = [f"Fujin serves http://{shown}:{port}/ for citizens, /console for officers, /supervisor for supervisors."]
    file = data / "demo-sign-ins.txt"
    if settings.serve.demo:
        password = await make_demo_users(dispatch, file)
        default = settings.boundaries.default
        on_duty = (await dispatch.roster.duty(default))["officers"]
        if password is not None:
            signs = settings.rotas[default].officers
            lines.append(
                f"Demonstration sign-ins: officers {signs[0]} to {signs[-1]} (on duty now: {', '.join(on_duty)}),"
                f" supervisor {_DEMO_SUPERVISOR}; password of all: {password}"
            )
        if file.exists():
            lines.append(f"All demonstration sign-ins are in {file}.")
    print("\n".join(lines), flush=True)  # noqa: T201 - this is what the person at the terminal is waiting for


async def _make_clips(settings: Settings, folder: Path) -> None:
    names = {station: s.name.model_dump() for station, s in settings.boundaries.stations.items()}
    try:
        await asyncio.to_thread(voice.make_clips, folder, names)
    except voice.VoiceError as fault:
        log.warning("voice_clips_missing", why=str(fault))  # consoles ring with their tone alone


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        raise CannotServe(
            f"serve.port: {host}:{port} cannot be used ({fault.strerror}); stop what uses it, or choose"
            " another (--port)"
        ) from None
    return listener


async def _used_by_others(redis: object, name: str) -> bool:
    try:
        return bool(await store.other_hubs(redis, name))
    except Exception:
        return True  # it does not answer: leave it alone


def main_loop(coroutine: object) -> None:
    """Run on uvloop where there is one."""
    if sys.platform != "win32":
        import uvloop

        uvloop.run(coroutine)  # type: ignore[arg-type]
    else:
        asyncio.run(coroutine)  # type: ignore[arg-type]
