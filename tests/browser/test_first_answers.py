"""A page of the staff begins also where the line is away just then: what it cannot begin without is asked for again."""

import pytest
from playwright.async_api import Browser

from tests.browser.staff import desk
from tests.flow.town import Town
from tests.nightly import mostly_by_night

CUT = """
const whole = window.fetch;
const asked = new Set();
window.fetch = (what, ...more) => {
  const path = new URL(what, location).pathname;
  if (asked.has(path)) return whole(what, ...more);
  asked.add(path);
  return Promise.reject(new TypeError("NetworkError when attempting to fetch resource."));
};
"""
"""The first time, nothing is answered."""
PAGES = {"/console": "V01", "/supervisor": "S01", "/helper": "H01"}


@pytest.mark.parametrize("page", mostly_by_night(PAGES, by_day=["/helper"]))
async def test_nothing_is_answered_at_first(town: Town, browser: Browser, page: str) -> None:
    """It lives in the end, with no fault that nobody handles; who is signed in is not asked to sign in."""
    role = {"S01": "supervisor", "H01": "helper"}.get(name := PAGES[page], "officer")
    await town.user(name, None if role == "supervisor" else "dadongmen", role)
    async with desk(browser, town, name, page, checked=False, script=CUT) as opened:
        assert opened.url == town.url + page
