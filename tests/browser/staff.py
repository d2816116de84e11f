"""A desk of the staff: a real browser, signed in, its sound checked by pressing the button."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.flow.town import PASSWORD, Town
from tests.process import HubProcess


def act(name: str) -> str:
    return f'[data-act="{name}"]'


@asynccontextmanager
async def desk(
    browser: Browser,
    town: Town | HubProcess,
    name: str,
    path: str = "/console",
    checked: bool = True,
    script: str = "",
    by: str = "",
    timed: bool = False,
    **options: Any,
) -> AsyncIterator[Page]:
    """A page as `name`, who is signed in; at its end, nothing went wrong in it.

    `script` listens in the page before its own runs; `by` is another address of the town, such as that of a line in
    front of it; with `timed` the test can move the page's own time on (`page.clock`), which goes on by itself as well.
    """
    url = by or town.url
    password = PASSWORD if isinstance(town, Town) else town.password
    context = await browser.new_context(
        **{"viewport": {"width": 1280, "height": 800}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai", **options}
    )
    answer = await context.request.post(
        f"{url}/session", data={"user": name, "password": password}, headers={"origin": url}
    )
    assert answer.ok, await answer.text()
    faults: list[str] = []
    if script:
        await context.add_init_script(script)
    page = await context.new_page()
    if timed:
        await page.clock.install()
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    await page.goto(url + path)
    await page.wait_for_selector('[data-live="live"]')
    if checked:
        await checks_sound(page)
    yield page
    assert faults == []
    await context.close()


async def checks_sound(page: Page) -> None:
    if not await page.locator("dialog.sound-check").count():
        await page.click(f".not-ready {act('sound-open')}")
    await page.click(act("sound-check"))
    await page.click(act("sound-heard"))
    await page.wait_for_selector('[data-sound="on"]', state="attached")


async def signs_out(page: Page, url: str) -> None:
    """The sign-in page comes when the sign-in has ended; when that was not confirmed, the page says so and stays."""
    there = page.url
    await page.context.set_offline(True)
    await page.click(act("sign-out"))
    await expect(page.locator("[data-told=bad], footer .fault")).to_contain_text("您可能仍在登录状态")
    assert page.url == there
    await page.context.set_offline(False)
    assert (await page.request.get(f"{url}/session")).status == 200
    await page.click(act("sign-out"))
    await page.wait_for_url("**/sign-in*")
    assert (await page.request.get(f"{url}/session")).status == 401
