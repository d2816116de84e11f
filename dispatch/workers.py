"""`dispatch serve --workers N`: a parent that uses one port and one store, and N hubs as its children.

The parent keeps them running and takes no connection itself; a hub that dies is started again, and the others go on.
Without the parent they end: each holds a pipe of it. Field's term: pre-fork server, supervisor.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import structlog

import dispatch
from dispatch import telemetry
from dispatch.alarm.clock import StoreClock
from dispatch.alarm.work import Work
from dispatch.server import CannotServe, bind, main_loop, opened, serve_on, stop_of_hub, stored
from dispatch.settings import ConfigurationError, Settings, load
from dispatch.stop import Stop
from dispatch.welcome import welcome

log = structlog.get_logger()
_CHILD_SHARE, _KILL_SHARE, _PARENT_SHARE = 0.7, 0.74, 0.92
"""Of `serve.shutdown_s`: after what a child ends in any case, is killed if it cannot, the parent ends."""
_FIRST_PAUSE, _LONGEST_PAUSE, _LIVED = timedelta(seconds=0.5), timedelta(seconds=30), timedelta(seconds=60)
_ROOT = str(Path(dispatch.__file__).resolve().parent.parent)


class Worker:
    """One child, started again whenever it dies.

    Args:
        number: from 0; its name in logs and metrics.
        address: where it listens, together with the others.
        arguments: configuration folder, data folder, folder of the metrics.
        environment: of the child; holds what the command line said.
        stop: of the parent.
        work: of the parent.
    """

    def __init__(
        self, number: int, address: tuple[str, int], arguments: tuple[Path, Path, Path],
        environment: Mapping[str, str], stop: Stop, work: Work,
    ) -> None:  # fmt: skip
        self.number = number
        self._address = address
        self._arguments = arguments
        self._environment = environment
        self._stop = stop
        self._work = work
        self._told = work.bell()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, parent: int) -> None:
        """Have it running until the parent is told to stop. `parent` is the children's end of the parent's pipe."""
        pause = _FIRST_PAUSE
        while not self._stop.asked.is_set():
            began = self._work.now()
            try:
                status: int | str = await self._once(parent)
            except (CannotServe, OSError) as fault:
                status = str(fault)
            telemetry.forget_live(self._arguments[2], self.number)
            if self._stop.asked.is_set():
                return
            pause = _FIRST_PAUSE if self._work.now() - began > _LIVED else pause
            log.error("worker_died", worker=self.number, status=status, again_s=pause.total_seconds())
            await self._told.wait(self._work.now() + pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def tell(self) -> None:
        """Tell it to stop."""
        self._told.ring()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it in any case."""
        if self._process is not None and self._process.returncode is None:
            log.warning("worker_killed", worker=self.number)
            self._process.kill()

    async def _once(self, parent: int) -> int:
        """Start it and wait for its end; its status."""
        with bind(*self._address, shared=True) as listener:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "dispatch.worker", *map(str, self._arguments), str(self.number),
                str(listener.fileno()), str(parent), pass_fds=(listener.fileno(), parent), env=self._environment,
                start_new_session=True,  # a terminal's Ctrl-C is for the parent, which hands it on
            )  # fmt: skip
        # The listener is closed here by now: were it open, it would get connections also when the child is dead.
        if self._stop.asked.is_set():
            self.tell()
        return await self._process.wait()


async def serve(settings: Settings, data: Path, config: Path, environment: Mapping[str, str]) -> None:
    """Serve with `serve.workers` hubs until SIGINT or SIGTERM, and end within `serve.shutdown_s` of it.

    Args:
        settings: the configuration.
        data: the data folder.
        config: the configuration folder, which each worker reads for itself.
        environment: what it was read with.

    Raises:
        CannotServe: no store, an unsafe one, a port that is taken, or a data folder that cannot be written.
    """
    host, port = settings.serve.host, settings.serve.port
    if port:
        bind(host, port).close()  # not shared: another server there, also one of ours, is a fault
    with bind(host, port, shared=True) as reserved:  # never listens, so the kernel gives it no connection
        stop = Stop(settings.serve.shutdown_s * _PARENT_SHARE)
        await stop.run(_parent(settings, data, config, environment, reserved, stop))


async def _parent(
    settings: Settings, data: Path, config: Path, environment: Mapping[str, str], reserved: socket.socket, stop: Stop
) -> None:
    def tell() -> None:
        for worker in workers:
            worker.tell()

    host, port = reserved.getsockname()[:2]
    workers: list[Worker] = []
    work = Work(StoreClock())
    async with stored(settings.store.url, data, keep=True, memory_share=settings.store.memory_share):
        async with opened(settings, data) as hub:
            await welcome(hub, data, (host, port))
        metrics = telemetry.empty_folder(data / "metrics" / str(port))
        path = os.pathsep.join(filter(None, [_ROOT, environment.get("PYTHONPATH")]))
        given = {**environment, "PYTHONPATH": path}
        arguments = (config, data, metrics)
        workers += [Worker(n, (host, port), arguments, given, stop, work) for n in range(settings.serve.workers)]
        children_end, parents_end = os.pipe()
        stop.then(tell)
        running = [work.spawn(worker.run(children_end), f"worker {worker.number}") for worker in workers]
        try:
            await stop.asked.wait()
            await asyncio.wait(running, timeout=settings.serve.shutdown_s * _KILL_SHARE)
        finally:
            for worker in workers:
                worker.kill()
            await asyncio.wait(running)
            for each in running:
                each.result()
            os.close(children_end)
            os.close(parents_end)


def work(config: Path, data: Path, number: int, listener: int, parent: int) -> int:
    """Be one worker, until it is told to stop or the parent is gone; the exit status.

    Args:
        config: the configuration folder.
        data: the data folder.
        number: the worker's.
        listener: a bound socket, by its descriptor.
        parent: the end of a pipe of which the other end closes with the parent.
    """
    structlog.contextvars.bind_contextvars(worker=number)
    try:
        settings = load(config, os.environ)
        telemetry.set_up(settings.log.level)
        main_loop(_work(settings, data, socket.socket(fileno=listener), parent))
    except (ConfigurationError, CannotServe) as fault:
        log.error("worker_cannot_serve", why=str(fault))
        return 2
    return 0


async def _work(settings: Settings, data: Path, listener: socket.socket, parent: int) -> None:
    stop = stop_of_hub(settings, _CHILD_SHARE)
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(parent)
        log.warning("parent_gone")
        stop.ask()

    loop.add_reader(parent, gone)
    await stop.run(serve_on(settings, data, listener, stop))
