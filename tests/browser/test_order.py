"""What the console shows is the stream: it says by itself when it is not, and then everything comes, once, in order."""

import asyncio
import json
import re
from itertools import pairwise
from typing import Any

from playwright.async_api import Browser, WebSocket, expect

from tests.browser.known import expected, in_list, known_to, known_with, there
from tests.browser.line import Line
from tests.browser.staff import act, desk
from tests.flow.people import Officer
from tests.flow.town import Town
from tests.patience import PATIENCE_S

STALE = re.compile(r"已断开：\d\d:\d\d:\d\d 起（(\d+) 秒）")
GREY = re.compile(r"grayscale\(1\)")
SILENCE_MS = 11_000


def port(town: Town) -> int:
    return int(town.url.rsplit(":", 1)[1])


def row(alarm: str) -> str:
    return f'[data-alarm="{alarm}"]'


async def test_stale_by_its_own_timer(town: Town, browser: Browser) -> None:
    """Nothing comes any more, and nobody says so: STALE since when, in words, counting; grey; what is pressed waits.

    When the line is back it is done, once, and the page is LIVE; if another won meanwhile, the mark rolls back. A note
    on an alarm that was closed before the console came makes no row; reopened, the alarm is whole.
    """
    await town.user("V01")
    other = await town.officer("V02")
    town.stops_watching(other)
    closed = await town.citizen().raises(text="早先有人")
    await other.acknowledges(closed)
    await other.asks("close", alarm=closed, disposition="handled", note="")
    async with Line(port(town)).serves() as line, desk(browser, town, "V01", by=line.url, timed=True) as page:
        await other.asks("note", alarm=closed, text="后来想到")
        _, known = await known_with(town, page, other)
        assert known == []
        await expect(page.locator(".rows li")).to_have_count(0)
        await other.asks("reopen", alarm=closed, reason="他又来了")
        await expect(page.locator(row(closed))).to_contain_text("早先有人")
        _, known = await known_with(town, page, other)
        assert known == [other.alarms[closed]]

        citizen = town.citizen()
        alarm = await citizen.raises(text="门外有人")
        await page.click(row(alarm))
        await page.wait_for_selector(act("ack"))
        live, listed = page.locator("[data-live]"), page.locator(f".row:has({row(alarm)})")
        await expect(live).to_have_text("实时")
        await expect(listed).not_to_have_css("filter", GREY)
        line.hold_answers()
        await page.clock.fast_forward(SILENCE_MS)
        await expect(live).to_have_text(STALE)
        first = int((STALE.search(await live.inner_text()) or [0, 0])[1])
        await page.clock.fast_forward(60_000)
        await expect(live).not_to_have_text(re.compile(rf"（{first} 秒）"))
        after = int((STALE.search(await live.inner_text()) or [0, 0])[1])
        assert 60 <= after - first <= 75
        await expect(listed).to_have_css("filter", GREY)
        await expect(page.locator(".story .columns")).to_have_css("filter", GREY)
        await page.click(act("ack"))
        await expect(page.locator(".bar .pending")).to_contain_text("排队")
        await expect(page.locator(row(alarm))).to_contain_text("排队")
        assert "acknowledged" not in await citizen.ladder()

        line.release_answers()
        await page.clock.fast_forward(SILENCE_MS)  # it tries anew
        await expect(live).to_have_text("实时")
        await expect(listed).not_to_have_css("filter", GREY)
        await page.wait_for_selector(act("move"))
        assert (await citizen.ladder()).count("acknowledged") == 1

        alarm = await town.citizen().raises(text="又一起")
        await page.click(row(alarm))
        await page.wait_for_selector(act("ack"))
        await page.context.set_offline(True)
        await page.clock.fast_forward(SILENCE_MS)
        await expect(live).to_have_text(STALE)
        await other.acknowledges(alarm)
        await other.asks("say", alarm=alarm, text="第一句")
        await page.click(act("ack"))
        await expect(page.locator(".pending")).to_contain_text("排队")
        await page.context.set_offline(False)  # it comes back by itself; moved on, what it tells would be over
        await expect(page.locator("[data-told=bad]")).to_contain_text("V02 已先接警")
        await expect(page.locator('[data-part="now"]')).to_contain_text("V02")
        await expect(page.locator('[data-said="officer"]')).to_have_count(1)  # missed while away: once, not twice


class Load:
    """Two officers who work on while a console is away: alarms come, are talked about, taken, and closed."""

    def __init__(self, town: Town, first: Officer, second: Officer, talk: str) -> None:
        self.town, self.officers, self.talk = town, (first, second), talk
        self.said = 0

    async def goes_on(self, times: int, seconds: float) -> None:
        for n in range(times):
            one = self.officers[n % 2]
            await one.asks("say", alarm=self.talk, text=f"第 {self.said} 句")
            self.said += 1
            if n % 3 == 0:
                alarm = await self.town.citizen().raises(text=f"来的第 {self.said} 起")
                await one.asks("note", alarm=alarm, text="记一笔")
                if n % 2:
                    await one.acknowledges(alarm)
                    await one.asks("close", alarm=alarm, disposition="handled", note="")
            if seconds:
                await self.town.fast_forward(seconds)


