"""What goes wrong between the hub and a phone: it is said, it is tried again in time, and it delays nobody else."""

import asyncio
import signal
from pathlib import Path

import pytest

from dispatch import resources
from dispatch.alarm import errors
from dispatch.alarm.commands import Raise
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm
from dispatch.app import Dispatch
from dispatch.media.objects import Objects
from dispatch.notify.outbox import Job, Outbox
from dispatch.notify.recorder import Recorder
from dispatch.store import checks as store
from tests.flow.people import Citizen, Officer
from tests.flow.town import Town
from tests.notify.conftest import ENV
from tests.notify.service import Device, Service, settles
from tests.patience import PATIENCE_S
from tests.process import HubProcess


async def state(officer: Officer, device: Device) -> dict[str, object]:
    shown = (await officer.http.get("/notify/push")).json()["devices"]
    return next(one for one in shown if one["id"] == device.id)


async def until_state(officer: Officer, device: Device, wanted: str) -> dict[str, object]:
    async with asyncio.timeout(PATIENCE_S):
        while (found := await state(officer, device))["state"] != wanted:
            await asyncio.sleep(0)
    return found


async def test_a_device_that_is_gone(town: Town, service: Service) -> None:
    """404 and 410: the subscription is removed, and its officer, the supervisor and the alarm's record say so."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    boss = await town.user("S01", role="supervisor")
    phones = [await service.device().subscribes(v02) for _ in range(2)]
    phones[0].answers, phones[1].answers = [404], [410]
    alarm = await town.citizen().raises()
    first = (await v01.hears(alarm, "alarm_raised", "step_run", "notification_failed"))["event"]
    assert (first["officers"], first["reason"]) == (["V02"], "gone")
    for phone, status in zip(phones, (404, 410), strict=True):
        told = await until_state(v02, phone, "gone")
        assert told["failed"] == {"at": "2026-11-22T02:00:00.000Z", "reason": "gone", "status": status}
    await settles(town)
    seen = (await boss.http.get("/notify/channels")).json()["channels"]
    assert [one["state"] for who in seen if who["officer"] == "V02" for one in who["devices"]] == ["gone", "gone"]
    rows = (await boss.http.get("/notify/deliveries")).json()["deliveries"]
    assert {(row["status"], row["outcome"]) for row in rows} == {(404, "gone"), (410, "gone")}
    assert (await v02.http.get("/notify/deliveries")).status_code == 403
    await town.fast_forward(15)
    assert [phone.asked for phone in phones] == [1, 1]
    await phones[0].subscribes(v02)
    assert [one["id"] for one in (await v02.http.get("/notify/push")).json()["devices"]] == [phones[0].id]
    town.stops_watching(v01)


async def test_a_service_that_asks_to_wait(town: Town, service: Service) -> None:
    """429: not before `Retry-After`; 503: soon, and ever more seldom. Each attempt is there to be read."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    asked_to_wait, broken = await service.device().subscribes(v02), await service.device().subscribes(v01)
    asked_to_wait.answers, broken.answers = [(429, {"retry-after": "7"})], [503, 502]
    alarm = await town.citizen().raises()
    await asked_to_wait.is_asked(1)
    await broken.is_asked(1)
    await v01.hears(alarm, "alarm_raised", "step_run")
    await settles(town)
    await town.clock.advance(1)
    await broken.is_asked(2)
    await settles(town)
    await town.clock.advance(2)
    await broken.gets()
    await settles(town)
    await town.clock.advance(3.5)
    await settles(town)
    assert asked_to_wait.asked == 1
    await town.clock.advance(0.5)
    await asked_to_wait.gets()
    assert (broken.asked, asked_to_wait.asked) == (3, 2)
    await v01.hears(alarm, "notification_sent", "notification_sent")
    boss = await town.user("S01", station=None, role="supervisor")
    rows = (await boss.http.get("/notify/deliveries", params={"channel": "push"})).json()["deliveries"]
    assert [row["status"] for row in rows if row["officers"] == ["V01"]] == [201, 502, 503]


