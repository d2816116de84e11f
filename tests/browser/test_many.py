"""Five hundred open alarms: a few dozen rows in the page, and whoever stands on one of them stays there."""

import random
from typing import Any

from playwright.async_api import Browser, expect

from tests.browser.known import STORE
from tests.browser.staff import act, desk
from tests.flow.town import Town

ALARMS = 500
STEP = 9  # each so manieth alarm is the hub's, and can change
MOST_ROWS = 60
PLACES = [{"lat": 41.80312 + n * 0.004, "lon": 123.46587, "accuracy_m": 20} for n in range(5)]
# What a snapshot would bring beside what is there.
GIVEN = f"""(alarms) => {STORE}{{
  const {{ position, alarms: there, duty }} = store.streams.peek().get("dadongmen");
  store.snapshot({{ station: "dadongmen", position, alarms: [...there.values(), ...alarms], duty }});
}})"""
# Notes every change of the list: the most rows there ever were, and every time the focus went anywhere.
WATCH = """() => {
  const seen = { most: 0, changes: 0, left: [] };
  window.seen = seen;
  const rows = document.querySelector(".rows");
  const look = (changes = []) => {
    seen.changes += changes.length;  // a busy page is told of many at once
    seen.most = Math.max(seen.most, rows.querySelectorAll("[data-alarm]").length);
  };
  new MutationObserver(look).observe(rows, { childList: true, subtree: true, attributes: true });
  document.addEventListener("focusout", (event) => seen.left.push(event.target.dataset.alarm ?? "?"), true);
  look();
}"""


async def raises_many(town: Town) -> list[str]:
    """Alarms of five places, among whose numbers the others fall that the page is given; their ids."""
    made = []
    with town.clock.under_way():
        for n in range(0, ALARMS, STEP):
            citizen = town.citizen()
            citizen.id = number(n)
            made.append(await citizen.raises(text=f"第 {n} 起", position=PLACES[n % 5]))
    await town.quiet()
    return made


def number(n: int) -> str:
    return f"{n:08d}-0000-4000-8000-000000000000"


def among(alarms: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """As many more as make all of them: each as the hub tells of one at the same place."""
    of_place = [alarms[number(STEP * n)] for n in range(5)]  # STEP and 5 have no common divisor
    like = {PLACES[STEP * n % 5]["lat"]: alarm for n, alarm in enumerate(of_place)}
    return [{**like[PLACES[n % 5]["lat"]], "id": number(n), "text": f"第 {n} 起"} for n in range(ALARMS) if n % STEP]


async def test_rows_and_focus(town: Town, browser: Browser) -> None:
    """All are counted and can be reached by the keyboard; at most 60 rows are there; nothing takes the focus away.

    Not when others come, go and change before, behind and under it, nor when its own alarm moves to another group.
    """
    await town.user("V01")
    other = await town.officer("V02")
    town.stops_watching(other)
    alarms = await raises_many(town)
    await town.fast_forward(1)  # floods are counted once a second
    chance = random.Random(9)
    async with desk(browser, town, "V01", viewport={"width": 1440, "height": 900}) as page:
        await page.wait_for_selector("[data-part=flood]")
        await page.evaluate(GIVEN, among(other.alarms))
        counts = await page.locator(".group .count").all_inner_texts()
        await page.evaluate(WATCH)
        await page.locator(".scroll").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        last = page.locator(".rows [data-alarm]").last
        await last.focus()
        await page.locator(".scroll").evaluate("box => box.scrollTo(0, box.scrollHeight / 2)")
        for key in ("j", "k", "k", "j"):
            await page.keyboard.press(key)
        mine = await page.evaluate("document.activeElement.dataset.alarm")
        for _ in range(ALARMS):  # up from the last of all, to one that the hub has
            if mine in alarms:
                break
            assert mine in map(number, range(ALARMS))
            await page.keyboard.press("k")
            mine = await page.evaluate("document.activeElement.dataset.alarm")
        assert mine in alarms
        assert int(counts[0]) > 50
        await page.evaluate("window.seen.left = []")

        others = [alarm for alarm in alarms if alarm != mine]
        with town.clock.under_way():
            for n, alarm in enumerate(chance.sample(others, 45)):
                if n % 3 == 0:
                    await other.acknowledges(alarm)
                elif n % 3 == 1:
                    await other.asks("say", alarm=alarm, text="请锁好门")
                else:
                    await town.citizen().raises(text="又一起", position=PLACES[n % 5])
        await other.acknowledges(mine)
        await town.quiet()
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
