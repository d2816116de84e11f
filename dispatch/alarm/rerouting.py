"""Calls the station that answers at an alarm's place, when the place becomes known late, or better, or they move. Pure.

Only while the alarm waits for a person: whoever has it decides, by a transfer. Those who were called keep it in their
lists. Field's term: ECRF, location-based routing (NENA i3), re-bid of a location.
"""

from __future__ import annotations

from dispatch.alarm import commands as c
from dispatch.alarm import events as e
from dispatch.alarm.state import Alarm, Status

_KNOWN = {"in_area": 3, "overlap": 3, "on_border": 3, "coarse_position": 2, "outside_nearest": 1}
"""How well a station is known to be the right one, by why routing chose it; for every other reason it is not known."""


def decide(alarm: Alarm, command: c.Reroute) -> list[e.Event]:
    """Nothing follows for a place that is known less well than what the station was chosen by."""
    if alarm.status is not Status.RAISED:
        return []
    return called(alarm, command)


def called(alarm: Alarm, to: c.Reroute | c.Raise) -> list[e.Event]:
    """The same of an alarm that waits, or of a plan that becomes one."""
    if alarm.kind == "practice" or to.station == alarm.station:
        return []
    before, now = _KNOWN.get(alarm.why, 0), _KNOWN.get(to.why, 0)
    if now < max(1, before) or (now == before and to.station in alarm.stations):
        return []
    return [e.AlarmRerouted(station=to.station, backups=to.backups, why=to.why, before=alarm.station)]
