"""How a process of ours ends when it is told to: in order, and in any case within a given time.

Asked once (SIGTERM, SIGINT, or a parent that is gone) it finishes what it received; asked twice it ends at once. What
is stuck, such as a thread or a store that does not answer, cannot hold it. Field's term: graceful shutdown.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """The end of this process.

    Args:
        within_s: seconds after which it ends whatever it still does.
    """

    def __init__(self, within_s: float) -> None:
        self.asked = asyncio.Event()
        self._within_s = within_s
        self._then: Callable[[], object] = lambda: None

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` to its end. When asked to stop it is cancelled, or what it gave to `then` is called instead.

        Raises:
            whatever `work` raises, except for being cancelled so.
        """
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.ask)
        task = asyncio.ensure_future(work)
        self._then = task.cancel
        if self.asked.is_set():
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            if not self.asked.is_set():
                raise

    def then(self, call: Callable[[], object]) -> None:
        """From here on call this when asked to stop, in place of what was said before; at once when asked already."""
        self._then = call
        if self.asked.is_set():
            call()

    def ask(self) -> None:
        """Stop; the second time at once."""
        if self.asked.is_set():
            signal.raise_signal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)  # the kernel sees to it, also when this loop is stuck
        log.info("stopping")
        self.asked.set()
        watchdog = threading.Timer(self._within_s, self._end)
        watchdog.daemon = True
        watchdog.start()
        self._then()

    def _end(self) -> None:
        log.warning("stop_forced", after_s=self._within_s)
        os._exit(0)  # what was receipted is on the disk; what is cut here was never answered
