"""A language more is a file more: offered when it is whole, and to nobody while words are missing."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from dispatch import resources
from tests.browser.citizen import RECEIPT, act, alarm_with, first_alarm, opens, rung
from tests.browser.conftest import Phone
from tests.flow.town import Town


@pytest.fixture
async def translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """A town whose pages have a whole third language, written from the right, and half of a fourth.

    The third has a form for two, as English has not.
    """
    web = tmp_path / "web"
    shutil.copytree(resources.web(), web)
    words = json.loads((web / "words" / "citizen.en.json").read_text(encoding="utf-8"))
    later = {key: marked(text) for key, text in words.pop("later").items()}
    told = {key: marked(text) for key, text in words.items()}
    third = {**told, "later": later, "language": "العربية", "direction": "rtl"}
    (web / "words" / "citizen.ar.json").write_text(json.dumps(third), encoding="utf-8")
    (web / "words" / "citizen.mn.json").write_text(json.dumps({"send": "Илгээх"}), encoding="utf-8")
    monkeypatch.setattr(resources, "web", lambda: web)
    async with Town(tmp_path / "town", watched=True) as town:
        yield town


def marked(text: str | dict[str, str]) -> str | dict[str, str]:
    """In the third language: the English in its quotes."""
    return f"«{text}»" if isinstance(text, str) else {"one": "«1»", "two": "«both»", "other": "«{n}»"}


async def test_a_third_language_is_one_file(translated: Town, phone: Phone) -> None:
    """The file alone makes it offered and spoken throughout, from the right; a half one is offered to nobody.

    It counts by its own rules, with JavaScript and without.
    """
    officer, colleague = await translated.officer("V01"), await translated.officer("V02")
    async with phone(f"{translated.url}/?lang=mn") as page:
        await opens(page)
        await expect(page.locator("html")).to_have_attribute("lang", "zh")
        assert await page.locator("#languages a:visible").all_inner_texts() == ["English", "العربية"]
        await page.fill("#raise textarea", "النجدة")
        await page.click(f'{act("language")}[lang="ar"]')
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(page.locator(act("raise"))).to_have_text("«Send»")
        await expect(page.locator("#raise textarea")).to_have_value("النجدة")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.click(act("raise"))
        await page.wait_for_selector(RECEIPT)
        await expect(page.locator("#talk-head")).to_have_text("«Messages»")
        alarm = officer.alarms[await first_alarm(officer)]
        assert alarm["lang"] == "ar"
        for one in (officer, colleague):
            await first_alarm(one)
            await one.shows()
            await translated.clock.advance(1)
        await expect(page.locator(rung("delivered"))).to_contain_text("«both»")
    async with phone(translated.url, script=False, locale="ar-EG") as page:
        await page.click(act("raise"))
        await expect(page.locator("#code")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "ar")
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        for one in (officer, colleague):
            await alarm_with(one, await page.locator("#code").inner_text())
            await one.shows()
            await translated.clock.advance(1)
        await page.click(act("check"))
        await expect(page.locator('[data-step="delivered"]')).to_contain_text("«both»")
        translated.stops_watching(officer)
        translated.stops_watching(colleague)
