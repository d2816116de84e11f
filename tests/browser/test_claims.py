"""Who has an alarm is plain on every console, and goes from hand to hand without a gap. Two browsers at once."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.staff import act, desk
from tests.flow.town import Town

QUARTER_TO_EIGHT = datetime(2026, 11, 22, 23, 44, tzinfo=UTC)
"""Sixteen minutes to the handover, which is at 08:00 there."""


def row(alarm: str) -> str:
    return f'[data-alarm="{alarm}"]'


async def takes(page: Page, alarm: str) -> None:
    await page.click(row(alarm))
    await page.click(act("ack"))
    await page.wait_for_selector(act("move"))


@pytest.mark.nightly
async def test_handed_over_swapped_and_taken_over(town: Town, browser: Browser) -> None:
    """Only acceptance moves it; who has not seen it is named until they have; nobody signs out with an alarm.

    A colleague swaps with one press within the grace; one whose console died loses it likewise.
    """
    await town.user("V01")
    await town.user("V02")
    async with desk(browser, town, "V01") as first, desk(browser, town, "V02") as second:
        alarm = await town.citizen().raises(text="门外有人", place="东顺城街 12 号 3 楼")
        await takes(first, alarm)
        await expect(first.locator(row(alarm))).to_have_attribute("data-unseen", "V02")
        await expect(first.locator('.ladder [data-part="unseen"]')).to_contain_text("V02")

        await first.click(act("sign-out"))
        sheet = first.locator('[data-part="leaving"]')
        await expect(sheet).to_contain_text("1 起警情在您名下")
        await expect(sheet.locator(act("leaving-go"))).to_be_disabled()
        await sheet.locator(act("open-owned")).click()
        summary = first.locator('[data-form="handover"] [data-field="summary"]')
        await expect(summary).to_have_value(re.compile("东顺城街 12 号 3 楼"))
        await summary.fill("人在 3 楼，不能出声")
        await first.select_option('[data-field="to"]', "V02")
        await first.click(act("form-send"))
        await expect(first.locator(act("handover_withdraw"))).to_be_visible()
        await expect(first.locator('[data-part="now"]')).to_have_class(re.compile("mine"))

        await expect(second.locator(f".row:has({row(alarm)}) .offered")).to_be_visible()
        await second.click(row(alarm))
        await expect(second.locator('[data-warning="handover"]')).to_contain_text("人在 3 楼，不能出声")
        await expect(first.locator(row(alarm))).not_to_have_attribute("data-unseen", re.compile("."))
        await second.click(act("handover_accept"))
        await second.wait_for_selector(act("move"))
        await expect(first.locator('[data-part="now"]')).to_contain_text("V02")

        await first.click(act("sign-out"))
        await first.wait_for_url("**/sign-in*")

        third = await town.officer("V03")
        town.stops_watching(third)
        alarm = await town.citizen().raises(text="又有人")
        await second.click(row(alarm))
        await third.acknowledges(alarm)
        await expect(second.locator(act("take"))).to_have_text("换我来接")
        await second.click(act("take"))
        await second.wait_for_selector(act("move"))

        other = await town.citizen().raises(text="第二起")
        await third.acknowledges(other)
        await third.asks("move", alarm=other)
        await third.closes()
        await town.fast_forward(25)
        await second.click(row(other))
        await expect(second.locator(act("take"))).to_have_text("接管")
        await expect(second.locator('[data-warning="owner-lost"]')).to_have_count(0)
        await second.click(act("take"))
        await expect(second.locator('[data-form="take"]')).to_be_visible()  # V03 is live still: a reason is asked for
        await second.keyboard.press("Escape")
        await town.fast_forward(7)
        await expect(second.locator('[data-warning="owner-lost"]')).to_contain_text("V03")
        await expect(second.locator(f".row:has({row(other)}) .lost")).to_be_visible()
        await second.click(act("take"))
        await second.wait_for_selector(act("move"))


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Town]:
    """A town shortly before the handover, that counts the new alarms of one minute."""
    env = {"DISPATCH_FLOOD_WINDOW_S": "60"}
    async with Town(tmp_path, start=QUARTER_TO_EIGHT, env=env, watched=True) as town:
        yield town


async def test_slips_calls_a_flood_and_the_end_of_a_shift(late: Town, browser: Browser) -> None:
    """Undo is there for ten seconds, counts them, and puts everything back; then only reopening is offered.

    Close is offered to its owner, cannot be sent without a disposition, and ends the alarm with one. A quarter of an
    hour before the shift ends the console lists what must be handed over, with one tap to ask for it. Calling asks
    first, with the silent flag and the citizen's answer; more than three talks are said to be many. Twelve alarms in a
    minute from two places: one line says so, they stand in two groups, and none is missing.
    """
    town = late
    await town.user("V01")
    async with desk(browser, town, "V01", viewport={"width": 1280, "height": 1600}) as page:
        await closes_by_a_slip(town, page)
        await comes_to_the_end_of_its_shift(town, page)
        await calls_and_does_not(town, page)
        await sees_a_flood(town, page)


async def closes_by_a_slip(town: Town, page: Page) -> None:
    citizen = town.citizen()
    alarm = await citizen.raises()
    await takes(page, alarm)
    await page.click(act("move"))
    await page.click(act("arrive"))
    send = page.locator(act("form-send"))
    for again in (True, False):
        await page.click(act("close"))
        await expect(send).to_be_disabled()
        await page.check('[data-field="handled"]')
        await send.click()
        await expect(page.locator(act("undo_close"))).to_have_text(re.compile(r"\d+ 秒"))
        if again:
            await page.click(act("undo_close"))
            await expect(page.locator('[data-part="now"]')).to_have_class(re.compile("on_scene"))
    assert (await citizen.ladder())[-3:] == ["en_route", "on_scene", "closed"]
    await town.fast_forward(11)
    await page.wait_for_selector(act("reopen"))
    assert await page.locator(act("undo_close")).count() == 0
    await expect(page.locator('[data-part="now"]')).to_contain_text("已处置")


async def comes_to_the_end_of_its_shift(town: Town, page: Page) -> None:
    await takes(page, await town.citizen().raises(text="门外有人"))
    await page.click(act("move"))
    line = page.locator('[data-part="shift-end"]')
    await expect(line).to_have_count(0)
    await town.fast_forward(90)
    await expect(line).to_contain_text("15 分钟")
    await line.locator(act("offer-any")).click()
    await expect(line).to_contain_text("已请求交接给任一同事")


async def calls_and_does_not(town: Town, page: Page) -> None:
    citizens = [town.citizen() for _ in range(4)]
    for n, citizen in enumerate(citizens):
        alarm = await citizen.raises(text=f"第 {n} 起", needs=["deaf"])
        await takes(page, alarm)
        await citizen.does("say", ref="a", text="我在")
    await expect(page.locator('[data-part="too-many"]')).to_contain_text("4")
    await page.click(act("hand-one"))
    await expect(page.locator('[data-form="handover"]')).to_be_visible()
    await page.keyboard.press("Escape")

    await page.click(act("call"))
    sheet = page.locator('[data-part="call"]')
    await expect(sheet.locator('[data-part="silent-flag"]')).to_contain_text("静默报警")
    await expect(sheet).to_contain_text("还没有问过")
    await page.click(act("call-ask"))
    await page.wait_for_selector('[data-said="officer"]')
    question = (await citizens[3].sees())["question"]
    assert question["text"] == "现在能接电话吗？"
    await citizens[3].does("answer", question=question["question"], answer="no")
    await page.click(act("call"))
    await expect(sheet).to_contain_text("不")
    await page.click(act("call-not"))


async def sees_a_flood(town: Town, page: Page) -> None:
    await expect(page.locator('[data-part="flood"]')).to_have_count(0)
    places = [{"lat": 41.80312, "lon": 123.46587}, {"lat": 41.8075, "lon": 123.4659}]
    at: list[dict[str, Any]] = [{**places[n % 2], "accuracy_m": 20} for n in range(12)]
    at[2] |= {"lat": 41.805481, "lon": 123.471928, "datum": "gcj02"}  # the first place, as other phones say it
    alarms = [await town.citizen().raises(text=f"第 {n} 起", position=at[n]) for n in range(12)]
    await town.fast_forward(1)
    await page.wait_for_selector('[data-part="flood"]')
    for alarm in alarms:
        await page.wait_for_selector(row(alarm))
    await expect(page.locator(".group.waiting")).to_have_count(2)
    await expect(page.locator(".group.waiting .count").first).to_have_text("6")
    await town.fast_forward(70)
    await expect(page.locator('[data-part="flood"]')).to_have_count(0)
    await expect(page.locator(".group.waiting")).to_have_count(1)
