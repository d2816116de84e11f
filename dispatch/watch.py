"""The nearby stage wired to the others, and the helpers' way in: a socket of their own, and none of the staff's.

Holds no rule of its own (`dispatch.nearby`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from dispatch.alarm import errors
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work
from dispatch.duty.roster import Roster
from dispatch.fanout.feed import EVERY_ALARM
from dispatch.fanout.hub import Hub
from dispatch.fanout.transport import DIRECT, Protocol
from dispatch.identity import Identity, tokens
from dispatch.nearby.calls import Ground
from dispatch.nearby.nearby import Nearby
from dispatch.nearby.websocket import HelperSocket, Post
from dispatch.routing.datum import wgs84_to_gcj02
from dispatch.routing.route import wgs84
from dispatch.settings import Settings
from dispatch.sign_ins import SignIns
from dispatch.stream.alarms import Alarms


def make(
    settings: Settings, alarms: Alarms, work: Work, roster: Roster, hub: Hub, sign_ins: SignIns, identity: Identity,
    lives: Callable[[], bool], officer: Callable[[Request], Awaitable[Actor]],
) -> Nearby:  # fmt: skip
    """The stage, with the helpers' socket among its routes.

    Args:
        settings: the configuration.
        alarms: where the alarms are.
        work: what goes on, and time.
        roster: who is on duty.
        hub: tells of each event.
        sign_ins: those in use.
        identity: who is who; those who sign out share their place no more.
        lives: whether the store answers.
        officer: (request) -> who of the staff is signed in; raises `not_signed_in`, `not_allowed`.
    """
    stations = settings.boundaries.stations
    ground = Ground(
        wgs84=wgs84, gcj02=wgs84_to_gcj02, coarse_m=settings.nearby.coarse_m,
        station_name=lambda station: stations[station].name.model_dump() if station in stations else {"zh": station},
    )  # fmt: skip
    nearby = Nearby(alarms, work, settings.nearby, ground, roster.is_on_duty, officer)
    identity.on_sign_out.append(nearby.leave)
    roster.on_left.append(nearby.places.end)
    post = Post(
        alarms=alarms, places=nearby.places, ground=ground, work=work, limits=settings.limits.model_dump(),
        beat_s=settings.console.beat_s, follow=lambda station, told: hub.watch(station, EVERY_ALARM, told),
        lives=lives, kind=identity.kind,
    )  # fmt: skip

    async def socket(socket: WebSocket) -> None:
        given = tokens(socket)
        try:
            actor = await identity.signed_in(*given)
        except Refused as refused:
            await _turn_away(socket, errors.GO_AWAY if refused.error.retry else errors.SIGNED_OUT, refused.error.code)
            return
        if actor.role != "helper":
            await _turn_away(socket, errors.FORBIDDEN, errors.NOT_ALLOWED.code)
            return

        wire: Protocol = socket.scope["extensions"][DIRECT]
        wire.known = True
        sign_in = sign_ins.of(tuple(given), actor)
        release = sign_in.keep(lambda: wire.close(errors.SIGNED_OUT, "signed out"))

        async def alive() -> bool:
            await sign_in.used()  # whoever is on watch is at work
            return await sign_in.holds()

        try:
            await HelperSocket(socket, actor, post, alive).run()
        finally:
            release()

    nearby.routes.append(WebSocketRoute("/ws/helper", socket))
    return nearby


async def _turn_away(socket: WebSocket, code: int, why: str) -> None:
    await socket.accept()
    await socket.close(code, why)