async def test_a_service_that_hangs_delays_nobody(town: Town, service: Service) -> None:
    """One phone's service never answers: the others get theirs, the acknowledgement is taken, no more is tried."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    hung, well = await service.device().subscribes(v01), await service.device().subscribes(v02)
    let_go = asyncio.Event()
    hung.answers = [let_go] * 5
    alarm = await town.citizen().raises()
    await hung.is_asked(1)
    await well.gets()
    await v01.acknowledges(alarm)
    await v01.hears(alarm, "alarm_raised", "step_run", "notification_sent", "alarm_acknowledged")
    taken = await well.gets(2)
    assert (taken.says["kind"], taken.headers["topic"]) == ("taken", well.got[0].headers["topic"])
    await settles(town)  # the hanging attempt has ended by its time-out
    await town.clock.advance(1)
    failed = (await v01.hears(alarm, "notification_failed"))["event"]
    assert (failed["officers"], failed["reason"]) == (["V01"], "no_answer")
    await town.fast_forward(60)
    assert (hung.asked, well.asked) == (1, 2)
    let_go.set()


async def test_one_host_does_not_take_all_the_room(tmp_path: Path, service: Service) -> None:
    """Many phones of a service that hangs: those of another one are sent meanwhile, and none is tried for ever."""
    env = {**ENV, "DISPATCH_NOTIFY_AT_ONCE": "2", "DISPATCH_NOTIFY_PER_HOST": "1"}
    async with Town(tmp_path, env=env) as town, Service().serves() as hangs:
        v01, v02 = await town.officer("V01"), await town.user("V02")
        let_go = asyncio.Event()
        hung = [await hangs.device().subscribes(v01) for _ in range(4)]
        for device in hung:
            device.answers = [let_go]
        well = await service.device().subscribes(v02)
        alarm = await town.citizen().raises()
        await well.gets()
        await hangs.is_asked(1)
        await v01.acknowledges(alarm)
        assert (await well.gets(2)).says["kind"] == "taken"
        await town.fast_forward(6)
        stream = town.dispatch.stream
        let_go.set()
        await settles(town)
        await town.clock.advance(1)
        await settles(town)
        assert await stream.redis.hlen(stream.keys.notify_jobs) == 0
        assert sum(device.asked for device in hung) == 1
        town.stops_watching(v01)


async def test_the_outbox_is_bounded(town: Town) -> None:
    """What finds no room is given back to be told, and the position moves all the same; only who was first moves it."""
    outbox = Outbox(town.dispatch.stream, waiting=1, kept=10)
    jobs = [
        Job(id=f"t{n}", channel="push", target="none", kind="step", station="nowhere", made=4_102_444_800_000)
        for n in range(3)
    ]
    assert await outbox.plan("nowhere", None, 7, jobs) == jobs[1:]
    assert await outbox.plan("nowhere", None, 7, jobs) is None
    assert await outbox.positions(["nowhere"]) == {"nowhere": 7}


async def test_who_took_it_is_reminded(town: Town, service: Service) -> None:
    """Acknowledged and not moving: the owner's phone is told too."""
    v01 = await town.officer("V01")
    phone = await service.device().subscribes(v01)
    alarm = await town.citizen().raises()
    await phone.gets()
    await v01.acknowledges(alarm)
    await town.fast_forward(120)
    reminder = await phone.gets(2)
    assert (reminder.says["kind"], reminder.headers["urgency"]) == ("reminder", "high")
    await v01.hears(alarm, "owner_reminded")
    town.stops_watching(v01)


