"""A night of twelve hours with 150 alarms, in simulated time: the console is as small at its end, and right.

By day less than an hour of it, with nine: what the page holds of them is told from its document, as its heap is not yet
at rest. Each has a row of its own then; at night the list ends somewhere.
"""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, CDPSession, Page

from tests.browser.known import expected, in_list, known_with
from tests.browser.staff import act, desk
from tests.flow.people import Citizen, Officer
from tests.flow.town import Town

EVENING = datetime(2026, 11, 22, 12, 1, tzinfo=UTC)  # 20:01 there, just after the shift began
EVERY_S = 288
# Time goes on in leaps, as if nobody spoke meanwhile; so being silent is allowed for as long as a leap.
PATIENT = {
    "DISPATCH_CONSOLE_SILENT_AFTER_S": "300",
    "DISPATCH_CONSOLE_READY_LAPSE_S": "300",
    "DISPATCH_CONSOLE_OWNER_LOST_S": "600",
    "DISPATCH_TIMER_POLL_S": "1",
    "DISPATCH_TIMER_LEASE_S": "2",
    "DISPATCH_SESSION_HOURS": "24",
}
# An alarm that has ended stays in the list, with its talk: measured 4,700 bytes. And what the page, or the program that
# steers it, holds of it for a while: measured 3.3 nodes (a row has 18) and 0.3 listeners.
OF_AN_ALARM = {"heap": 8_000, "nodes": 6.0, "listeners": 1.0}
OF_A_ROW = {"nodes": 18 + 6.0, "listeners": 1 + 1.0}


async def used(page: Page, debugger: CDPSession) -> dict[str, int]:
    """After everything that can go is gone: bytes of the page's heap, nodes and listeners of its document."""
    for _ in range(3):
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        await debugger.send("HeapProfiler.collectGarbage")
    heap = await debugger.send("Runtime.getHeapUsage")
    counted = await debugger.send("Memory.getDOMCounters")
    return {"heap": int(heap["usedSize"]), "nodes": counted["nodes"], "listeners": counted["jsEventListeners"]}


async def one_alarm(town: Town, page: Page, citizen: Citizen, colleague: Officer, n: int, every: int) -> None:
    """It comes, is talked about and ends; each `every`th on this console."""
    citizen.id = str(uuid.uuid4())
    alarm = await citizen.raises(text=f"第 {n} 起：门外有人", place=f"东顺城街 {n} 号")
    if n % every == every - 1:
        await town.fast_forward(20)  # nobody came in time: it escalates
    if n % every:
        await colleague.acknowledges(alarm)
        await colleague.asks("say", alarm=alarm, text="马上到，请锁好门")
        await colleague.asks("arrive", alarm=alarm)
        await colleague.asks("close", alarm=alarm, disposition="handled", note="")
    else:
        await page.click(f'[data-alarm="{alarm}"]')
        await page.click(act("ack"))
        await page.fill(act("write"), "马上到")
        await page.press(act("write"), "Enter")
        for name in ("move", "arrive", "close"):
            await page.click(act(name))
        await page.check('[data-field="handled"]')
        await page.click(act("form-send"))
        await page.wait_for_selector(f'[data-alarm="{alarm}"][data-status="closed"]')
        await page.click(act("shut"))


@pytest.mark.parametrize(
    # After `warm_up` everything of the page has been used once; each `every`th is taken there, and one is late.
    ("alarms", "warm_up", "every", "most"),
    [
        pytest.param(9, 5, 4, OF_A_ROW, id="nine"),
        pytest.param(150, 30, 10, OF_AN_ALARM, id="a night", marks=pytest.mark.nightly),
    ],
)
async def test_a_night(
    tmp_path: Path, browser: Browser, alarms: int, warm_up: int, every: int, most: dict[str, float]
) -> None:
    """It keeps little more than the alarms in its list, which it has to; at the end it shows what the stream says."""
    async with Town(tmp_path, start=EVENING, env=PATIENT, watched=True) as town:
        await town.user("V01")
        colleague = await town.officer("V02")
        town.stops_watching(colleague)
        citizen = town.citizen()
        async with desk(browser, town, "V01") as page:
            debugger = await page.context.new_cdp_session(page)
            warm: dict[str, int] = {}
            for n in range(alarms):
                town.clock.jump(EVERY_S - 6)
                await town.fast_forward(6)  # a beat, and all that is due
                await one_alarm(town, page, citizen, colleague, n, every)
                colleague.every.clear()
                if n == warm_up:
                    warm = await used(page, debugger)
            end = await used(page, debugger)
            citizen.id = str(uuid.uuid4())
            left = await citizen.raises(text="最后一起")
            await page.wait_for_selector(f'[data-alarm="{left}"]')
            _, known = await known_with(town, page, colleague)
            assert {one["id"]: one for one in known} == colleague.alarms
            assert len(known) == alarms + 1
            shown = await in_list(page)
            assert shown == expected(colleague.alarms)[: len(shown)]
            assert (await page.locator(".group .count").all_inner_texts()) == ["1", str(alarms)]
            assert town.clock.now().timestamp() - EVENING.timestamp() >= alarms * EVERY_S
            for what, each in most.items():
                assert (end[what] - warm[what]) / (alarms - warm_up) <= each, (what, warm, end)
