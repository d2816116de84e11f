"""What stands between page and hub may say no, the hub never did: the whole alarm is sent again, as pressed (P1)."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.citizen import RECEIPT, act, first_alarm, opens
from tests.browser.conftest import Phone
from tests.flow.town import Town
from tests.patience import PATIENCE_S

TEXT = "他在外面"
FILTERED = {"status": 403, "content_type": "text/html", "body": "<h1>Blocked</h1>"}
SIGN_IN = {"status": 200, "content_type": "text/html", "body": "<h1>Welcome to the hotel</h1>"}
NOTHING = {"status": 200, "body": ""}
OTHERS = {"status": 200, "content_type": "application/json", "body": '{"status": "ok"}'}
TOO_MUCH = {"status": 413, "content_type": "application/json", "body": '{"error": "too large"}'}
GONE = {"status": 404, "content_type": "text/plain", "body": "404"}


async def blocks(page: Page, *answers: dict[str, object]) -> list[str]:
    """Something lets no socket through, and answers the first raises itself; what was sent to it."""
    sent: list[str] = []

    async def answer(route: Route) -> None:
        if len(sent) < len(answers):
            sent.append(route.request.post_data or "")
            await route.fulfill(**answers[len(sent) - 1])  # type: ignore[arg-type]
        else:
            sent.append(route.request.post_data or "")
            await route.continue_()

    await page.route_web_socket("**/ws/alarm", lambda socket: socket.close(code=4503))
    await page.route("**/alarms", answer)
    return sent


async def test_it_says_refused_and_how_else(town: Town, phone: Phone) -> None:
    """While something refuses it the page says that, with the other ways at once; never that there is no connection."""
    async with phone("about:blank") as page:
        await blocks(page, *[FILTERED] * 1000)
        await page.goto(town.url)
        await opens(page)
        await page.click(act("raise"))
        await expect(page.locator("#now-head")).to_have_text("还没有被接收")
        await expect(page.locator("#ways")).to_be_visible()


@pytest.mark.parametrize("act_name", ["raise", "practice"])
async def test_the_whole_is_sent_again(town: Town, phone: Phone, act_name: str) -> None:
    """A filter's page, a hotel's sign-in page, nothing, others' JSON: then what is stored is all that was pressed."""
    officer = await town.officer("V01")
    answers = [FILTERED, SIGN_IN, NOTHING, OTHERS, TOO_MUCH, GONE]
    async with phone("about:blank") as page:
        await page.clock.install()
        sent = await blocks(page, *answers)
        await page.goto(town.url)
        await opens(page)
        await page.fill("#raise textarea", TEXT)
        await page.click(act("more"))
        await page.fill("#raise [name=place]", "三楼")
        await page.click(act(act_name))
        async with asyncio.timeout(PATIENCE_S):
            while len(sent) <= len(answers):  # it waits longer after each
                await page.clock.run_for(1000)
        alarm = await first_alarm(officer)
        await page.wait_for_selector(RECEIPT)
        assert len(set(sent)) == 1, "each time the same"
        assert len(sent) > len(answers)
        shown = officer.alarms[alarm]
        kind = {"raise": "alarm"}.get(act_name, act_name)
        assert (shown["kind"], shown["text"], shown["place"]) == (kind, TEXT, "三楼")
        town.stops_watching(officer)
