"""The composition root: makes every stage, hands each the functions it needs, and keeps their loops running.

The only module that knows everyone. Holds no rule of its own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from dispatch import __version__, notices, sign_ins, telemetry, watch, web
from dispatch.alarm import errors, messages, retention
from dispatch.alarm.clock import StoreClock, Timeline
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work
from dispatch.alarmlog import http as log_http
from dispatch.alarmlog.find import Finder
from dispatch.alarmlog.index import INDEX_EVERY_S, Index, Indexing
from dispatch.alarmlog.wanted import Ground
from dispatch.callers import Callers
from dispatch.catalogues import Catalogues
from dispatch.config.agreement import COMPARE_EVERY_S, Agreement
from dispatch.config.strays import LOOK_EVERY_S as STRAYS_EVERY_S
from dispatch.config.strays import Strays
from dispatch.config.versions import Versions
from dispatch.duty import presence
from dispatch.duty.presence import Presence
from dispatch.duty.readiness import Console, Readiness
from dispatch.duty.roster import Roster
from dispatch.edge.door import LOOK_EVERY_S, Door
from dispatch.escalation import bursts, flood
from dispatch.escalation.auditor import AUDIT_EVERY_S, Auditor
from dispatch.escalation.bursts import Bursts
from dispatch.escalation.endings import ENDINGS_EVERY_S, Endings
from dispatch.escalation.flood import Floods
from dispatch.escalation.owners import Owners
from dispatch.escalation.timer import Deadlines, Timer
from dispatch.fanout.admission import Admission
from dispatch.fanout.feeds import CHECK_EVERY_S
from dispatch.fanout.heartbeat import Heartbeat
from dispatch.fanout.hub import Hub
from dispatch.fanout.receipts import REPORT_EVERY_S, Receipts
from dispatch.fanout.requests import Windows
from dispatch.fanout.transport import DIRECT
from dispatch.fanout.websocket import ConsoleSocket, Desk
from dispatch.hashing import Hashing
from dispatch.identity import HASHER, SWEEP_EVERY_S, Identity, tokens
from dispatch.intake import http as intake_http
from dispatch.intake.citizens import Citizens, Town
from dispatch.intake.pace import Pace
from dispatch.intake.senders import Lane, Senders
from dispatch.intake.spool import Spool
from dispatch.intake.websocket import CitizenSocket
from dispatch.media.evidence import Evidence
from dispatch.media.objects import Objects
from dispatch.nearby.distance import metres
from dispatch.notices import NOTICE_EVERY_S, Notices
from dispatch.notify.notify import Notify
from dispatch.notify.vapid import open_vapid_key
from dispatch.routing.route import reroute, route, wgs84
from dispatch.settings import Settings
from dispatch.shifts import Shifts
from dispatch.sign_ins import SignIns
from dispatch.store.checks import dangers
from dispatch.store.faults import translated
from dispatch.store.health import Health
from dispatch.store.replicas import Replicas
from dispatch.store.rewrite import REWRITE_EVERY_S, Rewriting
from dispatch.stream.alarms import Alarms
from dispatch.stream.answer import vouched
from dispatch.stream.epochs import MARK_EVERY_S, Epochs, Witness
from dispatch.stream.leases import Leases
from dispatch.stream.orphans import ORPHANS_EVERY_S, Orphans
from dispatch.stream.relay import Relay
from dispatch.stream.stream import Stream
from dispatch.stream.timekeeping import LOOK_EVERY_S as TIME_EVERY_S
from dispatch.stream.timekeeping import Timekeeping
from dispatch.underway import UnderWay

log = structlog.get_logger()
_RELEASE_S = 0.3


class Dispatch:
    """One hub: every stage, made and wired.

    Args:
        settings: the configuration.
        redis: a client of the store.
        objects: where media is kept.
        clock: time; a `StoreClock` is kept at the store's.
        pages: the web folder.
        voice: the folder of voice clips.
        data: the data folder; without one the hub remembers nothing of its store when it is started again.
        hasher: of passwords.
    """

    def __init__(
        self, settings: Settings, redis: Any, objects: Objects, clock: Timeline, pages: Path, voice: Path,
        data: Path | None = None, hasher: PasswordHasher = HASHER,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.name = secrets.token_hex(6)
        self.clock = clock
        self.work = work = Work(clock)
        self.door = Door(settings.serve)
        self.limits = settings.limits.model_dump()
        self.stations = tuple(settings.boundaries.stations)
        conf = settings.store
        replicas = Replicas(redis, conf.replicas, conf.replica_sync, conf.replica_wait_ms) if conf.replicas else None
        self.replicas = replicas
        self.stream = Stream(redis, conf.partitions, replicas, conf.prefix)
        self.epochs = Epochs(self.stream, self.stations, clock, Witness(data / "witness.json" if data else None))
        built_in = data / "store" if data and not conf.url else None
        self.health = Health(redis, self._unsafe, conf.allow, conf.warn_share, built_in)
        deadlines = Deadlines(settings.policies, {station: rota.timezone for station, rota in settings.rotas.items()})
        self.alarms = Alarms(self.stream, clock, deadlines.next, partial(retention.ends_at, keep=settings.keep))
        self.readiness = Readiness(self.stream, clock, settings.console.ready_lapse_s)
        self.roster = Roster(self.stream, work, settings.rotas, self.readiness)
        self.identity = Identity(
            self.stream, clock, settings.session.hours, settings.limits.sign_in_attempts,
            settings.limits.sign_in_window_s, Hashing(settings.session.hash_threads, settings.session.hash_waiting),
            hasher,
        )  # fmt: skip
        self.versions = versions = Versions(self.stream, self.name, settings, settings.timer.lease_s)
        self.leases = Leases(self.stream, self.name, settings.timer.lease_s, work, lambda: versions.newest)
        of_newest = {"mine": lambda: versions.newest, "agreed": lambda: not versions.differ}
        self.timer = Timer(
            self.alarms, deadlines, self.roster.called, work, self.leases,
            reroute=lambda alarm: reroute(settings.boundaries, alarm.position), joins=self._joins, **of_newest,
        )  # fmt: skip
        self.strays = Strays(self.alarms, settings.boundaries, self.identity.people, lambda: versions.newest)
        every = self.strays.every
        self.auditor = Auditor(self.alarms, deadlines, self.timer, clock, every, **of_newest)
        self.bursts = Bursts(self.alarms, work, of_newest["mine"])
        self.time = Timekeeping(self.stream, clock, self.stations, work) if isinstance(clock, StoreClock) else None
        self.endings = Endings(self.alarms, self.leases, work, every, lambda: not self._doubtful)
        self.index = Index(self.stream)
        self.indexing = Indexing(self.index, self.stream, self.leases, every)
        self.finder = Finder(self.stream, self.index, Ground(wgs84, metres), deadlines.timezone, self.limits)
        self.rewriting = Rewriting(redis, self.stream.partitions, self.name, settings.retention.rewrite_every_s)
        self.relay = Relay(self.alarms, work)
        self.orphans = Orphans(self.alarms, self.relay, every, self.epochs.went_back)
        self.owners = Owners(self.alarms, every, work)
        desk = settings.console
        self.presence = Presence(self.stream, work, desk.owner_lost_s, self.owners.lost, self.owners.back)
        self.floods = Floods(self.stream, clock, **settings.flood.model_dump())
        self.shifts = Shifts(self.roster, self.owners, self.floods)
        self.alarms.after_append += [self.relay.after_append, self.timer.after_append, self.floods.after_append]
        self.readiness.on_lost.append(self.timer.nudge)
        limits = settings.limits
        self.spool = Spool(limits.spool_bytes, limits.spool_forms, lambda: self.door.second)
        self.hub = Hub(self.stream, self.shifts.duty, limits.console_buffer_bytes, limits.ring_events, work)
        self.hub.feeds.on_went_back = self.epochs.went_back
        self.epochs.on_change.append(self.hub.begin_again)
        self.agreement = Agreement(settings, self.identity.users)
        self.notices = Notices(
            reach=self._reach,
            wrong=lambda: [
                *self.health.notices, *self.rewriting.notices, *versions.notices, *self.strays.notices,
                *self.agreement.notices, *self.evidence.notices, *(self.time.notices if self.time else ()),
            ],
            restored=lambda: self.epochs.restored, late=self.auditor.late, tell=self.hub.broadcast,
        )  # fmt: skip
        self.receipts = Receipts(self.alarms, work)
        self.heartbeat = Heartbeat(self.hub, settings.console.silent_after_s)
        self.callers = Callers(objects.derived("callers"), clock)
        self.sign_ins = SignIns(self.identity)
        self.evidence = Evidence(self.alarms, objects, work, self.limits, settings.media.model_dump())
        self.notify = Notify(
            self.alarms, work, settings.notify, settings.notify.vapid_key or open_vapid_key(data),
            stations=every, officers=self.roster.officers, people=self.identity.people,
            words=partial(Catalogues(pages).of, "notify"), station_name=self.settings.station_name,
        )  # fmt: skip
        self.citizens = Citizens(
            self.alarms, self._town(), self.limits,
            Senders(limits.sender_alarms, limits.sender_every_s, limits.all_alarms, limits.all_every_s),
            Lane(work, limits.marked_per_s), Pace(work, limits.alarm_messages, limits.alarm_every_s), clock.now,
        )  # fmt: skip
        self.nearby = watch.make(
            settings,
            self.alarms,
            work,
            self.roster,
            self.hub,
            self.sign_ins,
            self.identity,
            self.notices.lives,
            self.who,
        )
        self.desk = Desk(
            alarms=self.alarms, hub=self.hub, receipts=self.receipts, work=work, limits=self.limits,
            stations=self.stations, ready=self._ready, lost=self._lost, send_on=self._send_on,
            asked={
                messages.Duty: self.shifts.sign, messages.CloseBurst: self.bursts.close,
                messages.UndoCloseBurst: self.bursts.undo, **self.nearby.asked,
            }, notices=self.notices.message,
            admission=Admission(desk.admission, work), heard=self.presence.heard,
            windows=Windows(desk.grace_s, desk.undo_close_s), version=__version__,
        )  # fmt: skip
        self.routes: list[BaseRoute] = []
        self.asgi: ASGIApp = UnderWay(web.Guard(self._starlette(pages, voice), settings.serve.origins), work)

    # -- the application ---------------------------------------------------------------------------------------

    def _starlette(self, folder: Path, voice: Path) -> Starlette:
        pages = web.Pages(folder, self.settings)
        self.routes = vouched(self.stream, self._routes(pages, folder, voice), promise_nothing=(web.SIGN_IN, web.STAY))
        return Starlette(
            routes=self.routes,
            exception_handlers={Refused: pages.refused, ClientDisconnect: web.hung_up, 404: web.not_found},
            lifespan=self._lifespan,
        )

    def _routes(self, pages: web.Pages, folder: Path, voice: Path) -> list[BaseRoute]:
        """Looked through from the first on: alarms before all else."""
        return [
            *intake_http.routes(
                self.citizens,
                pages.page,
                self.evidence.chunks.put_whole,
                self.settings.limits.form_bytes,
                self.spool,
                self.callers.sender,
            ),
            *notices.routes(self.notices, self.who, lambda: dangers(self.stream.redis, self.settings.store.allow)),
            Route("/metrics", telemetry.metrics),
            WebSocketRoute("/ws/alarm", self._citizen_socket),
            WebSocketRoute("/ws/console", self._console_socket),
            *self.nearby.routes,
            *self.evidence.routes(self._citizen_of, self.who),
            *self.notify.routes(self.who),
            *log_http.routes(self.alarms, self.index, self.finder, self.who, self.strays.every, self.limits),
            *web.routes(
                pages, self.identity, self.callers, self.who, self.shifts.may_leave, folder, voice, self.settings
            ),
        ]

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Every loop of the hub lives here."""
        await self.open()
        if self.time is not None:
            await self.time.open(hub=True)
        await self.notify.open()
        await self.versions.step(self.clock.now())
        poll_s, repeat = self.settings.timer.poll_s, self.work.repeat
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "fanout": lambda: repeat(self.notices.look, CHECK_EVERY_S),
            "door": lambda: repeat(self.door.step, LOOK_EVERY_S),
            "sign-ins": lambda: repeat(self.sign_ins.step, sign_ins.LOOK_EVERY_S),
            "ended sign-ins": lambda: repeat(self._sweep, SWEEP_EVERY_S),
            "heartbeat": lambda: repeat(self.heartbeat.step, self.settings.console.beat_s),
            "receipts": lambda: repeat(self.receipts.step, REPORT_EVERY_S),
            "versions": lambda: repeat(self.versions.step, poll_s),
            "escalation": lambda: self.timer.run(poll_s),
            "readiness": lambda: repeat(self.readiness.step, poll_s),
            "duty": lambda: repeat(self._tell_duty, poll_s),
            "presence": lambda: repeat(self.presence.step, presence.LOOK_EVERY_S),
            "floods": lambda: repeat(self.floods.step, flood.LOOK_EVERY_S),
            "bursts": lambda: repeat(self.bursts.step, bursts.LOOK_EVERY_S),
            "relay": lambda: self.relay.run(poll_s),
            **self.evidence.loops(),
            **self.notify.loops(),
            **self.nearby.loops(),
            "endings": lambda: repeat(self.endings.step, ENDINGS_EVERY_S),
            "index": lambda: repeat(self.indexing.step, INDEX_EVERY_S),
            "rewriting": lambda: repeat(self.rewriting.step, REWRITE_EVERY_S),
            "audit": lambda: repeat(self.auditor.step, AUDIT_EVERY_S),
            "orphans": lambda: repeat(self.orphans.step, ORPHANS_EVERY_S),
            "epochs": lambda: repeat(self.epochs.step, MARK_EVERY_S),
            "health": lambda: repeat(self.health.step, self.settings.store.check_s),
            "strays": lambda: repeat(self.strays.step, STRAYS_EVERY_S),
            "agreement": lambda: repeat(self.agreement.step, COMPARE_EVERY_S),
            "notices": lambda: repeat(self.notices.step, NOTICE_EVERY_S),
            "clock": self._keep_time,
        }
        for name, loop in loops.items():
            self.work.spawn(self.work.keep(name, loop), name)
        try:
            yield
        finally:
            await self.work.end()  # the loops, and whatever else is still under way
            with suppress(Refused, TimeoutError):  # they end by themselves, a little later
                async with asyncio.timeout(_RELEASE_S):
                    await self.versions.leave()
                    await self.leases.release(self.clock.now())
            self.identity.hashing.close()
            await self.hub.feeds.doorbell.aclose()
            self.epochs.witness.close()
            await self.notify.aclose()
            if self.replicas is not None:
                await self.replicas.aclose()

    async def open(self) -> None:
        """Learn the store's partitions, time and epochs; also what the command line needs, which runs no loop.

        Raises:
            StoreUnavailable: the store was made with another number of partitions.
        """
        await self.stream.homes.open()
        if self.time is not None:
            await self.time.open(hub=False)
        await self.epochs.open()
        await self.strays.learn()

    async def _keep_time(self) -> None:
        """Hubs with wrong clocks agree, and none follows one that jumps."""
        while self.time is not None:
            await self.work.sleep(TIME_EVERY_S)
            try:
                await self.time.step(self.work.now())
            except Refused as fault:
                log.warning("clock_not_corrected", fault=str(fault))

    @property
    def _doubtful(self) -> bool:
        return self.time is not None and self.time.doubtful

    async def _sweep(self, now: datetime) -> None:
        """A sign-in that was taken away because of a wrong time would not come back."""
        if not self._doubtful:
            await self.identity.sweep(now)

    async def _tell_duty(self, now: datetime) -> None:
        """Which shift it is, is what the newest rota says."""
        if self.versions.newest:
            await self.roster.step(now)

    def _unsafe(self, why: str) -> None:
        self.stream.unsafe = why

    async def _reach(self) -> None:
        """See that the store answers, and that no doorbell was missed."""
        async with translated():
            await self.stream.now()
        await self.hub.feeds.check()

    # -- who -----------------------------------------------------------------------------------------------------

    async def who(self, connection: HTTPConnection) -> Actor:
        """The signed-in officer or supervisor, who is at work; raises as `Identity.staff`.

        An answer to them ends with the sign-in.
        """
        given = tuple(tokens(connection))
        actor = await self.identity.staff(*given)
        await self.identity.used(*given)
        if connection.scope["type"] == "http":
            self.sign_ins.of_request(connection.scope, given, actor)
        return actor

    async def _citizen_of(self, request: Request, alarm_id: str) -> Any:
        return await self.citizens.authorise(alarm_id, intake_http.bearer(request))

    # -- sockets -------------------------------------------------------------------------------------------------

    async def _citizen_socket(self, socket: WebSocket) -> None:
        beat_s = self.settings.console.beat_s
        chunks = self.evidence.chunks

        def known() -> None:
            socket.scope["extensions"][DIRECT].known = True

        sender = self.callers.sender(socket)
        await CitizenSocket(socket, self.citizens, chunks.put, chunks.end, self.work, beat_s, sender, known).run()

    async def _console_socket(self, socket: WebSocket) -> None:
        try:
            async with self.desk.admission.place():
                actor = await self.identity.staff(*tokens(socket))  # coming back by itself is no use of a console
        except Refused as refused:
            await socket.accept()
            gone = {errors.NOT_SIGNED_IN: errors.SIGNED_OUT, errors.NOT_ALLOWED: errors.FORBIDDEN}
            await socket.close(gone.get(refused.error, errors.GO_AWAY), refused.error.code)
            return
        await ConsoleSocket.open(socket, self.desk, self.sign_ins.of(tuple(tokens(socket)), actor))

    # -- what stages are handed ----------------------------------------------------------------------------------

    def _town(self) -> Town:
        return Town(
            route=lambda position: route(self.settings.boundaries, position),
            reroute=lambda position: reroute(self.settings.boundaries, position),
            joins=self.bursts.join,
            opening=self.timer.opening,
            station_name=self.settings.station_name,
            officers_named=lambda station: self.settings.citizen.name_officers,
            follow=self.hub.watch,
            lives=self.notices.lives,
        )

    async def _joins(self, station: str, burst: str, alarm: str) -> bool:
        return await self.bursts.join(station, burst, alarm)

    async def _ready(self, station: str, officer: str, role: str, console: str) -> None:
        await self.readiness.renew(station, Console(officer, role, console))

    async def _lost(self, station: str, officer: str, role: str, console: str, why: str) -> None:
        await self.readiness.drop(station, Console(officer, role, console), why)

    async def _send_on(self, station: str, officer: str, role: str, console: str) -> None:
        await self.readiness.send_on(station, Console(officer, role, console), self.settings.console.comeback_s)
