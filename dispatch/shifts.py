"""Coming on duty and leaving it, as consoles ask for it: nobody goes while they are responsible for an alarm.

Puts duty, owners and floods together; holds no state.
"""

from __future__ import annotations

from typing import Any

from dispatch.alarm import errors
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import Duty
from dispatch.duty.roster import Roster
from dispatch.escalation.flood import Floods
from dispatch.escalation.owners import Owners


class Shifts:
    """The shifts of all stations, with what belongs to a change of shift."""

    def __init__(self, roster: Roster, owners: Owners, floods: Floods) -> None:
        self._roster = roster
        self._owners = owners
        self._floods = floods

    async def duty(self, station: str) -> dict[str, Any]:
        """Duty as consoles show it (`Roster.duty`), and `flood` while there is one."""
        return {**await self._roster.duty(station), **await self._floods.of(station)}

    async def sign(self, actor: Actor, message: Duty) -> dict[str, Any]:
        """Answer a console that asks to come on duty beside the rota, or to leave it.

        Raises:
            Refused: `not_allowed`: the user belongs to no station; `owns_alarms`.
        """
        if actor.station is None:
            raise Refused(errors.NOT_ALLOWED, "duty: this user belongs to no station")
        if not message.on:
            await self.may_leave(actor)
        await self._roster.sign(actor.station, actor.name, message.on)
        return {}

    async def may_leave(self, actor: Actor) -> None:
        """Return when `actor` has no alarm.

        Raises:
            Refused: `owns_alarms`, with which.
        """
        if owned := await self._owners.of(actor):
            told = [{"alarm": alarm.id, "code": alarm.code} for alarm in owned]
            codes = ", ".join(alarm.code for alarm in owned)
            raise Refused(errors.OWNS_ALARMS, f"{actor.name} has the open alarms {codes}", alarms=told)
