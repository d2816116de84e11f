"""What a console knows and shows, taken from its page, and what it ought to show."""

import asyncio
from typing import Any

from playwright.async_api import Page

from tests.flow.people import Officer
from tests.flow.town import Town
from tests.patience import PATIENCE_S

# The page's own instance, whether its modules are built or plain.
STORE = 'import(document.querySelector("script[type=module]").src).then(({ store }) => '
# All that the page knows, and the offset that it has read its station's stream to, once that is at least `offset`.
KNOWN = f"""(offset) => {STORE}new Promise((done) => {{
  let stop = () => {{}};
  const look = (streams) => {{
    const read = streams.get("dadongmen")?.position.offset ?? -1;
    if (read < offset) return;
    queueMicrotask(() => stop());
    done([read, [...store.alarms.peek().values()]]);
  }};
  stop = store.streams.subscribe(look);
}}))"""


async def known_to(page: Page, offset: int = 0) -> tuple[int, list[dict[str, Any]]]:
    """How far the page has read its station's stream, at least to `offset`, and the alarms that it has then."""
    async with asyncio.timeout(PATIENCE_S):
        read, alarms = await page.evaluate(KNOWN, offset)
    return int(read), list(alarms)


async def known_with(town: Town, page: Page, *officers: Officer) -> tuple[int, list[dict[str, Any]]]:
    """The same, at an offset where all these officers are too: what a console confirms is an event for all again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await town.quiet()
            read, alarms = await known_to(page, max(there(officer) for officer in officers))
            if all(there(officer) == read for officer in officers):
                return read, alarms


def there(officer: Officer) -> int:
    """How far the officer has read the station's stream."""
    return int(officer.position["dadongmen"]["offset"])


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
