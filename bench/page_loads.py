"""`python -m bench.page_loads`: what each page asks for and how long until it lives, first and again, on slow lines.

A real hub and Chromium, whose network is slowed down by its own means (requests and answers; no packet is lost). Not
for TLS. Never judges anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from bench.browser import chromium
from bench.hub import Hub, workplace
from bench.report import head, line, machine, table

_MOST_MS = 120_000
# By the page's own clock, when what is looked for stands on it.
_STOPWATCH = """new MutationObserver((_, observer) => {
  if (!document.querySelector(%s)) return;
  window.lives = performance.now();
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });"""
# page -> (who opens it, what stands on it when it lives)
PAGES = {
    "/": ("", "html.js"),
    "/sign-in": ("", "#sign-in"),
    "/console": ("officer", '[data-live="live"]'),
    "/supervisor": ("supervisor", '[data-live="live"]'),
    "/helper": ("helper", '[data-live="live"]'),
}
# name -> (round trip in ms, kbit/s); no limits for the first
LINES = {"none": (0, 0), "slow 3G": (400, 400), "50 kbit/s": (100, 50), "50 kbit/s, far": (400, 50)}


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.page_loads", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    program = chromium()
    about = machine(chosen.data)
    head(about, "each page first and again, without limits and on slow lines")
    with workplace(chosen.data) as place:
        hub = Hub(place / "data")
        await asyncio.to_thread(hub.start)
        try:
            rows = (hub.data / "demo-sign-ins.txt").read_text("utf-8").splitlines()
            users = {role: (name, password) for name, password, role, _ in map(str.split, rows, ["\t"] * len(rows))}
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                found = [
                    row
                    for path, (role, selector) in PAGES.items()
                    for name, (round_trip, kbit) in LINES.items()
                    for row in await _loads(browser, hub.url, path, users.get(role), selector, name, round_trip, kbit)
                ]
                await browser.close()
        finally:
            await asyncio.to_thread(hub.stop)
    columns = ("page", "line", "load", "requests", "kB", "first words, s", "lives, s")
    table(columns, [[str(row[name]) for name in columns] for row in found])
    if chosen.json:
        line(about, {}, {"results": found})
    return 0


async def _loads(
    browser: Browser, url: str, path: str, user: tuple[str, str] | None, selector: str, name: str, round_trip: int,
    kbit: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """The first load on a device and the next one."""
    context = await browser.new_context(locale="zh-CN")
    if user:
        sign_in = {"user": user[0], "password": user[1]}
        answer = await context.request.post(f"{url}/session", data=sign_in, headers={"origin": url})
        if not answer.ok:
            raise RuntimeError(await answer.text())
    found = []
    for load in ("first", "again"):
        page = await context.new_page()
        debugger = await context.new_cdp_session(page)
        seen = await _listen(debugger)
        rate = kbit * 125 if kbit else -1
        await debugger.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": round_trip, "downloadThroughput": rate, "uploadThroughput": rate},
        )
        lives, words = await _open(page, url + path, selector)
        asked = [one for one in seen.values() if not one["kept"]]
        size = sum(one["bytes"] for one in asked) / 1000
        row = [path, name, load, len(asked), round(size, 1), round(words / 1000, 1), round(lives / 1000, 1)]
        found.append(
            dict(zip(("page", "line", "load", "requests", "kB", "first words, s", "lives, s"), row, strict=True))
        )
        await page.close()
    await context.close()
    return found


async def _listen(debugger: CDPSession) -> dict[str, dict[str, Any]]:
    """What the page asks the network for, sockets too; what it had already is marked as kept."""
    seen: dict[str, dict[str, Any]] = {}

    def one(event: dict[str, Any]) -> dict[str, Any]:
        return seen.setdefault(event["requestId"], {"kept": False, "bytes": 0})

    def begun(event: dict[str, Any]) -> None:
        one(event)

    def answered(event: dict[str, Any]) -> None:
        one(event)["kept"] |= bool(event["response"].get("fromDiskCache"))

    debugger.on("Network.requestWillBeSent", begun)
    debugger.on("Network.webSocketCreated", begun)
    debugger.on("Network.requestServedFromCache", lambda event: one(event).update(kept=True))
    debugger.on("Network.responseReceived", answered)
    debugger.on("Network.loadingFinished", lambda event: one(event).update(bytes=event["encodedDataLength"]))
    await debugger.send("Network.enable")
    return seen


async def _open(page: Page, address: str, selector: str) -> tuple[float, float]:
    """Milliseconds until it lives and until its first words were on the screen, by the page's own clock."""
    await page.add_init_script(_STOPWATCH % json.dumps(selector))
    await page.goto(address, wait_until="commit", timeout=_MOST_MS)
    await page.wait_for_selector(selector, state="attached", timeout=_MOST_MS)
    await page.wait_for_load_state("networkidle", timeout=_MOST_MS)
    words = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
    return float(await page.evaluate("window.lives")), float(await page.evaluate(words))


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
