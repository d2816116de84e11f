"""The supervisor's page in a real browser: what is open, who was called, what happened, and that nobody changed it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.staff import act, desk, signs_out
from tests.flow.people import Officer
from tests.flow.town import Town

TWO_TO_MIDNIGHT = datetime(2026, 11, 22, 15, 58, tzinfo=UTC)
"""23:58 in Shanghai."""


@pytest.fixture
async def midnight(tmp_path: Path) -> AsyncIterator[Town]:
    """A town at the end of a day."""
    async with Town(tmp_path, TWO_TO_MIDNIGHT, watched=True) as town:
        yield town


async def test_from_an_open_alarm_to_the_end_of_its_content(midnight: Town, browser: Browser) -> None:
    """A waiting alarm has a countdown and the officers called; a taken one has its owner.

    The log shows every event in words, a filter leaves the ones asked for, and verifying says OK. More than a page of
    events: the next page goes on where the first ended, and Before leads back. Opened again, the page has the language
    that was chosen on it.

    From a closed alarm's timeline content is held, released and wiped, each with a reason: what is kept until when, and
    afterwards that it is gone. Officers read that too.

    After the end of its day an open alarm stands in the list of those not closed, with who has it. A supervisor is
    signed out only when that is true.
    """
    town = midnight
    officer = await town.officer("V01")
    town.stops_watching(officer)
    await town.user("S01", None, "supervisor")
    async with desk(browser, town, "S01", "/supervisor", checked=False) as page:
        alarm = await sees_who_was_called(town, page, officer)
        await reads_the_log(town, page, officer, alarm)
        ended = await holds_and_wipes(town, page, officer)
        async with desk(browser, town, "V01", "/supervisor#log", checked=False) as officers:
            await officers.select_option('[data-filter="type"]', "alarm_closed")
            await officers.click(f'tr[data-event="alarm_closed"] [data-alarm="{ended}"]')
            await expect(officers.locator("[data-content]")).to_be_visible()
        await page.click(act("view-now"))
        await sees_what_is_overdue(town, page, officer, alarm)
        await signs_out(page, town.url)


async def sees_who_was_called(town: Town, page: Page, officer: Officer) -> str:
    """The alarm, which the officer has taken."""
    alarm = await town.citizen().raises(text="门外有人")
    row = page.locator(f'.open [data-alarm="{alarm}"]')
    await expect(row).to_contain_text("V01、V02")
    await expect(row.locator(".countdown")).to_have_text(re.compile(r"^\d+ 秒$"))
    ready = page.locator('[data-station="dadongmen"] [data-officer="V01"]')
    await expect(ready).to_have_attribute("data-ready", "true")
    await officer.acknowledges(alarm)
    await expect(row).to_have_attribute("data-status", "acknowledged")
    await expect(row).to_contain_text("V01")
    return alarm


async def reads_the_log(town: Town, page: Page, officer: Officer, alarm: str) -> None:
    await page.click(f'.open [data-alarm="{alarm}"]')
    told = page.locator(f'[data-timeline="{alarm}"] [data-event]')
    await expect(told.first).to_have_attribute("data-event", "alarm_raised")
    await expect(told.filter(has_text="V01 接警")).to_have_count(1)
    await page.click(act("log-only"))
    rows = page.locator("tr[data-event]")
    await expect(rows.first).to_have_attribute("data-event", "alarm_raised")
    await page.select_option('[data-filter="type"]', "alarm_acknowledged")
    await expect(rows).to_have_count(1)
    await page.click(act("log-today"))
    await expect(page.locator('tr[data-event="console_ready"]')).to_have_count(1)
    await page.click(act("verify"))
    await expect(page.locator('[data-verdict="dadongmen"]')).to_have_attribute("data-ok", "true")

    with town.clock.under_way():
        for n in range(120):
            await officer.asks("note", alarm=alarm, text=f"第 {n} 条")
    await town.quiet()
    await page.click(f"{act('lang')}[lang=en]")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.click(f"{act('lang')}[lang=zh]")
    offsets = page.locator("td.offset")
    await expect(offsets).to_have_count(100)
    last = int(await offsets.last.inner_text())
    await page.click(act("page-next"))
    await expect(offsets.first).to_have_text(str(last + 1))
    await page.click(act("page-before"))
    await expect(offsets.last).to_have_text(str(last))


async def holds_and_wipes(town: Town, page: Page, officer: Officer) -> str:
    """The alarm, which is closed."""
    alarm = await town.citizen().raises(text="楼上有人")
    await officer.acknowledges(alarm)
    await officer.asks("note", alarm=alarm, text="带备用钥匙")
    await officer.asks("close", alarm=alarm, disposition="handled")
    await page.click(act("log-today"))
    await page.select_option('[data-filter="type"]', "alarm_closed")
    await page.click(f'tr[data-event="alarm_closed"] [data-alarm="{alarm}"]')
    sheet = page.locator(f'[data-timeline="{alarm}"]')
    await expect(sheet).to_contain_text("楼上有人")
    await expect(sheet).to_contain_text("带备用钥匙")
    kept = sheet.locator("[data-content]")
    await expect(kept).to_contain_text("2027")
    for act_name, reason, state in (
        ("hold", "案件未结", "held"),
        ("unhold", "已结案", "kept"),
        ("wipe", "本人申请", "wiped"),
    ):
        await page.click(f".content {act(act_name)}")
        await page.fill('.content [data-field="reason"]', reason)
        await page.click(act("content-send"))
        await expect(kept).to_have_attribute("data-content", state)
        await expect(sheet).to_contain_text(reason)
    await expect(sheet.locator('[data-event="note_added"]')).to_contain_text("内容已清除")
    await expect(sheet.locator(".content button")).to_have_count(0)
    await expect(page.locator("body")).not_to_contain_text("楼上有人")
    await expect(page.locator("body")).not_to_contain_text("带备用钥匙")
    return alarm


async def sees_what_is_overdue(town: Town, page: Page, officer: Officer, alarm: str) -> None:
    late = page.locator(f'[data-part="overdue"] [data-alarm="{alarm}"]')
    await expect(late).to_have_count(0)
    await officer.asks("arrive", alarm=alarm)
    await town.fast_forward(130)
    await expect(late).to_contain_text("V01")
