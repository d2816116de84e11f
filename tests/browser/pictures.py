"""Takes the pictures of the pages for the README: `python -m tests.browser.pictures [FOLDER]`.

A real hub, a real browser, demonstration data; every page at phone and desktop size, in both languages.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from dispatch.store import checks as store
from tests.browser.pictures_helper import helping, sign_in
from tests.flow.people import Citizen
from tests.flow.town import PASSWORD, Town

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
LAT, LON = 41.80312, 123.46587
HERE = {"lat": LAT, "lon": LON, "accuracy_m": 18, "source": "gps"}
PORT = 8790
MORNING = datetime(2026, 11, 22, 23, 47, tzinfo=UTC)  # 07:47 there: thirteen minutes to the end of the shift
SHIFT = {
    "own": {"zh": "有人在敲我的门，我不能说话", "en": "Someone is at my door, I cannot speak"},
    "place": {"zh": "西三街 12 号 3 楼", "en": "12 West 3rd Street, 3rd floor"},
    "said": {"zh": "他还在门外", "en": "He is still outside"},
    "answer": {"zh": "我们在路上，请锁好门", "en": "We are on our way, lock the door"},
    "offered": {"zh": "楼下有人吵架", "en": "People fighting downstairs"},
    "summary": {"zh": "两人，没有凶器，已劝开", "en": "Two people, no weapon, parted"},
    "flood": {"zh": "商场里有人打架", "en": "A fight in the mall"},
}


async def main(folder: Path) -> None:
    """Start a hub, play a short night, take the pictures."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        sys.exit("needs Chromium (Debian: apt-get install chromium fonts-noto-cjk)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--use-fake-device-for-media-stream"]
        )
        for lang in ("zh", "en"):
            for size in SIZES:
                with tempfile.TemporaryDirectory() as data:
                    async with hub(Path(data)) as (url, password):
                        await night(browser, url, password, lang, size, folder)
                        await helped(browser, url, password, lang, size, folder)
                        await trouble(browser, url, password, lang, size, folder, Path(data))
                with tempfile.TemporaryDirectory() as data:
                    await shift(browser, Path(data), lang, size, folder)
        await browser.close()


@asynccontextmanager
async def hub(data: Path) -> AsyncIterator[tuple[str, str]]:
    """A hub with the demonstration's configuration: (address, password of its users)."""
    command = [sys.executable, "-m", "dispatch", "serve", "--data", str(data), "--port", str(PORT)]
    environment = {**os.environ, "DISPATCH_LIMITS_SIGN_IN_ATTEMPTS": "1000", "DISPATCH_STORE_CHECK_S": "1"}
    process = subprocess.Popen(  # noqa: ASYNC220 - it runs beside, and nothing waits for it
        command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
    )
    url = f"http://localhost:{PORT}"
    try:
        async with httpx.AsyncClient() as http:
            for _ in range(200):
                try:
                    if (await http.get(f"{url}/readyz")).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
        yield url, (data / "demo-sign-ins.txt").read_text().split("\t")[1]
    finally:
        process.terminate()
        process.wait()


