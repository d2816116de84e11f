"""An alarm goes its whole way: raised, on the duty console, acknowledged, moved, arrived, closed."""

from tests.flow.town import Town

DADONGMEN = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 20}


async def test_the_whole_way(town: Town) -> None:
    """The officer on duty hears the alarm with its words and place, takes it, and the citizen's ladder says so."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(text="门外有人", position=DADONGMEN, needs=["text_only"])

    raised = await officer.hears(alarm, "alarm_raised")
    assert raised["event"]["text"] == "门外有人"
    assert raised["event"]["position"]["lat"] == 41.80312
    assert raised["event"]["why"] == "in_area"
    step = await officer.hears(alarm, "step_run")
    assert step["event"]["reached"] == ["V01"]
    await officer.shows()
    await officer.hears(alarm, "alarm_delivered")
    await officer.asks("seen", alarm=alarm)
    await officer.hears(alarm, "alarm_seen")
    await officer.acknowledges(alarm)
    await officer.hears(alarm, "alarm_acknowledged")
    await officer.asks("move", alarm=alarm)
    await officer.asks("arrive", alarm=alarm)
    await officer.asks("close", alarm=alarm, disposition="handled", note="已处理")
    await officer.hears(alarm, "alarm_en_route", "alarm_on_scene", "alarm_closed")

    assert officer.alarms[alarm]["status"] == "closed"
    rungs = ["stored", "delivered", "seen", "acknowledged", "en_route", "on_scene", "closed"]
    assert await citizen.ladder() == rungs
