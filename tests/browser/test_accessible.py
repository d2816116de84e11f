"""No page keeps anybody out: axe has no serious finding in either language."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Phone
from tests.flow.town import Town

BAD = ("serious", "critical")


@pytest.fixture
def axe(node_modules: Path) -> str:
    return (node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def findings(page: Page, axe: str) -> list[Any]:
    await page.evaluate(axe)  # as a debugger would, past the page's own policy
    found: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found["violations"]
        if fault["impact"] in BAD
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_citizen(town: Town, phone: Phone, axe: str, lang: str, scheme: str) -> None:
    """The form with everything open, and the story after it was sent."""
    async with phone(f"{town.url}/?lang={lang}", color_scheme=scheme) as page:
        await page.wait_for_selector("html.js")
        await page.click('[data-act="more"]')
        assert await findings(page, axe) == []
        await page.click('[data-act="raise"]')
        await page.wait_for_selector("#receipt:not([hidden])")
        await town.fast_forward(16)
        await page.wait_for_selector("#ways:not([hidden])")
        for act in ("cancel-open", "keep-open"):
            await page.click(f'[data-act="{act}"]')
        assert await findings(page, axe) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_sign_in(town: Town, phone: Phone, axe: str, lang: str) -> None:
    """The sign-in page, also with its fault shown."""
    async with phone(f"{town.url}/sign-in?lang={lang}") as page:
        await page.wait_for_load_state("networkidle")
        await page.click('[data-act="sign-in"]')
        await page.wait_for_selector("#fault:not([hidden])")
        assert await findings(page, axe) == []
