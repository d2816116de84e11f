"""One at a time for each name: who wants the same waits, instead of doing it in vain beside the one who does it."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """Whoever wants the same thing waits for who wanted it first; forgotten when nobody does."""

    def __init__(self) -> None:
        self._of: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """To be held."""
        return self._of.setdefault(name, asyncio.Lock())
