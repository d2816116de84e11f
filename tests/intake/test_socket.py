"""The citizen's socket: raise, hear what becomes of it, talk, lose the network and come back with nothing missing."""

import asyncio
import uuid
from typing import Any

import pytest

from tests.flow.town import Town
from tests.intake.link import CODECS, Link
from tests.patience import PATIENCE_S

SECRET = "0123456789abcdefghijklmn"


class Page:
    """A citizen's page: its names, and its connection."""

    def __init__(self, town: Town, codec: str) -> None:
        self.url = town.url
        self.codec = codec
        self.id = str(uuid.uuid4())
        self.link: Link

    async def opens(self) -> None:
        self.link = await Link.open(self.url, codec=self.codec)

    async def raises(self, **more: Any) -> dict[str, Any]:
        return await self.link.asks("raise", id=self.id, secret=SECRET, pin="4821", **more)

    async def resumes(self, after: int = 0) -> dict[str, Any]:
        return await self.link.asks("resume", id=self.id, secret=SECRET, after=after)

    async def steps(self) -> list[str]:
        """The steps of the next ladder that is pushed."""
        return [rung["step"] for rung in (await self.link.hears("ladder"))["ladder"]]

    async def is_cut(self) -> None:
        self.link.socket.transport.abort()
        await self.link.socket.wait_closed()


@pytest.fixture(params=CODECS)
async def page(town: Town, request: pytest.FixtureRequest) -> Page:
    page = Page(town, request.param)
    await page.opens()
    return page


async def test_the_receipt_and_the_ladder(town: Town, page: Page) -> None:
    """`raise` is answered with the receipt; every rung is pushed as it becomes true, named by nobody's name."""
    officer = await town.officer("V01")
    receipt = await page.raises(text="救命")
    assert (receipt["type"], receipt["id"], receipt["status"]) == ("ok", page.id, "raised")
    assert receipt["ladder"] == [{"step": "stored", "at": receipt["stored_at"]}]
    assert receipt["station"]["id"] == "dadongmen"
    assert await page.steps() == ["stored"]
    await officer.hears(page.id, "alarm_raised", "step_run")
    await officer.shows()
    assert await page.steps() == ["stored", "delivered"]
    await officer.asks("seen", alarm=page.id)
    assert await page.steps() == ["stored", "delivered", "seen"]
    await officer.acknowledges(page.id)
    assert (await page.steps())[-1] == "acknowledged"
    await officer.asks("move", alarm=page.id)
    assert (await page.steps())[-1] == "en_route"
    await officer.asks("arrive", alarm=page.id)
    assert (await page.steps())[-1] == "on_scene"
    await officer.asks("close", alarm=page.id, disposition="handled")
    last = await page.link.hears("ladder")
    assert (last["status"], last["ladder"][-1]["step"]) == ("closed", "closed")
    assert "V01" not in str(last)
    await page.link.closes()
    town.stops_watching(officer)


async def test_nobody_answers(town: Town, page: Page) -> None:
    """After the policy's time the page is told so, by itself."""
    await page.raises()
    assert await page.steps() == ["stored"]
    await town.fast_forward(15)
    assert await page.steps() == ["stored", "unanswered"]
    await page.link.closes()


async def test_talk_and_a_question(town: Town, page: Page) -> None:
    """Words and questions are pushed once each; a question is answered once, and the same ref says it once."""
    officer = await town.officer("V01")
    await page.raises()
    await officer.asks("say", alarm=page.id, text="我们来了")
    said = await page.link.hears("said")
    assert (said["who"], said["text"], "by" in said) == ("officer", "我们来了", False)
    for _ in range(2):
        assert (await page.link.asks("say", ref="s1", text="他在二楼"))["type"] == "ok"
    assert (await page.link.hears("said"))["text"] == "他在二楼"
    await officer.asks("ask", alarm=page.id, question="几个人？", choices=["一个", "两个"])
    asked = await page.link.hears("asked")
    assert (asked["text"], asked["choices"]) == ("几个人？", ["一个", "两个"])
    for _ in range(2):
        answer = await page.link.asks("answer", question=asked["question"], answer="两个")
        assert answer["type"] == "ok"
    wrong = await page.link.asks("answer", question="99", answer="两个")
    assert wrong["code"] == "bad_message"
    await officer.hears(page.id, "alarm_raised", "step_run", "officer_said", "citizen_said", "question_asked")
    answered = await officer.hears(page.id, "question_answered")
    assert answered["event"]["answer"] == "两个"
    await page.link.closes()