async def test_cut_for_a_minute_under_load(town: Town, browser: Browser) -> None:
    """Away for 60 s while everything goes on, also while it comes back: nothing missing, nothing doubled, in order."""
    await town.user("V01")
    officers = await town.officer("V02"), await town.officer("V03")
    town.stops_watching(*officers)
    talk = await town.citizen().raises(text="门外有人")
    await officers[0].acknowledges(talk)
    load = Load(town, *officers, talk)
    size = {"width": 1280, "height": 2400}
    async with (
        Line(port(town)).serves() as line,
        desk(browser, town, "V01", by=line.url, timed=True, viewport=size) as page,
    ):
        came: list[list[dict[str, Any]]] = []
        page.on("websocket", lambda socket: notes(socket, came))
        await page.click(row(talk))
        await load.goes_on(4, 0)
        await known_with(town, page, *officers)

        line.doom()
        line.hold_answers()
        await page.clock.fast_forward(SILENCE_MS)
        await page.wait_for_selector('[data-live="stale"]')
        before, _ = await known_to(page)
        await load.goes_on(12, 5)
        assert there(officers[0]) > before + 20

        line.release_answers()
        back = page.clock.fast_forward(SILENCE_MS)
        await asyncio.gather(back, load.goes_on(12, 0))
        await page.wait_for_selector('[data-live="live"]')
        end, known = await known_with(town, page, *officers)
        assert {one["id"]: one for one in known} == officers[0].alarms == officers[1].alarms

        async with asyncio.timeout(PATIENCE_S):  # what the page has, its debugger tells a moment later
            while not (got := [offsets(each) for each in came if offsets(each)]) or got[-1][-1] < end:
                await page.evaluate("0")
        assert "snapshot" not in [frame["type"] for each in came for frame in each]
        assert got[0][0] == before + 1
        for each in got:  # one, unless the machine was so busy that the page gave one up and came back again
            assert each == list(range(each[0], each[0] + len(each)))  # each once, and no other
        assert all(later[0] <= earlier[-1] + 1 for earlier, later in pairwise(got))
        said = [f"第 {n} 句" for n in range(load.said)]
        await expect(page.locator('[data-said="officer"] p')).to_have_text(said)
        assert await in_list(page) == expected(officers[0].alarms)


def offsets(frames: list[dict[str, Any]]) -> list[int]:
    """Of the events among them."""
    return [frame["position"]["offset"] for frame in frames if frame["type"] == "event"]


def notes(socket: WebSocket, into: list[list[dict[str, Any]]]) -> None:
    """Keep what the hub says on `socket`, apart from all others."""
    into.append(said := [])
    socket.on("framereceived", lambda frame: said.append(json.loads(frame)))


async def test_two_press_at_once(town: Town, browser: Browser) -> None:
    """Both see their own mark at once; one wins, the other reads who, and the mark is gone. The record has one."""
    await town.user("V01")
    await town.user("V02")
    async with (
        Line(port(town)).serves() as one,
        Line(port(town)).serves() as other,
        desk(browser, town, "V01", by=one.url) as first,
        desk(browser, town, "V02", by=other.url) as second,
    ):
        pages = {"V01": first, "V02": second}
        alarm = await town.citizen().raises(text="门外有人")
        for page in pages.values():
            await page.click(row(alarm))
            await page.wait_for_selector(act("ack"))
        for line in (one, other):
            line.hold_answers()  # so that neither hears of the other before both have pressed
        await asyncio.gather(*(page.keyboard.press("a") for page in pages.values()))
        for page in pages.values():
            await expect(page.locator(row(alarm))).to_have_attribute("data-status", "acknowledged")
            await expect(page.locator('[data-part="now"]')).to_have_class(re.compile("mine"))
            await expect(page.locator(".bar .pending")).to_be_visible()
        for line in (one, other):
            line.release_answers()
        for page in pages.values():
            await expect(page.locator(".bar .pending")).to_have_count(0)
        log = await (await first.request.get(f"{town.url}/log/alarms/{alarm}")).json()
        (winner,) = [row["event"]["by"] for row in log["events"] if row["event"]["type"] == "alarm_acknowledged"]
        loser = "V02" if winner == "V01" else "V01"
        await pages[winner].wait_for_selector(act("move"))
        await expect(pages[loser].locator("[data-told=bad]")).to_contain_text(f"{winner} 已先接警")
        await expect(pages[loser].locator(row(alarm))).to_contain_text(winner)
        await expect(pages[loser].locator('[data-part="now"]')).not_to_have_class(re.compile("mine"))
        assert await pages[loser].locator(act("move")).count() == 0
