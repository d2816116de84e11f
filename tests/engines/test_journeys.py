"""Each page from its first screen to its last, in each engine: what the pages promise holds outside Chromium too."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.engines.contrast import contrast
from tests.engines.elsewhere import WORDS, elsewhere
from tests.engines.people import hears_the_tone, presses_for_help, rung, signs_in
from tests.engines.screen import Engine, Screen, act
from tests.flow.town import Town

pytestmark = pytest.mark.nightly

HERE = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 18}
# How many lines something takes.
LINES = """(what) => {
  const one = document.querySelector(what);
  return Math.round(one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight));
}"""
READABLE = 4.5
ROWS = """(what) => {
  const tops = [...document.querySelectorAll(what)].map((one) => Math.round(one.getBoundingClientRect().top));
  return [...new Set(tops)].map((top) => tops.filter((other) => other === top).length);
}"""


async def test_citizen(tmp_path: Path, engine: Engine, fixtures: Path) -> None:
    """Pressed, stored, on a console, seen, taken, on the way, there, with words, a photo and a recording; then left.

    The time above a short word stands in one line. The answers to a question stand in rows of as many. Back does not
    bring the page again.
    """
    async with elsewhere() as away, Town(tmp_path / "t", env={"DISPATCH_CITIZEN_EXIT_URL": away}, watched=True) as town:
        officer = await town.officer("V01")
        town.stops_watching(officer)
        async with engine.opens(500, 844) as page:
            await page.goes(before := f"{away}before")
            await presses_for_help(page, town.url, "有人")
            await page.shows("#said .citizen .words", "有人")
            await officer.has(alarm := await only_alarm(page, officer.alarms))
            await officer.shows()
            await town.fast_forward(2)
            await page.shows(rung("delivered"))
            await officer.asks("seen", alarm=alarm)
            await page.shows(rung("seen"))
            await page.hands(act("photo"), fixtures / "photo-gps-rotated.jpg")
            await page.has("#sent .there", 2)  # a small one, then the full one
            await page.presses(act("record"))
            await page.until("() => /[1-9] 秒/.test(document.querySelector('#sent').textContent)")
            await page.presses(act("record"))
            await page.has("#sent .there", 3)
            await officer.acknowledges(alarm)
            await page.shows(rung("acknowledged"))
            await officer.asks("ask", alarm=alarm, question="门锁了吗？")
            await page.shows("#question-text", "门锁了吗？")
            assert await page.runs(ROWS, "#choices button") == [2, 2]
            await page.presses('[data-choice="yes"]')
            await page.shows("#said .citizen .words", "是")
            await page.writes("#say textarea", "在")
            await page.presses(act("say"))
            await page.shows("#said .citizen:last-child .when", ":")
            assert await page.runs(LINES, "#said .citizen:last-child .when") == 1
            await officer.asks("move", alarm=alarm)
            await page.shows(rung("en_route"))
            await officer.asks("arrive", alarm=alarm)
            await page.shows(rung("on_scene"))
            said = [entry["text"] for entry in officer.alarms[alarm]["talk"].values() if entry["who"] == "citizen"]
            assert said == ["yes", "在"]
            kinds = [item["kind"] for item in officer.alarms[alarm]["media"].values()]
            assert sorted(kinds) == ["audio", "photo", "photo"]
            await page.presses(act("exit"))
            await page.is_at(away)
            await page.shows("body", WORDS)
            await page.runs("() => void setTimeout(() => history.back())")
            await page.is_at(before)


async def only_alarm(page: Screen, alarms: Mapping[str, object]) -> str:
    await page.shows(rung("stored"))
    [alarm] = alarms
    return alarm


async def test_console(town: Town, engine: Engine, fixtures: Path, tmp_path: Path) -> None:
    """Signed in, heard, rung, taken, asked and answered, a photo uncovered, there, closed.

    What a field is for is readable before something stands in it.
    """
    await town.user("V01")
    citizen = town.citizen()
    async with engine.opens(1280, 800) as page:
        await signs_in(page, town, "V01", "/console")
        await hears_the_tone(page)
        await page.has('[data-sound="on"]')
        alarm = await citizen.raises(text="门外有人", position=HERE)
        await page.has('html[data-ringing="true"]')
        headers = {**citizen.headers, "content-type": "image/jpeg", "x-media-kind": "photo"}
        photo = (fixtures / "photo-gps-rotated.jpg").read_bytes()
        await citizen.http.put(f"/alarms/{alarm}/media/p1/0", content=photo, headers=headers)
        await citizen.http.post(
            f"/alarms/{alarm}/media/p1", json={"kind": "photo", "chunks": 1}, headers=citizen.headers
        )
        await page.presses(f'[data-alarm="{alarm}"]')
        await page.presses(act("ack"))
        await page.has('html[data-ringing="false"]')
        assert await contrast(page, act("write"), tmp_path / "write.png") >= READABLE
        await page.presses('[data-question="weapon"]')
        await page.shows("[data-alarm-open]", "等待回答")
        asked = (await citizen.sees())["question"]
        await citizen.does("answer", question=asked["question"], answer="danger_now")
        await page.shows('[data-said="citizen"]', "现在")
        await page.writes(act("write"), "请锁好门")
        await page.presses(act("say"))
        await page.shows(".officer:not(.sending)", "请锁好门")
        assert (await citizen.sees())["talk"][-1]["text"] == "请锁好门"
        await page.presses(f"[data-media=p1] {act('reveal')}")
        await page.until("() => document.querySelector('[data-media=p1] .large')?.naturalWidth > 320")
        await page.presses(act("move"))
        await page.presses(act("arrive"))
        await page.presses(act("close"))
        await page.presses('[data-field="handled"]')
        await page.presses(act("form-send"))
        await page.shows(act("undo_close"))
        assert (await citizen.ladder())[-3:] == ["en_route", "on_scene", "closed"]


async def test_supervisor(town: Town, engine: Engine) -> None:
    """What waits and for how long, one alarm's story, the log and its filter, that nobody changed it, and now again."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    await town.user("S01", None, "supervisor")
    async with engine.opens(1280, 800) as page:
        await signs_in(page, town, "S01", "/supervisor")
        alarm = await town.citizen().raises(text="门外有人")
        await page.shows(f'.open [data-alarm="{alarm}"] .countdown', "秒")
        await officer.acknowledges(alarm)
        await page.has(f'.open [data-alarm="{alarm}"][data-status="acknowledged"]')
        await page.presses(f'.open [data-alarm="{alarm}"]')
        await page.shows(f'[data-timeline="{alarm}"] [data-event]', "V01")
        await page.presses(act("log-only"))
        await page.shows('tr[data-event="alarm_raised"]')
        await page.chooses('[data-filter="type"]', "alarm_acknowledged")
        await page.has("tr[data-event]")
        await page.presses(act("verify"))
        await page.has('[data-verdict="dadongmen"][data-ok="true"]')
        await page.presses(act("view-now"))
        await page.shows(f'.open [data-alarm="{alarm}"]')


