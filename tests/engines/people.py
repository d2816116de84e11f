"""What people do on these pages, in any engine."""

from tests.engines.screen import Screen, act
from tests.flow.town import PASSWORD, Town

RECEIPT = "#receipt:not([hidden]) #code"


async def presses_for_help(screen: Screen, url: str, words: str = "") -> None:
    """A citizen sends the alarm, and has its receipt."""
    await screen.goes(f"{url}/?lang=zh")
    await screen.has("html.js")
    if words:
        await screen.writes("#raise textarea", words)
    await screen.presses(act("raise"))
    await screen.shows(RECEIPT)


async def signs_in(screen: Screen, town: Town, name: str, home: str) -> None:
    """By the sign-in page, to the page of one's role, which lives."""
    await screen.goes(f"{town.url}/sign-in?lang=zh")
    await screen.runs("() => localStorage.setItem('fujin.lang', 'zh')")  # as who chose it on a page of the staff
    await screen.writes("[name=user]", name)
    await screen.writes("[name=password]", PASSWORD)
    await screen.presses(act("sign-in"))
    await screen.is_at(town.url + home)
    await screen.has('[data-live="live"]')


async def hears_the_tone(screen: Screen) -> None:
    """The sound check, which is open."""
    await screen.presses(act("sound-check"))
    await screen.presses(act("sound-heard"))


def rung(step: str) -> str:
    return f'#ladder [data-step="{step}"].reached'
