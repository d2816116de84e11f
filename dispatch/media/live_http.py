"""Growing copies over HTTP: the next bytes of a recording that is still being made, asked for one after another.

Each request is authorised anew, like one for a finished copy. Never serves the citizen's own bytes. Field's terms:
range request, long polling, entity tag.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dispatch.alarm import errors
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Entry
from dispatch.media.http import GUARDS, begun, item_for, note_opening, part_of
from dispatch.media.live import Live
from dispatch.media.live_index import Look
from dispatch.media.live_jobs import MIME
from dispatch.stream.alarms import Alarms

_FROM = re.compile(r"bytes=(\d{1,15})-")
_ANSWER_BYTES = 1024 * 1024

Handler = Callable[[Request], Awaitable[Response]]


def live(alarms: Alarms, live: Live, officer: Callable[[Request], Awaitable[Actor]]) -> Handler:
    """Answers for a recording that grows.

    Args:
        alarms: where the alarms are.
        live: the growing copies.
        officer: (request) -> who is signed in; raises `not_signed_in`.
    """

    async def answer(request: Request) -> Response:
        alarm_id, media = request.path_params["alarm"], request.path_params["media"]
        actor = await officer(request)
        item = await item_for(alarms, actor, alarm_id, media)
        if item["kind"] != "audio" or "not_live" in item:
            raise _not_live(item)
        if request.method == "GET":
            await note_opening(alarms, actor, alarm_id, media, item)
        query = request.query_params
        name = query.get("copy") or request.headers.get("if-match", "").strip('"')
        asked = _FROM.fullmatch(request.headers.get("range", "").strip())
        upto = query.get("upto", "")
        have = int(asked[1]) if asked and not upto else 0
        look = await live.listen(alarm_id, media, item["state"] == "receiving", name, have)
        if look is None and item["state"] == "receiving":
            return Response(status_code=204, headers=GUARDS)
        if look is None or look.state == "failed":
            raise _not_live(item)
        if name and look.name != name:
            return Response(status_code=412, headers=_about(look))
        if upto.isdigit() and len(upto) <= 15:
            return await _as_file(live, alarm_id, media, look, min(int(upto), look.size), request)
        return await _next(live, alarm_id, media, look, have, asked is not None)

    return answer


def live_routes(handler: Handler) -> list[Route]:
    """`handler`, from `live`, at its address."""
    return [Route("/media/{alarm}/{media}/live", handler, methods=["GET"])]


async def _next(live: Live, alarm_id: str, media: str, look: Look, have: int, ranged: bool) -> Response:
    """What there is after the first `have` bytes, at most `_ANSWER_BYTES`."""
    if look.size <= have:
        return Response(status_code=204, headers=_about(look))
    last = min(look.size, have + _ANSWER_BYTES) - 1
    headers = _about(look) | {"Content-Length": str(last + 1 - have)}
    if ranged:
        headers["Content-Range"] = f"bytes {have}-{last}/*"
    body = await begun(live.index.read(alarm_id, media, look, have, last))
    return StreamingResponse(body, 206 if ranged else 200, headers, media_type=MIME)


async def _as_file(live: Live, alarm_id: str, media: str, look: Look, size: int, request: Request) -> Response:
    """The first `size` bytes as though that were all: for a player that reads a file by its own ranges."""
    status, first, last = part_of(request.headers.get("range"), size)
    if status == 416 or not size:
        return Response(status_code=416, headers=_about(look) | {"Content-Range": f"bytes */{size}"})
    headers = _about(look) | {"Accept-Ranges": "bytes", "Content-Length": str(last + 1 - first)}
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    body = await begun(live.index.read(alarm_id, media, look, first, last))
    return StreamingResponse(body, status, headers, media_type=MIME)


def _about(look: Look) -> dict[str, str]:
    gaps = ",".join(f"{at:g}+{length:g}" for at, length in look.gaps)
    return {
        **GUARDS,
        "ETag": f'"{look.name}"',
        "Live-State": look.state,
        "Live-Seconds": f"{look.seconds:.3f}",
        "Live-Bytes": str(look.size),
        **({"Live-Gaps": gaps} if gaps else {}),
    }


def _not_live(item: Entry) -> Refused:
    state = item["state"]
    if item["kind"] != "audio":
        return Refused(errors.NOT_POSSIBLE, f"this is a {item['kind']}", state=state, possible=["copy"])
    if "not_live" in item:
        why = f"this recording cannot be heard while it grows ({item['not_live']}); it is stored all the same"
        return Refused(errors.NOT_POSSIBLE, why, state=state, reason=item["not_live"], possible=["wait"])
    return Refused(errors.NOT_POSSIBLE, "this recording does not grow any more", state=state, possible=["copy"])