async def night(browser: Browser, url: str, password: str, lang: str, size: str, folder: Path) -> None:
    """One language at one size: the citizen raises, the officer is woken and takes it, the supervisor reads."""

    async def shot(page: Page, name: str, settle_ms: int = 400) -> None:
        await page.wait_for_timeout(settle_ms)
        await page.screenshot(path=folder / f"{name}-{size}-{lang}.png")

    duty = on_duty()
    async with opened(browser, lang, size) as context:
        citizen = await context.new_page()
        await citizen.goto(f"{url}/?lang={lang}")
        await citizen.wait_for_load_state("networkidle")
        await shot(citizen, "citizen")
        sign_in = await context.new_page()
        await sign_in.goto(f"{url}/sign-in?lang={lang}")
        await shot(sign_in, "sign-in")

        async with signed_in(browser, url, duty, password, lang, size) as desk:
            console = await desk.new_page()
            await console.goto(f"{url}/console?lang={lang}")
            await console.click('[data-act="sound-check"]')
            await console.click('[data-act="sound-heard"]')
            await shot(console, "console-calm")
            earlier = Citizen(url)
            await earlier.raises(text="楼下有人吵架" if lang == "zh" else "People fighting downstairs", position=HERE)
            words = {"zh": "有人在敲我的门，我不能说话", "en": "Someone is at my door, I cannot speak"}
            await citizen.fill("textarea[name=text]", words[lang])
            await citizen.click('[data-act="raise"]')
            await citizen.wait_for_selector('[data-step="delivered"].reached')
            await citizen.set_input_files("input[type=file][data-act=photo]", FIXTURES / "photo.webp")
            await shot(citizen, "citizen-sent")
            row = console.locator("[data-alarm]", has_text=words[lang])
            await row.wait_for()
            await shot(console, "console-new-alarm")
            await row.click()
            await console.locator('[data-act="ack"]').first.click()
            await console.wait_for_timeout(300)
            await console.locator('[data-act="move"]').first.click()
            await shot(console, "console-own-alarm", 1200)
            await shot(citizen, "citizen-on-the-way")
            async with signed_in(browser, url, "S01", password, lang, size) as office:
                supervisor = await office.new_page()
                await supervisor.goto(f"{url}/supervisor?lang={lang}")
                await shot(supervisor, "supervisor", 1500)
                await supervisor.click('[data-act="view-log"]')
                await shot(supervisor, "supervisor-log", 800)
            await earlier.http.aclose()


async def helped(browser: Browser, url: str, password: str, lang: str, size: str, folder: Path) -> None:
    """Helpers near an alarm, on their phones, and the officer who calls them."""
    width, height = SIZES[size]
    phones = [
        await sign_in(
            browser, url, password, name, viewport={"width": width, "height": height},
            locale="zh-CN" if lang == "zh" else "en-GB", timezone_id="Asia/Shanghai",
        )
        for name in ("H01", "H02", "H03")
    ]  # fmt: skip
    async with signed_in(browser, url, on_duty(), password, lang, size) as desk:
        await helping(desk, phones, url, lang, size, folder, HERE)
    for phone in phones:
        await phone.close()


