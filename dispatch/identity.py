"""Users and their sign-ins, in the store: passwords as argon2id hashes, sign-ins by the hash of their token.

Never decides what a role may do to an alarm (`lifecycle`, the routes).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

import argon2
import orjson
from starlette.requests import HTTPConnection

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock, from_ms, to_ms, to_text
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.callers import Caller
from dispatch.hashing import Hashing
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.stream import Stream

ROLES: Final = ("officer", "supervisor", "admin", "helper")
KINDS: Final = ("guard", "grid_worker", "volunteer")
"""Of helpers."""
COOKIE: Final = "dispatch_session"
_TOKENS = 4
"""So many cookies of the name are looked at."""
_RENEW_EVERY_S = 300
"""Seconds between two renewals of a sign-in, or a twelfth of its time if that is less."""
_SWEPT = 100
_AHEAD_MS = 60_000
"""Hubs' times differ by less."""
SWEEP_EVERY_S: Final = 60.0
_RENEWED = 10_000
"""Sign-ins of which it is known when they were renewed; forgetting one costs a write."""
LEAST_PASSWORD: Final = 10
HASHER: Final = argon2.PasswordHasher()
"""argon2id with the library's present advice (RFC 9106, low memory)."""
_WHO: Final = Script("""
local ends = redis.call('ZSCORE', KEYS[3], ARGV[1])
if ends and tonumber(ends) <= tonumber(ARGV[2]) then return {} end
local name = redis.call('GET', KEYS[1])
local row = name and redis.call('HGET', KEYS[2], name)
if not row then return {} end
local left = ends and -1 or redis.call('PTTL', KEYS[1])
if left < 0 then return {name, row} end
redis.call('ZADD', KEYS[3], ARGV[2] + left, ARGV[1])
redis.call('PERSIST', KEYS[1])
return {name, row, 1}
""")
"""A sign-in of a build that left its end to the store's expiry is taken over as it stands; the 1 says so."""
_USED: Final = Script("""
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
""")
_COUNT: Final = Script("""
local number = redis.call('INCR', KEYS[1])
if number == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {number, redis.call('PTTL', KEYS[1])}
""")


@dataclass(frozen=True, slots=True)
class User:
    """A user as lists show them; `station` None means all."""

    name: str
    role: str
    station: str | None
    disabled: bool
    created_at: str
    kind: str | None = None


def tokens(connection: HTTPConnection) -> list[str]:
    """The tokens that a browser sends, in its order: beside the right one there may be an old one of another path."""
    found = []
    for header in connection.headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE and value:
                found.append(value.strip('"'))
    return found[:_TOKENS]


