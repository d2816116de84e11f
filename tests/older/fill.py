"""Fills the store of a hub that runs, for `test_older.py`: run in a checkout of the older build, on its own people.

`python fill.py URL PASSWORD > made.json`; then stop the hub and pack its store:
`tar cJf store.tar.xz -C data/store appendonlydir`.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any

from tests.flow.people import Citizen, Officer

HERE = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 12}


async def fill(url: str, password: str) -> dict[str, Any]:
    """An alarm that nobody has, one that an officer has, one that is closed, a practice and a plan."""
    officer = Officer(url, "V07")
    await officer.signs_in(password)
    await officer.opens_console(ready=True)
    made: dict[str, Any] = {"password": password}

    async def new(name: str, **body: Any) -> Citizen:
        citizen = Citizen(url)
        await citizen.raises(**body)
        made[name] = {"id": citizen.id, "secret": citizen.secret}
        return citizen

    citizen = await new("nobody's", text="门外有人", position=HERE, needs=["deaf"])
    for number in range(5):
        await citizen.does("say", ref=str(number), text=f"第{number}句")
    await citizen.does("position", lat=41.804, lon=123.467, accuracy_m=9)
    citizen = await new("taken", text="有人跟着我", position=HERE)
    await officer.acknowledges(citizen.id)
    await citizen.does("say", ref="1", text="在公交车上")
    await officer.asks("say", alarm=citizen.id, ref="r1", text="收到")
    citizen = await new("closed", text="已经没事", position=HERE)
    await officer.acknowledges(citizen.id)
    await officer.asks("close", alarm=citizen.id, disposition="handled")
    await new("practice", kind="practice", text="练习")
    await new("plan", text="去看房", check_in_s=3600, position=HERE)
    made["at"] = datetime.now(UTC).isoformat()
    return made


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(fill(*sys.argv[1:])), indent=1) + "\n")
