"""Alarms as the stages use them: load one, give it a command. The loop of load, decide, append, decide again.

Holds no state: every answer is from the store. The deadline that each append writes is computed by a function that
it is given, so the escalation policy stays outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock
from dispatch.alarm.commands import AddMedia, Answer, Command, EndContent, Raise, Reopen, Say, UndoClose, Wipe
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import AlarmRaised, ContentWiped, Event, PlanEnded
from dispatch.alarm.fold import evolve
from dispatch.alarm.lifecycle import decide
from dispatch.alarm.patch import merge_patch
from dispatch.alarm.state import PRIVATE, Alarm, Status, changed, from_members, to_members
from dispatch.alarm.tombstone import clears
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.beside import SAID, light, pairs, shown, stored, whole
from dispatch.stream.record import Record, make_record
from dispatch.stream.stream import Append, Appended, Done, Fenced, Stale, Stream

log = structlog.get_logger()
_LOAD = Script(resources.files("dispatch.stream").joinpath("load.lua").read_text())
WIPED = "*"
"""In the place of a digest: what was asked for could be guessed by it, so a wipe leaves only that it was done."""
_WRONG = timedelta(minutes=1)
_TRIES = 50
"""An append loses a race at most once per other append to the same alarm; more than this many is a fault."""
_FEW = 100
"""Of so many versions the words are asked for one by one; of more, all of them at once."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An alarm and the hashes that its citizen is checked against. Talk and notes are there only when it is `whole`."""

    alarm: Alarm
    secret_hash: str
    pin_hash: str
    snapshot: bytes
    kept: Mapping[str, Any]  # of talk and notes, what the snapshot itself has
    whole: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command. `events` is empty when it was so already, or another hub's to do (`fenced`)."""

    alarm: Alarm
    events: tuple[Event, ...]
    fenced: bool = False


