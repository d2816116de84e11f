"""Looks at every connection once a second: who has kept it for too long without saying what they want is sent away.

Counts its own looks and reads no clock: a clock that is set, or a hub that stood still, makes nobody slow. Never knows
what a request is about. Field's terms: header timeout, slow-client protection (slowloris).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from dispatch.sections import Serve

LOOK_EVERY_S: Final = 1.0


class Connection(Protocol):
    """One connection, as the door sees it."""

    def look(self, second: int) -> None:
        """Leave, or cut something short, if that is due; `second` counts the looks."""


class Door:
    """The connections of one hub.

    Args:
        limits: the section `serve` of the settings.
    """

    def __init__(self, limits: Serve) -> None:
        self.limits = limits
        self.second = 0
        """How often was looked; the door's only time."""
        self.inside: set[Connection] = set()

    def enter(self, connection: Connection) -> None:
        """A connection was made."""
        self.inside.add(connection)

    def leave(self, connection: Connection) -> None:
        """It has ended, or became another one."""
        self.inside.discard(connection)

    async def step(self, now: datetime) -> None:
        """One look."""
        self.second += 1
        for connection in tuple(self.inside):
            connection.look(self.second)
