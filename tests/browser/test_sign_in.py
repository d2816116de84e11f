"""Signing in takes one to the page of one's role, and to nowhere else."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Phone
from tests.flow.town import PASSWORD, Town


@pytest.mark.parametrize(
    ("role", "station", "home"), [("officer", "dadongmen", "/console"), ("supervisor", None, "/supervisor")]
)
async def test_to_the_page_of_ones_role(town: Town, phone: Phone, role: str, station: str | None, home: str) -> None:
    """An officer comes to the console, a supervisor to the supervisor's page; Back does not show the form again."""
    await town.user("V01", station, role)
    async with phone(f"{town.url}/sign-in") as page:
        await page.fill("[name=user]", "V01")
        await page.fill("[name=password]", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(town.url + home)


async def test_a_wrong_password_is_said(town: Town, phone: Phone) -> None:
    """A wrong password is told in words, and the right one still works afterwards."""
    await town.user("V01")
    async with phone(f"{town.url}/sign-in?next=/supervisor") as page:
        await page.fill("[name=user]", "V01")
        await page.fill("[name=password]", "not this one")
        await page.click('[data-act="sign-in"]')
        await expect(page.locator("#fault")).to_contain_text("用户名或密码不对")
        await page.fill("[name=password]", PASSWORD)
        await page.click('[data-act="sign-in"]')
        await page.wait_for_url(f"{town.url}/supervisor")


@pytest.mark.parametrize("foreign", ["https://example.org/", "//example.org/", "/\\example.org", "/sign-in"])
async def test_never_to_a_foreign_page(town: Town, phone: Phone, foreign: str) -> None:
    """An address that names another host, in whatever disguise, is not followed."""
    await town.user("V01")
    async with phone(f"{town.url}/sign-in?next={foreign}") as page:
        await page.fill("[name=user]", "V01")
        await page.fill("[name=password]", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(re.escape(town.url) + "/console$"))