class Identity:
    """The users of one store.

    Args:
        stream: for its store.
        clock: time.
        hours: how long a sign-in lasts after it was used last.
        attempts: to sign in as one name, from one place or on one known device, until the next has to wait ...
        window_s: ... for the end of so many seconds since the first.
        hashing: where passwords are checked.
        hasher: of passwords.
    """

    def __init__(
        self, stream: Stream, clock: Clock, hours: float, attempts: int, window_s: float, hashing: Hashing,
        hasher: argon2.PasswordHasher = HASHER,
    ) -> None:  # fmt: skip
        self.hashing = hashing
        self._hasher = hasher
        self._redis = stream.redis
        self._keys = stream.keys
        self.clock = clock
        self._seconds = int(hours * 3600)
        self._attempts = attempts
        self._window_s = int(window_s)
        self._renew_every = timedelta(seconds=min(_RENEW_EVERY_S, self._seconds / 12))
        self._renew_at: dict[str, datetime] = {}
        self.on_sign_out: list[Callable[[Actor], Awaitable[None]]] = []

    # -- users -------------------------------------------------------------------------------------------------

    async def add(self, name: str, hashed: str, role: str, station: str | None, kind: str | None = None) -> None:
        """Make a user; `hashed` is from `hash_password`, `kind` one of `KINDS`.

        Raises:
            ValueError: a name that is taken or not a name, an unknown role or kind, an officer without a station.
        """
        if not name.isprintable() or not 0 < len(name) <= 64 or "|" in name or " " in name:
            raise ValueError(f"name: {name!r} must be 1 to 64 printable characters without space or |")
        if role not in ROLES:
            raise ValueError(f"role: {role!r} must be one of {', '.join(ROLES)}")
        if role in ("officer", "helper") and station is None:
            who = "an officer" if role == "officer" else "a helper"
            raise ValueError(f"station: {who} belongs to a station; name it with --station")
        if kind is not None and (role != "helper" or kind not in KINDS):
            raise ValueError(f"kind: only helpers have one, and it must be one of {', '.join(KINDS)}")
        record = {
            "hash": hashed, "role": role, "station": station, "disabled": False,
            "created_at": to_text(self.clock.now()),
        } | ({"kind": kind} if kind else {})  # fmt: skip
        async with translated():
            if not await self._redis.hsetnx(self._keys.users, name, orjson.dumps(record)):
                raise ValueError(f"name: there is a user {name!r} already; use `user password` to change it")

    async def set_password(self, name: str, password: str) -> None:
        """Give a user a new password, and end their sign-ins."""
        record = await self._record(name)
        record["hash"] = await hash_password(password, self._hasher)
        await self._save(name, record)

    async def disable(self, name: str) -> None:
        """Bar a user and end their sign-ins; what they did stays in the log under their name."""
        record = await self._record(name)
        record["disabled"] = True
        await self._save(name, record)

    async def move(self, name: str, station: str) -> None:
        """Give a user another station, and end their sign-ins."""
        record = await self._record(name)
        record["station"] = station
        await self._save(name, record)

    async def users(self) -> list[User]:
        """All users, by name."""
        async with translated():
            rows = await self._redis.hgetall(self._keys.users)
        found = [(name.decode(), orjson.loads(row)) for name, row in rows.items()]
        return sorted(
            (User(name, r["role"], r["station"], r["disabled"], r["created_at"], r.get("kind")) for name, r in found),
            key=lambda user: user.name,
        )

    async def people(self, names: Collection[str]) -> dict[str, Actor | None]:
        """The users among `names`; None for one who is disabled. A name that is no user is left out."""
        wanted = list(names)
        async with translated():
            rows = await self._redis.hmget(self._keys.users, wanted) if wanted else []
        found = [(name, orjson.loads(row)) for name, row in zip(wanted, rows, strict=True) if row is not None]
        return {name: None if r["disabled"] else Actor(name, r["station"], r["role"]) for name, r in found}

    async def kind(self, name: str) -> str | None:
        """What kind of helper `name` is, where that is known."""
        async with translated():
            row = await self._redis.hget(self._keys.users, name)
        return orjson.loads(row).get("kind") if row else None

    # -- sign-ins ----------------------------------------------------------------------------------------------

    async def sign_in(self, name: str, password: str, caller: Caller) -> tuple[str, Actor]:
        """(token for the cookie, who).

        Raises:
            Refused: `wrong_sign_in`, the same whatever was wrong; `too_many_attempts`.
        """
        counted = await self._count(name, caller)
        async with translated():
            row = await self._redis.hget(self._keys.users, name)
        record = orjson.loads(row) if row else None
        stored = record["hash"] if record else None
        check = partial(_verify, self._hasher, stored, password)
        right = await self.hashing.run(check, caller.source, known=caller.device is not None)
        if not right or record is None or record["disabled"]:
            raise Refused(errors.WRONG_SIGN_IN, "user name or password is wrong")
        token = secrets.token_urlsafe(32)
        digest = _digest(token)
        async with translated():
            pipe = self._redis.pipeline()
            pipe.set(self._keys.session(digest), name)
            pipe.zadd(self._keys.sign_ins, {digest: to_ms(self.clock.now() + timedelta(seconds=self._seconds))})
            pipe.sadd(self._keys.sessions_of(name), digest)
            pipe.delete(*counted)
            await pipe.execute()
        return token, Actor(name, record["station"], record["role"])

    async def who(self, *given: str) -> Actor | None:
        """Who holds the first of these tokens that somebody holds; None when nobody does (any more)."""
        for token in given:
            digest = _digest(token)
            async with translated():
                where = [self._keys.session(digest), self._keys.users, self._keys.sign_ins]
                found = await _WHO.run(self._redis, where, [digest, to_ms(self.clock.now())])
                if found[2:]:
                    await self._redis.persist(self._keys.sessions_of(found[0].decode()))
            if found and not (record := orjson.loads(found[1]))["disabled"]:
                return Actor(found[0].decode(), record["station"], record["role"])
        return None

    async def who_all(self, each: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], Actor | None]:
        """As `who`, of many at once."""
        every = sorted({token for given in each for token in given})
        if not every:
            return dict.fromkeys(each)
        digests = [_digest(token) for token in every]
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.mget([self._keys.session(digest) for digest in digests])
            pipe.zmscore(self._keys.sign_ins, digests)
            names, ends = await pipe.execute()
        now = to_ms(self.clock.now())
        held = {
            token: name.decode() for token, name, until in zip(every, names, ends, strict=True)
            if name is not None and (until is None or until > now)
        }  # fmt: skip
        people = await self.people(sorted(set(held.values())))
        actors = {token: people.get(name) for token, name in held.items()}
        return {given: next((a for token in given if (a := actors.get(token))), None) for given in each}

    async def used(self, *given: str) -> None:
        """Who holds one of these tokens is at work: their sign-in, if it lasts, lasts its whole time from now on.

        Written seldom: a thousand consoles that say every few seconds that they can ring cost the store nothing.
        """
        now = self.clock.now()
        for token in given:
            digest = _digest(token)
            if now < self._renew_at.get(digest, now):
                continue
            until = to_ms(now + timedelta(seconds=self._seconds))
            async with translated():
                renewed = await _USED.run(self._redis, [self._keys.sign_ins], [digest, to_ms(now), until])
            if not renewed:
                continue
            if len(self._renew_at) >= _RENEWED:
                self._renew_at.clear()
            self._renew_at[digest] = now + self._renew_every

    async def ends_at(self, *given: str) -> datetime | None:
        """When the longest of these sign-ins ends unless it is used; None when all have ended."""
        if not given:
            return None
        async with translated():
            ends = await self._redis.zmscore(self._keys.sign_ins, [_digest(token) for token in given])
        last = max((from_ms(int(until)) for until in ends if until is not None), default=None)
        return last if last is not None and last > self.clock.now() else None

    async def sweep(self, now: datetime) -> None:
        """Forget sign-ins that ended. The store's own expiry follows its clock, which somebody may set.

        One that would last longer than its whole time was written while time was ahead: it lasts that long from now on.
        """
        async with translated():
            most = to_ms(now + timedelta(seconds=self._seconds))
            for digest in await self._redis.zrange(
                self._keys.sign_ins, most + _AHEAD_MS, "+inf", byscore=True, offset=0, num=_SWEPT
            ):
                await self._redis.zadd(self._keys.sign_ins, {digest: most}, xx=True)
            ended = await self._redis.zrange(
                self._keys.sign_ins, "-inf", to_ms(now), byscore=True, offset=0, num=_SWEPT
            )
        for digest in (each.decode() for each in ended):
            async with translated():
                name = await self._redis.get(self._keys.session(digest))
                pipe = self._redis.pipeline()
                pipe.delete(self._keys.session(digest)).zrem(self._keys.sign_ins, digest)
                if name is not None:
                    pipe.srem(self._keys.sessions_of(name.decode()), digest)
                await pipe.execute()

    async def signed_in(self, *given: str) -> Actor:
        """Who holds one of these tokens.

        Raises:
            Refused: `not_signed_in`.
        """
        actor = await self.who(*given)
        if actor is None:
            raise Refused(errors.NOT_SIGNED_IN, "there is no sign-in with this request, or it has ended")
        return actor

    async def staff(self, *given: str) -> Actor:
        """The officer or supervisor who holds one of these tokens.

        Raises:
            Refused: `not_signed_in`; `not_allowed`: a helper, for whom there is nothing but `/ws/helper`.
        """
        actor = await self.signed_in(*given)
        if actor.role == "helper":
            raise Refused(errors.NOT_ALLOWED, "this is for officers and supervisors; a helper's page is /helper")
        return actor

    async def sign_out(self, *given: str) -> None:
        """End the sign-ins with these tokens, all of one browser, and tell who wants to know."""
        for token in given:
            actor = await self.who(token)
            digest = _digest(token)
            async with translated():
                pipe = self._redis.pipeline()
                pipe.delete(self._keys.session(digest)).zrem(self._keys.sign_ins, digest)
                await pipe.execute()
            if actor is not None:
                for told in self.on_sign_out:
                    await told(actor)

    # -- helpers -----------------------------------------------------------------------------------------------

    async def _count(self, name: str, caller: Caller) -> list[str]:
        """Count one attempt, before it is known how it ends: those that are sent at once are counted too.

        On a device that is known to the user it is counted apart, and only when that is used up as from where it comes:
        whatever strangers do, an officer at their own desk is not shut out. Returns the counters that it used.
        """
        digest = hashlib.sha256(name.encode()).hexdigest()
        places = [caller.source] if caller.device is None else [caller.device, caller.source]
        used, left_ms = [], 0
        for place in places:
            used.append(self._keys.attempts(f"{digest}:{place}"))
            async with translated():
                number, left_ms = await _COUNT.run(self._redis, used[-1:], [self._window_s * 1000])
            if number <= self._attempts:
                return used
        after_s = math.ceil(left_ms / 1000)
        message = (
            f"wait {after_s} s: {self._attempts} attempts as one name from one place are all within {self._window_s} s"
        )
        raise Refused(errors.TOO_MANY_ATTEMPTS, message, retry_after_s=after_s)

    async def _record(self, name: str) -> dict[str, Any]:
        async with translated():
            row = await self._redis.hget(self._keys.users, name)
        if row is None:
            raise ValueError(f"name: there is no user {name!r}; `user list` shows who there is")
        return dict(orjson.loads(row))

    async def _save(self, name: str, record: dict[str, Any]) -> None:
        async with translated():
            digests = await self._redis.smembers(self._keys.sessions_of(name))
            pipe = self._redis.pipeline()
            pipe.hset(self._keys.users, name, orjson.dumps(record))
            for digest in digests:
                pipe.delete(self._keys.session(digest.decode())).zrem(self._keys.sign_ins, digest)
            pipe.delete(self._keys.sessions_of(name))
            await pipe.execute()


async def hash_password(password: str, hasher: argon2.PasswordHasher = HASHER) -> str:
    """The argon2id hash of `password`.

    Raises:
        ValueError: it is too short.
    """
    if len(password) < LEAST_PASSWORD:
        raise ValueError(f"password: {len(password)} characters; at least {LEAST_PASSWORD}")
    return await asyncio.to_thread(hasher.hash, password)


@cache
def _nobody(hasher: argon2.PasswordHasher) -> str:
    """A hash of nothing, checked for unknown names so that they take the same time. Not made before it is needed."""
    return hasher.hash(secrets.token_hex(16))


def _verify(hasher: argon2.PasswordHasher, stored: str | None, password: str) -> bool:
    try:
        return hasher.verify(stored or _nobody(hasher), password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
