"""A real browser before nginx, over TLS and HTTP/2, and a hub that dies under it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from fujin_client import Officer
from tests.browser.citizen import raises, rung
from tests.browser.conftest import Phone, browser, browsers, phone
from tests.deploy.balanced import Balanced, connections
from tests.patience import PATIENCE_S

__all__ = ["browser", "browsers", "phone"]  # fixtures
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.nightly]


async def test_the_page_goes_on_at_another_hub(behind: Callable[..., Awaitable[Balanced]], phone: Phone) -> None:
    """Sent over TLS by one tap; its hub is killed; what the officer does is shown all the same."""
    both = await behind()
    async with phone(both.url, ignore_https_errors=True) as page:
        await raises(page, "门外有人")
        spoken = await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
        assert spoken == "h2"
        async with asyncio.timeout(PATIENCE_S):
            while sum(connections(hub.port) for hub in both.hubs) != 1:  # the others were kept for requests to come
                await page.evaluate("0")
        theirs = max(both.hubs, key=lambda hub: connections(hub.port))
        os.kill(theirs.pid, signal.SIGKILL)
        theirs.ended()
        async with Officer(both.url, "V01", both.password) as officer:
            await officer.subscribe()
            (alarm,) = officer.alarms
            await officer.acknowledge(alarm)
            await expect(page.locator(rung("acknowledged"))).to_be_visible()
