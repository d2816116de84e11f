"""The life of one photo or recording of an alarm: added, ended, copied or unreadable, opened. Pure.

Field's terms: evidence, chain of custody.
"""

from __future__ import annotations

from dispatch.alarm import commands as c
from dispatch.alarm import errors
from dispatch.alarm import events as e
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm


def decide(alarm: Alarm, command: c.OfMedia) -> list[e.Event]:
    """What follows from `command`; an empty list when it was already so.

    Raises:
        Refused: `not_found`, `media_ended`.
    """
    item = alarm.media.get(command.media)
    if isinstance(command, c.AddMedia):
        if item is not None:
            return []
        return [e.MediaAdded(media=command.media, kind=command.kind, mime=command.mime)]
    if item is None:
        raise Refused(errors.NOT_FOUND, f"media: this alarm has no {command.media!r}")
    match command:
        case c.EndMedia(chunks=chunks):
            if item["state"] != "receiving":
                if item["chunks"] == chunks:
                    return []
                raise Refused(errors.MEDIA_ENDED, f"chunks: finished with {item['chunks']}, not {chunks}")
            return [e.MediaEnded(**{name: getattr(command, name) for name in e.MediaEnded.public_fields})]
        case c.FailLiveSound(media=media, reason=reason):
            told = item["state"] != "receiving" or "not_live" in item
            return [] if told else [e.LiveSoundFailed(media=media, reason=reason)]
        case c.MediaDone(media=media):
            if item["state"] != "stored":
                return []
            if command.unreadable is not None:
                return [e.MediaUnreadable(media=media, reason=command.unreadable, position=command.position)]
            return [
                e.MediaReady(
                    media=media, mime=command.mime, width=command.width, height=command.height,
                    duration_s=command.duration_s, copies=command.copies, peaks=command.peaks,
                    position=command.position,
                )
            ]  # fmt: skip
        case c.NoteWorkerDeath(media=media, deaths=deaths):
            return [e.MediaWorkerDied(media=media, deaths=deaths)] if item["state"] == "stored" else []
        case c.OpenOriginal(by=by, media=media, reason=reason):
            return [e.OriginalOpened(by=by.name, media=media, reason=reason)]
    raise TypeError(f"{type(command).__name__} has no event")
