"""Everything is handled the same day: what is not closed at its day's end is listed and told to the supervisor."""

from datetime import UTC, datetime
from pathlib import Path

from tests.flow.town import Town

TWO_TO_MIDNIGHT = datetime(2026, 11, 22, 15, 58, tzinfo=UTC)
"""23:58 in Shanghai."""


async def test_not_closed_by_midnight(tmp_path: Path) -> None:
    """At local midnight, to the millisecond, the open alarm is marked overdue once; a closed one is not."""
    async with Town(tmp_path, TWO_TO_MIDNIGHT) as town:
        officer = await town.officer("V01")
        done = await town.citizen().raises()
        alarm = await town.citizen().raises()
        for each in (done, alarm):
            await officer.acknowledges(each)
            await officer.asks("arrive", alarm=each)
            await officer.hears(each, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_on_scene")
        await officer.asks("close", alarm=done, disposition="handled")
        await officer.hears(done, "alarm_closed")
        await town.fast_forward(119)
        assert officer.pending() == []
        await town.fast_forward(120)
        overdue = await officer.hears(alarm, "alarm_overdue")
        assert (overdue["event"]["day"], overdue["at"]) == ("2026-11-22", "2026-11-22T16:00:00.000Z")
        assert officer.alarms[alarm]["overdue_at"] == "2026-11-22T16:00:00.000Z"
