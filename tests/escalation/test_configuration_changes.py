"""An alarm goes on escalating until a person takes it, whatever becomes of the configuration meanwhile (P4)."""

from dataclasses import replace

import pytest

from dispatch.escalation.policy import Policy, Step
from dispatch.escalation.timer import IDLE
from tests.flow.town import Town
from tests.nightly import mostly_by_night

LONG = Policy(
    steps=(Step(0, ("on_duty",)), Step(15, ("station",)), Step(30, ("backups", "supervisor")), Step(60, ("station",)))
)
SHORT = replace(LONG, steps=LONG.steps[:2])


async def steps(town: Town, alarm: str) -> list[tuple[int, int]]:
    """(step, round) of each step that was run, in order."""
    entries = await town.dispatch.stream.read("dadongmen", 0)
    events = [entry.members["event"] for entry in entries if entry.members["alarm"] == alarm]
    return [(event["step"], event["loop"]) for event in events if event["type"] == "step_run"]


async def restarts(town: Town, policy: Policy) -> None:
    """The hub is stopped, and started with another policy."""
    await town.hubs[0].stop()
    town.settings = replace(town.settings, policies={"default": policy})
    await town.opens_hub()
    town.hubs.pop(0)


@pytest.mark.parametrize("ran", mostly_by_night([0, 1, 2, 3, 5], by_day=[2]))
@pytest.mark.parametrize("changes", [(SHORT,), (SHORT, LONG), (replace(LONG, steps=LONG.steps[:1]), SHORT)], ids=str)
async def test_a_policy_is_cut_short_or_grows(town: Town, ran: int, changes: tuple[Policy, ...]) -> None:
    """At whatever step it stands: the next step comes within the new policy's time, and no hub spins."""
    await restarts(town, LONG)
    idle = IDLE._value.get()
    alarm = await town.citizen().raises()
    await town.fast_forward(ran * 30)
    for policy in changes:
        await restarts(town, policy)
        before = await steps(town, alarm)
        await town.fast_forward(policy.repeat_every_s + 1)
        assert len(await steps(town, alarm)) > len(before)
    run = await steps(town, alarm)
    assert len(set(run)) == len(run), "each once"
    assert IDLE._value.get() == idle
