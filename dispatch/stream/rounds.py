"""Goes through the alarms of all stations in portions, again and again: for what is looked after and never finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from dispatch.store.faults import translated
from dispatch.stream.keys import Keys
from dispatch.stream.stream import Stream


class Round:
    """The alarms that are in one kind of set of each station.

    Args:
        stream: the store.
        stations: every station's id.
        kept: (keys, station) -> the key of the set: `Keys.open` or `Keys.mirrors`.
        portion: alarms, and stations, at a time.
    """

    def __init__(self, stream: Stream, stations: Sequence[str], kept: Callable[[Keys, str], str], portion: int) -> None:
        self._stream = stream
        self._stations = stations
        self._kept = kept
        self._portion = portion
        self._at = 0  # the station from which the next are asked for their alarms
        self._waiting: deque[tuple[str, str]] = deque()  # of this round, not looked at yet

    async def next(self) -> list[tuple[str, str]]:
        """The next portion, as (station, alarm); after the last one it begins anew.

        Raises:
            Refused: `not_stored`, when the store does not answer.
        """
        if not self._waiting:
            stations = self._stations[self._at : self._at + self._portion]
            self._at = self._at + self._portion if self._at + self._portion < len(self._stations) else 0
            async with translated():
                pipe = self._stream.redis.pipeline(transaction=False)
                for station in stations:
                    pipe.smembers(self._kept(self._stream.of(station), station))
                rows = await pipe.execute()
            for station, found in zip(stations, rows, strict=True):
                self._waiting.extend((station, alarm.decode()) for alarm in found)
        return [self._waiting.popleft() for _ in range(min(self._portion, len(self._waiting)))]
