"""The publish-subscribe hub: each station's events to its consoles, and each alarm's to its citizen.

What comes to it is in order and without gap (`feeds`). Everything per console is bounded: what it has not taken
(`buffer_bytes`, beyond the answer to its own `subscribe`), or it is cut with 4413; what it missed (`ring_events` from
memory, else from the stream). Nobody waits for the slowest.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from prometheus_client import Counter, Gauge

from dispatch.alarm import errors
from dispatch.alarm.work import Work
from dispatch.fanout.feed import (
    EVERY_ALARM,
    Console,
    Feed,
    Frame,
    Missed,
    Snapshot,
    Watch,
    event_frame,
    only_counts,
    speaks,
    starts,
    wipes,
)
from dispatch.fanout.feeds import Feeds
from dispatch.fanout.stories import Stories
from dispatch.stream.stream import Stream

_PORTION = 256  # consoles: a millisecond or two
COUNTS_WAIT_S = 0.02
"""So long an event that only counts may wait for another with which it leaves."""

DELIVERIES = Counter("dispatch_deliveries", "Event frames written to consoles")
CONSOLES = Gauge("dispatch_consoles", "Consoles connected to this hub", multiprocess_mode="livesum")
CUT = Counter("dispatch_consoles_cut", "Consoles cut because they did not take their events", ["why"])


class Hub:
    """All feeds of this process.

    Args:
        stream: the record.
        duty: (station) -> duty as consoles show it.
        buffer_bytes: what a console may leave untaken.
        ring_events: events per station kept in memory for consoles that come back.
        work: what goes on.
    """

    def __init__(
        self,
        stream: Stream,
        duty: Callable[[str], Awaitable[dict[str, Any]]],
        buffer_bytes: int,
        ring_events: int,
        work: Work,
    ) -> None:
        self._stream = stream
        self._work = work
        self._buffer_bytes = buffer_bytes
        self.feeds = Feeds(stream, duty, ring_events, self._fan_out, work)
        self.stories = Stories(stream, work)
        self.consoles: set[Console] = set()

    # -- joining and leaving -----------------------------------------------------------------------------------

    async def attach(self, console: Console, stations: tuple[str, ...], after: dict[str, tuple[str, int]],
                     hello: Callable[[dict[str, bool]], Frame]) -> None:  # fmt: skip
        """Join `console` to `stations`: from its positions when nothing is missing, else with a snapshot.

        Args:
            console: gets `hello`, then a snapshot or the missed events of each station, then live events.
            stations: their ids.
            after: station -> (epoch, offset) of the last event the console has.
            hello: (station -> recovered) -> the answer to its request, sent first.

        Raises:
            Refused: `not_stored`, when the store does not answer; nothing was sent.
        """
        plans: list[tuple[Feed, int, Missed | None, Snapshot | None, list[str]]] = []
        for station in stations:
            feed = await self.feeds.open(station)
            epoch, offset = after.get(station, ("", -1))
            missed = None
            if epoch == self._stream.epoch(station) and 0 <= offset <= feed.last:
                missed = await self.feeds.missed(feed, offset)
            if missed is not None:
                plans.append((feed, offset, missed, None, await self._stream.open_alarms(station)))
            else:
                plans.append((feed, offset, None, await self.feeds.snapshot(feed), []))
        # No await from here on: an event between the snapshot and the registration would be lost or doubled.
        have = [(feed, snap.offset if snap else offset + len(missed or ())) for feed, offset, missed, snap, _ in plans]
        if any(self.feeds.of[feed.station] is not feed or not feed.covers(last) for feed, last in have):
            await self.attach(console, stations, after, hello)  # the ring moved on meanwhile; once more
            return
        self.detach(console)
        console.owed = sys.maxsize  # what is asked for is never too much for who asks
        self._write(console, hello({feed.station: missed is not None for feed, _, missed, _, _ in plans}))
        stories: list[tuple[Feed, list[str]]] = []
        for feed, offset, missed, snap, still_open in plans:
            if snap is not None:
                offset = snap.offset
                self._write(console, snap.frame)
                console.session.attach(feed.station, offset, snap.alarms)
                stories.append((feed, snap.stories))
            else:
                console.session.attach(feed.station, offset, still_open)  # perhaps shown and never confirmed
                for frame, new_alarm in missed or []:
                    offset += 1
                    self._write(console, frame)
                    console.session.sent(feed.station, offset, new_alarm)
            for known in feed.ring:
                if known.offset > offset:
                    self._write(console, known.frame)
                    console.session.sent(feed.station, known.offset, known.new_alarm)
            feed.consoles.add(console)
        console.stations = stations
        self.consoles.add(console)
        CONSOLES.set(len(self.consoles))
        console.owed = console.wire.buffered()
        if console.owed or any(alarms for _, alarms in stories):
            console.telling = self._work.spawn(self.stories.tell(console, stories), "stories")

    def confirmed(self, console: Console, station: str, offset: int) -> list[str]:
        """The console shows everything of the station up to `offset`: the alarms that are new in that."""
        if station not in console.stations:
            return []
        return console.session.confirm(station, offset, self.feeds.of[station].firsts)

    def detach(self, console: Console) -> None:
        """Forget the console; no more events go to it."""
        for station in console.stations:
            self.feeds.of[station].consoles.discard(console)
        if console.telling is not None:
            console.telling.cancel()
            console.telling = None
        console.stations = ()
        self.consoles.discard(console)
        CONSOLES.set(len(self.consoles))

    def cut(self, console: Console, code: int, why: str) -> None:
        """Close the console's connection with `code` and forget it."""
        CUT.labels(why).inc()
        self.detach(console)
        console.wire.close(code, why)

    async def watch(self, station: str, alarm: str, told: Watch) -> Callable[[], None]:
        """Call `told` with each further event of `alarm` (`EVERY_ALARM`: of the station); returns what ends it."""
        feed = await self.feeds.open(station)
        feed.watches.setdefault(alarm, set()).add(told)

        def end() -> None:
            watches = feed.watches.get(alarm, set())
            watches.discard(told)
            if not watches:
                feed.watches.pop(alarm, None)

        return end

    def send(self, console: Console, message: dict[str, Any]) -> None:
        """Send one message to one console only."""
        self._write(console, Frame(orjson.dumps(message)))

    async def broadcast(self, message: dict[str, Any]) -> None:
        """Send one message to every console, encoded once; alarms come between a few hundred and the next."""
        frame = Frame(orjson.dumps(message))
        consoles = list(self.consoles)
        for at in range(0, len(consoles), _PORTION):
            for console in consoles[at : at + _PORTION]:
                self._write(console, frame)
            await self._work.turn()

    # -- events ------------------------------------------------------------------------------------------------

    async def begin_again(self, partition: int) -> None:
        """The partition's streams are others now: send its consoles away, who come back for a fresh snapshot."""
        for feed in self.feeds.begin_again(partition):
            for console in list(feed.consoles):
                self.cut(console, errors.RESTORED, "the store was restored: come back for a fresh snapshot")

    def _fan_out(self, feed: Feed, offset: int, link: str, body: bytes) -> None:
        """Take the next event of `feed`. It leaves at the next turn of the loop, with all that came in this one.

        One that only counts waits for the next that matters, `COUNTS_WAIT_S` at most: with a thousand consoles it would
        cost as much as the alarm itself.
        """
        members = orjson.loads(body)
        frame = event_frame(self._stream.epoch(feed.station), feed.station, offset, members, body)
        if wipes(members):
            feed.forget(members["alarm"])
        feed.take(offset, link, frame, starts(members))
        if speaks(members):
            feed.said[members["alarm"]] = offset
        feed.unsent.append(feed.ring[-1])
        if only_counts(members):
            feed.sending = feed.sending or self._work.later(COUNTS_WAIT_S, self._send_on, feed)
        elif not feed.urgent:
            if feed.sending is not None:
                feed.sending.cancel()
            feed.sending, feed.urgent = asyncio.get_running_loop().call_soon(self._send_on, feed), True
        watches = feed.watches
        for told in (*watches.get(members["alarm"], ()), *watches.get(EVERY_ALARM, ())):
            told(members)

    def _send_on(self, feed: Feed) -> None:
        """Write what is new to every console of the station.

        The hot path. Each event was encoded once; what came in one turn of the loop is joined once, so a console costs
        one write however many events that were, and no await.
        """
        new, feed.unsent, feed.sending, feed.urgent = feed.unsent, [], None, False
        first, last = new[0].offset, new[-1].offset
        joined: dict[bool, bytes] = {}
        station, most, delivered = feed.station, self._buffer_bytes, 0
        slow: list[Console] = []
        for console in feed.consoles:
            session, wire, cursors = console.session, console.wire, console.session.cursors
            if (waiting := wire.buffered()) > most and waiting > most + console.owed:
                slow.append(console)
            elif cursors[station] == first - 1:
                if (frames := joined.get(packed := console.packed)) is None:
                    frames = joined[packed] = b"".join([known.frame.wire(packed) for known in new])
                wire.write_frame(frames)
                cursors[station] = last
                delivered += len(new)
            else:  # it came while these were on their way, and had some of them then
                for known in new:
                    if known.offset > cursors[station]:
                        wire.write_frame(known.frame.wire(console.packed))
                        session.sent(station, known.offset, known.new_alarm)
                        delivered += 1
        DELIVERIES.inc(delivered)
        for console in slow:
            self.cut(console, errors.SLOW_CONSUMER, "too slow: come back and resume")

    def _write(self, console: Console, frame: Frame) -> None:
        if console.wire.buffered() > self._buffer_bytes + console.owed:
            self.cut(console, errors.SLOW_CONSUMER, "too slow: come back and resume")
        else:
            console.wire.write_frame(frame.wire(console.packed))
