"""Whatever was opened with a sign-in ends with it: sockets, and answers that are still being given, within a second.

A look every half second at all of them together, whyever a sign-in ended: sign-out, expiry, a new password, another
role or station, a user who is barred or gone. Never decides what a role may do. Field's term: session revocation.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.fanout.websocket import SignIn
from dispatch.identity import Identity

log = structlog.get_logger()
LOOK_EVERY_S: Final = 0.5
CONNECTION: Final = "dispatch.connection"
"""Under which an HTTP request's scope has a weak reference to its connection."""


class Connection(Protocol):
    """What can be cut off in the middle of an answer."""

    def cut_off(self) -> None:
        """End it at once."""

    def unsent(self) -> int:
        """Bytes of an answer that was given and not taken yet."""


class SignIns:
    """Those that are in use at one hub.

    Args:
        identity: whose they are.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._used: dict[object, tuple[tuple[str, ...], Actor, Callable[[], None]]] = {}
        self._unsent: dict[object, weakref.ref[Connection]] = {}  # of those: answered, and not all of it is taken

    def of(self, given: tuple[str, ...], actor: Actor) -> SignIn:
        """The sign-in with which a socket was opened."""

        async def holds() -> bool:
            return await self._identity.who(*given) == actor

        async def used() -> None:
            await self._identity.used(*given)

        return SignIn(actor, holds, lambda end: self.use(given, actor, end), used)

    def use(self, given: tuple[str, ...], actor: Actor, end: Callable[[], None]) -> Callable[[], None]:
        """Have `end` called once the sign-in has ended; returns what says that it is no longer in use."""
        key = object()
        self._used[key] = (given, actor, end)

        def release() -> None:
            self._used.pop(key, None)

        return release

    def of_request(self, scope: MutableMapping[str, Any], given: tuple[str, ...], actor: Actor) -> None:
        """The answer to this request ends with the sign-in, however long it takes."""
        task = asyncio.current_task()
        connection: weakref.ref[Connection] | None = scope.get("extensions", {}).get(CONNECTION)
        if task is None or connection is None:
            return

        def end() -> None:
            if (still := connection()) is not None:
                still.cut_off()

        def answered(_: object) -> None:
            if (still := connection()) is not None and still.unsent():
                self._unsent[key] = connection
            else:
                self._used.pop(key, None)

        key = object()
        self._used[key] = (given, actor, end)
        task.add_done_callback(answered)

    async def step(self, now: datetime) -> None:
        """One look; while the store is away nobody can tell, and nothing is shown that was not before."""
        for key, connection in tuple(self._unsent.items()):
            if (still := connection()) is None or not still.unsent():
                del self._unsent[key]
                self._used.pop(key, None)
        if not self._used:
            return
        used = dict(self._used)
        try:
            found = await self._identity.who_all({given for given, _, _ in used.values()})
        except Refused:
            log.debug("sign_ins_unknown")
            return
        gone: set[Actor] = set()
        for key, (given, actor, end) in used.items():
            if found[given] != actor and self._used.pop(key, None) is not None:
                self._unsent.pop(key, None)
                end()
                gone.add(actor)
        for actor in gone - {found[given] for given, _, _ in used.values()}:  # not who is there on another device
            for told in self._identity.on_sign_out:
                with suppress(Refused):  # the store is away: it lapses
                    await told(actor)
