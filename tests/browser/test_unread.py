"""What a citizen adds reaches who has the alarm, whatever is on the screen: counted, heard, announced, read (P12)."""

import random
import re
import uuid

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.staff import act, desk
from tests.flow.people import Citizen
from tests.flow.town import Town

PHOTO = bytes.fromhex("ffd8ffe0") + bytes(64)
TONE = 1180
TONES = """
window.tones = [];
const Plain = window.OscillatorNode;
window.OscillatorNode = class extends Plain {
  constructor(context, options) { super(context, options); window.tones.push(options.frequency); }
};
"""


def ref() -> str:
    return str(uuid.uuid4())


def row(alarm: str) -> str:
    return f'[data-alarm="{alarm}"]'


def unread(page: Page, alarm: str) -> str:
    return f"{row(alarm)} [data-unread]"


async def takes(page: Page, alarm: str) -> None:
    await page.click(row(alarm))
    await page.click(act("ack"))
    await page.wait_for_selector(act("move"))


async def said(page: Page) -> int:
    return int(await page.locator("html").get_attribute("data-unread") or 0)


async def test_it_reaches_its_owner(town: Town, browser: Browser) -> None:
    """With another alarm open: a tone of its own, a count in row, head and title, the words for who listens.

    Danger, a photo and a cancel under duress are said at once. Opened it is read, and the citizen is told; on a
    colleague's console, who does not have the alarm, nothing of it counts.
    """
    await town.user("V01")
    await town.user("V02")
    async with desk(browser, town, "V01", script=TONES) as page, desk(browser, town, "V02") as other:
        citizen, second = town.citizen(), await town.citizen().raises(text="第二起")
        first = await citizen.raises(text="门外有人")
        await takes(page, first)
        await page.click('[data-question="can_talk"]')
        await expect(page.locator(".said .officer [data-reached]")).to_have_count(1)
        await takes(page, second)
        assert TONE not in await page.evaluate("window.tones")

        await citizen.does("say", ref=ref(), text="他进来了，快")
        await expect(page.locator(unread(page, first))).to_have_text("新 1 条")
        await expect(page.locator(act("unread"))).to_contain_text("报警人新消息 1 条")
        await expect(page).to_have_title(re.compile("✉1"))
        await expect(page.locator('[data-part="mentioned"]')).to_contain_text("他进来了，快")
        assert TONE in await page.evaluate("window.tones")
        loud = page.locator('[role="alert"]')
        await expect(loud).not_to_contain_text("他进来了")

        question = (await citizen.sees())["question"]["question"]
        await citizen.does("answer", question=question, answer="danger_now")
        await expect(loud).to_contain_text("现在很危险")
        tones = await page.evaluate("window.tones")
        assert tones.count(TONE) == 2 + 6, "what is urgent waits for no pause after what is not"
        await citizen.http.put(
            f"/alarms/{first}/media/m1/0", content=PHOTO, headers={**citizen.headers, "content-type": "image/jpeg"}
        )
        await expect(loud).to_contain_text("有新照片")
        await citizen.does("cancel", pin="0000")
        await expect(loud).to_contain_text("胁迫")
        await expect(page.locator(act("unread"))).to_contain_text("报警人新消息 3 条")
        assert await said(other) == 0
        assert "read" not in await citizen.sees()

        await page.click(act("unread"))
        await expect(page.locator("main")).to_have_attribute("data-alarm-open", first)
        await expect(page.locator(act("unread"))).to_have_count(0)
        await expect(page).not_to_have_title(re.compile("✉"))
        await page.locator(".media").scroll_into_view_if_needed()
        await expect(page.locator("html")).to_have_attribute("data-unread", "0")
        await other.click(row(first))
        loaded = await town.dispatch.alarms.load(first)
        assert loaded is not None
        assert loaded.alarm.read == {"V01": loaded.alarm.added}
        assert (await citizen.sees())["read"] == loaded.alarm.added


@pytest.mark.parametrize("count", [25, pytest.param(200, marks=pytest.mark.nightly)])
async def test_every_message_is_on_the_screen_or_counted(town: Town, browser: Browser, count: int) -> None:
    """Over three alarms in any order, while one after another is opened: nothing is missed, nothing counts twice."""
    chance = random.Random(count)
    await town.user("V01")
    async with desk(browser, town, "V01") as page:
        citizens: list[Citizen] = [town.citizen() for _ in range(3)]
        alarms = [await citizen.raises(text=f"第 {n} 起") for n, citizen in enumerate(citizens)]
        for alarm in alarms:
            await takes(page, alarm)
        opened, missed = alarms[-1], dict.fromkeys(alarms, 0)
        for n in range(count):
            if chance.random() < 0.1:
                opened = chance.choice(alarms)
                await page.click(row(opened))
                missed[opened] = 0
            citizen = chance.choice(citizens)
            await citizen.does("say", ref=ref(), text=f"第 {n} 句")
            if citizen.id == opened:
                await expect(page.locator(".said")).to_contain_text(f"第 {n} 句")
            else:
                missed[citizen.id] += 1
            await expect(page.locator("html")).to_have_attribute("data-unread", str(sum(missed.values())))
        for alarm, many in missed.items():
            if many:
                await expect(page.locator(unread(page, alarm))).to_have_text(f"新 {many} 条")


async def test_what_nobody_has_counts_for_all_on_duty(town: Town, browser: Browser) -> None:
    """Also on a phone, where the list is not in sight; who is not on duty is not told."""
    await town.user("V01")
    await town.user("V09")
    async with (
        desk(browser, town, "V01", viewport={"width": 390, "height": 844}) as page,
        desk(browser, town, "V09", checked=False) as away,
    ):
        citizen = town.citizen()
        await citizen.raises(text="门外有人")
        other = await town.citizen().raises(text="第二起")
        await takes(page, other)
        await citizen.does("say", ref=ref(), text="还有一个人")
        await expect(page.locator("html")).to_have_attribute("data-unread", "1")
        await expect(page.locator(act("unread"))).to_be_visible()
        assert await said(away) == 0
        await page.click(act("unread"))
        await page.locator(".said").scroll_into_view_if_needed()
        await expect(page.locator("html")).to_have_attribute("data-unread", "0")
