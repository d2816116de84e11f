"""Who has an alarm is never in doubt: it changes hands only by a person, and only where that is free or said why."""

import pytest

from tests.flow.people import Answered, Officer
from tests.flow.town import Town


async def two(town: Town) -> tuple[Officer, Officer]:
    return await town.officer("V01"), await town.officer("V02")


async def test_a_dead_console_frees_its_alarms(town: Town) -> None:
    """The owner's console is silent for 30 s: marked, free to take without a reason; nothing else moved meanwhile."""
    first, second = await two(town)
    alarm = await town.citizen().raises(text="门外有人")
    await first.acknowledges(alarm)
    await first.asks("move", alarm=alarm)
    await town.fast_forward(25)
    with pytest.raises(Answered, match="bad_message: reason"):
        await second.asks("take", alarm=alarm)
    await first.is_cut()
    await town.fast_forward(29)
    assert "owner_lost" not in second.pending()
    await town.fast_forward(2)
    lost = await second.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route", "owner_lost")
    assert lost["event"]["owner"] == "V01"
    assert second.alarms[alarm]["owner_lost_at"] == lost["at"]
    assert (second.alarms[alarm]["owner"], second.alarms[alarm]["status"]) == ("V01", "en_route")
    await second.asks("take", alarm=alarm)
    taken = await second.hears(alarm, "alarm_taken")
    assert (taken["event"]["taken_from"], taken["event"]["why"]) == ("V01", "owner_lost")
    assert "owner_lost_at" not in second.alarms[alarm]
    await town.forgets(first, second)


async def test_an_owner_who_is_back_has_the_alarm(town: Town) -> None:
    """Heard again before anyone took it: the mark goes, on any hub, and taking needs a reason again."""
    await town.opens_hub()
    first, second = await two(town)
    alarm = await town.citizen().raises()
    await first.acknowledges(alarm)
    await first.asks("move", alarm=alarm)
    await first.is_cut()
    await town.fast_forward(31)
    await second.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route", "owner_lost")
    first.url = town.hubs[1].url
    await first.opens_console()
    back = await second.hears(alarm, "owner_back")
    assert back["event"]["owner"] == "V01"
    with pytest.raises(Answered, match="bad_message: reason"):
        await second.asks("take", alarm=alarm)
    await town.forgets(first, second)


async def test_a_colleague_may_swap_within_the_grace(town: Town) -> None:
    """For 20 s after an acknowledgement a colleague takes it without a reason; one of another station does not."""
    first, second = await two(town)
    other = await town.officer("X01", "xiaodong")
    alarm = await town.citizen().raises()
    await first.asks("transfer", alarm=alarm, station="xiaodong", reason="更近")  # so that they see it
    await first.acknowledges(alarm)
    await town.fast_forward(10)
    with pytest.raises(Answered, match="bad_message: reason"):
        await other.asks("take", alarm=alarm)
    await second.asks("take", alarm=alarm)
    taken = await first.hears(
        alarm, "alarm_raised", "step_run", "transfer_offered", "alarm_acknowledged", "alarm_taken"
    )
    assert (taken["event"]["by"], taken["event"]["why"]) == ("V02", "grace")
    await town.fast_forward(20.001)
    with pytest.raises(Answered, match="bad_message: reason"):
        await first.asks("take", alarm=alarm)
    await town.forgets(first, second, other)


async def test_a_handover_moves_nothing_until_it_is_accepted(town: Town) -> None:
    """Offered with a summary; the owner stays responsible; only who was meant accepts, and then has it."""
    first, second = await two(town)
    third = await town.officer("V03")
    alarm = await town.citizen().raises()
    await first.acknowledges(alarm)
    await first.asks("move", alarm=alarm)
    await first.asks("handover", alarm=alarm, to="V02", summary="报警人在 3 楼，不能出声；已到楼下")
    await second.hears(alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route", "handover_offered")
    assert second.alarms[alarm]["handover"]["summary"] == "报警人在 3 楼，不能出声；已到楼下"
    assert (second.alarms[alarm]["owner"], second.alarms[alarm]["status"]) == ("V01", "en_route")
    with pytest.raises(Answered, match="not_allowed"):
        await third.asks("handover_accept", alarm=alarm)
    await second.asks("handover_reject", alarm=alarm, reason="我在另一处")
    with pytest.raises(Answered, match="not_possible"):
        await second.asks("handover_accept", alarm=alarm)
    await first.asks("handover", alarm=alarm, summary="谁能接？")
    await first.asks("handover_withdraw", alarm=alarm)
    await first.asks("handover", alarm=alarm, summary="谁能接？")
    await third.asks("handover_accept", alarm=alarm)
    await third.asks("handover_accept", alarm=alarm)  # again is safe
    heard = await first.hears(
        alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route", "handover_offered",
        "handover_rejected", "handover_offered", "handover_withdrawn", "handover_offered", "handover_accepted",
    )  # fmt: skip
    assert (heard["event"]["by"], heard["event"]["handed_by"]) == ("V03", "V01")
    assert (first.alarms[alarm]["owner"], first.alarms[alarm]["status"]) == ("V03", "acknowledged")
    assert "handover" not in first.alarms[alarm]
    with pytest.raises(Answered, match="not_owner"):
        await first.asks("close", alarm=alarm, disposition="handled")
    await town.forgets(first, second, third)


async def test_nobody_leaves_with_an_open_alarm(town: Town) -> None:
    """Sign-out and leaving duty are refused and name the alarms, until they are handed over; then both go through."""
    first, second = await two(town)
    alarm = await town.citizen().raises()
    await first.acknowledges(alarm)
    refused = await first.http.delete("/session")
    assert (refused.status_code, refused.json()["code"]) == (409, "owns_alarms")
    assert [one["alarm"] for one in refused.json()["alarms"]] == [alarm]
    assert (await first.http.get("/session")).status_code == 200, "still signed in"
    with pytest.raises(Answered, match="owns_alarms"):
        await first.asks("duty", on=False)
    await first.asks("handover", alarm=alarm, to="V02", summary="交给你")
    assert (await first.http.delete("/session")).status_code == 409, "an offer is not enough"
    await second.asks("handover_accept", alarm=alarm)
    await first.asks("duty", on=False)
    first.is_ready = False
    assert (await first.http.delete("/session")).status_code == 204
    await town.forgets(first, second)


async def test_a_close_can_be_undone_for_ten_seconds(town: Town) -> None:
    """By who closed it, as it was before; after that only reopened, with a reason. The citizen is told both."""
    first, second = await two(town)
    citizen = town.citizen()
    alarm = await citizen.raises()
    for command in ("ack", "move", "arrive"):
        await first.asks(command, alarm=alarm)
    await first.asks("close", alarm=alarm, disposition="handled", note="按错了")
    assert "closed" in await citizen.ladder()
    with pytest.raises(Answered, match="not_owner"):
        await second.asks("undo_close", alarm=alarm)
    await town.fast_forward(10)
    await first.asks("undo_close", alarm=alarm)
    await first.hears(
        alarm, "alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route", "alarm_on_scene", "alarm_closed",
        "close_undone",
    )  # fmt: skip
    assert (first.alarms[alarm]["status"], first.alarms[alarm]["owner"]) == ("on_scene", "V01")
    assert "closed_at" not in first.alarms[alarm]
    assert "closed" not in await citizen.ladder()
    await first.asks("close", alarm=alarm, disposition="handled")
    await town.fast_forward(12.001)
    with pytest.raises(Answered, match="not_possible"):
        await first.asks("undo_close", alarm=alarm)
    await town.forgets(first, second)
