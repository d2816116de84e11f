"""Who sends more alarms than a person does: such alarms are marked and take turns; no alarm is refused for it.

Of a sender nothing is known but what `dispatch.callers` makes of their address, which changes daily. What this module
knows is one hub's and is forgotten with it: with several hubs a sender has as many allowances. Field's terms: rate
limiting (the generic cell rate algorithm), fair queueing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from datetime import datetime, timedelta

from dispatch.alarm.clock import to_ms
from dispatch.alarm.work import Work

_REMEMBERED = 50_000
"""Senders, and alarms, that are remembered: who is forgotten has a whole allowance again."""
_UNMARKED = 16
"""Alarms of one sender that are remembered though they have no mark."""
_BURSTS = 8
"""Of more senders than this, each with a burst of their own, what comes is one burst: no officer closes hundreds."""
_CALM = timedelta(minutes=10)
"""After so long within the allowance what comes is another burst."""
MANY = "many"


class Allowance:
    """So many at once, then one in each interval (a token bucket). Times are the clock's.

    Args:
        most: at once.
        every_s: seconds until there is one more.
    """

    def __init__(self, most: int, every_s: float) -> None:
        self._every = timedelta(seconds=every_s)
        self._ahead = self._every * most
        self._full_at: datetime | None = None

    def spend(self, now: datetime) -> bool:
        """Take one if there is one; whether there was."""
        before = self._full_at or now
        if before - now > self._ahead:
            before = now  # time was set back
        full_at = max(now, before) + self._every
        if full_at - now > self._ahead:
            return False
        self._full_at = full_at
        return True


class _Sender:
    """What is known of one: their allowance, their alarms without a mark, whether they went beyond it."""

    __slots__ = ("beyond", "own", "unmarked")

    def __init__(self, own: Allowance) -> None:
        self.own = own
        self.unmarked: deque[tuple[str, datetime]] = deque(maxlen=_UNMARKED)
        self.beyond = False


class Senders:
    """Marks what is more than a sender's allowance, or than that of all, but as it comes never a sender's first alarm.

    Args:
        most: alarms that one sender sends at once without a mark, and ...
        every_s: ... seconds until one more of theirs has none.
        all_most: the same of all senders together; beyond it only alarms of senders who are new have no mark, ...
        all_every_s: ... until there is one more.
    """

    def __init__(self, most: int, every_s: float, all_most: int, all_every_s: float) -> None:
        self._most, self._every_s = most, every_s
        self._all = Allowance(all_most, all_every_s)
        self._known: OrderedDict[str, _Sender] = OrderedDict()
        self._marks: OrderedDict[str, str] = OrderedDict()  # alarm -> its mark: a retry is the same alarm
        self._bursts: OrderedDict[str, tuple[str, datetime]] = OrderedDict()  # whose -> its name, and when it was last

    def mark(self, sender: str, alarm: str, now: datetime) -> str:
        """The name of the burst to which `alarm` belongs; "" when it belongs to none, or the `sender` is not known."""
        if not sender:
            return ""
        mark = self._marks.get(alarm)
        if mark is None:
            mark = self._marks[alarm] = self._judge(sender, alarm, now)
            if len(self._marks) > _REMEMBERED:
                self._marks.popitem(last=False)
        return mark

    def earlier(self, sender: str, now: datetime) -> list[str]:
        """Alarms of the `sender` of the last minutes that had no mark and are now of their burst; each is named once.

        Only of one who goes on beyond their own allowance while many others do too: a thousand such senders would each
        keep some alarms among those of people who sent one.
        """
        known = self._known.get(sender)
        if known is None or not known.beyond or MANY not in self._bursts:
            return []
        theirs, known.unmarked = known.unmarked, deque(maxlen=_UNMARKED)
        return [alarm for alarm, at in theirs if now - at < _CALM]

    def _judge(self, sender: str, alarm: str, now: datetime) -> str:
        first = sender not in self._known
        known = self._known.setdefault(sender, _Sender(Allowance(self._most, self._every_s)))
        self._known.move_to_end(sender)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        if not known.own.spend(now):
            known.beyond = True
            return self._burst(sender, now)
        if self._all.spend(now) or first:
            known.unmarked.append((alarm, now))
            return ""
        return self._burst(MANY, now)

    def _burst(self, whose: str, now: datetime) -> str:
        self._bursts = OrderedDict((who, each) for who, each in self._bursts.items() if now - each[1] < _CALM)
        if whose not in self._bursts and len(self._bursts) >= _BURSTS:
            whose = MANY
        name, _ = self._bursts.get(whose, (f"{whose[:8]}-{to_ms(now):x}", now))
        self._bursts[whose] = (name, now)
        return name


class Lane:
    """One after the other, so many a second, each sender in turn: for alarms that are marked.

    Args:
        work: time.
        per_s: how many a second.
    """

    def __init__(self, work: Work, per_s: float) -> None:
        self._work = work
        self._gap = timedelta(seconds=1 / per_s)
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._free_at: datetime | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def turn(self, sender: str) -> None:
        """Return when it is this one's turn."""
        now = self._work.now()
        if self._free_at is not None and self._free_at > now + self._gap:
            self._free_at = now + self._gap  # time was set back
        if not self._waiting and (self._free_at is None or self._free_at <= now):
            self._free_at = now + self._gap
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._work.later((self._free_at - now).total_seconds() if self._free_at else 0, self._next)
        self._waiting.setdefault(sender, deque()).append(mine)
        await self._work.outside(mine)

    def _next(self) -> None:
        """Let the next one go: of the sender who had a turn longest ago."""
        while self._waiting:
            sender, theirs = self._waiting.popitem(last=False)
            mine = theirs.popleft()
            if theirs:
                self._waiting[sender] = theirs
            if not mine.done():  # else who asked has hung up
                mine.set_result(None)
                self._free_at = self._work.now() + self._gap
                break
        if self._waiting:
            self._work.later(self._gap.total_seconds(), self._next)
