"""The routes of notifications: an officer's own devices, receipts of their service workers, what supervisors see.

Never sends: a test goes the way of all notifications.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock, to_ms
from dispatch.alarm.commands import Actor, NoteReceipt
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import PushBody, ReceiptBody, check
from dispatch.bodies import json_of
from dispatch.notify import net
from dispatch.notify.outbox import CHANNELS, Job, Outbox
from dispatch.notify.section import Notify
from dispatch.notify.subscriptions import Subscriptions
from dispatch.notify.vapid import Signer, decoded
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

_BODY_BYTES = 8192
_LARGEST_PAGE = 500


class Desk:
    """What the routes need.

    Args:
        alarms: where the alarms are.
        outbox: for tests and the attempts.
        subscriptions: of web push; None when it is off.
        signer: for receipts.
        settings: the section `[notify]`.
        clock: time.
        officers: station -> its officers by the rota.
        stations: every station.
        ring: tells the senders that there is something.
    """

    def __init__(
        self, *, alarms: Alarms, outbox: Outbox, subscriptions: Subscriptions | None, signer: Signer | None,
        settings: Notify, clock: Clock, officers: Callable[[str], Collection[str]], stations: Sequence[str],
        ring: Callable[[], None],
    ) -> None:  # fmt: skip
        self.alarms = alarms
        self.outbox = outbox
        self.subscriptions = subscriptions
        self.signer = signer
        self.settings = settings
        self.clock = clock
        self.officers = officers
        self.stations = stations
        self.ring = ring

    async def own(self, user: str) -> dict[str, Any]:
        """What a user's page shows of their devices."""
        subscriptions = self.subscriptions
        if subscriptions is None:
            return {"on": False, "devices": []}
        devices = [subscriptions.shown_as(one) for one in await subscriptions.of(user)]
        return {"on": True, "key": subscriptions.key, "devices": devices, "most": self.settings.subscriptions}

    async def put(self, user: str, body: PushBody) -> str:
        """Keep a subscription.

        Raises:
            Refused: `bad_message`: an address or key that cannot be used; `too_many`.
        """
        if self.subscriptions is None:
            raise Refused(errors.NOT_FOUND, "web push is switched off (notify.push)")
        try:
            net.check(body.endpoint, self.settings.private_hosts)
        except net.Private as fault:
            raise Refused(errors.BAD_MESSAGE, f"endpoint: {fault}; must be a push service's https address") from None
        for name, value, size in (("p256dh", body.keys.p256dh, 65), ("auth", body.keys.auth, 16)):
            if _size(value) != size:
                raise Refused(errors.BAD_MESSAGE, f"keys.{name}: must be {size} bytes in base64url")
        return await self.subscriptions.put(user, body.endpoint, body.keys.p256dh, body.keys.auth, body.lang)

    async def test(self, actor: Actor, device: str) -> None:
        """Send this device a notification that says that it is a test; what became of it is shown with the device."""
        to = await self.subscriptions.one(actor.name, device) if self.subscriptions is not None else None
        if to is None:
            raise Refused(errors.NOT_FOUND, "there is no such device of yours")
        job = Job(
            id=f"test:{device}", channel="push", target=device, host=to.host, kind="test", officers=(actor.name,),
            station=actor.station or self.stations[0], made=to_ms(self.clock.now()),
        )  # fmt: skip
        await self.outbox.add(job)
        self.ring()

    async def receipt(self, body: ReceiptBody) -> None:
        """A device showed or opened a notification. Told again it changes nothing."""
        if self.subscriptions is None or self.signer is None:
            raise Refused(errors.NOT_FOUND, "token: there is no such message")
        about = self.signer.receipt(body.token)
        await self.subscriptions.shown(about.user, about.subscription)
        if about.kind in ("step", "reminder"):
            name = hashlib.sha256(body.token.encode()).hexdigest()[:32]
            command = NoteReceipt(officer=about.user, channel="push", what=body.what, step=about.step, loop=about.loop)
            await self.alarms.handle(about.alarm, command, key=f"{body.what} {name}")

    async def channels(self, station: str) -> dict[str, Any]:
        """Every officer of the station, and every messenger, with the last success and the last failure."""
        told = await self._messengers()
        names = list(self.officers(station))
        for name in sorted(await self.subscriptions.users() if self.subscriptions else ()):
            if name not in names and all(name not in self.officers(other) for other in self.stations):
                names.append(name)  # supervisors, and who has left the rota
        devices = await self.subscriptions.of_all(names) if self.subscriptions else {}
        shown_as = self.subscriptions.shown_as if self.subscriptions else None
        people = [
            {
                "officer": name,
                "devices": [shown_as(one) for one in devices.get(name, ())] if shown_as else [],
                "messengers": [
                    {"name": one.name, **told.get(one.name, {})}
                    for one in self.settings.messengers if name in one.officers
                ],
            }
            for name in names
        ]  # fmt: skip
        rooms = [
            {"name": one.name, **told.get(one.name, {})} for one in self.settings.messengers if station in one.stations
        ]
        return {"station": station, "channels": people, "messengers": rooms}

    async def _messengers(self) -> dict[str, dict[str, Any]]:
        async with translated():
            row = await self.alarms.stream.redis.hgetall(self.alarms.stream.keys.messengers)
        found: dict[str, dict[str, Any]] = {}
        for field, value in row.items():
            name, _, what = field.decode().partition(" ")
            members = orjson.loads(value)
            found.setdefault(name, {})[what] = members["at"] if what == "sent" else members
        return found


