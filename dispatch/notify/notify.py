"""The stage put together: one planner that follows the streams, one sender for each channel, the routes.

Only wires; holds no rule. Field's term: notification.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog
from starlette.requests import Request
from starlette.routing import Route

from dispatch.alarm.commands import Actor
from dispatch.alarm.work import Work
from dispatch.notify import http
from dispatch.notify.channels import Messengers, Pushes, Webhooks
from dispatch.notify.net import Outside
from dispatch.notify.outbox import Job, Outbox
from dispatch.notify.planner import People, Planner
from dispatch.notify.recorder import Recorder
from dispatch.notify.section import Notify as Section
from dispatch.notify.sender import Sender
from dispatch.notify.subscriptions import Subscriptions
from dispatch.notify.vapid import Signer
from dispatch.notify.webpush import WebPush, Words, filled
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

log = structlog.get_logger()
_NO_CONTACT = "mailto:operator@fujin.invalid"


class Notify:
    """What reaches people beyond the console, of one hub.

    Args:
        alarms: where the alarms are.
        work: what goes on, and time.
        settings: the section `[notify]`.
        key: the private key of web push.
        stations: every station.
        officers: station -> its officers by the rota.
        people: (names) -> the users among them.
        words: (language) -> the catalogue of notifications.
        station_name: (station, language) -> its name.
    """

    def __init__(
        self, alarms: Alarms, work: Work, settings: Section, key: str, *, stations: Sequence[str],
        officers: Callable[[str], Collection[str]], people: People, words: Words,
        station_name: Callable[[str, str], str],
    ) -> None:  # fmt: skip
        self._stream = alarms.stream
        self._stations = stations
        self._words = words
        self._station_name = station_name
        self._lang = settings.lang
        self._signer = Signer(key, settings.contact or _NO_CONTACT)
        self.outbox = Outbox(self._stream, settings.waiting, settings.deliveries)
        recorder = Recorder(alarms, work)
        self.subscriptions = (
            Subscriptions(self._stream, work, settings.subscriptions, self._signer.public, settings.silent_after_s)
            if settings.push else None
        )  # fmt: skip
        self.planner = Planner(alarms, self.outbox, self.subscriptions, recorder, people, stations, settings, work)
        if self.subscriptions is not None:
            self.subscriptions.on_put.append(self.planner.wake)
        alarms.after_append.append(self.planner.after_append)
        self._outsides: list[Outside] = []
        self.senders: list[Sender] = []
        if self.subscriptions is not None:
            push = WebPush(self._signer, self._outside(settings, settings.private_hosts), words, station_name,
                           settings.ttl_s)  # fmt: skip
            self.senders.append(Pushes(alarms, self.outbox, recorder, work, settings, self.subscriptions, push))
        if settings.messengers:
            self.senders.append(Messengers(alarms, self.outbox, recorder, work, settings, self._message))
        if settings.webhooks:
            self.senders.append(Webhooks(alarms, self.outbox, work, settings, self._outside(settings, private=True)))
        self.planner.planned += [sender.ring for sender in self.senders]
        self._desk = http.Desk(
            alarms=alarms, outbox=self.outbox, subscriptions=self.subscriptions, signer=self._signer,
            settings=settings, clock=work, officers=officers, stations=stations, ring=self._ring,
        )  # fmt: skip

    def routes(self, who: Callable[[Request], Awaitable[Actor]]) -> list[Route]:
        """The stage's routes; `who`: (request) -> the signed-in user."""
        return http.routes(self._desk, who)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run as long as the hub does, by name."""
        return {"notify": self.planner.run, **{f"notify-{sender.channel}": sender.run for sender in self.senders}}

    async def open(self) -> None:
        """Begin to follow stations that were never followed, before the hub takes its first alarm.

        Phones take pushes only from the key that they subscribed to: another one is said.
        """
        await self.outbox.begin(self._stations)
        if self.subscriptions is not None:
            keys = self._stream.keys
            async with translated():
                await self._stream.redis.set(keys.push_key, self._signer.public, nx=True)
                first = await self._stream.redis.get(keys.push_key)
            if first.decode() != self._signer.public:
                log.error("push_key_differs", advice="give every hub the same notify.vapid_key")

    async def aclose(self) -> None:
        """Close the connections."""
        for outside in self._outsides:
            await outside.aclose()

    def _ring(self) -> None:
        for sender in self.senders:
            sender.ring()

    def _outside(self, settings: Section, private: bool) -> Outside:
        outside = Outside(settings.timeout_s, settings.at_once, settings.proxy, private)
        self._outsides.append(outside)
        return outside

    def _message(self, job: Job) -> tuple[str, str]:
        """What a messenger says: to many at once, so in one language."""
        return filled(job, self._words(self._lang), self._station_name(job.station, self._lang), "message")
