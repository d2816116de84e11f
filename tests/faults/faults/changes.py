"""What the people who run it change meanwhile: policies, rotas. A rolling change: one hub after another has the new."""

import re
import signal
import time

from tests.faults.stage import Stage
from tests.faults.town import POLICIES

_ONE_STEP = """
[default]
unanswered_after_s = 2
repeat_every_s = 5
remind_after_s = 2
reopen_after_s = 1
[[default.step]]
after_s = 0
audience = ["station"]
"""
_FOUR_STEPS = (
    POLICIES.replace("repeat_every_s = 20", "repeat_every_s = 6")
    + """
[[default.step]]
after_s = 3
audience = ["station", "backups", "supervisor"]
"""
)
_OF_A_STATION = POLICIES + _ONE_STEP.replace("default", "stations.xiaodong")
CHANGES = (POLICIES, _ONE_STEP, _FOUR_STEPS, _OF_A_STATION)


async def policies_and_rotas_change(stage: Stage) -> None:
    """Fewer steps or more, other times, other people on duty, while alarms are at any step of the old policy."""
    await stage.anywhen()
    config = stage.town.folder / "config"
    (config / "policies.toml").write_text(stage.chance.choice(CHANGES))
    rota = re.sub(r"per_day = \d", f"per_day = {stage.chance.randint(1, 4)}", (config / "rota.toml").read_text())
    (config / "rota.toml").write_text(re.sub(r"start = \S+", f"start = 2026-01-{stage.chance.randint(1, 28):02}", rota))
    for hub in stage.chance.sample(stage.town.hubs, len(stage.town.hubs)):
        hub.send(signal.SIGTERM)
        await stage.away(hub.ended)
        await stage.away(hub.start)
        await stage.lasts(stage.chance.uniform(0, 1))
    await stage.recovers(time.monotonic())