def routes(desk: Desk, who: Callable[[Request], Awaitable[Actor]]) -> list[Route]:
    """The routes.

    Args:
        desk: what they need.
        who: (request) -> the signed-in user; raises `not_signed_in`.
    """

    async def devices(request: Request) -> Response:
        actor = await who(request)
        if request.method == "PUT":
            body = check(PushBody, await json_of(request, most=_BODY_BYTES), {})
            return JSONResponse({"id": await desk.put(actor.name, body)})
        return JSONResponse(await desk.own(actor.name))

    async def device(request: Request) -> Response:
        actor = await who(request)
        if desk.subscriptions is not None:
            name = request.path_params["device"]
            if any(one.id == name for one in await desk.subscriptions.of(actor.name)):
                await desk.subscriptions.drop(actor.name, name)
        return Response(status_code=204)

    async def test(request: Request) -> Response:
        await desk.test(await who(request), request.path_params["device"])
        return Response(status_code=202)

    async def receipt(request: Request) -> Response:
        await desk.receipt(check(ReceiptBody, await json_of(request, most=_BODY_BYTES), {}))
        return Response(status_code=204)

    async def channels(request: Request) -> Response:
        [station] = _stations(await who(request), request.query_params, desk.stations)[:1]
        return JSONResponse(await desk.channels(station))

    async def deliveries(request: Request) -> Response:
        query = request.query_params
        channel, limit = query.get("channel") or None, query.get("limit") or "100"
        if channel is not None and channel not in CHANNELS:
            raise Refused(errors.BAD_MESSAGE, f"channel: must be one of {', '.join(CHANNELS)}")
        if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= _LARGEST_PAGE:
            raise Refused(errors.BAD_MESSAGE, f"limit: must be 1 to {_LARGEST_PAGE}")
        found: list[dict[str, Any]] = []
        for station in _stations(await who(request), query, desk.stations):
            rows = await desk.outbox.deliveries(station, desk.settings.deliveries if channel else int(limit))
            found += [{"station": station, **row} for row in rows if channel in (None, row["channel"])]
        found.sort(key=lambda row: str(row["at"]), reverse=True)
        return JSONResponse({"deliveries": found[: int(limit)]})

    return [
        Route("/notify/push", devices, methods=["GET", "PUT"]),
        Route("/notify/push/{device}", device, methods=["DELETE"]),
        Route("/notify/push/{device}/test", test, methods=["POST"]),
        Route("/notify/receipts", receipt, methods=["POST"]),
        Route("/notify/channels", channels, methods=["GET"]),
        Route("/notify/deliveries", deliveries, methods=["GET"]),
    ]


def _stations(actor: Actor, query: Mapping[str, str], stations: Sequence[str]) -> list[str]:
    """The stations that are asked for and that a supervisor may see."""
    if actor.role == "officer":
        raise Refused(errors.NOT_ALLOWED, "only supervisors see what became of notifications")
    allowed = list(stations) if actor.station is None else [actor.station]
    wanted = query.get("station")
    if wanted is None:
        return allowed
    if wanted not in allowed:
        raise Refused(errors.NOT_ALLOWED, f"station: must be one of {', '.join(allowed)}")
    return [wanted]


def _size(text: str) -> int:
    try:
        return len(decoded(text))
    except ValueError:
        return 0
