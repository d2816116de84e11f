"""The officer's console in a real browser: it rings, shows the story, and never shows as done what is not."""

import asyncio
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.staff import act, checks_sound, desk
from tests.flow.town import Town

HERE = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 18}
WIDTH = "async img => { await img.decode(); return img.naturalWidth; }"
PHONE: ViewportSize = {"width": 390, "height": 844}


async def test_an_alarm_from_its_ring_to_its_pictures(town: Town, browser: Browser, fixtures: Path) -> None:
    """It is on the screen and sounds; the tone stops when another officer takes it, and this console says who.

    Before the sound check the page says in words that it cannot ring, and the officer has no ready console.

    The story has words, place and needs; a question and its answer, and what the officer writes, go both ways.

    Of a photo a small copy is shown blurred; a tap uncovers it, and only then the large one is fetched. Where it was
    made has its own word. The recording is drawn as loud as it is, and a tap there goes there; it does not play by
    itself.

    On a phone the story is a screen of its own with the main step under the thumb; Back leads to the list.
    """
    await town.user("V01")
    async with desk(browser, town, "V01", checked=False, has_touch=True) as page:
        await rings_until_it_is_taken(town, page)
        await tells_the_story(town, page)
        await shows_photo_and_recording(town, page, fixtures)
        await shows_one_thing_at_a_time(town, page)


async def rings_until_it_is_taken(town: Town, page: Page) -> None:
    other = await town.officer("V02")
    town.stops_watching(other)
    await page.click(act("sound-later"))
    await expect(page.locator('[data-part="not-ready"]')).to_contain_text("本接警台无法响铃")
    mine = page.locator('[data-officer="V01"]')
    await expect(mine).to_have_attribute("data-ready", "false")
    await checks_sound(page)
    await expect(page.locator('[data-part="not-ready"]')).to_have_count(0)
    await expect(mine).to_have_attribute("data-ready", "true")

    alarm = await town.citizen().raises(text="门外有人", position=HERE)
    row = page.locator(f'[data-alarm="{alarm}"]')
    await expect(row).to_contain_text("门外有人")
    await expect(row).to_contain_text(re.compile(r"\d+ 秒后升级"))
    await expect(page.locator("html")).to_have_attribute("data-ringing", "true")
    await expect(page.locator("[role=alert]")).to_contain_text("新警情 1 起")
    await other.acknowledges(alarm)
    await expect(page.locator("html")).to_have_attribute("data-ringing", "false")
    await expect(row).to_contain_text("V02")


async def tells_the_story(town: Town, page: Page) -> None:
    citizen = town.citizen()
    alarm = await citizen.raises(text="<b>门外有人</b>", position=HERE, place="大东路 12 号", needs=["deaf"], lang="en")
    await page.click(f'[data-alarm="{alarm}"]')
    story = page.locator(f'[data-alarm-open="{alarm}"]')
    for part in ("<b>门外有人</b>", "大东路 12 号", "41.80312, 123.46587", "误差约 18 米", "听不见"):
        await expect(story).to_contain_text(part)
    await page.click(act("ack"))
    await page.click('[data-question="weapon"]')
    await expect(story).to_contain_text("等待回答")
    asked = (await citizen.sees())["question"]
    assert asked["text"] == "Is there a weapon?"  # in the citizen's language, whatever the officer reads
    await citizen.does("answer", question=asked["question"], answer="danger_now")
    await expect(story.locator('[data-said="citizen"]').last).to_contain_text("现在很危险")
    quiet = "(one) => getComputedStyle(one, '::placeholder').color === getComputedStyle(one.closest('.talk')" \
        ".querySelector('.hint')).color"  # fmt: skip
    assert await page.locator(act("write")).evaluate(quiet), "each engine's own grey"
    await page.fill(act("write"), "请锁好门")
    await page.press(act("write"), "Enter")
    await expect(story.locator(".officer:not(.sending)").last).to_contain_text("请锁好门")
    assert (await citizen.sees())["talk"][-1]["text"] == "请锁好门"
    assert "seen" in await citizen.ladder()


