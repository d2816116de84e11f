"""Each photo has a fate of its own on the citizen's page: what cannot be sent is said, and holds up nothing."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import FilePayload, Page, Route, expect

from tests.browser.citizen import RECEIPT, act, first_alarm, opens, timed
from tests.browser.conftest import Phone
from tests.browser.test_accessible import fits_everybody
from tests.flow.town import Town
from tests.patience import PATIENCE_S


def fate(page: Page, name: str) -> str:
    return f'#sent [data-fate="{name}"]'


async def test_what_cannot_be_sent_holds_up_nothing(
    town: Town, phone: Phone, fixtures: Path, tmp_path: Path, axe: str
) -> None:
    """One is empty, one is gone from the device, one does not get through: the last one is there all the same.

    Each is said in words, with another try and a way to do without it; what comes back or gets through is sent.
    """
    officer = await town.officer("V01")
    empty, gone, kept = tmp_path / f"{'空' * 40}.jpg", tmp_path / "gone.webp", tmp_path / "aside.webp"
    empty.touch()
    gone.write_bytes((fixtures / "photo.webp").read_bytes())
    stuck: list[str] = []

    async def refuses(route: Route) -> None:
        """Something on the way, for the first photo that comes by: every later one passes."""
        media = re.findall(r"/media/([^/]+)", route.request.url)[0]
        stuck.extend([] if stuck else [media])
        await (route.fulfill(status=502, body="a proxy") if media == stuck[0] else route.continue_())

    async with phone(town.url) as page:
        await opens(page)
        await page.click(act("more"))
        chosen = [empty, gone, fixtures / "photo-gps.heic", fixtures / "photo-text-chunk.png"]
        await page.set_input_files(act("photo-first"), chosen)
        gone.rename(kept)
        await page.route(re.compile("/media/"), refuses)
        await page.click(act("raise"))
        await page.wait_for_selector(RECEIPT)

        rows = page.locator("#sent li")
        await expect(page.locator(fate(page, "there"))).to_have_count(1)
        await expect(rows.nth(0)).to_contain_text("文件是空的（0 字节），没有内容可发送。")
        await expect(rows.nth(1)).to_contain_text("这台设备读不出这个文件了。可以再试一次，或者重新选一次。")
        await expect(page.locator("#sent-said")).to_contain_text(re.compile("照片 .+: "))  # for who hears the page
        late = page.locator(fate(page, "late"))
        await expect(late).to_contain_text("还没送到，这一页会一直重试。")
        assert await late.locator(act("media-again")).count() == 0, "it is tried by itself"
        alarm = await first_alarm(officer)
        assert stuck[0] not in officer.alarms[alarm]["media"]
        await fits_everybody(page, axe, every=False, axed=True)

        await rows.nth(1).locator(act("media-again")).click()
        await expect(rows.nth(1)).to_have_attribute("data-fate", "unread")
        kept.rename(gone)
        await rows.nth(1).locator(act("media-again")).click()
        await expect(rows.nth(1)).to_have_attribute("data-fate", "there")
        await rows.nth(0).locator(act("media-again")).click()
        await expect(rows.nth(0)).to_have_attribute("data-fate", "empty")
        await rows.nth(0).locator(act("media-leave")).click()
        await expect(rows.nth(0)).to_contain_text("已跳过")
        assert await rows.nth(0).locator("button").count() == 0
        await page.unroute_all()
        await expect(page.locator(fate(page, "there"))).to_have_count(3)
        await officer.hears(alarm, *["media_ready"] * 3)
        assert {item["state"] for item in officer.alarms[alarm]["media"].values()} == {"ready"}
        town.stops_watching(officer)


async def test_a_photo_that_is_left_half_way(town: Town, phone: Phone, fixtures: Path) -> None:
    """What was sent of it is a whole for the officers, as far as it goes, and the page says that it stays."""
    officer = await town.officer("V01")

    async def halts(route: Route) -> None:
        await (route.abort() if route.request.url.endswith("/2") else route.continue_())

    async with phone(town.url) as page:
        await opens(page)
        await page.route(re.compile("/media/"), halts)
        await page.click(act("raise"))
        await page.wait_for_selector(RECEIPT)
        photo = (fixtures / "photo-gps-rotated.jpg").read_bytes()[:199_000]
        part: FilePayload = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo}
        await page.set_input_files(act("photo"), part)
        await page.click(act("media-leave"))
        await expect(page.locator(fate(page, "left"))).to_contain_text("送到的部分会保留")
        alarm = await first_alarm(officer)
        ended = await officer.hears(alarm, "media_ended", "media_ready")
        assert ended["event"]["width"] > 0
        [item] = officer.alarms[alarm]["media"].values()
        assert (item["chunks"], item["size"]) == (2, 2 * 65_536)
        town.stops_watching(officer)


async def test_a_photo_that_the_device_does_not_bring(town: Town, phone: Phone, fixtures: Path) -> None:
    """One that is in a cloud which does not answer is waited for a while, and then the others go first."""
    officer = await town.officer("V01")
    away = (fixtures / "photo.webp").read_bytes()

    async def cloudy(page: Page) -> None:
        await timed(page)
        await page.add_init_script(
            "const read = Blob.prototype.arrayBuffer; const never = new Promise(() => undefined);"
            f"const away = {len(away)};"
            "Blob.prototype.arrayBuffer = function () { return this.size === away ? never : read.call(this); };"
        )

    async with phone(town.url, before=cloudy) as page:
        await opens(page)
        await page.click(act("raise"))
        await page.wait_for_selector(RECEIPT)
        await page.set_input_files(act("photo"), [fixtures / "photo.webp", fixtures / "photo-text-chunk.png"])
        await expect(page.locator("#sent li")).to_have_count(2)
        for row, becomes in ((1, "there"), (0, "late")):
            async with asyncio.timeout(PATIENCE_S):
                while await page.locator("#sent li").nth(row).get_attribute("data-fate") != becomes:
                    await page.clock.fast_forward(5_000)
        await page.locator("#sent li").nth(0).locator(act("media-leave")).click()
        await officer.hears(await first_alarm(officer), "media_ready")
        town.stops_watching(officer)
