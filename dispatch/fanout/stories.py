"""What was said in the alarms of a snapshot: sent after the list, alarm by alarm, as fast as a console's line takes it.

A console is live, and has its list, before the first of them comes: however much was said, and however slow the line.
The frames of an alarm are made once for all consoles that come at the same time. Field's terms: progressive loading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import structlog

from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work
from dispatch.fanout.feed import Console, Feed, Frame, Told
from dispatch.stream.beside import SAID
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_PART_BYTES = 65_536
"""A part of a story has about so many bytes, unless one entry alone has more."""
_AGAIN_S = 1.0


class Stories:
    """The stories of one hub.

    Args:
        stream: the record.
        work: what goes on.
    """

    def __init__(self, stream: Stream, work: Work) -> None:
        self._stream = stream
        self._work = work

    async def tell(self, console: Console, wanted: Sequence[tuple[Feed, Sequence[str]]]) -> None:
        """Send the stories of these alarms of each station, as long as the console listens to it."""
        for feed, _ in wanted:
            feed.tellers += 1
        try:
            for feed, alarms in wanted:
                for alarm in alarms:
                    for frame in await self._frames(feed, alarm):
                        await self._work.outside(console.wire.drained())
                        if console not in feed.consoles:
                            return
                        console.wire.write_frame(frame.wire(console.packed))
                        console.owed = console.wire.buffered()
            await self._work.outside(console.wire.drained())
            console.owed = 0
        finally:
            for feed, _ in wanted:
                feed.tellers -= 1
                if not feed.tellers:
                    feed.stories.clear()

    async def _frames(self, feed: Feed, alarm: str) -> list[Frame]:
        """The story as it is at present: nothing that was said before a console's snapshot is missing."""
        known = feed.stories.get(alarm)
        if known is not None and feed.said.get(alarm, 0) <= known.at:
            return known.frames
        at = feed.last
        while True:
            try:
                members = await self._stream.story(feed.station, alarm)
                break
            except Refused:
                log.warning("story_waits", alarm=alarm)  # the store is away; the list is there
                await self._work.sleep(_AGAIN_S)
        head = {"type": "story", "station": feed.station, "alarm": alarm, "wipes": members.get("wipes", 0)}
        frames = [Frame(orjson.dumps({**head, **part})) for part in _parts(members)]
        feed.stories[alarm] = Told(at, frames)
        return frames


def _parts(members: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Talk and notes in pieces, in order; one at least, which says that there is no more."""
    part: dict[str, Any] = {}
    size = 0
    for name in SAID:
        for key, entry in members.get(name, {}).items():
            part.setdefault(name, {})[key] = entry
            size += len(orjson.dumps(entry))
            if size >= _PART_BYTES:
                yield part
                part, size = {}, 0
    yield {**part, "whole": True}
