"""The log over HTTP, for supervisors and, of their own station, officers: JSON by page, all of it as NDJSON or CSV.

And what is found among all alarms (`find`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dispatch.alarm import errors
from dispatch.alarm.clock import from_text, to_text
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import EVENTS
from dispatch.alarm.messages import FindBody, check
from dispatch.alarm.sight import visible_to
from dispatch.alarm.state import Alarm, to_members
from dispatch.alarm.state import Entry as Item
from dispatch.alarmlog.chain import verify
from dispatch.alarmlog.find import Finder
from dispatch.alarmlog.index import Index
from dispatch.alarmlog.log import Filter, Log
from dispatch.alarmlog.wanted import code_in
from dispatch.bodies import json_of
from dispatch.stream.alarms import Alarms
from dispatch.stream.beside import shown

_PAGE = 100
_LARGEST_PAGE = 1000
_COLUMNS = ("station", "offset", "at", "code", "alarm", "version", "type", "event", "wiped")


def routes(
    alarms: Alarms, index: Index, finder: Finder, who: Callable[[Request], Awaitable[Actor]], stations: Collection[str],
    limits: Mapping[str, int],
) -> list[Route]:  # fmt: skip
    """The log's routes.

    Args:
        alarms: where the alarms are.
        index: where an alarm's events are.
        finder: finds alarms.
        who: (request) -> the signed-in user; raises `not_signed_in`.
        stations: every station's id.
        limits: the settings' `[limits]`.
    """

    def log_of(actor: Actor) -> Log:
        async def seen(ids: Collection[str]) -> list[Alarm]:
            found = [await alarms.load(alarm) for alarm in ids]
            return [loaded.alarm for loaded in found if loaded and visible_to(loaded.alarm, actor)]

        async def sees(ids: Collection[str]) -> list[str]:
            return [alarm.id for alarm in await seen(ids)]

        async def media(ids: Collection[str]) -> dict[str, Mapping[str, Item]]:
            return {alarm.id: alarm.media for alarm in await seen(ids)}

        return Log(alarms.stream, index, sees, media)

    async def events(request: Request) -> Response:
        actor = await who(request)
        query = request.query_params
        wanted_stations = _stations(actor, query.get("station"), stations)
        wanted = Filter(
            alarms=await _alarms(index, wanted_stations, query.get("alarm")), type=_type(query.get("type")),
            since=_time(request, "from"), until=_time(request, "to"),
        )  # fmt: skip
        accept, log = request.headers.get("accept", ""), log_of(actor)
        if "application/x-ndjson" in accept:
            return StreamingResponse(_ndjson(log.all(wanted_stations, wanted)), media_type="application/x-ndjson")
        if "text/csv" in accept:
            return StreamingResponse(_csv(log.all(wanted_stations, wanted)), media_type="text/csv")
        page = await log.page(wanted_stations, wanted, query.get("after") or None, _limit(query.get("limit")))
        return JSONResponse(page)

    async def timeline(request: Request) -> Response:
        actor = await who(request)
        alarm_id = request.path_params["alarm"]
        loaded = await alarms.load(alarm_id, whole=True)
        if loaded is None or not visible_to(loaded.alarm, actor):
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        alarm = loaded.alarm
        ends_at = alarms.ending(alarm)
        return JSONResponse({
            "alarm": shown(to_members(alarm)), "events": await log_of(actor).of_alarm(alarm.home, alarm_id),
            "ends_at": to_text(ends_at) if ends_at else None,
        })  # fmt: skip

    async def chain(request: Request) -> Response:
        actor = await who(request)
        [station] = _stations(actor, request.query_params.get("station") or actor.station or "", stations)
        verdict = await verify(alarms.stream, station)
        return JSONResponse({name: value for name, value in asdict(verdict).items() if value is not None})

    async def find(request: Request) -> Response:
        request.state.only_looked = True
        actor = await who(request)
        asked = check(FindBody, await json_of(request), limits)
        return JSONResponse(await finder.find(actor, _stations(actor, asked.station, stations), asked))

    return [
        Route("/log", events, methods=["GET"]),
        Route("/log/alarms", find, methods=["POST"]),
        Route("/log/verify", chain, methods=["GET"]),
        Route("/log/alarms/{alarm}", timeline, methods=["GET"]),
    ]


def _stations(actor: Actor, wanted: str | None, stations: Collection[str]) -> list[str]:
    allowed = list(stations) if actor.station is None else [actor.station]
    if wanted is None:
        return allowed
    if wanted not in allowed:
        raise Refused(errors.NOT_ALLOWED, f"station: must be one of {', '.join(allowed)}")
    return [wanted]


async def _alarms(index: Index, stations: Sequence[str], written: str | None) -> frozenset[str] | None:
    """The alarms that are meant by an id or a code; None when none is."""
    if not written:
        return None
    code = code_in(written)
    if code is None:
        return frozenset({written.strip()})
    await index.follow(stations)  # it may have been raised this moment
    return frozenset(one.alarm for one in await index.with_code(code))


def _type(wanted: str | None) -> str | None:
    if wanted and wanted not in EVENTS:
        raise Refused(errors.BAD_MESSAGE, f"type: must be one of {', '.join(sorted(EVENTS))}")
    return wanted or None


def _time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return from_text(text)
    except ValueError:
        raise Refused(errors.BAD_MESSAGE, f"{name}: write an RFC 3339 time such as 2026-11-22T02:15:00Z") from None


def _limit(text: str | None) -> int:
    if not text:
        return _PAGE
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= _LARGEST_PAGE:
        raise Refused(errors.BAD_MESSAGE, f"limit: must be 1 to {_LARGEST_PAGE}")
    return int(text)


async def _ndjson(events: AsyncIterator[dict[str, object]]) -> AsyncIterator[bytes]:
    async for event in events:
        yield orjson.dumps(event) + b"\n"


async def _csv(events: AsyncIterator[dict[str, object]]) -> AsyncIterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(_COLUMNS)
    async for event in events:
        body = event["event"]
        kind = body["type"] if isinstance(body, dict) else ""
        row = {**event, "type": kind, "event": orjson.dumps(body).decode()}
        writer.writerow([harmless(row.get(column)) for column in _COLUMNS])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def harmless(value: object) -> object:
    """Spreadsheets run cells that begin like a formula; a leading apostrophe makes them text."""
    return "'" + value if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
