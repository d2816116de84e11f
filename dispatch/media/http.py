"""Media over HTTP: the citizen's chunks in; sterile copies, and with a reason the sealed original, out to officers.

Who may do it is asked of the two functions that are given. Whatever an officer may not see is answered like what does
not exist. Never serves the citizen's bytes under a type that a browser would run.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dispatch.alarm import errors
from dispatch.alarm.commands import Actor, OpenCopy, OpenOriginal
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import EndMediaBody, OpenOriginalBody, check
from dispatch.alarm.sight import visible_to
from dispatch.alarm.state import Entry
from dispatch.alarm.tombstone import GONE
from dispatch.bodies import body_of, json_of
from dispatch.media.chunks import Chunks
from dispatch.media.copies import Copies
from dispatch.media.objects import Damaged
from dispatch.stream.alarms import Alarms, Loaded

Citizen = Callable[[Request, str], Awaitable[Loaded]]
Officer = Callable[[Request], Awaitable[Actor]]

_BODY_BYTES = 16 * 1024
_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))")
_ENDINGS = {"image/jpeg": "jpg", "image/webp": "webp", "audio/mp4": "m4a", "audio/webm": "webm"}
GUARDS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def citizen_routes(chunks: Chunks, citizen: Citizen) -> list[Route]:
    """Chunks in.

    Args:
        chunks: where they go.
        citizen: (request, alarm id) -> the alarm, once the request has its secret; raises `not_found`.
    """

    async def put(request: Request) -> Response:
        path = request.path_params
        await citizen(request, path["alarm"])
        kind, mime = request.headers.get("x-media-kind") or None, request.headers.get("content-type", "")
        data = await body_of(request, chunks.limits["chunk_bytes"], "chunk_bytes", bytes)
        await chunks.put(path["alarm"], path["media"], path["seq"], data, kind, mime)
        return Response(status_code=204)

    async def end(request: Request) -> Response:
        path = request.path_params
        await citizen(request, path["alarm"])
        told = check(EndMediaBody, await json_of(request, most=_BODY_BYTES), chunks.limits)
        await chunks.end(path["alarm"], path["media"], told.chunks, told.sha256)
        return Response(status_code=204)

    return [
        Route("/alarms/{alarm}/media/{media}/{seq:int}", put, methods=["PUT"]),
        Route("/alarms/{alarm}/media/{media}", end, methods=["POST"]),
    ]


async def item_for(alarms: Alarms, actor: Actor, alarm_id: str, media: str) -> Entry:
    """The media, for who may see its alarm.

    Raises:
        Refused: `not_found`, whatever the reason.
    """
    loaded = await alarms.load(alarm_id)
    if loaded is None or not visible_to(loaded.alarm, actor) or media not in loaded.alarm.media:
        raise Refused(errors.NOT_FOUND, "there is no such media")
    if loaded.alarm.media[media]["state"] in GONE:
        raise Refused(errors.NOT_FOUND, "it was wiped")
    return loaded.alarm.media[media]


def officer_routes(alarms: Alarms, chunks: Chunks, copies: Copies, officer: Officer,
                   growing: Callable[[Request], Awaitable[Response]] | None = None) -> list[Route]:  # fmt: skip
    """Copies and originals out.

    Args:
        alarms: where the alarms are.
        chunks: the originals.
        copies: the sterile copies.
        officer: (request) -> who is signed in; raises `not_signed_in`.
        growing: answers for a recording that is still being made.
    """

    async def copy(request: Request) -> Response:
        alarm_id, media = request.path_params["alarm"], request.path_params["media"]
        actor = await officer(request)
        item = await item_for(alarms, actor, alarm_id, media)
        if growing and item["kind"] == "audio" and item["state"] == "receiving":
            return await growing(request)
        if item["state"] == "stored":
            await copies.want(alarm_id, media)
        if item["state"] != "ready":
            raise _not_yet(item)
        which = request.query_params.get("copy")
        size, mime = await copies.about(alarm_id, media, which)
        if which != "small" and request.method == "GET":  # the small photo is what is shown covered
            await note_opening(alarms, actor, alarm_id, media, item)
        headers = {
            **GUARDS,
            "Accept-Ranges": "bytes",
            "Content-Disposition": f'inline; filename="{item["kind"]}-{media}.{_ENDINGS[mime]}"',
        }
        status, first, last = part_of(request.headers.get("range"), size)
        if status == 416:
            return Response(status_code=416, headers={**GUARDS, "Content-Range": f"bytes */{size}"})
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        headers["Content-Length"] = str(last + 1 - first)
        body = await begun(copies.read(alarm_id, media, first, last, which))
        return StreamingResponse(body, status, headers, media_type=mime)

    async def original(request: Request) -> Response:
        alarm_id, media = request.path_params["alarm"], request.path_params["media"]
        actor = await officer(request)
        item = await item_for(alarms, actor, alarm_id, media)
        told = check(OpenOriginalBody, await json_of(request, most=_BODY_BYTES), chunks.limits)
        if item["state"] == "receiving":
            raise _not_yet(item)
        await alarms.handle(alarm_id, OpenOriginal(by=actor, media=media, reason=told.reason))
        headers = {
            **GUARDS,
            "Content-Disposition": f'attachment; filename="original-{media}.bin"',
            "Content-Length": str(item["size"]),
        }
        body = await begun(chunks.original(alarm_id, media))
        return StreamingResponse(body, 200, headers, media_type="application/octet-stream")

    return [
        Route("/media/{alarm}/{media}", copy, methods=["GET"]),
        Route("/media/{alarm}/{media}/original", original, methods=["POST"]),
    ]


def _not_yet(item: Entry) -> Refused:
    """What to say while there is no copy."""
    state = item["state"]
    if state == "unreadable":
        return Refused(
            errors.NOT_POSSIBLE, f"this {item['kind']} cannot be shown ({item['reason']}); its original is kept sealed",
            state=state, reason=item["reason"], possible=["original"],
        )  # fmt: skip
    why = "is still being sent" if state == "receiving" else "has no copy yet"
    return Refused(errors.NOT_POSSIBLE, f"this {item['kind']} {why}", state=state, possible=["wait"])


def part_of(asked: str | None, size: int) -> tuple[int, int, int]:
    """(status, first, last): the bytes that `asked` (a Range header) names; 416 when there are none.

    What is not one range of bytes is answered with the whole, as RFC 9110 allows.
    """
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if found is None:
        return 200, 0, size - 1
    first, last, tail = found.groups()
    if tail is not None:
        return 206 if int(tail) else 416, max(0, size - int(tail)), size - 1
    if int(first) >= size or (last is not None and int(last) < int(first)):
        return 416, 0, 0
    return 206, int(first), min(int(last), size - 1) if last is not None else size - 1


async def note_opening(alarms: Alarms, actor: Actor, alarm_id: str, media: str, item: Entry) -> None:
    """That `actor` looks or listens goes into the log before they can, once for each officer."""
    if actor.name not in item.get("opened_by", ()):
        await alarms.handle(alarm_id, OpenCopy(by=actor, media=media))


async def begun(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """`body` with its first part read, so that what is damaged is an error and not an empty answer."""
    try:
        head = await anext(body, b"")
    except Damaged:
        raise Refused(
            errors.NOT_POSSIBLE, "its bytes in the object store are damaged or gone", state="damaged", possible=[]
        ) from None

    async def rest() -> AsyncIterator[bytes]:
        yield head
        async for part in body:
            yield part

    return rest()
