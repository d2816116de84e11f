"""Phone alerts in a real browser, with a real worker: on, tried, opened, broken in words, and never for the citizen.

A subscription needs the browser vendor's push service, which a test cannot reach: that one call is answered with an
address on loopback, and what the hub sends there is given to the worker by the browser's debugging protocol.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, Worker, expect

from tests.browser.conftest import LISTENER
from tests.browser.staff import act, checks_sound
from tests.browser.test_accessible import findings
from tests.flow.town import PASSWORD, Town
from tests.notify.conftest import ENV
from tests.notify.service import Push, Service, settles
from tests.patience import PATIENCE_S

VENDOR = """
(() => {
  const told = %s;
  let there = null;
  const make = () => ({
    endpoint: told.endpoint, toJSON: () => told,
    unsubscribe: async () => { there = null; return true; },
  });
  PushManager.prototype.getSubscription = async () => there;
  PushManager.prototype.subscribe = async (options) => {
    if (!options.userVisibleOnly || !options.applicationServerKey) throw new Error("no key");
    if (window.noVendor) throw new DOMException("no push service", "AbortError");
    return (there = make());
  };
})();
"""

SHOWN = """() => {
  window.shown = new Promise((done) => {
    navigator.serviceWorker.addEventListener("message", ({ data }) => data.type === "alert-shown" && done());
  });
}"""

CONTROLLED = """new Promise((done) => {
  const look = () => (navigator.serviceWorker.controller ? done() : setTimeout(look, 20));
  look();
})"""


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().serves() as service:
        yield service


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path, env=ENV, watched=True) as town:
        yield town


async def signs_in(page: Page, town: Town, name: str, path: str) -> None:
    answer = await page.context.request.post(
        f"{town.url}/session", data={"user": name, "password": PASSWORD}, headers={"origin": town.url}
    )
    assert answer.ok
    await page.goto(town.url + path)
    await page.wait_for_selector('[data-live="live"]')


async def registration(cdp: CDPSession) -> str:
    """The id of the one worker there is."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def updated(told: dict[str, Any]) -> None:
        for one in told["registrations"]:
            if not one["isDeleted"] and not found.done():
                found.set_result(one["registrationId"])

    cdp.on("ServiceWorker.workerRegistrationUpdated", updated)
    await cdp.send("ServiceWorker.enable")
    return await asyncio.wait_for(found, PATIENCE_S)


async def delivers(cdp: CDPSession, page: Page, number: str, push: Push) -> None:
    """What the browser does when its vendor brings a message: decrypted, to the worker, which has shown it then."""
    await page.evaluate(SHOWN)
    told = {"origin": urlsplit(page.url)._replace(path="", fragment="").geturl(), "registrationId": number}
    await cdp.send("ServiceWorker.deliverPushMessage", {**told, "data": json.dumps(push.says)})
    await page.evaluate("window.shown")


async def shown(worker: Worker, kind: str) -> dict[str, Any]:
    """The notification whose title has `kind`.

    Not to be asked while one is being shown: Chromium forgets what it has written down and does not show yet.
    """
    there: list[dict[str, Any]] = await worker.evaluate(
        """async () => (await registration.getNotifications())
             .map((one) => ({ title: one.title, body: one.body, tag: one.tag, silent: one.silent }))"""
    )
    [found] = [one for one in there if kind in one["title"]]
    return found


