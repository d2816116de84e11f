"""The publish-subscribe hub: each station's events to its consoles, and each alarm's to its citizen.

Pub/sub is the doorbell, the stream is the truth: an event that does not follow the last one makes the hub read the
stream. Everything per console is bounded: what it has not taken (`buffer_bytes`), or it is cut with 4413; what it
missed (`ring_events` from memory, else from the stream). Nobody waits for the slowest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge
from redis.exceptions import RedisError

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.fanout.feed import Console, Feed, Frame, Watch, event_frame, snapshot_frame, starts
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_Missed = list[tuple[Frame, str | None]]
_Snapshot = tuple[int, Frame, list[str]]
_BACK_OFF_S = 0.2
"""Before the doorbell is listened to again after a fault of the store."""
_ANSWER_S = 5.0
"""The store confirms a subscription within this, or is taken for gone."""

DELIVERIES = Counter("dispatch_deliveries", "Event frames written to consoles")
CONSOLES = Gauge("dispatch_consoles", "Consoles connected to this hub", multiprocess_mode="livesum")
CUT = Counter("dispatch_consoles_cut", "Consoles cut because they did not take their events", ["why"])
GAPS = Counter("dispatch_doorbell_gaps", "Gaps in the doorbell that were read from the stream")


class Hub:
    """All feeds of this process.

    Args:
        stream: the record.
        duty: (station) -> duty as consoles show it.
        buffer_bytes: what a console may leave untaken.
        ring_events: events per station kept in memory for consoles that come back.
    """

    def __init__(
        self, stream: Stream, duty: Callable[[str], Awaitable[dict[str, Any]]], buffer_bytes: int, ring_events: int
    ) -> None:
        self._stream = stream
        self._duty = duty
        self._buffer_bytes = buffer_bytes
        self._ring_events = ring_events
        self._feeds: dict[str, Feed] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._pubsub = stream.redis.pubsub()
        self.consoles: set[Console] = set()
        self._joined = asyncio.Event()  # there is something to listen to

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
        plans: list[tuple[Feed, int, _Missed | None, _Snapshot | None, list[str]]] = []
        for station in stations:
            feed = await self._feed(station)
            epoch, offset = after.get(station, ("", -1))
            missed = None
            if epoch == self._stream.epoch and 0 <= offset <= feed.last:
                missed = await self._missed(feed, offset)
            if missed is not None:
                plans.append((feed, offset, missed, None, await self._stream.open_alarms(station)))
            else:
                plans.append((feed, offset, None, await self._snapshot(feed), []))
        # No await from here on: an event between the snapshot and the registration would be lost or doubled.
        if any(snap is not None and not feed.covers(snap[0]) for feed, _, _, snap, _ in plans) or any(
            missed is not None and not feed.covers(offset + len(missed)) for feed, offset, missed, _, _ in plans
        ):
            await self.attach(console, stations, after, hello)  # the ring moved on meanwhile; once more
            return
        self.detach(console)
        self._write(console, hello({feed.station: missed is not None for feed, _, missed, _, _ in plans}))
        for feed, offset, missed, snap, still_open in plans:
            if snap is not None:
                offset, frame, alarms = snap
                self._write(console, frame)
                console.session.attach(feed.station, offset, alarms)
            else:
                console.session.attach(feed.station, offset, still_open)  # perhaps shown and never confirmed
                for frame, new_alarm in missed or []:
                    offset += 1
                    self._write(console, frame)
                    console.session.sent(feed.station, offset, new_alarm)
            for at, frame, new_alarm in feed.ring:
                if at > offset:
                    self._write(console, frame)
                    console.session.sent(feed.station, at, new_alarm)
            feed.consoles.add(console)
        console.stations = stations
        self.consoles.add(console)
        CONSOLES.set(len(self.consoles))

    def detach(self, console: Console) -> None:
        """Forget the console; no more events go to it."""
        for station in console.stations:
            self._feeds[station].consoles.discard(console)
        console.stations = ()
        self.consoles.discard(console)
        CONSOLES.set(len(self.consoles))

    def cut(self, console: Console, code: int, why: str) -> None:
        """Close the console's connection with `code` and forget it."""
        CUT.labels(why).inc()
        self.detach(console)
        console.wire.close(code, why)

    async def watch(self, station: str, alarm: str, told: Watch) -> Callable[[], None]:
        """Call `told` with each further event of `alarm`; returns what ends it."""
        feed = await self._feed(station)
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

    def broadcast(self, message: dict[str, Any]) -> None:
        """Send one message to every console, encoded once."""
        frame = Frame(orjson.dumps(message))
        for console in list(self.consoles):
            self._write(console, frame)

    # -- events ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen for doorbells for ever; after a fault of the store, read what was missed and go on."""
        while True:
            try:
                await self._joined.wait()
                message = await self._pubsub.get_message(timeout=None)
                if message is not None:
                    self._heard(message)
            except (RedisError, OSError) as fault:
                log.warning("doorbell_lost", fault=type(fault).__name__)
                await asyncio.sleep(_BACK_OFF_S)

    async def check(self) -> None:
        """Compare every feed with the stream, for a doorbell that was lost with nothing after it.

        Raises:
            Refused: `not_stored`, when the store does not answer: consoles must not be told that they are live.
        """
        for feed in [feed for feed in self._feeds.values() if feed.opened]:
            offset = await self._stream.offset(feed.station)
            if offset > feed.last:
                self._catch_up(feed, offset)

    def _heard(self, message: dict[str, Any]) -> None:
        feed = self._feeds.get(message["channel"].decode().rsplit(":", 1)[1])
        if feed is None:
            return
        if message["type"] == "message":
            self._ring(feed, message["data"])
        elif message["type"] == "subscribe":  # the first time, or after a fault: what was rung meanwhile is missing
            feed.subscribed.set()
            if feed.opened:
                self._catch_up(feed, feed.last)

    def _ring(self, feed: Feed, data: bytes) -> None:
        first, *bodies = data.split(b"\n")
        offset = int(first)
        if not feed.opened:
            feed.announced = max(feed.announced, offset + len(bodies) - 1)
            return
        if offset > feed.last + 1 or feed.catching_up is not None:
            self._catch_up(feed, offset + len(bodies) - 1)
            return
        for body in bodies:
            if offset == feed.last + 1:
                self._fan_out(feed, offset, body)
            offset += 1

    def _fan_out(self, feed: Feed, offset: int, body: bytes) -> None:
        """Write one event to every console of the station. The hot path: one frame, one write each, no await."""
        members = orjson.loads(body)
        new_alarm = starts(members)
        frame = event_frame(self._stream.epoch, feed.station, offset, body)
        feed.ring.append((offset, frame, new_alarm))
        feed.last = offset
        slow: list[Console] = []
        for console in feed.consoles:
            if console.session.cursors[feed.station] >= offset:
                continue  # its snapshot was newer than the doorbell
            wire = console.wire
            if wire.buffered() > self._buffer_bytes:
                slow.append(console)
                continue
            wire.write_frame(frame.wire(console.packed))
            console.session.sent(feed.station, offset, new_alarm)
        DELIVERIES.inc(len(feed.consoles) - len(slow))
        for console in slow:
            self.cut(console, errors.SLOW_CONSUMER, "too slow: come back and resume")
        for told in tuple(feed.watches.get(members["alarm"], ())):
            told(members)

    def _catch_up(self, feed: Feed, announced: int) -> None:
        feed.announced = max(feed.announced, announced)
        if feed.catching_up is None:
            GAPS.inc()
            feed.catching_up = asyncio.create_task(self._read_on(feed))

    async def _read_on(self, feed: Feed) -> None:
        try:
            while True:
                announced = feed.announced
                entries = await self._stream.read(feed.station, feed.last)
                for entry in entries:
                    self._fan_out(feed, entry.offset, orjson.dumps(entry.members))
                if entries or feed.announced > max(announced, feed.last):
                    continue  # there is more, or more was rung while this was read
                if feed.announced > feed.last:  # announced, and not there: only a store that went back does this
                    log.error("stream_went_back", station=feed.station, last=feed.last, announced=feed.announced)
                    feed.announced = feed.last
                return
        except Refused:
            log.warning("catch_up_failed", station=feed.station)  # `check` finds it again
        finally:
            feed.catching_up = None

    # -- state -------------------------------------------------------------------------------------------------

    async def _feed(self, station: str) -> Feed:
        """The station's feed; its subscription is confirmed before its offset is read, so no event falls between."""
        async with self._opening.setdefault(station, asyncio.Lock()):
            feed = self._feeds.setdefault(station, Feed(station, 0, deque(maxlen=self._ring_events)))
            if not feed.opened:
                try:
                    await self._pubsub.subscribe(self._stream.keys.bell(station))
                    self._joined.set()
                    await asyncio.wait_for(feed.subscribed.wait(), _ANSWER_S)
                except (RedisError, OSError, TimeoutError) as fault:
                    raise Refused(errors.NOT_STORED, f"the store does not answer ({type(fault).__name__})") from fault
                feed.last = await self._stream.offset(station)
                feed.opened = True
                if feed.announced > feed.last:
                    self._catch_up(feed, feed.announced)
        return feed

    async def _missed(self, feed: Feed, offset: int) -> _Missed | None:
        """The events after `offset` that are no longer in memory; None when a snapshot is the better answer."""
        if feed.covers(offset):
            return []
        if feed.last - offset > 4 * self._ring_events:
            return None
        entries = await self._stream.read(feed.station, offset, limit=feed.last - offset)
        return [
            (
                event_frame(self._stream.epoch, feed.station, entry.offset, orjson.dumps(entry.members)),
                starts(entry.members),
            )
            for entry in entries
        ]

    async def _snapshot(self, feed: Feed) -> _Snapshot:
        """(offset, frame, alarm ids): made once for all consoles that come at the same time."""
        if feed.snapshot is None:
            feed.snapshot = asyncio.create_task(self._make_snapshot(feed))
            feed.snapshot.add_done_callback(lambda _: setattr(feed, "snapshot", None))
        return await asyncio.shield(feed.snapshot)

    async def _make_snapshot(self, feed: Feed) -> _Snapshot:
        offset, alarms = await self._stream.snapshot(feed.station)
        frame = snapshot_frame(self._stream.epoch, feed.station, offset, await self._duty(feed.station), alarms)
        return offset, frame, [orjson.loads(alarm)["id"] for alarm in alarms]

    def _write(self, console: Console, frame: Frame) -> None:
        if console.wire.buffered() > self._buffer_bytes:
            self.cut(console, errors.SLOW_CONSUMER, "too slow: come back and resume")
        else:
            console.wire.write_frame(frame.wire(console.packed))
