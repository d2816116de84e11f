"""What a console's checked request means as a command. Pure.

Never decides whether the command is possible (`alarm.lifecycle`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.alarm import commands as c
from dispatch.alarm import messages as m
from dispatch.alarm.commands import Actor

_SLACK_S = 2
"""An undo may have been on its way for so long."""


@dataclass(frozen=True, slots=True)
class Windows:
    """How long, in seconds, a colleague may swap without a reason, and a close can be undone."""

    grace_s: float
    undo_close_s: float


def to_command(message: Any, by: Actor, now: datetime, windows: Windows) -> c.Command:
    """The command that a checked message of the console means."""
    match message:
        case m.Ack():
            return c.Acknowledge(by=by)
        case m.Take(reason=reason):
            return c.Take(by=by, reason=reason, grace_from=now - timedelta(seconds=windows.grace_s))
        case m.UndoClose():
            return c.UndoClose(by=by, closed_from=now - timedelta(seconds=windows.undo_close_s + _SLACK_S))
        case m.Handover(to=to, summary=summary):
            return c.OfferHandover(by=by, to=to, summary=summary)
        case m.HandoverAccept():
            return c.AcceptHandover(by=by)
        case m.HandoverReject(reason=reason):
            return c.RejectHandover(by=by, reason=reason)
        case m.HandoverWithdraw():
            return c.WithdrawHandover(by=by)
        case m.Release(reason=reason):
            return c.Release(by=by, reason=reason)
        case m.Move():
            return c.Move(by=by)
        case m.Arrive():
            return c.Arrive(by=by)
        case m.Close(disposition=disposition, note=note):
            return c.Close(by=by, disposition=disposition, note=note)
        case m.Reopen(reason=reason):
            return c.Reopen(by=by, reason=reason)
        case m.OfficerSays(text=text):
            return c.Say(by=by, text=text)
        case m.Ask(question=text, choices=choices):
            return c.Ask(by=by, text=text, choices=tuple(choices))
        case m.AddNote(text=text):
            return c.AddNote(by=by, text=text)
        case m.Transfer(station=to, reason=reason):
            return c.OfferTransfer(by=by, to=to, reason=reason)
        case m.TransferAccept():
            return c.AcceptTransfer(by=by)
        case m.TransferReject(reason=reason):
            return c.RejectTransfer(by=by, reason=reason)
        case m.Hold(reason=reason):
            return c.Hold(by=by, reason=reason)
        case m.Unhold(reason=reason):
            return c.Unhold(by=by, reason=reason)
        case m.Wipe(reason=reason):
            return c.Wipe(by=by, reason=reason)
        case m.Seen():
            return c.See(by=by)
        case m.Read(upto=upto):
            return c.Read(by=by, upto=upto)
    raise TypeError(f"{type(message).__name__} is no command")
