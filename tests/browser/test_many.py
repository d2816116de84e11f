"""Five hundred open alarms: a few dozen rows in the page, and whoever stands on one of them stays there."""

import asyncio
import random
from typing import Any

from playwright.async_api import Browser, expect

from tests.browser.staff import act, desk
from tests.flow.town import Town

ALARMS = 500
MOST_ROWS = 60
PLACES = [{"lat": 41.80312 + n * 0.004, "lon": 123.46587, "accuracy_m": 20} for n in range(5)]
# Notes every change of the list: the most rows there ever were, and every time the focus went anywhere.
WATCH = """() => {
  const seen = { most: 0, changes: 0, left: [] };
  window.seen = seen;
  const rows = document.querySelector(".rows");
  const look = () => {
    seen.changes += 1;
    seen.most = Math.max(seen.most, rows.querySelectorAll("[data-alarm]").length);
  };
  new MutationObserver(look).observe(rows, { childList: true, subtree: true, attributes: true });
  document.addEventListener("focusout", (event) => seen.left.push(event.target.dataset.alarm ?? "?"), true);
  look();
}"""


async def raises_many(town: Town, count: int) -> list[str]:
    """So many alarms of five places, by one device that is never content; their ids."""
    citizens = [town.citizen() for _ in range(4)]

    async def raised(citizen: Any, numbers: range) -> list[str]:
        made = []
        for n in numbers:
            citizen.id = f"{n:08d}-0000-4000-8000-000000000000"
            made.append(await citizen.raises(text=f"第 {n} 起", position=PLACES[n % 5]))
        return made

    parts = [raised(citizen, range(n, count, 4)) for n, citizen in enumerate(citizens)]
    return [alarm for part in await asyncio.gather(*parts) for alarm in part]


async def test_rows_and_focus(town: Town, browser: Browser) -> None:
    """All are counted and can be reached by the keyboard; at most 60 rows are there; nothing takes the focus away.

    Not when others come, go and change before, behind and under it, nor when its own alarm moves to another group.
    """
    await town.user("V01")
    other = await town.officer("V02")
    town.stops_watching(other)
    alarms = await raises_many(town, ALARMS)
    await town.fast_forward(1)  # floods are counted once a second
    chance = random.Random(9)
    async with desk(browser, town, "V01", viewport={"width": 1440, "height": 900}) as page:
        await page.wait_for_selector("[data-part=flood]")
        counts = await page.locator(".group .count").all_inner_texts()
        await page.evaluate(WATCH)
        await page.locator(".scroll").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        last = page.locator(".rows [data-alarm]").last
        await last.focus()
        await page.locator(".scroll").evaluate("box => box.scrollTo(0, box.scrollHeight / 2)")
        for key in ("j", "k", "k", "j"):
            await page.keyboard.press(key)
        mine = await page.evaluate("document.activeElement.dataset.alarm")
        assert mine in alarms
        assert int(counts[0]) > 50
        await page.evaluate("window.seen.left = []")

        others = [alarm for alarm in alarms if alarm != mine]
        for n, alarm in enumerate(chance.sample(others, 45)):
            if n % 3 == 0:
                await other.acknowledges(alarm)
            elif n % 3 == 1:
                await other.asks("say", alarm=alarm, text="请锁好门")
            else:
                await town.citizen().raises(text="又一起", position=PLACES[n % 5])
        await other.acknowledges(mine)
        await town.settles()
        await expect(page.locator(f'[data-alarm="{mine}"]')).to_contain_text("V02")
        assert await page.evaluate("document.activeElement.dataset.alarm") == mine
        seen = await page.evaluate("window.seen")
        assert seen["left"] == []
        assert seen["changes"] > 30
        assert 10 < seen["most"] <= MOST_ROWS
        total = await page.locator(".rows").evaluate("rows => rows.scrollHeight")
        assert total > ALARMS * 76

        await page.keyboard.press("Enter")
        await expect(page.locator(f'[data-alarm-open="{mine}"]')).to_be_visible()
        assert await page.locator(act("take")).count() == 1
