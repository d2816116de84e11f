"""The publish-subscribe hub: each station's events to its consoles, and each alarm's to its citizen.

The doorbell only rings, the stream is the truth: an event that does not follow the last one, by position and by link,
makes the hub read the stream. Everything per console is bounded: what it has not taken (`buffer_bytes`), or it is cut
with 4413; what it missed (`ring_events` from memory, else from the stream). Nobody waits for the slowest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.fanout.feed import Console, Feed, Frame, Watch, event_frame, snapshot_frame, starts
from dispatch.stream.doorbell import Doorbell, Ring
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_Missed = list[tuple[Frame, str | None]]
_Snapshot = tuple[int, Frame, list[str]]
CHECK_EVERY_S = 1.0
"""How often the feeds are compared with their streams: a doorbell that is lost costs so long at most."""

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
        self.doorbell = Doorbell(stream)
        self.doorbell.heard = self._heard
        self.consoles: set[Console] = set()
        self.on_went_back: Callable[[str, str], Awaitable[None]] | None = None
        """(station, epoch): its stream is not the one that was fanned out: the store went back to an older copy."""

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
            if epoch == self._stream.epoch(station) and 0 <= offset <= feed.last:
                missed = await self._missed(feed, offset)
            if missed is not None:
                plans.append((feed, offset, missed, None, await self._stream.open_alarms(station)))
            else:
                plans.append((feed, offset, None, await self._snapshot(feed), []))
        # No await from here on: an event between the snapshot and the registration would be lost or doubled.
        have = [(feed, snap[0] if snap else offset + len(missed or ())) for feed, offset, missed, snap, _ in plans]
        if any(self._feeds[feed.station] is not feed or not feed.covers(last) for feed, last in have):
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
            for known in feed.ring:
                if known.offset > offset:
                    self._write(console, known.frame)
                    console.session.sent(feed.station, known.offset, known.new_alarm)
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

    async def check(self) -> None:
        """Compare every feed with its stream, for a doorbell that was lost with nothing after it.

        Raises:
            Refused: `not_stored`, when the store does not answer: consoles must not be told that they are live.
        """
        for feed in [feed for feed in self._feeds.values() if not feed.opened]:
            await self._feed(feed.station)
        feeds = [(feed, feed.last, feed.link) for feed in self._feeds.values()]
        ends = await self._stream.ends([feed.station for feed, _, _ in feeds])
        for (feed, last, link), (offset, head) in zip(feeds, ends, strict=True):
            if offset > feed.last or (offset <= last and (offset, head) != (last, link)):
                self._catch_up(feed, offset)

    async def begin_again(self, partition: int) -> None:
        """The partition's streams are others now: send its consoles away, who come back for a fresh snapshot.

        The feeds are opened again by whoever comes first, or by `check`.
        """
        for station in [s for s in self._feeds if self._stream.of(s).partition == partition]:
            old = self._feeds[station]
            self._feeds[station] = Feed(station, deque(maxlen=self._ring_events), old.watches)
            for console in list(old.consoles):
                self.cut(console, errors.RESTORED, "the store was restored: come back for a fresh snapshot")

    def _heard(self, station: str, ring: Ring | None) -> None:
        feed = self._feeds.get(station)
        if feed is None:
            return
        if ring is None:
            if feed.opened:
                self._catch_up(feed, feed.last)
        elif not feed.opened:
            feed.announced = max(feed.announced, ring.last)
        elif ring.first > feed.last + 1 or feed.catching_up is not None:
            self._catch_up(feed, ring.last)
        elif not feed.agrees(ring.first - 1, ring.before):
            self._catch_up(feed, feed.last)  # it belongs to another history than ours: see which is true
        else:
            for offset, (link, body) in enumerate(ring.events, ring.first):
                if offset == feed.last + 1:
                    self._fan_out(feed, offset, link, body)
                elif not feed.agrees(offset, link):
                    self._catch_up(feed, feed.last)
                    return

    def _fan_out(self, feed: Feed, offset: int, link: str, body: bytes) -> None:
        """Write one event to every console of the station. The hot path: one frame, one write each, no await."""
        members = orjson.loads(body)
        new_alarm = starts(members)
        frame = event_frame(self._stream.epoch(feed.station), feed.station, offset, body)
        feed.take(offset, link, frame, new_alarm)
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
        """Read the stream from the last known event on, which must still be there, the same."""
        try:
            while True:
                announced, last = feed.announced, feed.last
                entries = await self._stream.read(feed.station, max(0, last - 1))
                if last and (not entries or (entries[0].offset, entries[0].link) != (last, feed.link)):
                    log.error("stream_went_back", station=feed.station, last=last)
                    if self.on_went_back is not None:
                        await self.on_went_back(feed.station, feed.epoch)
                    return
                new = entries[1:] if last else entries
                for entry in new:
                    self._fan_out(feed, entry.offset, entry.link, orjson.dumps(entry.members))
                if not new and feed.announced <= max(announced, feed.last):
                    feed.announced = feed.last  # what was announced beyond is not in the stream: a false doorbell
                    return
        except Refused:
            log.warning("catch_up_failed", station=feed.station)  # `check` finds it again
        finally:
            feed.catching_up = None

    # -- state -------------------------------------------------------------------------------------------------

    async def _feed(self, station: str) -> Feed:
        """The station's feed; its doorbell is confirmed before its end is read, so no event falls between."""
        async with self._opening.setdefault(station, asyncio.Lock()):
            feed = self._feeds.setdefault(station, Feed(station, deque(maxlen=self._ring_events)))
            if not feed.opened:
                await self.doorbell.listen(station)
                feed.last, feed.link = await self._stream.end(station)
                feed.opened, feed.epoch = True, self._stream.epoch(station)
                for watches in feed.watches.values():  # of a feed that was closed: what came meanwhile was not told
                    for told in tuple(watches):
                        told({})
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
                event_frame(self._stream.epoch(feed.station), feed.station, entry.offset, orjson.dumps(entry.members)),
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
        frame = snapshot_frame(
            self._stream.epoch(feed.station), feed.station, offset, await self._duty(feed.station), alarms
        )
        return offset, frame, [orjson.loads(alarm)["id"] for alarm in alarms]

    def _write(self, console: Console, frame: Frame) -> None:
        if console.wire.buffered() > self._buffer_bytes:
            self.cut(console, errors.SLOW_CONSUMER, "too slow: come back and resume")
        else:
            console.wire.write_frame(frame.wire(console.packed))
