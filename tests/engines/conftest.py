"""The pages in Firefox and WebKitGTK, each as it is installed here."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.around import display, speaker
from tests.engines.firefox import firefox
from tests.engines.screen import Engine
from tests.engines.webkit import WebKit
from tests.flow.town import Town

ENGINES = ("firefox", "webkit")


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """One hub on a real store, and a clock that is moved by hand; a browser acts whom the town does not know."""
    async with Town(tmp_path / "town", watched=True) as town:
        yield town


@pytest.fixture
def around(tmp_path: Path, program: Callable[..., str]) -> Iterator[dict[str, str]]:
    """The environment of a browser on a desk of its own: nothing of the machine's is in it but its programs."""
    home = tmp_path / "home"
    home.mkdir()
    with display(program("Xvfb")) as shown, speaker(program("pulseaudio"), tmp_path / "sound") as heard:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TZ": "Asia/Shanghai",
            "DISPLAY": shown,
            "PULSE_SERVER": heard,
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }


@pytest.fixture(params=ENGINES)
async def engine(
    request: pytest.FixtureRequest, around: dict[str, str], program: Callable[..., str], tmp_path: Path
) -> AsyncIterator[Engine]:
    """Each engine in turn."""
    if request.param == "webkit":
        yield WebKit(program("WebKitWebDriver"), around)
        return
    async with firefox(program("firefox-esr", "firefox"), around, tmp_path / "profile") as running:
        yield running
