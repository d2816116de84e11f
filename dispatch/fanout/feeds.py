"""Keeps each station's feed in step with its stream: opened when somebody wants it, read on where the doorbell failed.

The doorbell only rings, the stream is the truth: an event that does not follow the last one, by position and by link,
makes the stream be read. Never knows of a console's position (`hub`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from prometheus_client import Counter

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import TALLY, Status
from dispatch.alarm.work import Work
from dispatch.fanout.feed import Feed, Missed, Snapshot, event_frame, snapshot_frame, starts
from dispatch.stream.beside import shown
from dispatch.stream.doorbell import Doorbell, Ring
from dispatch.stream.stream import Stream

log = structlog.get_logger()
CHECK_EVERY_S = 1.0
"""How often the feeds are compared with their streams: a doorbell that is lost costs so long at most."""

GAPS = Counter("dispatch_doorbell_gaps", "Gaps in the doorbell that were read from the stream")


class Feeds:
    """The feeds of this process.

    Args:
        stream: the record.
        duty: (station) -> duty as consoles show it.
        ring_events: events per station kept in memory for consoles that come back.
        fan_out: called with each next event of a feed: (feed, offset, link, wire form); must let the feed take it.
        work: what goes on.
    """

    def __init__(
        self, stream: Stream, duty: Callable[[str], Awaitable[dict[str, Any]]], ring_events: int,
        fan_out: Callable[[Feed, int, str, bytes], None], work: Work,
    ) -> None:  # fmt: skip
        self._stream = stream
        self._work = work
        self._duty = duty
        self._ring_events = ring_events
        self._fan_out = fan_out
        self.of: dict[str, Feed] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self.doorbell = Doorbell(stream, work)
        self.doorbell.heard = self.heard
        self.on_went_back: Callable[[str, str], Awaitable[None]] | None = None
        """(station, epoch): its stream is not the one that was fanned out: the store went back to an older copy."""

    async def open(self, station: str) -> Feed:
        """The station's feed; its doorbell is confirmed before its end is read, so no event falls between.

        Raises:
            Refused: `not_stored`, when the store does not answer.
        """
        async with self._opening.setdefault(station, asyncio.Lock()):
            feed = self.of.setdefault(station, Feed(station, deque(maxlen=self._ring_events)))
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

    def begin_again(self, partition: int) -> list[Feed]:
        """The partition's streams are others now: forget its feeds, whose consoles are the caller's to send away.

        They are opened again by whoever comes first, or by `check`.
        """
        old = [feed for station, feed in self.of.items() if self._stream.of(station).partition == partition]
        for feed in old:
            self.of[feed.station] = Feed(feed.station, deque(maxlen=self._ring_events), feed.watches)
        return old

    async def check(self) -> None:
        """Compare every feed with its stream, for a doorbell that was lost with nothing after it.

        Raises:
            Refused: `not_stored`, when the store does not answer: consoles must not be told that they are live.
        """
        for feed in [feed for feed in self.of.values() if not feed.opened]:
            await self.open(feed.station)
        feeds = [(feed, feed.last, feed.link) for feed in self.of.values()]
        ends = await self._stream.ends([feed.station for feed, _, _ in feeds])
        for (feed, last, link), (offset, head) in zip(feeds, ends, strict=True):
            if offset > feed.last or (offset <= last and (offset, head) != (last, link)):
                self._catch_up(feed, offset)

    def heard(self, station: str, ring: Ring | None) -> None:
        """What the doorbell rang: fanned out where it follows, else the stream is read."""
        feed = self.of.get(station)
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

    async def missed(self, feed: Feed, offset: int) -> Missed | None:
        """The events after `offset` that are no longer in memory; None when a snapshot is the better answer."""
        if feed.covers(offset):
            return []
        if feed.last - offset > 4 * self._ring_events:
            return None
        entries = await self._stream.read(feed.station, offset, limit=feed.last - offset)
        return [
            (
                event_frame(self._stream.epoch(feed.station), feed.station, entry.offset, entry.members),
                starts(entry.members),
            )
            for entry in entries
        ]

    async def snapshot(self, feed: Feed) -> Snapshot:
        """The station as it is, made once for all consoles that come at the same time.

        Never ahead of the feed: what a console was shown and the feed was not could be lost without anybody seeing it.

        Raises:
            Refused: `not_stored`, when the store does not answer, or goes back meanwhile.
        """
        if feed.snapshot is None:
            feed.snapshot = self._work.spawn(self._make_snapshot(feed), f"snapshot {feed.station}")
            feed.snapshot.add_done_callback(lambda _: setattr(feed, "snapshot", None))
        return await asyncio.shield(feed.snapshot)

    async def _make_snapshot(self, feed: Feed) -> Snapshot:
        offset, link, alarms = await self._stream.listed(feed.station)
        if feed.last < offset:  # the doorbell comes later than the snapshot, or never
            await asyncio.shield(self._read_until(feed, offset))
            if feed.last < offset:
                raise Refused(errors.NOT_STORED, "the store does not have what it showed any more: ask again")
        if not feed.agrees(offset, link):
            raise Refused(errors.NOT_STORED, "the store went back to an older copy: ask again")
        alarms.sort(key=lambda alarm: (alarm["status"] != Status.RAISED, alarm["since"]))  # who waits longest is first
        stories = [alarm["id"] for alarm in alarms if alarm.get(TALLY)]
        rows = [orjson.dumps(shown(alarm)) for alarm in alarms]
        epoch, duty = self._stream.epoch(feed.station), await self._duty(feed.station)
        frame = snapshot_frame(epoch, feed.station, offset, duty, rows, stories)
        return Snapshot(offset, frame, [alarm["id"] for alarm in alarms], stories)

    def _catch_up(self, feed: Feed, announced: int) -> None:
        if feed.catching_up is None:
            GAPS.inc()
        self._read_until(feed, announced)

    def _read_until(self, feed: Feed, announced: int) -> asyncio.Task[None]:
        feed.announced = max(feed.announced, announced)
        feed.asked += 1
        if feed.catching_up is None:
            feed.catching_up = self._work.spawn(self._read_on(feed), f"catching up {feed.station}")
        return feed.catching_up

    async def _read_on(self, feed: Feed) -> None:
        """Read the stream from the last known event on, which must still be there, the same."""
        try:
            while True:
                asked, last = feed.asked, feed.last
                entries = await self._stream.read(feed.station, max(0, last - 1))
                if last and (not entries or (entries[0].offset, entries[0].link) != (last, feed.link)):
                    log.error("stream_went_back", station=feed.station, last=last)
                    if self.on_went_back is not None:
                        await self.on_went_back(feed.station, feed.epoch)
                    return
                new = entries[1:] if last else entries
                for entry in new:
                    self._fan_out(feed, entry.offset, entry.link, orjson.dumps(entry.members))
                if not new and feed.asked == asked:
                    feed.announced = feed.last  # what was announced beyond is not in the stream: a false doorbell
                    return
        except Refused:
            log.warning("catch_up_failed", station=feed.station)  # `check` finds it again
        finally:
            feed.catching_up = None
