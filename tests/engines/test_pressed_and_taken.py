"""An alarm in each engine: pressed by a citizen, heard and taken by an officer, both on pages in that engine."""

from tests.engines.people import hears_the_tone, presses_for_help, rung, signs_in
from tests.engines.screen import Engine, act
from tests.flow.town import Town


async def test_pressed_and_taken(town: Town, engine: Engine) -> None:
    """The console rings, one tap takes the alarm, and the citizen's page says so."""
    await town.user("V01")
    async with engine.opens(390, 844) as citizen, engine.opens(1280, 800) as console:
        await signs_in(console, town, "V01", "/console")
        await hears_the_tone(console)
        await console.has('[data-sound="on"]')
        await presses_for_help(citizen, town.url, "门外有人")
        await console.has('html[data-ringing="true"]')
        await console.presses("[data-alarm]")
        await console.shows("[data-alarm-open]", "门外有人")
        await console.presses(act("ack"))
        await console.has('html[data-ringing="false"]')
        await citizen.shows(rung("acknowledged"))
