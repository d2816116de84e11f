"""Signing in takes one to the page of one's role, and to nowhere else."""

from playwright.async_api import Page, expect

from tests.browser.conftest import Phone
from tests.flow.town import PASSWORD, Town

FOREIGN = ("https://example.org/", "//example.org/", "/\\example.org", "/sign-in")


async def signs_in(page: Page, user: str) -> None:
    await page.fill("[name=user]", user)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")


async def test_to_the_page_of_ones_role(town: Town, phone: Phone) -> None:
    """An officer comes to the console, a supervisor to the supervisor's page, or where a page of ours had sent them.

    A wrong password is told in words, and the right one still works afterwards. An address that names another host, in
    whatever disguise, is not followed.
    """
    await town.user("V01")
    await town.user("S01", None, "supervisor")
    async with phone(f"{town.url}/sign-in?next=/supervisor") as page:
        await page.fill("[name=user]", "V01")
        await page.fill("[name=password]", "not this one")
        await page.click('[data-act="sign-in"]')
        await expect(page.locator("#fault")).to_contain_text("用户名或密码不对")
        for user, wanted, home in (
            ("V01", "?next=/supervisor", "/supervisor"),
            ("V01", "", "/console"),
            ("S01", "", "/supervisor"),
            *(("V01", f"?next={foreign}", "/console") for foreign in FOREIGN),
        ):
            if wanted != "?next=/supervisor":
                await page.goto("about:blank")  # a page that finds itself signed out goes to the sign-in by itself
                await page.context.clear_cookies()
                await page.goto(f"{town.url}/sign-in{wanted}")
            await signs_in(page, user)
            await page.wait_for_url(town.url + home, wait_until="commit")