async def shows_photo_and_recording(town: Town, page: Page, fixtures: Path) -> None:
    citizen = town.citizen()
    alarm = await citizen.raises(text="照片")
    for media, kind, mime, name in (
        ("p1", "photo", "image/jpeg", "photo-gps-rotated.jpg"),
        ("a1", "audio", "audio/webm", "voice-zh.webm"),
        ("u1", "photo", "image/jpeg", "bad-html.jpg"),
    ):
        headers = {**citizen.headers, "content-type": mime, "x-media-kind": kind}
        data = (fixtures / name).read_bytes()
        await citizen.http.put(f"/alarms/{alarm}/media/{media}/0", content=data, headers=headers)
        ended = await citizen.http.post(
            f"/alarms/{alarm}/media/{media}", json={"kind": kind, "chunks": 1}, headers=citizen.headers
        )
        assert ended.is_success, ended.text
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/media/")[2]))
    await page.click(f'[data-alarm="{alarm}"]')
    photo = page.locator(f"[data-media=p1] {act('reveal')}")
    await expect(photo.locator("img")).to_have_css("filter", re.compile("blur"))
    assert await photo.locator("img").evaluate(WIDTH) == 320
    assert [url for url in asked if url.startswith(f"{alarm}/p1")] == [f"{alarm}/p1?copy=small"]
    assert await opened(page, town, alarm, "media_opened") == []  # that it stands there covered is no look at it
    await photo.click()
    shown = page.locator(f"[data-media=p1] {act('cover')} img.large.there")
    await expect(shown).to_have_css("filter", "none")
    assert await shown.evaluate(WIDTH) == 1600
    assert [url for url in asked if url.startswith(f"{alarm}/p1")][1:] == [f"{alarm}/p1?copy=large"]
    await expect(page.locator("[data-media=u1]")).to_contain_text("无法读取")
    made = page.locator("[data-made=p1]")
    await expect(made).to_contain_text("照片自带的位置")
    await expect(made.locator("[data-part=made]")).to_have_text("41.80312, 123.46587")
    await expect(page.locator("[data-part=position]")).to_have_count(0)
    await expect(page.locator(f'[data-alarm="{alarm}"]').first).to_contain_text("照片或录音里有位置")
    wave = page.locator("[data-media=a1] .wave")
    assert await wave.locator("path").first.evaluate("path => path.getAttribute('d').split('M').length") == 101
    sound = page.locator("[data-media=a1] audio")
    assert await sound.evaluate("audio => [audio.paused, audio.autoplay, audio.preload]") == [True, False, "none"]
    assert (
        await sound.evaluate("async audio => { audio.muted = true; await audio.play(); return audio.error; }") is None
    )
    assert await sound.evaluate("audio => audio.currentSrc.split('?')[1]") == "copy=webm"
    await sound.evaluate("audio => audio.pause()")
    await wave.click()  # its middle
    await expect(wave).to_have_attribute("data-played", "0.50")
    assert await sound.evaluate("audio => Math.round(audio.currentTime)") == 5
    unreadable = page.locator("[data-media=u1]")
    await unreadable.locator(act("original")).click()
    await expect(unreadable.locator(act("original-open"))).to_be_disabled()
    await unreadable.locator("textarea").fill("检察院调取")
    async with page.expect_download() as coming:
        await unreadable.locator(act("original-open")).click()
    original = await coming.value
    assert original.suggested_filename.endswith("-u1.jpg")
    saved = await asyncio.to_thread(Path(await original.path()).read_bytes)
    assert saved == (fixtures / "bad-html.jpg").read_bytes()
    await expect(unreadable).to_contain_text("已记录")
    (original_opened,) = await opened(page, town, alarm, "original_opened")
    assert original_opened == {"type": "original_opened", "by": "V01", "media": "u1", "reason": "检察院调取"}
    looked = await opened(page, town, alarm, "media_opened")
    assert [(event["by"], event["media"]) for event in looked] == [("V01", "p1"), ("V01", "a1")]
    await expect(page.locator("[data-media=p1] [data-part=opened-by]")).to_contain_text("V01")
    await page.click(f"{act('lang')}[lang=en]")
    await expect(made).to_contain_text("From the photo")
    await expect(page.locator("[data-media=u1]")).to_contain_text("Cannot be read")
    await page.click(f"{act('lang')}[lang=zh]")


async def opened(page: Page, town: Town, alarm: str, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in the alarm's log."""
    log = await (await page.request.get(f"{town.url}/log/alarms/{alarm}")).json()
    return [row["event"] for row in log["events"] if row["event"]["type"] == kind]


async def shows_one_thing_at_a_time(town: Town, page: Page) -> None:
    await page.click(act("shut"))
    await page.set_viewport_size(PHONE)
    alarm = await town.citizen().raises(text="门外有人")
    row = page.locator(f'[data-alarm="{alarm}"]')
    await row.tap()
    await expect(row).to_be_hidden()
    box = await page.locator(act("ack")).bounding_box()
    assert box is not None
    assert box["height"] >= 48
    assert box["y"] > PHONE["height"] * 0.8
    await page.go_back()
    await expect(row).to_be_visible()
    await page.wait_for_selector('[data-live="live"]')
