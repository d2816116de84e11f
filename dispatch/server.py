"""Runs one hub: finds or starts the store, checks it, binds the port, serves until it is told to stop.

Keeps the built-in store alive while it serves, and ends it as its last user. Everything it has to say goes to the log.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog
import uvicorn
from redis.asyncio import Redis

from dispatch import resources
from dispatch.alarm.clock import StoreClock
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work, end
from dispatch.app import Dispatch
from dispatch.edge.door import raise_files
from dispatch.edge.frames import BoundedFrames
from dispatch.edge.heads import BoundedHeads
from dispatch.media.objects import KeyUnusable, Objects, Unusable, open_key
from dispatch.notify import vapid
from dispatch.settings import Settings
from dispatch.stop import Stop
from dispatch.store import checks as store
from dispatch.store.embedded import MEMORY_SHARE, EmbeddedStore, StoreUnavailable
from dispatch.welcome import welcome

log = structlog.get_logger()
_BACKLOG = 2048  # asyncio's 100 makes a thousand consoles that come back wait seconds for SYN retries
_UNSENT_BYTES = 131_072
"""The kernel takes no more than this beyond what is on its way: on a slow line it would hold megabytes, and an alarm
would come behind them."""
_ACCEPTS = 16
"""Connections taken at each turn of the loop, which takes one from each listening socket (libuv, pull request 3696).
With one the alarm of somebody in danger waited 1.7 s among 2,000 consoles that came back (bench.reconnect_storm)."""
_CONNECTIONS_SHARE, _HUB_SHARE = 0.5, 0.88
"""Of `serve.shutdown_s`: what connections get to finish, and after what the hub ends in any case."""
_LEAST_S = 0.5
_STORE_ENDS_S = 0.6
_LOOK_EVERY = timedelta(seconds=0.5)


class CannotServe(Exception):
    """The hub cannot start; the message says why and what to do."""


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to `Stop`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def leave(self) -> None:
        """Finish what was received, and return from `serve`."""
        self.should_exit = True


@asynccontextmanager
async def opened(settings: Settings, data: Path, hub: bool = False) -> AsyncIterator[Dispatch]:
    """A hub that is wired to its store and not serving yet; also for commands beside a running hub.

    Raises:
        CannotServe: no store, an unsafe one, or a data folder that cannot be written.
    """
    name = (store.HUB if hub else "dispatch-command-") + secrets.token_hex(4)
    async with stored(settings.store.url, data, keep=hub, memory_share=settings.store.memory_share) as url:
        try:
            redis = store.connect(url, name)
        except ValueError as fault:
            raise CannotServe(str(fault)) from None
        try:
            dispatch = await _wired(settings, data, redis, hub)
            yield dispatch
        finally:
            await redis.aclose()


@asynccontextmanager
async def stored(url: str, data: Path, keep: bool = False, memory_share: float = MEMORY_SHARE) -> AsyncIterator[str]:
    """The address of the store: `url`, or (where that is empty) of the built-in one of `data`.

    The built-in store is started when none runs, kept alive if `keep`, and ended when nobody uses it any more.

    Raises:
        CannotServe: the built-in store cannot be started.
    """
    if url:
        yield url
        return
    embedded = EmbeddedStore(data / "store", memory_share)
    work = Work(StoreClock())
    keeper: list[asyncio.Task[None]] = []
    try:
        await _started(embedded, work)
        if keep:
            if embedded.found:
                log.info("store_found", socket=str(embedded.socket))
            keeper.append(work.spawn(_keep_alive(embedded, work), "store"))
        yield embedded.url
    finally:  # also when it was refused or told to stop: who started a store leaves none behind
        await end(keeper)
        if not await asyncio.to_thread(embedded.leave, _STORE_ENDS_S):
            log.warning("store_left_running", socket=str(embedded.socket))


async def _started(embedded: EmbeddedStore, work: Work) -> None:
    starting = work.spawn(asyncio.to_thread(embedded.start), "store starts")
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        embedded.give_up()
        await asyncio.wait([starting])
        starting.exception()  # looked at, or it would be told as a fault
        raise
    except (StoreUnavailable, OSError) as fault:
        raise CannotServe(str(fault)) from None


async def _keep_alive(embedded: EmbeddedStore, work: Work) -> None:
    """Start the store again when its process has died. All hubs do so; its lock decides which one succeeds."""
    while True:
        await work.sleep_until(work.now() + _LOOK_EVERY)
        try:
            if await asyncio.to_thread(embedded.revive):
                log.error("store_died_and_started_again", last_words=embedded.last_words)
        except (StoreUnavailable, OSError) as fault:
            log.error("store_not_started_again", why=str(fault))


async def store_dangers(
    url: str, data: Path, besides: Callable[[Redis], Awaitable[None]] | None = None
) -> list[store.Danger]:
    """What is wrong with the store at `url` (empty: the built-in one of `data`); nothing else is opened.

    Args:
        url: the store's address.
        data: the data folder.
        besides: looks at the same store for something else; whatever it does changes nothing there.

    Raises:
        CannotServe: there is no store to look at.
    """
    async with stored(url, data) as address:
        try:
            redis = store.connect(address, "dispatch-check")
        except ValueError as fault:
            raise CannotServe(str(fault)) from None
        try:
            found = await store.dangers(redis)
            if besides is not None:
                await besides(redis)
        except (StoreUnavailable, Refused) as fault:
            raise CannotServe(str(fault)) from None
        else:
            return found
        finally:
            await redis.aclose()


async def _wired(settings: Settings, data: Path, redis: Redis, hub: bool) -> Dispatch:
    try:
        objects = await _objects(settings, data)
        found = await store.dangers(redis, settings.store.allow)
    except (StoreUnavailable, KeyUnusable, OSError) as fault:
        raise CannotServe(str(fault)) from None
    if found:
        raise CannotServe("\n".join(str(danger) for danger in found))
    remembers = data if hub else None
    try:
        dispatch = Dispatch(settings, redis, objects, StoreClock(), resources.web(), data / "voice", remembers)
        await dispatch.open()
    except (StoreUnavailable, Refused, vapid.KeyUnusable) as fault:
        raise CannotServe(str(fault)) from None
    return dispatch


async def _objects(settings: Settings, data: Path) -> Objects:
    """Where media are kept, opened with their key. A new key is made only where nothing was sealed yet.

    Raises:
        CannotServe: a bucket that does not take, give back and delete an object.
        KeyUnusable, OSError: of the key's file.
    """
    folder = data / "media"
    if settings.media.key:
        key = bytes.fromhex(settings.media.key)
    else:
        sealed = bool(settings.media.url) or (folder.is_dir() and any(folder.iterdir()))
        key = open_key(data / "keys" / "media.key", make=not sealed)
    objects = Objects(settings.media.url or folder, key, settings.media.answer_s)
    if settings.media.url:
        try:
            await objects.check()
        except Unusable as fault:
            raise CannotServe(
                f"media.url: {settings.media.url} cannot be used ({fault}); see that the bucket is there, and that"
                " AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are right"
            ) from None
    return objects


async def serve(settings: Settings, data: Path) -> None:
    """Serve until SIGINT or SIGTERM, and end within `serve.shutdown_s` of it.

    Raises:
        CannotServe: also when the port is taken.
    """
    listener = bind(settings.serve.host, settings.serve.port)
    stop = stop_of_hub(settings, _HUB_SHARE)
    await stop.run(serve_on(settings, data, listener, stop, first=True))


async def serve_on(settings: Settings, data: Path, listener: socket.socket, stop: Stop, first: bool = False) -> None:
    """Serve connections to `listener` (bound) until `stop` is asked.

    Args:
        settings: the configuration.
        data: the data folder.
        listener: bound; closed at the end.
        stop: already runs this.
        first: whether to do what is done once per start, and say on standard output where the pages are.
    """
    files = raise_files()
    with listener:
        async with opened(settings, data, hub=True) as dispatch:
            if first:
                host, port = listener.getsockname()[:2]
                await welcome(dispatch, data, (host, port))
            log.info("room_for_connections", connections=dispatch.door.most, files=files)
            calm_collector()
            server = _Server(uvicorn_config(dispatch))
            stop.then(server.leave)
            await server.serve(sockets=[listener, *(listener.dup() for _ in range(_ACCEPTS - 1))])


def stop_of_hub(settings: Settings, share: float) -> Stop:
    """What ends one hub, after this share of `serve.shutdown_s` in any case."""
    return Stop(max(_LEAST_S, settings.serve.shutdown_s * share))


def calm_collector() -> None:
    """What start-up made stays: the collector need not walk all of it again and again while alarms wait for it.

    With bench.press_to_console, 50 alarms/s over the socket, two or three rounds each: p99 44 ms without, 27 with the
    freeze, 23 with the thresholds too; a longer run gave 42, so the machine's noise is of the same size.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def uvicorn_config(dispatch: Dispatch) -> uvicorn.Config:
    """How a hub is served; the same in tests."""
    shutdown_s = dispatch.settings.serve.shutdown_s * _CONNECTIONS_SHARE
    http, ws = (cast("Any", partial(each, door=dispatch.door)) for each in (BoundedHeads, BoundedFrames))
    return uvicorn.Config(
        dispatch.asgi, http=http, ws=ws, ws_per_message_deflate=False, ws_ping_interval=None,
        ws_max_size=dispatch.settings.limits.frame_bytes, access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=shutdown_s, lifespan="on", backlog=_BACKLOG, interface="asgi3",  # type: ignore[arg-type]
    )  # fmt: skip


def bind(host: str, port: int, shared: bool = False) -> socket.socket:
    """A socket on the address that does not listen yet; `shared` lets further sockets of ours on it.

    Raises:
        CannotServe: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # connections have it from their listener
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        raise CannotServe(
            f"serve.port: {host}:{port} cannot be used ({fault.strerror}); stop what uses it, or choose"
            " another (--port)"
        ) from None
    return listener


def main_loop(coroutine: object) -> None:
    """Run on uvloop where there is one."""
    if sys.platform != "win32":
        import uvloop

        uvloop.run(coroutine)  # type: ignore[arg-type]
    else:
        asyncio.run(coroutine)  # type: ignore[arg-type]
