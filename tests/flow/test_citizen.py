"""What the citizen can do and is told: talk, questions, place, cancel. Never an officer's name."""

from itertools import pairwise

from tests.flow.town import Town


async def test_talk_and_a_question(town: Town) -> None:
    """Words go both ways; a question has one answer, however often it is sent."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    await citizen.does("say", ref="1", text="我躲在衣柜里")
    await officer.asks("ask", alarm=alarm, question="他还在家里吗？", choices=["yes", "no"])
    question = (await citizen.sees())["question"]
    assert question["text"] == "他还在家里吗？"
    for _ in range(2):
        answer = await citizen.does("answer", question=question["question"], answer="yes")
        assert answer.status_code == 200
    view = await citizen.sees()
    assert "question" not in view
    assert [said["text"] for said in view["talk"]] == ["我躲在衣柜里", "他还在家里吗？", "yes"]
    assert all("by" not in said for said in view["talk"])
    await officer.hears(alarm, "alarm_raised", "step_run", "citizen_said", "question_asked", "question_answered")
    wrong = await citizen.does("answer", question="99", answer="yes")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_message")


async def test_what_was_said_is_stored_delivered_and_seen(town: Town) -> None:
    """Three things: stored here, on the device, in sight there. Only what the device said is told, once, never back."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    first = (await officer.asks("say", alarm=alarm, text="我们来了"))["version"]
    second = (await officer.asks("say", alarm=alarm, text="别出声"))["version"]
    await officer.hears(alarm, "alarm_raised", "step_run", "officer_said", "officer_said")
    assert "talk_delivered" not in officer.alarms[alarm]
    for upto, seen in ((first, False), (first, False), (9_999, False), (first, True), (second, True), (second, False)):
        answer = await citizen.does("heard", upto=upto, seen=seen)
        assert (answer.status_code, answer.content) == (200, b"{}")
    told = [await officer.hears(alarm, kind) for kind in ("talk_delivered", "talk_delivered", "talk_seen", "talk_seen")]
    assert [one["event"]["upto"] for one in told] == [first, second, first, second]
    assert (officer.alarms[alarm]["talk_delivered"], officer.alarms[alarm]["talk_seen"]) == (second, second)


async def test_a_true_and_a_forced_cancel_are_answered_alike(town: Town) -> None:
    """The bytes are the same with the right number, a wrong one and none; officers see which; nothing is closed."""
    officer = await town.officer("V01")
    answers = []
    for pin, duress in (("4821", False), ("0000", True), (None, True)):
        citizen = town.citizen()
        alarm = await citizen.raises()
        answer = await citizen.does("cancel", **({"pin": pin} if pin else {}))
        answers.append((answer.status_code, answer.content, sorted(answer.headers.keys())))
        cancelled = await officer.hears(alarm, "alarm_raised", "step_run", "cancel_requested")
        assert cancelled["event"]["duress"] is duress
        assert officer.alarms[alarm]["status"] == "raised"
        assert (await citizen.sees())["cancel"] == "requested"
    assert answers[0] == answers[1] == answers[2]


async def test_words_after_the_close_open_it_again(town: Town) -> None:
    """Someone who writes into a closed alarm is heard: it is open again and calls the officers on duty."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.acknowledges(alarm)
    await officer.asks("close", alarm=alarm, disposition="false_alarm")
    await citizen.does("say", ref="1", text="他又回来了")
    kinds = (
        "alarm_raised",
        "step_run",
        "alarm_acknowledged",
        "alarm_closed",
        "citizen_said",
        "alarm_reopened",
        "step_run",
    )
    await officer.hears(alarm, *kinds)


async def test_a_practice_alarm_rings_nowhere(town: Town) -> None:
    """It is stored and shown to its citizen as practice; no step is run, and no deadline is set."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises(kind="practice")
    await officer.hears(alarm, "alarm_raised")
    assert (await citizen.sees())["kind"] == "practice"
    await town.fast_forward(120)
    assert (await town.dispatch.stream.snapshot("dadongmen"))[-1] == []


async def test_the_place_is_followed(town: Town) -> None:
    """A new position reaches the console as it was received; a repeated one is no event."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    alarm = await citizen.raises()
    place = {"lat": 41.8, "lon": 123.47, "accuracy_m": 350.5, "datum": "gcj02", "source": "gps"}
    for _ in range(2):
        assert (await citizen.does("position", **place)).status_code == 200
    moved = await officer.hears(alarm, "alarm_raised", "step_run", "position_reported")
    assert moved["event"]["position"] == place


async def test_nothing_tells_whether_a_cancel_was_forced(town: Town) -> None:
    """Whoever holds the device cancels again and compares: the view changes alike, whatever the first number was."""
    officer = await town.officer("V01")
    steps = []
    for first in ("4821", "0000"):
        citizen = town.citizen()
        alarm = await citizen.raises()
        seen = [(await citizen.sees())["version"]]
        for pin in (first, None, "4821", "0000"):
            await citizen.does("cancel", **({"pin": pin} if pin else {}))
            seen.append((await citizen.sees())["version"])
        said = (await citizen.does("say", ref="1", text="在吗")).json()["version"]
        steps.append([*(after - before for before, after in pairwise(seen)), said - seen[-1]])
        await officer.hears(
            alarm, "alarm_raised", "step_run", *["cancel_requested"] * 3, "citizen_said"
        )  # one was sent again
        assert officer.alarms[alarm]["cancel"] == "duress"
    assert steps[0] == steps[1]
