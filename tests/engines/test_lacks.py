"""What an engine lacks is said on the page, in words, where it matters: in the engines themselves (F1, F2)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.firefox import firefox
from tests.engines.people import presses_for_help, signs_in
from tests.engines.screen import act
from tests.engines.webkit import WebKit
from tests.flow.town import Town

pytestmark = pytest.mark.nightly


async def test_firefox_without_a_sound_output(
    town: Town, around: dict[str, str], program: Callable[..., str], tmp_path: Path
) -> None:
    """Nothing is plugged in: the officer and the helper are told so, and neither is asked what they heard."""
    await town.user("V01")
    await town.user("H01", role="helper")
    away = {**around, "PULSE_SERVER": "unix:/nowhere"}
    async with firefox(program("firefox-esr", "firefox"), away, tmp_path / "profile") as engine:
        async with engine.opens(1280, 800) as console:
            await signs_in(console, town, "V01", "/console")
            await console.presses(act("sound-check"))
            await console.shows("[data-check=nothing]", "没有声音输出")
            await console.has(act("sound-heard"), 0)
        async with engine.opens(390, 844) as helper:
            await signs_in(helper, town, "H01", "/helper")
            await helper.presses(act("watch-on"))
            await helper.presses(act("sound-check"))
            await helper.shows("[data-check=nothing]", "没有声音输出")
            await helper.presses(act("sound-later"))
            await helper.shows(".watch-trouble", "被呼叫时不会响")


async def test_webkit_without_an_encoder(town: Town, around: dict[str, str], program: Callable[..., str]) -> None:
    """Nothing is recorded, the page says so, and nothing stands there as recorded."""
    officer = await town.officer("V01")
    town.stops_watching(officer)
    without = {**around, "GST_PLUGIN_FEATURE_RANK": "opusenc:NONE,avenc_aac:NONE,fdkaacenc:NONE,voaacenc:NONE"}
    async with WebKit(program("WebKitWebDriver"), without).opens(390, 844) as page:
        await presses_for_help(page, town.url, "门外有人")
        await page.presses(act("record"))
        await page.shows("#record-note", "录音没有成功")
        await page.has("#sent li", 0)
