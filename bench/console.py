"""`python -m bench.console`: how smoothly the officer's page draws 500 open alarms while 20 things a second happen.

A real hub and Chromium. Frames are counted in the page itself; see the README here. Never judges anything but losses.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright

from bench.backlog import Maker, Wanted, town
from bench.browser import chromium
from bench.hub import Hub, workplace
from bench.load import STATION, Console, Consoles
from bench.report import figures, head, line, machine, say, table
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore

_ROW_PX = 76
# By the page's own clock: from one frame to the next, tasks of more than 50 ms, and the rows that are in the page.
_RECORDER = """async (ms) => {
  const frames = [], tasks = [];
  let rows = 0, last = 0;
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)));
  observer.observe({ type: "longtask" });
  const end = performance.now() + ms;
  await new Promise((done) => {
    const frame = (now) => {
      if (last) frames.push(now - last);
      last = now;
      rows = Math.max(rows, document.querySelectorAll(".rows [data-alarm]").length);
      if (now < end) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  observer.disconnect();
  return { frames, tasks, rows };
}"""
_STORE = 'import(document.querySelector("script[type=module]").src).then(({ store }) => '
_OFFSET = f"""() => {_STORE}
  Object.values(store.positions()).reduce((sum, position) => sum + position.offset, 0))"""


async def main() -> int:
    """Measure and print; 1 when the page missed an event."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, default=500, dest="open_alarms", help="alarms that nobody took (500)")
    parser.add_argument("--rate", type=float, default=20, help="changes a second (20)")
    parser.add_argument("--seconds", type=float, default=10, help="of each row of the table (10)")
    parser.add_argument("--slower", type=float, action="append", help="the page's CPU slowed down so often; 1 and 4")
    parser.add_argument("--seed", type=int, default=1, help="decides what happens to which alarm (1)")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    program = chromium()

    about = machine(chosen.data)
    head(about, f"one console, 1440 x 900, {chosen.open_alarms} open alarms, {chosen.rate:g} changes a second")
    with workplace(chosen.data) as place:
        config, settings = town(place / "config", 3600)
        embedded = EmbeddedStore(place / "data" / "store")
        await asyncio.to_thread(embedded.start)
        redis = store.connect(embedded.url, "bench")
        await Maker(redis, settings).open_ones([Wanted(STATION, datetime.now(UTC))] * chosen.open_alarms)
        await redis.aclose()
        await asyncio.to_thread(embedded.leave)
        hub = Hub(place / "data", config)
        await asyncio.to_thread(hub.start)
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                about["browser"] = f"Chromium {browser.version}, headless"
                found = await _measure(await browser.new_page(viewport={"width": 1440, "height": 900}), hub, chosen)
                await browser.close()
        finally:
            await asyncio.to_thread(hub.stop)
    _print(found, about["browser"])
    if chosen.json:
        line(about, {**vars(chosen), "slower": str(chosen.slower or "")}, {"results": found})
    missed = sum(each["missed"] for each in found)
    if missed:
        print(f"The page missed {missed} events.", file=sys.stderr)
    return 1 if missed else 0


async def _measure(page: Page, hub: Hub, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A row of figures for each slowness, and before them one in which nothing happens."""
    name, password, _ = next(each for each in hub.officers() if each[2] == STATION)
    answer = await page.request.post(
        f"{hub.url}/session", data={"user": name, "password": password}, headers={"origin": hub.url}
    )
    if not answer.ok:
        raise RuntimeError(await answer.text())
    await page.goto(f"{hub.url}/console")
    for act in ("sound-check", "sound-heard"):
        await page.click(f'[data-act="{act}"]')
    rows = page.locator(".rows")
    await rows.locator("[data-alarm]").first.click()
    height = await rows.evaluate("one => one.scrollHeight")
    if height < chosen.open_alarms * _ROW_PX:
        raise RuntimeError(f"the list has not all of the alarms: it is {height} px high")
    alarms: list[str] = await page.evaluate(f"{_STORE}[...store.alarms.peek().keys()])")

    consoles = Consoles(lambda console, alarm, now: None)
    (worker,) = await consoles.open(hub.url, (await asyncio.to_thread(hub.cookies, STATION, 2))[1:], STATION)
    debugger = await page.context.new_cdp_session(page)
    changes = Changes(worker, alarms, random.Random(chosen.seed))
    await _quiet(worker)
    steps = [(0.0, 1.0), *((chosen.rate, slower) for slower in chosen.slower or (1, 4))]
    found = [await _step(page, debugger, changes, rate, slower, chosen.seconds) for rate, slower in steps]
    await consoles.shut()
    if consoles.faults:
        raise RuntimeError(f"the hub refused: {consoles.faults[:3]}")
    return found


class Changes:
    """What an officer does at another console: writes, and every fourth time takes an alarm; its row moves then."""

    def __init__(self, worker: Console, alarms: list[str], chance: random.Random) -> None:
        self.worker = worker
        self._alarms = alarms
        self._waiting = chance.sample(alarms, len(alarms))
        self._chance = chance
        self._done = 0

    def next(self) -> None:
        self._done += 1
        ref = self.worker.ref()
        if self._done % 4 == 0 and self._waiting:
            self.worker.send({"type": "ack", "ref": ref, "alarm": self._waiting.pop()})
        else:
            alarm = self._chance.choice(self._alarms)
            self.worker.send({"type": "say", "ref": ref, "alarm": alarm, "text": "请锁好门，我们在路上"})


async def _quiet(worker: Console) -> None:
    """Until a second long nothing happens: at first every alarm is marked as delivered to these consoles."""
    last = -1
    while last != worker.last:
        last = worker.last
        await asyncio.sleep(1)


async def _step(
    page: Page, debugger: CDPSession, changes: Changes, rate: float, slower: float, seconds: float
) -> dict[str, Any]:
    say(f"{rate:g} changes a second, CPU {slower:g} times slower")
    await debugger.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    before = changes.worker.last
    recording = asyncio.ensure_future(page.evaluate(_RECORDER, seconds * 1000))
    asked, began = 0, monotonic()
    while rate and not recording.done():
        changes.next()
        asked += 1
        await asyncio.sleep(max(0.0, began + asked / rate - monotonic()))
    seen = await recording
    took = monotonic() - began
    await debugger.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    await asyncio.sleep(1)  # what is still on its way to either
    missed = changes.worker.last - int(await page.evaluate(_OFFSET))
    times = figures(seen["frames"])
    return {
        "slower": slower, "events": changes.worker.last - before, "rate": (changes.worker.last - before) / took,
        "frames": len(seen["frames"]), "p50": times.p50, "p99": times.p99, "worst": times.worst, "rows": seen["rows"],
        "long_tasks": len(seen["tasks"]), "longest_task": max(seen["tasks"], default=0.0), "missed": abs(missed),
    }  # fmt: skip


def _print(found: list[dict[str, Any]], browser: str) -> None:
    print(f"{browser}; a display of 60 Hz draws every 16.7 ms\n")
    columns = ("CPU slowed down", "events/s", "frames", "p50 ms", "p99 ms", "worst ms", "tasks over 50 ms",
               "longest ms", "rows in the page, most")  # fmt: skip
    table(columns, [
        (f"{each['slower']:g}", f"{each['rate']:.1f}", str(each["frames"]), f"{each['p50']:.1f}", f"{each['p99']:.1f}",
         f"{each['worst']:.1f}", str(each["long_tasks"]), f"{each['longest_task']:.0f}", str(each["rows"]))
        for each in found
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
