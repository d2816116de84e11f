"""What a console knows and shows, taken from its page, and what it ought to show."""

import asyncio
from typing import Any

from playwright.async_api import Page

STORE = 'import("/static/shared/session.js").then(({ store }) => '
# All that the page knows, once it was read to `offset`.
KNOWN = f"""(offset) => {STORE}new Promise((done) => {{
  const all = () => [...store.alarms.peek().values()];
  let stop = () => {{}};
  const look = (streams) => {{
    if ((streams.get("dadongmen")?.position.offset ?? -1) < offset) return;
    queueMicrotask(() => stop());
    done(all());
  }};
  stop = store.streams.subscribe(look);
}}))"""


async def known_to(page: Page, offset: int) -> list[dict[str, Any]]:
    """The alarms that the page has, once it has read its station's stream to `offset`."""
    async with asyncio.timeout(15):
        return list(await page.evaluate(KNOWN, offset))


async def in_list(page: Page) -> list[list[str]]:
    """What stands in the list, from its top down: alarm and status."""
    return list(
        await page.evaluate("""() => [...document.querySelectorAll(".rows [data-alarm]")]
            .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
            .map((one) => [one.dataset.alarm, one.dataset.status])""")
    )


def expected(alarms: dict[str, Any]) -> list[list[str]]:
    """Who waits longest first, then what others have, then what is closed, the latest first."""
    ordered = sorted(alarms.values(), key=lambda alarm: str(alarm["since"]))
    closed = [alarm for alarm in ordered if alarm["status"] == "closed"]
    waits = [alarm for alarm in ordered if alarm["status"] == "raised"]
    others = [alarm for alarm in ordered if alarm["status"] not in ("closed", "raised")]
    return [[alarm["id"], alarm["status"]] for alarm in [*waits, *others, *reversed(closed)]]
