"""An officer's phone is reached from the stream: by a push that only their browser can read, and that says little."""

import json

from tests.flow.people import Officer
from tests.flow.town import Town
from tests.notify.service import Service

WORDS = "门外有人砸门 PRIVATE-WORDS"
PLACE = "北海街12号 PRIVATE-PLACE"


async def events(officer: Officer, alarm: str, prefix: str = "notification_") -> list[dict[str, object]]:
    rows = (await officer.http.get(f"/log/alarms/{alarm}")).json()["events"]
    return [row["event"] for row in rows if row["event"]["type"].startswith(prefix)]


async def test_a_push_from_the_stream(town: Town, service: Service) -> None:
    """Who a step calls gets one push on each device, signed, decrypted there, with nothing of the citizen in it.

    Sent, shown and opened are three events, and none of them is an acknowledgement or a reached officer.
    """
    v01, v02 = await town.officer("V01"), await town.user("V02")
    phone = await service.device().subscribes(v02)
    citizen = town.citizen()
    alarm = await citizen.raises(
        text=WORDS, place=PLACE, category="PRIVATE-CATEGORY", position={"lat": 41.80312, "lon": 123.46587}
    )
    push = await phone.gets()
    step = (await v01.hears(alarm, "alarm_raised", "step_run"))["event"]
    assert "V02" in step["called"]
    assert step["reached"] == ["V01"]
    sent = (await v01.hears(alarm, "notification_sent"))["event"]
    assert (sent["officers"], sent["channel"], sent["step"], sent["loop"]) == (["V02"], "push", 0, 0)
    own = (await v02.http.get("/notify/push")).json()
    assert set(service.signed_by) == {own["key"]}
    assert push.headers["urgency"] == "high"

    said = json.dumps(push.says, ensure_ascii=False)
    code = town.citizens[0].answer.json()["code"]
    assert (push.says["kind"], push.says["alarm"]) == ("step", alarm)
    assert code in push.says["body"]
    for secret in ("PRIVATE", "砸门", "北海", "41.8", "123.4", citizen.secret):
        assert secret not in said
        assert secret.encode() not in push.body

    for _ in range(2):  # a device that was not answered tells it again
        assert await phone.tells(v02, push, "shown") == 204
        assert await phone.tells(v02, push, "opened") == 204
    shown = (await v01.hears(alarm, "notification_shown"))["event"]
    opened = (await v01.hears(alarm, "notification_opened"))["event"]
    assert shown["officer"] == opened["officer"] == "V02"
    now = v01.alarms[alarm]
    assert (now["status"], now.get("seen_by")) == ("raised", None)
    assert now["notified"]["V02"]["sent"] == ["push"]
    assert [e["type"] for e in await events(v01, alarm)] == [
        "notification_sent", "notification_shown", "notification_opened",
    ]  # fmt: skip
    assert (await phone.tells(v02, type(push)({}, b"", {"token": push.says["token"][:-2] + "AA"}), "shown")) == 404
