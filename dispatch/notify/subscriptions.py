"""Push subscriptions of users, in the store: what a browser gave, and what became of what was sent to it.

A subscription that its service calls gone is removed, and that it was so stays until the device subscribes again. Never
sends. Field's term: push subscription (RFC 8030).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock, from_text, to_text
from dispatch.alarm.errors import Refused
from dispatch.store.faults import translated
from dispatch.stream.stream import Stream

_TOMBSTONES = 5
"""Subscriptions that are gone and still shown, of one user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One browser of a user. Without an endpoint it is gone: what is left says when and why."""

    id: str
    user: str
    endpoint: str = ""
    p256dh: str = ""
    auth: str = ""
    lang: str = "zh"
    key: str = ""
    made_at: str = ""
    sent: str = ""
    shown: str = ""
    waiting: str = ""  # since when something was sent and nothing was shown
    failed: dict[str, Any] | None = None  # at, reason, status

    @property
    def host(self) -> str:
        """Of its push service."""
        return urlsplit(self.endpoint).netloc

    def state(self, now: datetime, key: str, silent_after: timedelta) -> str:
        """`on`, `gone`, `old_key`, `refused` or `silent`: only the first can be relied on to send."""
        if not self.endpoint:
            return "gone"
        if self.key != key:
            return "old_key"
        if self.failed is not None and self.failed["at"] >= max(self.shown, self.sent):
            return "refused" if self.failed["reason"] == "refused" else "failing"
        if self.waiting and from_text(self.waiting) + silent_after < now:
            return "silent"
        return "on"


class Subscriptions:
    """All of one store.

    Args:
        stream: for its store.
        clock: time.
        most: of one user.
        key: the public key that they must have been made for.
        silent_after_s: a device that shows nothing for so long after something was sent is told as silent.
    """

    def __init__(self, stream: Stream, clock: Clock, most: int, key: str, silent_after_s: float) -> None:
        self._redis = stream.redis
        self._keys = stream.keys
        self._clock = clock
        self._most = most
        self.key = key
        self._silent_after = timedelta(seconds=silent_after_s)
        self.on_put: list[Callable[[], None]] = []

    async def put(self, user: str, endpoint: str, p256dh: str, auth: str, lang: str) -> str:
        """Keep a subscription of `user`; its id. The same endpoint again is the same one, and belongs to one user.

        Raises:
            Refused: `too_many`.
        """
        name = hashlib.sha256(endpoint.encode()).hexdigest()[:16]
        there = [one for one in await self.of(user) if one.endpoint]
        if len(there) >= self._most and all(one.id != name for one in there):
            raise Refused(
                errors.TOO_MANY, f"this user has {len(there)} devices with alerts; at most {self._most}"
                " (notify.subscriptions): end one of them first"
            )  # fmt: skip
        members = {"endpoint": endpoint, "p256dh": p256dh, "auth": auth, "lang": lang, "key": self.key,
                   "made_at": to_text(self._clock.now())}  # fmt: skip
        async with translated():
            owner = await self._redis.hget(self._keys.push_owners, name)
            if owner is not None and owner.decode() != user:
                await self._redis.hdel(self._keys.subscriptions(owner.decode()), *_fields(name))
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(self._keys.push_owners, name, user)
            pipe.hdel(self._keys.subscriptions(user), *_fields(name)[1:])
            for one in await self.of(user):
                if not one.endpoint:
                    pipe.hdel(self._keys.subscriptions(user), *_fields(one.id))
            pipe.hset(self._keys.subscriptions(user), name, orjson.dumps(members))
            await pipe.execute()
        for told in self.on_put:
            told()
        return name

    async def drop(self, user: str, name: str) -> None:
        """The user wants no alerts on that device any more."""
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hdel(self._keys.subscriptions(user), *_fields(name))
            pipe.hdel(self._keys.push_owners, name)
            await pipe.execute()

    async def any(self) -> bool:
        """Whether there is one at all."""
        async with translated():
            return bool(await self._redis.hlen(self._keys.push_owners))

    async def users(self) -> set[str]:
        """Who has a subscription."""
        async with translated():
            return {user.decode() for user in await self._redis.hvals(self._keys.push_owners)}

    async def of(self, user: str) -> list[Subscription]:
        return (await self.of_all([user]))[user]

    async def of_all(self, users: Iterable[str]) -> dict[str, list[Subscription]]:
        """The subscriptions of each of `users`, with those that are gone."""
        wanted = list(dict.fromkeys(users))
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            for user in wanted:
                pipe.hgetall(self._keys.subscriptions(user))
            rows = await pipe.execute() if wanted else []
        return {user: _parse(user, row) for user, row in zip(wanted, rows, strict=True)}

    async def one(self, user: str, name: str) -> Subscription | None:
        """That subscription, unless it is gone."""
        return next((one for one in await self.of(user) if one.id == name and one.endpoint), None)

    async def sent(self, user: str, name: str) -> None:
        """Its service took a message."""
        now = to_text(self._clock.now())
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(self._keys.subscriptions(user), f"{name} sent", now)
            pipe.hsetnx(self._keys.subscriptions(user), f"{name} waiting", now)
            await pipe.execute()

    async def shown(self, user: str, name: str) -> None:
        """The device showed a message."""
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(self._keys.subscriptions(user), f"{name} shown", to_text(self._clock.now()))
            pipe.hdel(self._keys.subscriptions(user), f"{name} waiting")
            await pipe.execute()

    async def failed(self, user: str, name: str, reason: str, status: int | None) -> None:
        """A message was given up; a subscription that is `gone` is removed."""
        told = orjson.dumps({"at": to_text(self._clock.now()), "reason": reason, "status": status})
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(self._keys.subscriptions(user), f"{name} failed", told)
            if reason == "gone":
                pipe.hdel(self._keys.subscriptions(user), name, f"{name} waiting")
                pipe.hdel(self._keys.push_owners, name)
            await pipe.execute()
        gone = sorted((one for one in await self.of(user) if not one.endpoint and one.failed), key=_failed_at)
        for old in gone[:-_TOMBSTONES]:
            await self.drop(user, old.id)

    def shown_as(self, one: Subscription) -> dict[str, Any]:
        """As pages see it: nothing with which anybody could send to it."""
        told = {"id": one.id, "made_at": one.made_at, "sent": one.sent, "shown": one.shown, "failed": one.failed,
                "state": one.state(self._clock.now(), self.key, self._silent_after)}  # fmt: skip
        return {name: value for name, value in told.items() if value}


def _failed_at(one: Subscription) -> str:
    return str((one.failed or {}).get("at", ""))


def _fields(name: str) -> list[str]:
    return [name, f"{name} sent", f"{name} shown", f"{name} waiting", f"{name} failed"]


def _parse(user: str, row: dict[bytes, bytes]) -> list[Subscription]:
    found: dict[str, dict[str, Any]] = {}
    for field, value in row.items():
        name, _, what = field.decode().partition(" ")
        entry = found.setdefault(name, {})
        if what == "failed":
            entry["failed"] = orjson.loads(value)
        elif what:
            entry[what] = value.decode()
        else:
            entry |= orjson.loads(value)
    there = [Subscription(id=name, user=user, **entry) for name, entry in found.items()]
    return sorted((one for one in there if one.endpoint or one.failed), key=lambda one: one.made_at)