async def trouble(browser: Browser, url: str, password: str, lang: str, size: str, folder: Path, data: Path) -> None:
    """Somebody changes the store's settings: supervisor, officer and citizen are told what is true."""
    redis = store.connect(f"unix://{data / 'store' / 'store.sock'}", "pictures")
    async with (
        signed_in(browser, url, "S01", password, lang, size) as office,
        signed_in(browser, url, on_duty(), password, lang, size) as desk,
        opened(browser, lang, size) as street,
    ):
        supervisor, console, citizen = await office.new_page(), await desk.new_page(), await street.new_page()
        await supervisor.goto(f"{url}/supervisor?lang={lang}")
        await console.goto(f"{url}/console?lang={lang}")
        for page in (console, supervisor):
            if page is supervisor:
                await page.click('.not-ready [data-act="sound-open"]')
            await page.click('[data-act="sound-check"]')
            await page.click('[data-act="sound-heard"]')
        await citizen.goto(f"{url}/?lang={lang}")
        await citizen.wait_for_load_state("networkidle")
        await redis.config_set("maxmemory", (await redis.info("memory"))["used_memory"] * 5 // 4)
        await redis.config_set("appendfsync", "everysec")
        for page, name in ((supervisor, "supervisor-notices"), (console, "console-notices")):
            await page.locator("[data-notice]").nth(1).wait_for()
            await page.screenshot(path=folder / f"{name}-{size}-{lang}.png")
        await citizen.click('[data-act="raise"]')
        await citizen.locator("#now-head", has_text={"zh": "还没有存好", "en": "Not stored yet"}[lang]).wait_for()
        await citizen.screenshot(path=folder / f"citizen-not-stored-{size}-{lang}.png")
    await redis.aclose()


async def shift(browser: Browser, data: Path, lang: str, size: str, folder: Path) -> None:
    """What takes two officers, many alarms, or a time of day: in simulated time, on one console."""
    words = {name: text[lang] for name, text in SHIFT.items()}
    async with Town(data, start=MORNING, watched=True) as town:
        await town.user("V01")
        colleague = await town.officer("V02")
        town.stops_watching(colleague)
        async with signed_in(browser, town.url, "V01", PASSWORD, lang, size) as context:
            page = await context.new_page()
            await page.clock.install()
            await page.goto(f"{town.url}/console?lang={lang}")

            async def shot(name: str) -> None:
                await page.wait_for_timeout(400)
                await page.screenshot(path=folder / f"console-{name}-{size}-{lang}.png")

            async def opens(alarm: str) -> None:
                if size == "phone" and await page.locator("[data-alarm-open]").count():
                    await page.click('[data-act="back"]')
                await page.click(f'[data-alarm="{alarm}"]')

            await shot("sound-check")
            await page.click('[data-act="sound-later"]')
            await shot("not-ready")
            await page.click('.not-ready [data-act="sound-open"]')
            await page.click('[data-act="sound-check"]')
            await page.click('[data-act="sound-heard"]')

            citizen = town.citizen()
            own = await citizen.raises(
                text=words["own"], place=words["place"], position=HERE, needs=["deaf"], lang=lang
            )
            await opens(own)
            await page.click('[data-act="ack"]')
            await citizen.does("say", ref="a", text=words["said"])
            await page.fill('[data-act="write"]', words["answer"])
            await page.press('[data-act="write"]', "Enter")
            await page.locator('[data-act="write"]').blur()  # on a phone the actions are away while somebody writes
            await page.click('[data-act="move"]')
            await page.wait_for_selector('[data-act="arrive"]:enabled')
            await page.locator(".story-head").scroll_into_view_if_needed()
            await shot("end-of-shift")
            await page.emulate_media(color_scheme="dark")
            await shot("night")
            await page.emulate_media(color_scheme="light")
            if size == "phone":
                await page.click('[data-act="menu"]')
            await page.click('[data-act="sign-out"]')
            await page.wait_for_selector('[data-part="leaving"]')
            await shot("leaving")
            await page.click('[data-act="leaving-stay"]')
            await page.click('[data-act="call"]')
            await shot("call")
            await page.click('[data-act="call-not"]')

            offered = await town.citizen().raises(text=words["offered"], position=HERE, lang=lang)
            await colleague.acknowledges(offered)
            await colleague.asks("handover", alarm=offered, to="V01", summary=words["summary"])
            await opens(offered)
            await page.wait_for_selector('[data-act="handover_accept"]')
            await shot("handover-offered")
            there = {**HERE, "lat": LAT + 0.004}
            for n in range(12):
                position = there if n % 3 else HERE
                await town.citizen().raises(text=f"{words['flood']} {n + 1}", position=position, lang=lang)
            if size == "phone":
                await page.click('[data-act="back"]')
            await town.clock.advance(1)  # floods are counted once a second
            await page.wait_for_selector('[data-part="flood"]')
            await shot("flood")
            await page.context.set_offline(True)
            for _ in range(2):
                await page.clock.fast_forward(30_000)
            await page.wait_for_selector('[data-live="stale"]')
            await shot("stale")


def on_duty() -> str:
    """The first officer whom the rota has on duty now."""
    command = [sys.executable, "-m", "dispatch", "rota", "show", "dadongmen"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return text.splitlines()[0].rsplit(": ", 1)[1].removesuffix(" on duty").split(", ")[0]


@asynccontextmanager
async def opened(browser: Browser, lang: str, size: str) -> AsyncIterator[BrowserContext]:
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="zh-CN" if lang == "zh" else "en-GB",
        timezone_id="Asia/Shanghai",
        geolocation={"latitude": LAT, "longitude": LON, "accuracy": 18},
        permissions=["geolocation", "microphone", "camera"],
    )
    try:
        yield context
    finally:
        await context.close()


@asynccontextmanager
async def signed_in(
    browser: Browser, url: str, user: str, password: str, lang: str, size: str
) -> AsyncIterator[BrowserContext]:
    """A browser of its own in which `user` is signed in."""
    async with opened(browser, lang, size) as context:
        await context.request.post(f"{url}/session", data={"user": user, "password": password}, headers={"origin": url})
        yield context


if __name__ == "__main__":
    pictures = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(pictures))
