"""The supervisor's page in a real browser: what is open, who was called, what happened, and that nobody changed it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.staff import act, desk, signs_out
from tests.flow.people import Officer
from tests.flow.town import PASSWORD, Town

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


async def test_a_link_for_a_colleague(town: Town, browser: Browser) -> None:
    """A closed alarm is found by words, by its code and around another; the address holds what is looked at.

    Opened by a colleague who is signed out, it leads through the sign-in to the same alarm, found by the same words;
    the words stand behind the #, which no server is sent. Back leads back, step by step. An alarm that this page has
    never seen has its code in every row of the log, and the log is read by it. A view opens at its top, wherever the
    one before was scrolled to, and nothing below the head scrolls but what is meant to. That the page cannot ring is
    said quietly, and nothing of a duty that a supervisor does not have.
    """
    officer = await town.officer("V01")
    town.stops_watching(officer)
    for name in ("S01", "S02"):
        await town.user(name, None, "supervisor")
    old, other = town.citizen(), town.citizen()
    here = {"lat": 41.806, "lon": 123.466}
    for citizen, text in ((old, "地下室里有人"), (other, "楼上有人")):
        await citizen.raises(text=text, position=here)
        await officer.acknowledges(citizen.id)
        await officer.asks("close", alarm=citizen.id, disposition="handled")
    with town.clock.under_way():
        for n in range(60):
            await officer.asks("note", alarm=old.id, text=f"第 {n} 条")
    await town.quiet()
    code = (await old.sees())["code"]
    asked: list[str] = []
    async with desk(browser, town, "S01", "/supervisor", checked=False) as page:
        line = page.locator('[data-part="not-ready"]')
        await expect(line).to_have_text(re.compile("^\\s*本页面无法响铃，请检查声音。"))
        await expect(line).to_have_class(re.compile("calm"))

        await page.click(act("view-log"))
        await page.fill('[data-filter="alarm"]', code.lower())
        await page.keyboard.press("Enter")
        rows = page.locator("tr[data-event]")
        await expect(rows.first).to_have_attribute("data-event", "alarm_raised")
        await expect(rows.locator("td.code", has_text=code)).to_have_count(await rows.count())
        await page.locator(act("verify")).scroll_into_view_if_needed()
        assert await page.evaluate("document.querySelector('main').scrollTop") > 500
        await page.click(act("view-now"))
        assert await page.evaluate("document.querySelector('main').scrollTop") == 0
        await page.go_back()
        await expect(page.locator('[data-filter="alarm"]')).to_have_value(code.lower())
        assert await page.evaluate("""() => {
            const below = document.querySelector(".below");
            below.scrollTop = 1000;
            return [below.scrollTop, below.scrollHeight - below.clientHeight];
        }""") == [0, 0]

        page.on("request", lambda request: asked.append(request.url))
        await page.click(act("view-find"))
        hits = page.locator(".hit")
        await expect(hits).to_have_count(2)
        await page.fill('[data-find="words"]', "地下室")
        await page.click(act("find"))
        await expect(hits).to_have_count(1)
        await expect(page.locator("[data-found]")).to_have_attribute("data-found", "whole")
        await hits.click()
        sheet = page.locator(f'[data-timeline="{old.id}"]')
        await expect(sheet.locator("h2")).to_have_text("地下室里有人")
        link = page.url
        await page.click(act("find-around"))
        await expect(hits).to_have_count(2)
        await expect(sheet).to_have_count(0)
        await page.go_back()
        assert page.url == link
        await expect(sheet).to_be_visible()
        await page.go_back()
        await expect(sheet).to_have_count(0)
        await expect(page.locator('[data-find="words"]')).to_have_value("地下室")

        await page.context.clear_cookies()
        await page.goto("about:blank")
        await page.goto(link)
        await page.fill("[name=user]", "S02")
        await page.fill("[name=password]", PASSWORD)
        await page.keyboard.press("Enter")
        await expect(sheet.locator("h2")).to_have_text("地下室里有人")
        await expect(hits).to_have_count(1)
        assert page.url == link
        assert not [url for url in asked if quote("地下室") in url.partition("#")[0]]


async def test_a_flood_is_few_cards(tmp_path: Path, browser: Browser) -> None:
    """What comes from one place in a flood is one card, with how many and how long; unfolded each stands by itself.

    A card names the first call signs that were called and counts the others; a long text is cut in it, and whole in its
    timeline.
    """
    here = {"lat": 41.806, "lon": 123.466}
    async with Town(tmp_path, watched=True, env={"DISPATCH_LIMITS_SENDER_ALARMS": "100"}) as town:
        await town.user("S01", None, "supervisor")
        for n in range(3, 8):
            await town.dispatch.roster.sign("dadongmen", f"V0{n}", True)
        async with desk(browser, town, "S01", "/supervisor", checked=False) as page:
            await sees_a_flood(town, page, here)


async def sees_a_flood(town: Town, page: Page, here: dict[str, float]) -> None:
    long = town.citizen()
    await long.raises(text="救命" * 200, position={"lat": 41.797, "lon": 123.466})
    row = page.locator(f'.open [data-alarm="{long.id}"]')
    await expect(row).to_contain_text(re.compile("（V01、V02、V03 等，另有 \\d+ 人）"))
    assert await row.evaluate("(one) => one.offsetHeight") < 130
    for _ in range(12):
        await town.citizen().raises(position=here)
    await town.clock.advance(2)  # the hub says that it is a flood
    group = page.locator("[data-group]")
    await expect(group.locator(act("group"))).to_contain_text("12 起无人接警")
    await expect(page.locator(".open [data-alarm]")).to_have_count(1)
    await group.locator(act("group")).click()
    await expect(group.locator("[data-alarm]")).to_have_count(12)
    await row.click()
    await expect(page.locator(".timeline .words")).to_have_text("救命" * 200)