async def test_taken_replaces_and_nothing_follows(town: Town, service: Service) -> None:
    """Who was called learns on the phone who took it, silently and in the same place; after that nothing is sent."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    own, other = await service.device().subscribes(v01), await service.device().subscribes(v02)
    alarm = await town.citizen().raises()
    first = await other.gets()
    await own.gets()
    await v01.hears(alarm, "alarm_raised", "step_run", "notification_sent")
    await town.quiet()
    await v01.acknowledges(alarm)
    taken = await other.gets(2)
    assert (taken.says["kind"], taken.says["tag"]) == ("taken", first.says["tag"])
    assert "V01" in taken.says["body"]
    assert taken.headers["urgency"] == "normal"
    await town.fast_forward(100)
    assert (len(own.got), len(other.got)) == (1, 2)
    town.stops_watching(v01)


async def test_not_opened_in_time(town: Town, service: Service) -> None:
    """What was not opened when the next step is due is an event beside that step, which runs as due and calls again."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    phone = await service.device().subscribes(v02)
    alarm = await town.citizen().raises()
    push = await phone.gets()
    await phone.tells(v02, push, "shown")
    await v01.hears(alarm, "alarm_raised", "step_run", "notification_sent", "notification_shown")
    await town.fast_forward(15)
    step = await v01.hears(alarm, "step_run")
    unopened = await v01.hears(alarm, "notification_unopened")
    assert step["at"] == unopened["at"] == "2026-11-22T02:00:15.000Z"
    assert unopened["event"] == {"type": "notification_unopened", "officers": ["V02"], "step": 0, "loop": 0}
    again = await phone.gets(2)
    assert (again.says["kind"], again.headers["topic"]) == ("step", push.headers["topic"])
    await phone.tells(v02, again, "opened")
    await v01.hears(alarm, "notification_sent", "notification_opened")
    await town.fast_forward(15)
    assert "notification_unopened" not in v01.pending()
    town.stops_watching(v01)


async def test_steps_of_one_instant_ring_once(town: Town, service: Service) -> None:
    """With no console anywhere three steps run at once: a phone rings once, and is told the last of them."""
    v02, boss = await town.user("V02"), await town.user("S01", role="supervisor")
    phone, of_boss = await service.device().subscribes(v02), await service.device().subscribes(boss, lang="en")
    await town.citizen().raises()
    push = await phone.gets()
    assert "3" in push.says["body"]
    assert "Open your console" in (await of_boss.gets()).says["body"]  # the last step calls supervisors
    await settles(town)
    assert (phone.asked, of_boss.asked) == (1, 1)


async def test_two_hubs_send_once(town: Town, service: Service) -> None:
    """However many hubs follow the streams, each event is sent once."""
    await town.opens_hub()
    v01, v02 = await town.officer("V01"), await town.user("V02")
    phone = await service.device().subscribes(v02)
    await town.clock.advance(1)  # the other hub hears of the device within a second
    with town.clock.under_way():
        alarms = await asyncio.gather(*(town.citizen(hub).raises() for hub in (0, 1, 0, 1)))
    await phone.gets(4)
    await town.clock.advance(2)
    await settles(town)
    assert sorted(push.says["alarm"] for push in phone.got) == sorted(alarms)
    town.stops_watching(v01)


async def test_a_hub_that_died_after_the_append(town: Town, service: Service, tmp_path: Path) -> None:
    """The hub that stored the alarm is gone before it looked at it: another one finds it within a second."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    phone = await service.device().subscribes(v02)
    redis = store.connect(town.store.url, "tests")
    try:
        dead = Dispatch(town.settings, redis, Objects(tmp_path / "m", bytes(32)), town.clock, resources.web(), tmp_path)
        await dead.open()
        steps = await dead.timer.opening("dadongmen", (), "alarm")
        alarm = "00000000-0000-4000-8000-000000000001"
        await dead.alarms.handle(
            alarm, Raise(station="dadongmen", backups=(), why="no_position", code="AAAA-AAAA"), *steps, secret_hash="x"
        )
    finally:
        await redis.aclose()
    assert phone.asked == 0
    await town.clock.advance(1)
    assert (await phone.gets()).says["alarm"] == alarm
    town.stops_watching(v01)


async def test_sent_and_not_written_down(town: Town, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store does not take that it was sent: the job stays, so it is sent twice at worst, never forgotten."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    phone = await service.device().subscribes(v02)

    async def away(*_: object) -> Alarm:
        raise Refused(errors.NOT_STORED, "the store does not answer")

    monkeypatch.setattr(Recorder, "record", away)
    await town.citizen().raises()
    await phone.gets()
    await town.quiet()
    stream = town.dispatch.stream
    assert await stream.redis.hlen(stream.keys.notify_jobs) == 1
    town.stops_watching(v01)


async def test_begins_with_what_comes(town: Town, service: Service) -> None:
    """A hub that never sent before does not send what was, when it is switched on."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    await town.citizen().raises()
    stream = town.dispatch.stream
    async with asyncio.timeout(PATIENCE_S):
        outbox = town.dispatch.notify.outbox
        while (await outbox.positions(["dadongmen"]))["dadongmen"] != await stream.offset("dadongmen"):
            await town.clock.advance(1)
    await stream.redis.delete(stream.keys.notified)
    phone = await service.device().subscribes(v02)
    await town.dispatch.notify.open()
    second = await town.citizen().raises()
    assert (await phone.gets()).says["alarm"] == second
    await settles(town)
    assert phone.asked == 1
    town.stops_watching(v01)


