"""The citizen's page in a real browser: one tap, silent, honest, and gone when it must be gone."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, WebSocket, expect

from dispatch import resources
from tests.browser.citizen import (
    RECEIPT,
    act,
    alarm_with,
    elsewhere,
    first_alarm,
    leaves_nothing,
    left,
    left_behind,
    opens,
    raises,
    rung,
    sockets_of,
    timed,
    without_sockets,
)
from tests.browser.conftest import HERE, Phone
from tests.browser.staff import desk
from tests.flow.people import Officer
from tests.flow.town import Town
from tests.patience import PATIENCE_S

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
AREAS = json.loads((resources.demo_config() / "stations.geojson").read_text(encoding="utf-8"))["features"]


def context_of(page: Page) -> BrowserContext:
    return page.context


@pytest.mark.whole_browser
async def test_one_tap_then_photo_sound_and_place_arrive(town: Town, phone: Phone, fixtures: Path) -> None:
    """Words, photo, recording and place reach the officer; the ladder follows what the officer does.

    Before the full photo a JPEG of at most 200 kB arrives, without the camera's own position. A picture taken in the
    page, without a camera app, arrives too; the exit lets the camera go.
    """
    officer = await town.officer("V01")
    async with phone(town.url) as page:
        await elsewhere(page)
        await raises(page, "门外有人")
        await page.set_input_files(act("photo"), fixtures / "photo-gps-rotated.jpg")
        await page.click(act("record"))
        # By its name: a slow phone lists it before the photo, which it is still making small.
        sound = page.locator('#sent li:has-text("录音")')
        await expect(sound).to_contain_text(re.compile(r"已发送 ([2-9]|[1-9]\d+) 秒"))
        await page.click(act("record"))
        await expect(page.locator("#sent .there")).to_have_count(3)  # small photo, full photo, sound
        await expect(page.locator("#position")).to_contain_text("18 米")

        alarm = officer.alarms[await first_alarm(officer)]
        assert alarm["text"] == "门外有人"
        await officer.hears(alarm["id"], "media_ready", "media_ready", "media_ready")
        added = [one["event"] for one in officer.unexpected if one["event"]["type"] == "media_added"]
        first, second = [one["media"] for one in added if one["kind"] == "photo"]
        assert first != second
        assert [one["mime"] for one in added if one["media"] == first] == ["image/jpeg"]
        alarm = officer.alarms[alarm["id"]]
        assert alarm["media"][first]["size"] <= 200_000 < alarm["media"][second]["size"]
        assert sorted(item["kind"] for item in alarm["media"].values()) == ["audio", "photo", "photo"]
        assert alarm["position"]["lat"] == 41.80312

        await officer.shows()
        await town.fast_forward(2)
        await expect(page.locator(rung("delivered"))).to_contain_text(re.compile(r"已送到 1 台接警台\s*\d\d:\d\d:\d\d"))
        assert not await page.is_visible(rung("seen"))
        await officer.asks("seen", alarm=alarm["id"])
        await page.wait_for_selector(rung("seen"))
        await officer.acknowledges(alarm["id"])
        await page.wait_for_selector(rung("acknowledged"))
        await officer.asks("say", alarm=alarm["id"], text="请锁好门")
        await expect(page.locator("#said .officer")).to_contain_text("请锁好门")
        await officer.hears(alarm["id"], "talk_seen")  # the page is in sight
        await officer.asks("move", alarm=alarm["id"])
        await page.wait_for_selector(rung("en_route"))
        assert not await page.is_visible(rung("on_scene"))
        await officer.asks("arrive", alarm=alarm["id"])
        await page.wait_for_selector(rung("on_scene"))
        await expect(page.locator("#now-head")).to_have_text("民警已到场")

        await page.click(act("camera"))
        await page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        await page.click(act("camera-take"))
        await expect(page.locator("#sent .there")).to_have_count(4)
        await officer.hears(alarm["id"], "media_ready")
        [taken] = [item for media, item in officer.alarms[alarm["id"]]["media"].items() if media not in alarm["media"]]
        assert (taken["kind"], taken["mime"]) == ("photo", "image/jpeg")
        ended = """() => {
          const [track] = document.querySelector("video").srcObject.getTracks();
          document.querySelector('[data-act="exit"]').click();
          return track.readyState;
        }"""
        assert await page.evaluate(ended) == "ended"
        await left(page)
        town.stops_watching(officer)


async def test_nobody_in_time_then_a_question_and_a_word_unseen(town: Town, phone: Phone) -> None:
    """After 15 s without a person the page says so and shows the other ways to get help; before, it does not.

    An officer's question stands open with big buttons, one at a time; one tap answers it and closes it. A text that
    comes while the page is hidden is neither in the page nor in its title until someone looks. To more than 200 m the
    page says that the place is rough; older than a minute, how old it is.
    """
    officer = await town.officer("V01")
    sockets: list[WebSocket] = []

    async def listened_and_timed(page: Page) -> None:
        await timed(page)
        await sockets_of(sockets)(page)

    rough = {**HERE, "accuracy": 800}
    async with phone(town.url, before=listened_and_timed, geolocation=rough) as page:
        await raises(page)
        alarm = await first_alarm(officer)
        assert await page.is_hidden("#ways")
        await town.fast_forward(16)
        await page.wait_for_selector("#ways:not([hidden])")
        await expect(page.locator("#now-head")).to_have_text("还没有人接警")
        await officer.acknowledges(alarm)
        await officer.asks("ask", alarm=alarm, question="门锁了吗？")
        await expect(page.locator("#question-text")).to_have_text("门锁了吗？")
        await officer.asks("ask", alarm=alarm, question="你受伤了吗？")
        await expect(page.locator("#question-text")).to_have_text("你受伤了吗？")
        assert await page.locator(".question:visible").count() == 1
        buttons = page.locator("#choices button")
        assert await buttons.all_inner_texts() == ["是", "不是", "不方便说", "现在很危险"]
        for box in [await button.bounding_box() for button in await buttons.all()]:
            assert box is not None
            assert box["height"] >= 56
        for width in (320, 390, 500, 640, 1280):
            await page.set_viewport_size({"width": width, "height": 844})
            tops = [box["y"] for box in [await button.bounding_box() for button in await buttons.all()] if box]
            assert {tops.count(top) for top in tops} <= {2, 4}, (width, tops)  # never three and one
        await page.click('[data-choice="no"]')
        answered = await officer.hears(alarm, "question_answered")
        assert answered["event"]["answer"] == "no"
        await expect(page.locator("#question")).to_be_hidden()
        await expect(page.locator("#said .citizen").last).to_contain_text("不是")

        [socket] = sockets
        came = socket.expect_event("framereceived", lambda frame: "我们到楼下了" in str(frame))
        title = await page.title()
        await page.evaluate(HIDE, True)
        async with came:
            await officer.asks("say", alarm=alarm, text="我们到楼下了")
        assert "我们到楼下了" not in await page.content()
        assert await page.title() == title
        assert not await page.is_visible("main h1 >> visible=true")
        await page.evaluate(HIDE, False)
        await expect(page.locator("#said .officer").last).to_contain_text("我们到楼下了")

        place = page.locator("#position")
        await expect(place).to_have_text("位置不太准，误差约 800 米。最好再写一下你在哪里。")
        await page.clock.fast_forward(120_000)
        await expect(place).to_contain_text("这是 2 分钟前的位置。")
        town.stops_watching(officer)


async def test_exit_before_the_alarm_is_stored(town: Town, phone: Phone) -> None:
    """Left before the alarm is stored, the page forgets it, and the alarm still goes out with the last request.

    Where there is no way to the hub it is kept on the disk until there is: whoever leaves then leaves nothing either.
    """
    officer = await town.officer("V01")
    async with phone(town.url, before=without_sockets) as page:
        await elsewhere(page)
        await opens(page)
        await page.evaluate(
            """() => {
              document.querySelector('[data-act="raise"]').click();
              document.querySelector('[data-act="exit"]').click();
            }"""
        )
        await left(page)
        await officer.hears(await first_alarm(officer), "alarm_raised")
        await page.goto(town.url)
        await leaves_nothing(page)
        await expect(page.locator("#raise")).to_be_visible()

        await context_of(page).route("**/alarms", lambda route: route.abort())
        await opens(page)
        await page.click('[data-act="raise"]')
        await page.wait_for_function("() => indexedDB.databases().then((all) => all.length)")
        await page.click('[data-act="exit"]')
        await left(page)
        await page.goto(f"{town.url}/healthz")  # the same origin, without a script of ours
        await leaves_nothing(page)
        town.stops_watching(officer)


async def test_the_form_and_its_exit(town: Town, phone: Phone) -> None:
    """The first Tab reaches the exit; the page changes its language in place, and what was typed stays.

    Shift three times leaves; writing capitals does not. The alarm goes on after the exit was used. On the smallest
    screens nothing hangs over the side and the exit is on top, however far one scrolls.
    """
    officer = await town.officer("V01")
    async with phone(town.url) as page:
        await elsewhere(page)
        await opens(page)
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.dataset.act") == "exit"
        typed = page.locator("#raise textarea")
        await typed.click()
        for key in ("A", "B", "C", "D"):
            await page.keyboard.press(f"Shift+{key}")
        await expect(typed).to_have_value("ABCD")
        await expect(page.locator("#cover")).to_be_hidden()
        await page.click(act("language"))
        await expect(page.locator(act("raise"))).to_have_text("Send")
        await expect(typed).to_have_value("ABCD")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await raises(page)
        for width, height in ((320, 568), (160, 284)):  # a small phone, and that at 200 %
            await page.set_viewport_size({"width": width, "height": height})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await page.evaluate("scrollTo(0, document.body.scrollHeight)")
            on_top = await page.evaluate(
                """() => {
                  const exit = document.querySelector('[data-act="exit"]');
                  const { left, top, width, height } = exit.getBoundingClientRect();
                  return exit.contains(document.elementFromPoint(left + width / 2, top + height / 2));
                }"""
            )
            assert on_top, width
        for _ in range(3):
            await page.keyboard.press("Shift")
        await left(page)
        alarm = officer.alarms[await first_alarm(officer)]
        assert alarm["status"] == "raised"
        assert "cancel" not in alarm
        town.stops_watching(officer)


async def test_offline_it_waits_and_goes_out_once(town: Town, phone: Phone) -> None:
    """Without a network the page says that it waits; once there is one, the alarm goes out once and is forgotten."""
    officer = await town.officer("V01")
    async with phone(town.url) as page:
        await opens(page)
        await context_of(page).set_offline(True)
        await page.fill("#raise textarea", "断网了")
        await page.click(act("raise"))
        await expect(page.locator("#now-head")).to_have_text("还没有发送")
        await expect(page.locator("#now-leave")).to_be_visible()
        assert len(await left_behind(page)) == 1
        device = await context_of(page).storage_state(indexed_db=True)

        await context_of(page).set_offline(False)
        await page.wait_for_selector(RECEIPT)
        code = await page.inner_text("#code")
        await leaves_nothing(page)
    async with phone(town.url, storage_state=device) as page:  # the same device, as if killed while it was offline
        await page.wait_for_selector(RECEIPT)
        await expect(page.locator("#code")).to_have_text(code)
        await leaves_nothing(page)
    assert len(officer.alarms) == 1
    town.stops_watching(officer)


async def test_without_a_socket_plain_requests_do(town: Town, phone: Phone) -> None:
    """Where WebSockets are blocked, the alarm and its talk go by plain requests."""
    officer = await town.officer("V01")

    async def blocked_and_timed(page: Page) -> None:
        await without_sockets(page)
        await timed(page)

    async with phone(f"{town.url}/?lang=en", before=blocked_and_timed) as page:
        await opens(page)
        await page.fill("#raise textarea", "someone is here")
        await page.click(act("raise"))
        await page.clock.fast_forward(1000)  # so long the socket has the word
        await page.wait_for_selector(RECEIPT)
        await page.fill("#say textarea", "upstairs")
        await page.keyboard.press("Enter")
        alarm = await first_alarm(officer)
        await officer.hears(alarm, "citizen_said")
        await officer.asks("say", alarm=alarm, text="we are coming")
        await page.clock.fast_forward(4000)  # it asks so often
        await expect(page.locator("#said .officer")).to_contain_text("we are coming")
        town.stops_watching(officer)


async def cancels(
    town: Town, phone: Phone, officer: Officer, true: bool
) -> tuple[str, list[tuple[str, int]], list[str]]:
    """What the page shows, what it moved (frames both ways and requests, with their lengths), and what it left."""
    moved: list[tuple[str, int]] = []
    open_refs: set[str] = set()

    def up(frame: str | bytes) -> None:
        moved.append(("up", len(frame)))
        open_refs.add(json.loads(frame).get("ref"))

    def down(frame: str | bytes) -> None:
        moved.append(("down", len(frame)))
        open_refs.discard(json.loads(frame).get("ref"))

    async def answered() -> None:
        async with asyncio.timeout(PATIENCE_S):
            while open_refs:
                await page.evaluate("0")

    async def listened(page: Page) -> None:
        page.on("websocket", lambda socket: socket.on("framesent", up))
        page.on("websocket", lambda socket: socket.on("framereceived", down))

    async with phone(town.url, before=listened) as page:
        alarm = await alarm_with(officer, await raises(page))
        pin = await page.inner_text("#pin")
        await page.click(act("pin-hide"))
        assert pin not in await page.content()
        await page.click(act("cancel-open"))
        await page.fill("#cancel input", pin if true else "0000" if pin != "0000" else "1111")
        await answered()  # also of the place, which goes by itself
        moved.clear()
        page.on("request", lambda request: moved.append((request.url, 0)))
        await page.click(act("cancel"))
        await expect(page.locator("#cancel-said")).to_have_text("取消请求已送到。")
        shown = re.sub(r"[0-9:A-Z-]+", "", await page.inner_text("main"))
        await officer.asks("say", alarm=alarm, text="…")
        await page.wait_for_selector("#said .officer")  # what the cancel itself brought is there before this
        await officer.hears(alarm, "talk_seen")
        await answered()
        return shown, sorted(moved), await left_behind(page)  # an answer and the stream go their own ways


async def test_cancel_looks_the_same_under_duress(town: Town, phone: Phone) -> None:
    """The true number and any other: the same screen, frames, requests and storage; officers are told which it was."""
    officer = await town.officer("V01")
    one = await cancels(town, phone, officer, true=True)
    other = await cancels(town, phone, officer, true=False)
    assert one == other
    assert len(one[1]) >= 3
    await town.quiet()
    assert sorted(alarm["cancel"] for alarm in officer.alarms.values()) == ["duress", "requested"]
    town.stops_watching(officer)


async def test_practice_then_pictures_instead_of_words(town: Town, phone: Phone, browser: Browser) -> None:
    """A practice alarm goes the same way and says what it is; no step is run, no console lists it, and none rings.

    What happens, how many, weapon, injured and needs by tapping pictures: two taps and the officer reads it.
    """
    officer = await town.officer("V01")
    async with phone(town.url) as page, desk(browser, town, "V01") as console:
        await opens(page)
        await page.click(act("more"))
        await page.click(act("practice"))
        await page.wait_for_selector(RECEIPT)
        await expect(page.locator("#practice-mark")).to_be_visible()
        practice = officer.alarms[await first_alarm(officer)]
        assert practice["kind"] == "practice"
        await officer.hears(practice["id"], "alarm_raised")
        await town.fast_forward(30)
        assert "step_run" not in officer.pending()
        await expect(console.locator("html")).to_have_attribute("data-ringing", "false")

        await page.click(act("again"))
        await expect(page.locator("#raise")).to_be_visible()
        await opens(page)
        for value in ("assault", "break_in", "medical"):
            await page.click(f'.tool:has([value="{value}"])')
        await page.click('.tool:has([value="medical"])')  # again: taken back
        await page.click('.tool:has([value="break_in"])')
        for label in ("对方 3 人以上", "对方有凶器", "有人受伤"):
            await page.click(f"#raise .tool:has(:text-is('{label}'))")
        assert await page.locator("#raise .tool .icon:visible").count() == 10
        await page.click(act("more"))
        await page.click(".chip:has([value=signs])")
        await page.click(act("raise"))
        await page.wait_for_selector(RECEIPT)
        alarm = officer.alarms[await alarm_with(officer, await page.inner_text("#code"))]
        assert (alarm["category"], alarm["needs"]) == ("break_in", ["signs"])
        assert alarm["text"] == "对方 3 人以上\n对方有凶器\n有人受伤"
        await expect(page.locator("#said .citizen")).to_contain_text("有人闯入")
        await console.click(f'[data-alarm="{alarm["id"]}"]')
        assert await console.locator("[data-alarm]").count() == 1  # what came before it would be there by now
        await expect(console.locator(".tag").first).to_contain_text("有人闯入")
        town.stops_watching(officer)


async def test_a_question_that_nobody_answers(town: Town, phone: Phone) -> None:
    """The browser asks for the place, and nobody looks at its question: after 20 s the page says what else helps."""
    officer = await town.officer("V01")
    town.stops_watching(officer)

    async def before(page: Page) -> None:
        await timed(page)
        await page.add_init_script(
            "Object.defineProperty(navigator, 'geolocation', { value: { watchPosition: () => 1 } })"
        )

    async with phone(town.url, before=before) as page:
        await raises(page)
        await expect(page.locator("#position")).to_contain_text("正在定位")
        await page.clock.run_for(20_500)
        await expect(page.locator("#position")).to_contain_text("还没有允许定位。可以写一下你在哪里。")


async def test_everything_refused_then_a_place_by_hand(town: Town, phone: Phone) -> None:
    """Without microphone, camera and place the alarm is raised all the same, and the page says what is missing.

    Shown on the stations' areas by finger, buttons or keys, or in words: officers get it, with what it is worth.
    """
    officer = await town.officer("V01")
    async with phone(town.url, permissions=[]) as page:
        await raises(page)
        await page.click(act("record"))
        await expect(page.locator("#record-note")).to_have_text("无法使用麦克风。其他都不受影响。")
        await page.click(act("camera"))
        await expect(page.locator("#camera-note")).to_have_text("无法使用摄像头。其他都不受影响。")
        await expect(page.locator("#position")).to_contain_text("没有定位成功")
        await page.click('[data-phrase="phrase_hiding"]')
        await expect(page.locator("#said .citizen").last).not_to_have_class(re.compile("unsaid"))
        await officer.hears(await first_alarm(officer), "citizen_said")
        alarm = await first_alarm(officer)
        await page.click(act("spot"))
        await page.wait_for_selector("#spot-picture .mine")
        assert await page.locator("#spot-picture text").count() >= 3
        await page.wait_for_selector("#spot-picture.streets .drawn-road", state="attached")
        await expect(page.locator("#spot-picture .invented")).to_have_text("示意地图，街道为虚构")
        await expect(page.locator("#spot-picture .is-road").first).to_have_text(re.compile("[路街]$"))
        for _ in range(2):
            await page.click(act("spot-in"))
        await page.focus("#spot-picture")
        await page.keyboard.press("ArrowUp")
        await page.click(act("spot-east"))
        box = await page.locator("#spot-picture").bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 200, box["y"] + 100)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 100, box["y"] + 100)
        await page.mouse.up()
        await page.click(act("spot-send"))
        told = await officer.hears(alarm, "position_reported")
        position = told["event"]["position"]
        assert (position["source"], position["datum"]) == ("pin", "wgs84")
        assert 0 < position["accuracy_m"] < 500
        [area] = [feature for feature in AREAS if feature["properties"]["id"] == "dadongmen"]
        lon, lat = zip(*area["geometry"]["coordinates"][0], strict=True)
        assert (min(lon) + max(lon)) / 2 < position["lon"] < max(lon)  # to the east of the middle, and north of it
        assert (min(lat) + max(lat)) / 2 < position["lat"] < max(lat)
        await expect(page.locator("#position")).to_contain_text("你在图上指的")
        await page.context.grant_permissions(["geolocation"])
        await page.click(act("position"))
        await page.fill("#place input", "大东门菜市场三楼")
        await page.click(act("place"))
        said = await officer.hears(alarm, "citizen_said")
        assert said["event"]["text"] == "我在：大东门菜市场三楼"
        town.stops_watching(officer)


async def test_without_javascript(town: Town, phone: Phone, fixtures: Path) -> None:
    """A plain form raises an alarm with text and photo, shows the receipt, and comes back for answers."""
    officer = await town.officer("V01")
    async with phone(town.url, script=False) as page:
        await page.fill("[name=text]", "门外有人")
        await page.click('.tool:has([value="threat"])')
        await page.click("#raise .tool:has(:text-is('有人受伤'))")
        await page.click("summary")
        await page.set_input_files("[name=photo]", fixtures / "photo-gps-rotated.jpg")
        await page.locator(act("raise")).click()
        await expect(page.locator("h1")).to_be_visible()
        alarm = officer.alarms[await first_alarm(officer)]
        assert (alarm["category"], alarm["text"]) == ("threat", "门外有人\n有人受伤")
        await expect(page.locator("#code")).to_have_text(alarm["code"])
        await officer.hears(alarm["id"], "media_ready")
        await officer.acknowledges(alarm["id"])
        await officer.asks("ask", alarm=alarm["id"], question="你受伤了吗？")
        await page.click(act("check"))
        await page.click('[data-choice="yes"]')
        answered = await officer.hears(alarm["id"], "question_answered")
        assert answered["event"]["answer"] == "yes"
        await expect(page.locator('[data-step="acknowledged"]')).to_have_class(re.compile("reached"))
        town.stops_watching(officer)