async def test_cut_and_back(town: Town, page: Page) -> None:
    """What was said while the page was away comes with `resume` from the last version, and nothing twice."""
    officer = await town.officer("V01")
    await page.raises()
    await officer.asks("say", alarm=page.id, text="一")
    first = await page.link.hears("said")
    await page.is_cut()
    await officer.asks("say", alarm=page.id, text="二")
    await officer.asks("ask", alarm=page.id, question="三？")
    await officer.acknowledges(page.id)
    await page.opens()
    view = await page.resumes(after=first["n"])
    assert [said["text"] for said in view["talk"]] == ["二", "三？"]
    assert view["question"]["text"] == "三？"
    assert view["ladder"][-1]["step"] == "acknowledged"
    await officer.asks("say", alarm=page.id, text="四")
    assert (await page.link.hears("said"))["text"] == "四", "and live again"
    whole = await page.resumes()
    assert [said["text"] for said in whole["talk"]] == ["一", "二", "三？", "四"]
    await officer.hears(page.id, "officer_said", "officer_said", "officer_said")
    await page.link.closes()
    town.stops_watching(officer)


async def test_a_cut_leaves_nothing_behind(town: Town, page: Page) -> None:
    """Pages that vanish in the middle of a push: nothing of them stays in the hub."""
    officer = await town.officer("V01")
    await page.raises()
    for _ in range(5):
        pages = [Page(town, page.codec) for _ in range(10)]
        for each in pages:
            each.id = page.id
            await each.opens()
            await each.resumes()
        words = [asyncio.create_task(officer.asks("say", alarm=page.id, text="来了")) for _ in range(3)]
        await pages[0].link.hears("said")
        for each in pages:
            each.link.socket.transport.abort()
        await asyncio.gather(*words)
    await page.is_cut()
    async with asyncio.timeout(PATIENCE_S):
        while [task for task in asyncio.all_tasks() if "CitizenSocket" in repr(task.get_coro())]:
            await asyncio.sleep(0)
    await officer.is_awake()
    town.stops_watching(officer)


async def test_raise_again_after_a_cut(town: Town, page: Page) -> None:
    """A page that does not know whether its alarm came: it raises it again and goes on with the same one."""
    officer = await town.officer("V01")
    first = await page.raises(text="救命")
    await page.is_cut()
    await page.opens()
    again = await page.raises(text="救命")
    assert {**again, "ref": ""} == {**first, "ref": ""}
    await officer.asks("say", alarm=page.id, text="来了")
    assert (await page.link.hears("said"))["text"] == "来了"
    await officer.hears(page.id, "alarm_raised", "step_run", "officer_said")
    await page.link.closes()


async def test_a_true_and_a_forced_cancel_look_alike(town: Town, page: Page) -> None:
    """The same answer and the same push with the right number, a wrong one and none; officers know which."""
    officer = await town.officer("V01")
    heard = []
    for pin, duress in (("4821", False), ("0000", True), (None, True)):
        each = Page(town, page.codec)
        await each.opens()
        await each.raises()
        answer = await each.link.asks("cancel", ref="c", **({"pin": pin} if pin else {}))
        pushed = {}
        while "cancel" not in pushed:
            pushed = await each.link.hears("ladder")
        heard.append((answer, {name: value for name, value in pushed.items() if name != "version"}))
        cancelled = await officer.hears(each.id, "alarm_raised", "step_run", "cancel_requested")
        assert cancelled["event"]["duress"] is duress
        await each.link.closes()
    assert heard[0] == heard[1] == heard[2]
    await page.link.closes()


async def test_the_place_is_followed(town: Town, page: Page) -> None:
    officer = await town.officer("V01")
    await page.raises()
    place = {"lat": 41.8, "lon": 123.47, "accuracy_m": 12.5, "at": "2026-11-22T02:00:00Z"}
    for _ in range(2):
        assert (await page.link.asks("position", position=place))["type"] == "ok"
    moved = await officer.hears(page.id, "alarm_raised", "step_run", "position_reported")
    assert moved["event"]["position"] == {**place, "datum": "wgs84"}
    await page.link.closes()


async def test_it_beats(town: Town, page: Page) -> None:
    """A page that hears nothing for 10 s says STALE: so there is a beat at once and every 5 s."""
    assert (await page.link.receives())["type"] == "beat"
    await town.clock.advance(5)
    assert (await page.link.receives())["type"] == "beat"
    await page.link.closes()


async def test_two_pages_of_one_alarm(town: Town, page: Page) -> None:
    """A second device with the secret follows too, on another hub as well; one that leaves disturbs nobody."""
    officer = await town.officer("V01")
    other_hub = await town.opens_hub()
    await page.raises()
    second = Page(town, "json")
    second.id, second.url = page.id, other_hub.url
    await second.opens()
    await second.resumes()
    await officer.asks("say", alarm=page.id, text="来了")
    assert (await page.link.hears("said"))["text"] == "来了"
    assert (await second.link.hears("said"))["text"] == "来了"
    await page.is_cut()
    await officer.asks("say", alarm=page.id, text="到了")
    assert (await second.link.hears("said"))["text"] == "到了"
    await officer.hears(page.id, "officer_said", "officer_said")
    await second.link.closes()
    town.stops_watching(officer)
