"""Alarms by the hundred thousand: some are made by the hub's own code, and what it sent to the store is sent again.

Each copy is the same with another alarm's name, and so it is appended, chained and indexed as the first was. Ten times
as fast as deciding each anew. Never measures.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.backlog import Maker, Wanted
from dispatch.settings import Settings

EVENTS_OF_A_LIFE = 14
_AT_ONCE = 40  # copies in one message to the store
_TOLD_EVERY = 5000


class _Heard:
    """A store's client that keeps what was appended through it."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self.sent: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def execute_command(self, *words: Any) -> Any:
        answer = await self._redis.execute_command(*words)
        if words[0] == "EVAL":  # the first time, which leaves the script there
            words = ("EVALSHA", hashlib.sha1(words[1].encode(), usedforsecurity=False).hexdigest(), *words[2:])
        if words[0] == "EVALSHA":
            self.sent.append(words)
        return answer


class Copier:
    """Makes alarms in a store.

    Args:
        redis: its client.
        settings: those of the hubs that will have them.
    """

    def __init__(self, redis: Any, settings: Settings) -> None:
        self._redis = redis
        self._heard = _Heard(redis)
        self._maker = Maker(self._heard, settings)

    async def lives(self, station: str, events: int, so_far: Callable[[int], None]) -> int:
        """About so many events of alarms from the press to the close; how many there are then."""
        lives = max(1, events // EVENTS_OF_A_LIFE)
        await self._maker.lives([station], 1)
        await self._copied(lives - 1, lambda made: so_far(made * EVENTS_OF_A_LIFE))
        return lives * EVENTS_OF_A_LIFE

    async def open_ones(self, stations: Sequence[str], count: int, so_far: Callable[[int], None]) -> None:
        """So many open alarms that nobody took, in turn at `stations`."""
        now = datetime.now(UTC)
        for number, station in enumerate(stations):
            copies = len(range(number, count, len(stations))) - 1
            if copies >= 0:
                await self._maker.open_ones([Wanted(station, now)])
                await self._copied(copies, so_far)

    async def _copied(self, copies: int, so_far: Callable[[int], None]) -> None:
        """What was sent since the last time, so many times again."""
        sent, self._heard.sent = self._heard.sent, []
        name = next(word for word in sent[0] if isinstance(word, str) and _is_name(word))
        for start in range(0, copies, _AT_ONCE):
            pipe = self._redis.pipeline(transaction=False)
            for _ in range(min(_AT_ONCE, copies - start)):
                new = str(uuid.uuid4())
                for words in sent:
                    pipe.execute_command(*_renamed(words, name, new))
            await pipe.execute()
            if not (start + _AT_ONCE) % _TOLD_EVERY:
                so_far(start + _AT_ONCE)


def _renamed(words: tuple[Any, ...], old: str, new: str) -> list[Any]:
    """The same call for another alarm, with the digests that its records have then."""
    before, after = old.encode(), new.encode()
    named = [
        word.replace(before, after) if isinstance(word, bytes) else
        word.replace(old, new) if isinstance(word, str) else word for word in words
    ]  # fmt: skip
    records = [word for word in words if isinstance(word, bytes)]
    digests = {_digest(record): _digest(record.replace(before, after)) for record in records}
    return [digests.get(word, word) if isinstance(word, str) else word for word in named]


def _digest(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()


def _is_name(word: str) -> bool:
    return len(word) == 36 and word.count("-") == 4