class Alarms:
    """The alarms of one store.

    Args:
        stream: the record.
        clock: gives the time of each event.
        deadline: (alarm) -> its next deadline, or None; pure.
        ending: (alarm) -> when its content ends, or None; pure. Kept for ever unless given.
    """

    def __init__(
        self, stream: Stream, clock: Clock, deadline: Callable[[Alarm], datetime | None],
        ending: Callable[[Alarm], datetime | None] = lambda alarm: None,
    ) -> None:  # fmt: skip
        self.stream = stream
        self._clock = clock
        self._deadline = deadline
        self.ending = ending
        self.after_append: list[Callable[[Outcome], Awaitable[None] | None]] = []

    @staticmethod
    def parse(snapshot: bytes) -> Alarm:
        """The alarm of a stored snapshot, without talk and notes."""
        return from_members(light(snapshot))

    async def load(self, alarm_id: str, whole: bool = False) -> Loaded | None:
        """The alarm as it is now, `whole` with all that was said; None when there is none with this id."""
        return (await self._load(alarm_id, "", whole))[0]

    async def with_talk(self, alarm: Alarm, after: int) -> Alarm:
        """`alarm` with what was said after version `after`, and its open question."""
        keys = self.stream.of(alarm.home)
        words = keys.words(alarm.home, alarm.id)
        wanted = [str(version) for version in range(after + 1, alarm.version + 1)]
        async with translated():
            if after == 0 or len(wanted) > _FEW:
                found = await self.stream.redis.hgetall(words)
            else:
                wanted += [alarm.question] if alarm.question else []
                rows = await self.stream.redis.hmget(words, wanted) if wanted else []
                found = {version.encode(): row for version, row in zip(wanted, rows, strict=True) if row}
        return changed(alarm, talk=_said_in(alarm, found))

    async def _load(self, alarm_id: str, key: str, entire: bool = False) -> tuple[Loaded | None, Done | None]:
        """The alarm, and whether the command with this key was done to it, at one instant."""
        keys = await self.stream.homes.keys(alarm_id)
        async with translated():
            where = [keys.alarm(alarm_id), keys.done(alarm_id)]
            row = await _LOAD.run(self.stream.redis, where, [key, keys.words_of if entire else "", alarm_id])
        snapshot, secret_hash, pin_hash, before, words = row
        if snapshot is None:
            return None, None
        members = light(snapshot)
        kept = {name: members[name] for name in SAID if name in members}
        loaded = Loaded(
            from_members(whole(members, pairs(words)) if entire else members), (secret_hash or b"").decode(),
            (pin_hash or b"").decode(), snapshot, kept, entire,
        )  # fmt: skip
        if before is None:
            return loaded, None
        digest, version = before.decode().rsplit(" ", 1)
        return loaded, Done(digest, int(version))

    async def handle(self, alarm_id: str, *commands: Command, key: str = "", secret_hash: str = "",
                     pin_hash: str = "", fence: str = "", loaded: Loaded | None = None) -> Outcome:  # fmt: skip
        """Give the alarm `commands`, in one append; answered when the events are stored.

        Args:
            alarm_id: the alarm.
            commands: decided one after the other, each on the state that the one before left.
            key: who asked and their `ref`: the same key has its effect once, with the same commands.
            secret_hash: with a `Raise`: what the citizen will be checked against; an alarm that is there
                already must have the same.
            pin_hash: with a `Raise`: the hash of the cancel number, or empty.
            fence: from a timer: the token of its lease; when another hub has it, nothing happens.
            loaded: the alarm as the caller has it; loaded anew when another change came first, or with a key.

        Raises:
            Refused: from `decide`; `ref_reused`; `alarm_exists`; `not_stored`.
        """
        digest = hashlib.sha256(repr(commands).encode()).hexdigest()[:16] if key else ""
        new = isinstance(commands[0], Raise)  # hardly ever there already, and then the append says so
        entire = any(isinstance(command, (Wipe, EndContent)) for command in commands)
        for attempt in range(_TRIES):
            done: Done | None = None
            if attempt or key or (loaded is None and not new):
                loaded, done = await self._load(alarm_id, key, entire)
            if loaded and not loaded.whole and (entire or _may_open(loaded.alarm, commands)):
                entire = True
                loaded, done = await self._load(alarm_id, key, entire)
            if loaded and secret_hash and loaded.secret_hash != secret_hash:
                raise Refused(errors.ALARM_EXISTS, "id: there is an alarm with this id and another secret")
            if loaded and done:
                if not await self._still(loaded):
                    continue  # something else was done since the alarm was loaded
                return _again(done, digest, loaded.alarm)
            before = loaded.alarm if loaded else None
            outcome, records = self._fold(before, alarm_id, commands)
            if not outcome.events:
                if loaded and not await self._still(loaded):
                    continue
                return outcome
            after = outcome.alarm
            ending, was = self.ending(after), self.ending(before) if before else None
            wipe = any(isinstance(event, (ContentWiped, PlanEnded)) for event in outcome.events)
            kept = {"talk": after.talk, "notes": after.notes} if wipe else loaded.kept if loaded else {}
            change = Append(
                alarm=alarm_id, expected=before.version if before else 0, version=after.version, key=key, digest=digest,
                snapshot=stored(to_members(after), kept), open=after.open, deadline=after.due, secret_hash=secret_hash,
                pin_hash=pin_hash, copy_to=after.shared, fence=fence, wipe=wipe,
                ending="keep" if ending == was else ending,
            )  # fmt: skip
            match await self.stream.append(after.home, records, change):
                case Appended():
                    await self._tell(outcome)
                    return outcome
                case Done() as done:
                    now = await self.load(alarm_id)
                    return _again(done, digest, now.alarm if now else after)
                case Fenced():
                    return Outcome(before or after, (), fenced=True)
                case Stale():
                    continue
        raise Refused(errors.NOT_STORED, f"{_TRIES} other changes came first")

    async def _still(self, loaded: Loaded) -> bool:
        """Whether what was found is stored as safely as what is appended; False when it changed meanwhile."""
        alarm = loaded.alarm
        return await self.stream.confirm(alarm.home, alarm.id, alarm.version, loaded.snapshot)

    async def _tell(self, outcome: Outcome) -> None:
        """Tell who wants to know at once. What fails here is stored all the same, and found again by their loops."""
        for told in self.after_append:
            try:
                waiting = told(outcome)
                if waiting is not None:
                    await waiting
            except Exception as fault:
                log.error("after_append_failed", alarm=outcome.alarm.id, fault=repr(fault))

    def _fold(self, before: Alarm | None, alarm_id: str, commands: Iterable[Command]) -> tuple[Outcome, list[Record]]:
        """The outcome of `commands` on `before`, and its events as records."""
        # Hubs' clocks differ by milliseconds, and a failover's by more: within an alarm time does not go back. What is
        # further ahead was written under a clock that was wrong, and must not keep its deadlines from coming.
        at = self._clock.now()
        if before and at < before.latest < at + _WRONG:
            at = before.latest
        alarm = before
        events: list[Event] = []
        records: list[Record] = []
        members = shown(to_members(before)) if before else {}
        for command in commands:
            for event in decide(alarm, command):
                was, was_open = alarm, alarm is None or alarm.open
                alarm = evolve(alarm, event, at, alarm_id)
                if (due := self._deadline(alarm)) != alarm.due:
                    alarm = changed(alarm, due=due)
                after = shown(to_members(alarm))
                changes = merge_patch(members, after)
                if was is not None and isinstance(event, ContentWiped):
                    changes |= clears(PRIVATE, was.talk, was.notes)
                # Consoles that came while it was closed, or only planned, have nothing of it.
                if (alarm.open and not was_open) or isinstance(event, AlarmRaised):
                    changes |= after
                records.append(make_record(alarm_id, alarm.version, event, at, changes))
                events.append(event)
                members = after
        if alarm is None:
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        return Outcome(alarm, tuple(events)), records


def _may_open(alarm: Alarm, commands: Iterable[Command]) -> bool:
    """Whether a closed alarm may be open afterwards: then consoles are told all of it."""
    closed = alarm.status is Status.CLOSED
    return closed and any(isinstance(each, (Say, Answer, AddMedia, Reopen, UndoClose)) for each in commands)


def _said_in(alarm: Alarm, words: Mapping[bytes, bytes]) -> dict[str, Any]:
    talk: dict[str, Any] = whole({"talk": alarm.talk}, words)["talk"]
    return talk


def _again(done: Done, digest: str, alarm: Alarm) -> Outcome:
    """The outcome of a repeated command, provided it is the same one; after a wipe that is not known any more."""
    if done.digest not in (digest, WIPED):
        raise Refused(errors.REF_REUSED, "ref: it was used before, for another request")
    return Outcome(alarm, ())
