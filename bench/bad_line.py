"""`python -m bench.bad_line`: from the press to the receipt in a real browser on a line of 20 kbit/s, 2 s, 10 % loss.

A real hub, Chromium, the kernel's TCP at both ends, and packets that are really dropped (bench.lossy). Not for TLS:
the hub is reached plainly, and what a handshake adds is said in bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from bench import report
from bench.browser import chromium
from bench.hub import Hub, workplace
from bench.lossy import HERE, Quality, Wire, enter, wire

WITHIN_S = 10
_TEXT = "有人在敲我的门，我躲在卧室里，不能说话"
_MOST_S = 90
# By the page's own clock: from the press until "stored" stands on it.
_STOPWATCH = """() => {
  document.querySelector('[data-act="raise"]').addEventListener("click", () => (window.pressed = performance.now()));
  new MutationObserver(() => {
    const shown = document.querySelector('#ladder [data-step="stored"].reached');
    if (shown) window.took ??= performance.now() - window.pressed;
  }).observe(document.body, { subtree: true, attributes: true });
}"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.bad_line", description=__doc__)
    parser.add_argument("--presses", type=int, default=40, help="alarms, one after another")
    parser.add_argument("--loads", type=int, default=3, help="first loads of the page over the bad line")
    parser.add_argument("--kbit-s", type=float, default=20, help="each way")
    parser.add_argument("--round-trip", type=float, default=2, metavar="S")
    parser.add_argument("--loss", type=float, default=10, metavar="PERCENT", help="of the packets, each way")
    parser.add_argument("--seed", type=int, default=1, help="decides which packets are dropped")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args()
    enter()
    return asyncio.run(_measure(chosen))


async def _measure(chosen: argparse.Namespace) -> int:
    about = report.machine(chosen.data)
    bad = Quality(chosen.kbit_s * 1000, chosen.round_trip, chosen.loss / 100)
    line = (
        f"{chosen.kbit_s:g} kbit/s, {chosen.round_trip:g} s round trip, {chosen.loss:g} % of packets dropped each way"
    )
    report.head(about, f"one phone on a line of {line}; seed {chosen.seed}")
    with workplace(chosen.data) as folder, wire(chosen.seed) as (carrier, far):
        hub = Hub(folder, settings={"DISPATCH_SERVE_HOST": "0.0.0.0"})
        hub.start()
        try:
            address = hub.url.replace("127.0.0.1", HERE)
            async with _browser(far) as browser:
                loads = [await _load(browser, address, carrier, bad) for _ in range(chosen.loads)]
                presses = await _press(browser, address, carrier, bad, chosen.presses)
            stored = hub.log.count('"event":"alarm_raised"')
        finally:
            hub.stop()
    return _say(about, chosen, loads, presses, stored)


@contextlib.asynccontextmanager
async def _browser(far: Sequence[str]) -> AsyncIterator[Browser]:
    """Chromium at the far end of the line; it is steered through pipes, which the line does not touch."""
    program = chromium()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "chromium"
        script.write_text(f'#!/bin/sh\nexec {" ".join(far)} {program} "$@"\n')
        script.chmod(0o755)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=str(script), args=["--no-sandbox", "--disable-background-networking"]
            )
            try:
                yield browser
            finally:
                await browser.close()


async def _load(browser: Browser, address: str, carrier: Wire, bad: Quality) -> tuple[float, float]:
    """Seconds of a first load over the bad line, until the form is seen, and until the modules have taken it over."""
    carrier.quality = bad
    context = await browser.new_context(locale="zh-CN")
    try:
        page = await context.new_page()
        began = time.monotonic()
        await page.goto(address, wait_until="commit", timeout=_MOST_S * 1000)
        await page.wait_for_function("() => performance.getEntriesByType('paint').length", timeout=_MOST_S * 1000)
        seen = time.monotonic() - began
        await page.wait_for_selector("html.js", timeout=_MOST_S * 1000)
        took = time.monotonic() - began
        report.say(f"the form seen after {seen:.1f} s, its modules after {took:.1f} s")
        return seen, took
    except Exception as fault:
        report.say(f"not loaded within {_MOST_S} s ({type(fault).__name__})")
        return float("inf"), float("inf")
    finally:
        await context.close()


async def _press(browser: Browser, address: str, carrier: Wire, bad: Quality, wanted: int) -> list[dict[str, Any]]:
    """Pages are opened over the line as long as it is but without losses; then it is bad, and they press in turn."""
    presses: list[dict[str, Any]] = []
    while len(presses) < wanted:
        carrier.quality = Quality(0, bad.round_trip_s, 0)
        contexts = [await browser.new_context(locale="zh-CN") for _ in range(min(5, wanted - len(presses)))]
        pages = await asyncio.gather(*[_opened(await context.new_page(), address) for context in contexts])
        carrier.quality = bad
        for context, page in zip(contexts, pages, strict=True):
            before = [*carrier.carried, *carrier.dropped]
            await page.click('[data-act="raise"]')
            await page.wait_for_function("() => window.took !== undefined", timeout=_MOST_S * 1000)
            took = await page.evaluate("window.took") / 1000
            moved = [now - then for now, then in zip([*carrier.carried, *carrier.dropped], before, strict=True)]
            presses.append({"s": took, "down": moved[0], "up": moved[1], "dropped": moved[2] + moved[3]})
            report.say(
                f"confirmed after {took:.2f} s, {moved[1]} bytes up, {moved[0]} down, {moved[2] + moved[3]} dropped"
            )
            await context.close()
    return presses


async def _opened(page: Page, address: str) -> Page:
    open_line = page.wait_for_event("websocket", timeout=_MOST_S * 1000)
    waiting = asyncio.ensure_future(open_line)
    await page.goto(address, timeout=_MOST_S * 1000)
    await page.wait_for_selector("html.js", timeout=_MOST_S * 1000)
    socket = await waiting
    await socket.wait_for_event("framereceived", timeout=_MOST_S * 1000)  # a beat: the line is open
    await page.fill("#raise textarea", _TEXT)
    await page.evaluate(_STOPWATCH)
    return page


def _say(
    about: dict[str, str],
    chosen: argparse.Namespace,
    loads: list[tuple[float, float]],
    presses: list[dict[str, Any]],
    stored: int,
) -> int:
    """1 when an alarm was lost or doubled."""
    times = [each["s"] for each in presses]
    found = report.figures(times)
    within = sum(took <= WITHIN_S for took in times) / len(times)
    rows = [
        ("presses", f"{len(times)}"),
        ("confirmed, p50", f"{found.p50:.2f} s"),
        ("confirmed, worst", f"{found.worst:.2f} s"),
        (f"confirmed within {WITHIN_S} s", f"{within:.0%}"),
        ("bytes up, median", f"{report.figures(each['up'] for each in presses).p50:.0f}"),
        ("bytes down, median", f"{report.figures(each['down'] for each in presses).p50:.0f}"),
        ("alarms stored", f"{stored}"),
        (f"first load, the form seen, p50 of {len(loads)}", f"{report.figures(seen for seen, _ in loads).p50:.1f} s"),
        ("first load, its modules", f"{report.figures(took for _, took in loads).p50:.1f} s"),
    ]
    report.table(("what", "figure"), rows)
    if chosen.json:
        options = {name: value for name, value in vars(chosen).items() if name != "json"}
        report.line(about, options, {"presses": presses, "loads_s": loads, "within": within, "stored": stored})
    return 0 if stored == len(times) else 1


if __name__ == "__main__":
    sys.exit(main())
