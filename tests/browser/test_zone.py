"""Times on pages of the staff are those on the station's wall, whatever zone the computer is set to."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.staff import act, desk
from tests.flow.town import Town

EVENING = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # half past midnight there, half past five in Berlin
# Instants, and what the wall in Berlin shows then: before, at and after both changes of its clocks.
WALLS = {
    "2026-03-29T00:59:59Z": "2026-03-29T01:59:59",
    "2026-03-29T01:00:00Z": "2026-03-29T03:00:00",
    "2026-07-01T22:00:00Z": "2026-07-02T00:00:00",
    "2026-10-25T01:30:00Z": "2026-10-25T02:30:00",
    "2026-10-25T02:00:00Z": "2026-10-25T03:00:00",
}
READ = """async (walls) => {
  const { fromWall, readIn, wall } = await import("/static/shared/time.js");
  readIn("Europe/Berlin");
  return Object.entries(walls).map(([at, shown]) =>
    [wall(at), new Date(fromWall(shown)).toISOString().replace(".000", "")]);
}"""


@pytest.fixture
async def evening(tmp_path: Path) -> Town:
    return Town(tmp_path, start=EVENING, watched=True)


async def test_the_stations_zone(evening: Town, browser: Browser) -> None:
    """On a computer in Berlin, console and log show the station's time and name its zone; on one there, no zone."""
    async with evening as town:
        await town.user("V01")
        await town.user("S01", None, "supervisor")
        alarm = await town.citizen().raises(text="门外有人")
        async with desk(browser, town, "V01", timezone_id="Europe/Berlin") as page:
            await page.click(f'[data-alarm="{alarm}"]')
            facts = page.locator(".facts-line")
            await expect(facts).to_contain_text("报警时间 00:30:")
            await expect(facts).to_contain_text("中国标准时间")
            read: Any = await page.evaluate(READ, WALLS)
            assert [tuple(one) for one in read] == [(shown, at) for at, shown in WALLS.items()]
        async with desk(browser, town, "S01", "/supervisor", checked=False, timezone_id="Europe/Berlin") as page:
            await page.click(act("view-log"))
            await expect(page.locator('[data-event="alarm_raised"] time')).to_contain_text("00:30:")
            await expect(page.locator('[data-filter="from"]')).to_have_value("2026-11-23T00:00")
            await expect(page.locator('[data-part="zone"]').first).to_contain_text("中国标准时间")
        async with desk(browser, town, "V01", checked=False, timezone_id="Asia/Shanghai") as page:
            await expect(page.locator('[data-part="zone"]')).to_have_count(0)