@pytest.mark.whole_browser
async def test_alerts_on_a_phone(town: Town, service: Service, browser: Browser, axe: str) -> None:
    """Off, then on; a test closes the loop; an alarm is shown, opened, and taken silently; a dead device is told so.

    The same browser as a citizen: no worker has the page, nothing asks or sounds, though staff alerts are on.
    """
    other = await town.officer("V01")
    await town.user("V02")
    device = service.device()
    service.devices[device.name] = device
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", timezone_id="Asia/Shanghai",
        permissions=["notifications"],
    )  # fmt: skip
    await context.add_init_script(VENDOR % json.dumps(device.subscription))
    page = await context.new_page()
    await signs_in(page, town, "V02", "/console")
    part = page.locator("[data-alerts]")
    await expect(part).to_have_attribute("data-alerts", "off")
    await page.evaluate("window.noVendor = true")
    await page.click(act("alerts-on"))
    await expect(part).to_have_attribute("data-alerts", "broken")
    await expect(part).to_contain_text("中国大陆")
    await page.evaluate("window.noVendor = false")
    await page.click(act("alerts-on"))
    await expect(part).to_have_attribute("data-alerts", "on")

    cdp = await context.new_cdp_session(page)
    number = await registration(cdp)
    [worker] = context.service_workers
    await page.click(act("alerts-test"))
    test = await device.gets()
    await delivers(cdp, page, number, test)
    await expect(page.locator("[data-trial=came]")).to_be_visible()
    assert (await shown(worker, "测试"))["body"] == test.says["body"]
    await checks_sound(page)

    alarm = await town.citizen().raises(text="门外有人")
    push = await device.gets(2)
    await delivers(cdp, page, number, push)
    call = await shown(worker, "有警情")
    assert (call["body"], call["silent"]) == (push.says["body"], False)
    await other.hears(alarm, "alarm_raised", "step_run", "notification_sent", "notification_shown")
    await worker.evaluate(
        """async (tag) => {
             const [notification] = await registration.getNotifications({ tag });
             self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
           }""",
        push.says["tag"],
    )
    await other.hears(alarm, "notification_opened")
    await expect(page.locator(f'[data-alarm-open="{alarm}"]')).to_be_visible()

    await other.acknowledges(alarm)
    await delivers(cdp, page, number, await device.gets(3))
    taken = await shown(worker, "已有人接")
    assert (taken["silent"], taken["tag"]) == (True, push.says["tag"])
    told = await worker.evaluate("async () => (await registration.getNotifications()).map((one) => one.tag)")
    assert told.count(push.says["tag"]) == 1

    device.answers = [410]
    await town.citizen().raises(text="又有人")
    line = page.locator("[data-part=alerts-broken]")
    await expect(line).to_contain_text("已不再接收")
    await line.locator(act("alerts-open")).click()
    await expect(part).to_have_attribute("data-alerts", "broken")
    await page.evaluate(CONTROLLED)  # evaluated, because the page's policy forbids what wait_for_function does
    await never_for_the_citizen(context, town)
    await context.close()
    await town.user("S01", None, "supervisor")
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    page = await context.new_page()
    await signs_in(page, town, "S01", "/supervisor")
    way = page.locator('[data-channels=dadongmen] [data-officer=V02] [data-way="gone"]')
    await expect(way).to_contain_text("已不再接收")
    await page.click(f'.open [data-alarm="{alarm}"]')
    told = page.locator(f'[data-timeline="{alarm}"]')
    await expect(told.locator("[data-event=notification_sent]")).to_contain_text("是否看到尚不知道")
    await expect(told.locator("[data-event=notification_opened]")).to_contain_text("这不是接警")
    await page.keyboard.press("Escape")
    await settles(town)  # the last attempt is written down
    await page.click(act("view-log"))
    await page.click(act("deliveries"))
    rows = page.locator("[data-deliveries=shown] [data-delivery=push]")
    await expect(rows.first).to_contain_text(re.compile("V02.*通知民警.*已不再接收.*HTTP 410", re.DOTALL))
    await expect(rows.last).to_contain_text(re.compile("测试.*对方已收下.*HTTP 201", re.DOTALL))
    assert await rows.count() == 4  # a test, a call, that it was taken, a call in vain
    assert await findings(page, axe) == []
    await page.select_option('[data-deliveries] [data-field="channel"]', "webhook")
    await expect(page.locator("[data-deliveries=shown]")).to_contain_text("还没有发送过")
    await context.close()
    town.stops_watching(other)


async def never_for_the_citizen(context: BrowserContext, town: Town) -> None:
    page = await context.new_page()
    await page.add_init_script(LISTENER)
    await page.goto(town.url + "/")
    await page.click(act("raise"))
    await page.wait_for_selector("[data-step=stored].reached")
    assert await page.evaluate("navigator.serviceWorker.controller") is None
    assert await page.evaluate("window.heard") == []
    scopes = await page.evaluate(
        "navigator.serviceWorker.getRegistrations().then((all) => all.map((one) => new URL(one.scope).pathname))"
    )
    assert scopes == ["/console"]
    await page.close()