async def test_the_first_device_of_all(town: Town, service: Service) -> None:
    """Subscribed while the hub was just asking whether anybody is: the next alarm is sent at once all the same."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    subscriptions = town.dispatch.notify.subscriptions
    assert subscriptions is not None
    ask, asked, go_on = subscriptions.any, asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        there = await ask()
        asked.set()
        await go_on.wait()
        return there

    subscriptions.any = slowly  # type: ignore[method-assign]
    with town.clock.under_way():
        passing = asyncio.create_task(town.clock.advance(1))
        await asked.wait()
        phone = await service.device().subscribes(v02)
        subscriptions.any = ask  # type: ignore[method-assign]
        go_on.set()
        await passing
    alarm = await town.citizen().raises()
    assert (await phone.gets()).says["alarm"] == alarm
    await settles(town)
    town.stops_watching(v01)


async def test_a_silent_device(town: Town, service: Service) -> None:
    """Sent, and nothing shown for the configured time: told as silent, to its officer and the supervisor."""
    v01, v02 = await town.officer("V01"), await town.user("V02")
    boss = await town.user("S01", station=None, role="supervisor")
    phone = await service.device().subscribes(v02)
    await v02.http.post(f"/notify/push/{phone.id}/test")
    push = await phone.gets()
    assert push.says["kind"] == "test"
    await settles(town)
    assert (await state(v02, phone))["state"] == "on"
    town.clock.jump(3601)
    assert (await state(v02, phone))["state"] == "silent"
    seen = (await boss.http.get("/notify/channels", params={"station": "dadongmen"})).json()["channels"]
    assert [one["state"] for who in seen if who["officer"] == "V02" for one in who["devices"]] == ["silent"]
    await phone.tells(v02, push, "shown")
    told = await state(v02, phone)
    assert (told["state"], told["shown"]) == ("on", "2026-11-22T03:00:01.000Z")
    town.stops_watching(v01)


async def test_a_hub_killed_while_it_sent(tmp_path: Path, service: Service) -> None:
    """Kill -9 between the append and the service's answer: the next start sends it, and writes it down once."""
    hub = HubProcess(tmp_path / "data", **ENV)
    try:
        await asyncio.to_thread(hub.start)
        v02 = Officer(hub.url, "V02")
        await v02.signs_in(hub.password)
        phone = await service.device().subscribes(v02)
        let_go = asyncio.Event()
        phone.answers = [let_go]
        citizen = Citizen(hub.url)
        alarm = await citizen.raises()
        await phone.is_asked(1)
        await asyncio.to_thread(hub.stop, signal.SIGKILL)
        let_go.set()
        assert phone.got == []
        await asyncio.to_thread(hub.start)
        assert (await phone.gets()).says["alarm"] == alarm
        async with asyncio.timeout(PATIENCE_S):
            while not (rows := [row["event"]["type"] for row in
                                (await v02.http.get(f"/log/alarms/{alarm}")).json()["events"]
                                if row["event"]["type"].startswith("notification")]):  # fmt: skip
                await asyncio.sleep(0)
        assert (rows, len(phone.got)) == (["notification_sent"], 1)
        await v02.closes()
        await citizen.http.aclose()
    finally:
        hub.end()
