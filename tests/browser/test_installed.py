"""Where the page may be installed: it opens without a network, keeps only its shell, and the exit clears that."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.citizen import RECEIPT, act, elsewhere, leaves_nothing, left, left_behind, opens
from tests.browser.conftest import Phone
from tests.flow.town import Town

# As a browser says it of a page that was opened from the home screen.
STANDALONE = """(() => {
  const asked = matchMedia.bind(window);
  window.matchMedia = (query) => (query === "(display-mode: standalone)" ? { matches: true } : asked(query));
})()"""


@pytest.fixture
async def installable(tmp_path: Path) -> AsyncIterator[Town]:
    async with Town(tmp_path, env={"DISPATCH_CITIZEN_INSTALL": "true"}, watched=True) as town:
        yield town


async def nothing_left(page: Page, town: Town) -> None:
    """Looked at from an address of the same origin that has no script of ours."""
    await page.goto(f"{town.url}/healthz")
    await leaves_nothing(page)


async def test_off_unless_a_deployment_wants_it(town: Town) -> None:
    """By default there is no manifest, and no file for a worker to keep (in a page: `test_leaving.py`)."""
    async with httpx.AsyncClient(base_url=town.url) as http:
        assert (await http.get("/manifest.webmanifest")).status_code == 404
        assert '{"version":"","files":[]}' in (await http.get("/shell.js")).text


async def test_installed_it_opens_without_a_network_and_the_exit_clears_it(installable: Town, phone: Phone) -> None:
    """Opened from the home screen: only the shell is kept, an alarm pressed offline goes out once, the exit clears.

    The manifest is neutral; a page in a tab says what installing leaves, and itself keeps nothing.
    """
    async with httpx.AsyncClient(base_url=installable.url) as http:
        about = (await http.get("/manifest.webmanifest?lang=en")).json()
        assert (about["name"], about["display"]) == ("Weather", "standalone")
        icon = await http.get(about["icons"][0]["src"])
        assert icon.content.startswith(b"\x89PNG")
    officer = await installable.officer("V01")
    async with phone(installable.url) as page:
        await opens(page, whole=True)
        assert await left_behind(page) == []
        await page.click(act("more"))
        await expect(page.locator("[data-word=install_note]")).to_be_visible()
        await elsewhere(page)
        await page.context.add_init_script(STANDALONE)
        await page.reload()
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        kept = await page.evaluate(
            """async () => {
              const paths = [];
              for (const name of await caches.keys()) {
                for (const { url } of await (await caches.open(name)).keys()) paths.push(url.replace(origin, ""));
              }
              const shell = await (await caches.match("/?shell")).text();
              return [paths, /name="(id|secret|pin)"/.test(shell)];
            }"""
        )
        assert kept[1] is False
        assert [path for path in kept[0] if not path.startswith(("/static/", "/words/", "/?shell"))] == []
        await page.context.set_offline(True)
        await page.reload()
        await page.wait_for_selector("html.js")
        await page.fill("#raise textarea", "地下室没有信号")
        await page.click(act("raise"))
        await expect(page.locator("#now-head")).to_have_text("还没有发送")
        await page.context.set_offline(False)
        await page.wait_for_selector(RECEIPT)
        assert len(officer.alarms) == 1
        await page.click(act("exit"))
        await left(page)
        await nothing_left(page, installable)
        installable.stops_watching(officer)
