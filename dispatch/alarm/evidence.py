"""The life of one photo or recording of an alarm: added, ended, copied or unreadable, opened. Pure.

Field's terms: evidence, chain of custody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dispatch.alarm import commands as c
from dispatch.alarm import errors
from dispatch.alarm import events as e
from dispatch.alarm.clock import to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm
from dispatch.alarm.tombstone import GONE


def decide(alarm: Alarm, command: c.OfMedia) -> list[e.Event]:
    """What follows from `command`; an empty list when it was already so.

    Raises:
        Refused: `not_found`, `media_ended`, `not_possible`.
    """
    item = alarm.media.get(command.media)
    if isinstance(command, c.AddMedia):
        if item is not None:
            return []
        return [e.MediaAdded(media=command.media, kind=command.kind, mime=command.mime)]
    if item is None:
        raise Refused(errors.NOT_FOUND, f"media: this alarm has no {command.media!r}")
    if item["state"] in GONE:
        if isinstance(command, c.OpenOriginal):
            raise Refused(errors.NOT_POSSIBLE, "it was wiped", state=item["state"], possible=[])
        return []  # whatever was under way: there is nothing of it any more
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
                return [
                    e.MediaUnreadable(
                        media=media, reason=command.unreadable, kind=command.kind, position=command.position
                    )
                ]  # fmt: skip
            return [
                e.MediaReady(
                    media=media, mime=command.mime, kind=command.kind, width=command.width, height=command.height,
                    duration_s=command.duration_s, copies=command.copies, peaks=command.peaks,
                    position=command.position,
                )
            ]  # fmt: skip
        case c.NoteWorkerDeath(media=media, deaths=deaths):
            return [e.MediaWorkerDied(media=media, deaths=deaths)] if item["state"] == "stored" else []
        case c.OpenCopy(by=by, media=media):
            return [] if by.name in item.get("opened_by", ()) else [e.MediaOpened(by=by.name, media=media)]
        case c.OpenOriginal(by=by, media=media, reason=reason):
            return [e.OriginalOpened(by=by.name, media=media, reason=reason)]
    raise TypeError(f"{type(command).__name__} has no event")


def changes(alarm: Alarm, event: e.Event, at: datetime) -> dict[str, Any]:
    """What `event`, of a photo or recording, changes in the alarm.

    Raises:
        ValueError: it is not an event of an alarm.
    """
    match event:
        case e.MediaAdded(media=media, kind=kind, mime=mime):
            version = alarm.version + 1
            item: dict[str, Any] = {
                "kind": kind, "mime": mime, "at": to_text(at), "state": "receiving", "n": version
            }  # fmt: skip
            return {"media": {**alarm.media, media: item}, "added": version}
        case e.MediaEnded(media=media):
            ended = {"state": "stored", "chunks": event.chunks, "size": event.size, "sha256": event.sha256}
            cut = {"cut": True, "missing": list(event.missing or ())} if event.cut else {}
            return {"media": {**alarm.media, media: {**alarm.media[media], **ended, **cut}}}
        case e.MediaReady(media=media):
            known = _known(event, "kind", "width", "height", "duration_s", "copies")
            ready = {"state": "ready", "copy": event.mime, **known}
            return {"media": {**alarm.media, media: {**alarm.media[media], **ready}}, **_found(alarm, media, event)}
        case e.MediaUnreadable(media=media, reason=reason):
            failed = {**alarm.media[media], "state": "unreadable", "reason": reason, **_known(event, "kind")}
            return {"media": {**alarm.media, media: failed}, **_found(alarm, media, event)}
        case e.LiveSoundFailed(media=media, reason=reason):
            return {"media": {**alarm.media, media: {**alarm.media[media], "not_live": reason}}}
        case e.MediaOpened(by=by, media=media):
            opened = {"opened_by": [*alarm.media[media].get("opened_by", ()), by]}
            return {"media": {**alarm.media, media: {**alarm.media[media], **opened}}}
        case e.OriginalOpened() | e.MediaWorkerDied():
            return {}
    raise ValueError(f"{event.type} is not an event of an alarm")


def _known(event: e.Event, *names: str) -> dict[str, Any]:
    said = {name: getattr(event, name, None) for name in names}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in said.items() if v is not None}


def _found(alarm: Alarm, media: str, event: e.Event) -> dict[str, Any]:
    return {"found": {**alarm.found, media: inside}} if (inside := _known(event, "position", "peaks")) else {}