async def test_helper(town: Town, engine: Engine) -> None:
    """On watch, called, shown roughly where, accepted, shown exactly where, done.

    A map that is not there takes nothing away: the page stays, on watch, and beside it stand the numbers to copy.
    """
    officer = await town.officer("V01")
    town.stops_watching(officer)
    await town.user("H01", role="helper")
    async with engine.opens(390, 844) as page:
        await signs_in(page, town, "H01", "/helper")
        await page.presses(act("watch-on"))
        await hears_the_tone(page)
        await page.until("() => ['shared', 'no_place'].includes(document.querySelector('.watch').dataset.watch)")
        alarm = await town.citizen().raises(text="门外有人", position=HERE)
        await officer.acknowledges(alarm)
        await officer.asks("call_helpers", alarm=alarm, tasks=["look_and_report"])
        await page.shows('[data-call][data-state="called"]')
        for state in ("called", "accepted"):
            await page.has(f'[data-call][data-state="{state}"]')
            await page.presses(f"[data-call] {act('copy-position')}")
            await page.until("() => document.querySelector('[data-act=copy-position]').textContent.includes('已')")
            await page.presses(f"[data-call] {act('map')}")
            await page.only()
            assert await page.runs("() => location.pathname") == "/helper"
            if state == "called":
                await page.presses(act("accept"))
        await page.shows('[data-part="wgs84"]', "41.803120, 123.465870")
        await page.presses(act("done"))
        await page.shows('[data-part="over"]')
        await page.presses(act("watch-off"))
        await page.has('[data-watch="off"]')


async def test_loaded_again_and_again(town: Town, engine: Engine) -> None:
    """Whoever loads a page anew while it loads has it in the end, where it was; nothing goes wrong in it on the way."""
    await town.user("S01", None, "supervisor")
    await town.user("H01", role="helper")
    for name, home in (("S01", "/supervisor"), ("H01", "/helper")):
        async with engine.opens(1280, 800) as page:
            await signs_in(page, town, name, home)
            for _ in range(8):
                await page.runs("() => void setTimeout(() => location.reload())")
                await page.until("() => document.readyState !== 'loading'")
            await page.is_at(town.url + home)
            await page.has('[data-live="live"]')
