"""A text alarm is confirmed within 10 s on 20 kbit/s with 2 s round trips and 10 % loss."""

from playwright.async_api import WebSocket

from tests.browser.citizen import RECEIPT, act, first_alarm, opens, sockets_of, timed
from tests.browser.conftest import Phone
from tests.browser.line import Line
from tests.flow.town import Town

RATE_BITS_S, ROUND_TRIP_S, LOSS = 20_000, 2.0, 0.1
WITHIN_S = 10
TEXT = "有人在敲我的门，我躲在卧室里，不能说话，请快来" * 3


def port(town: Town) -> int:
    return int(town.url.rsplit(":", 1)[1])


async def test_one_round_trip(town: Town, phone: Phone) -> None:
    """The press costs one flight of one packet to be stored, one back to be confirmed, over a line that is open.

    By the line's own arithmetic that is well within 10 s, also when the packet or its answer has to be sent again.
    """
    officer = await town.officer("V01")
    sockets: list[WebSocket] = []
    sent: list[str | bytes] = []
    came: list[str | bytes] = []
    async with Line(port(town)).serves() as line, phone(line.url, before=sockets_of(sockets)) as page:
        await opens(page, whole=True)
        [socket] = sockets
        socket.on("framesent", lambda frame: sent.append(frame))
        socket.on("framereceived", lambda frame: came.append(frame))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        line.hold_answers()
        line.forget()
        await page.fill("#raise textarea", TEXT)
        await page.click(act("raise"))
        alarm = await first_alarm(officer)
        # Stored, and the page has not heard a byte: nothing had to be asked before, and nothing else was.
        assert asked == []
        assert came == []
        [frame] = [str(one) for one in sent]
        assert alarm in frame
        assert len(frame.encode()) < 1300, "more than one packet"
        up = line.up
        line.release_answers()
        await page.wait_for_selector('#ladder [data-step="stored"].reached')
        receipt = next(str(one) for one in came if '"ok"' in str(one))
        moved = up + len(receipt.encode()) + 80  # frame heads and TCP's own
        once = ROUND_TRIP_S + moved * 8 / RATE_BITS_S
        again = 2 * ROUND_TRIP_S + 0.2  # the tail loss probe: what a loss in either way costs
        assert once + again < WITHIN_S, (once, again)
        assert once < 3
        await page.wait_for_selector(RECEIPT)
        town.stops_watching(officer)


async def test_the_second_way(town: Town, phone: Phone) -> None:
    """The open line died without a word: a plain request confirms the alarm, once (how soon: `bench.bad_line`)."""
    officer = await town.officer("V01")
    async with Line(port(town), seed=3).serves() as line, phone(line.url, before=timed) as page:
        await opens(page, whole=True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.method))
        line.doom()
        line.worsen(RATE_BITS_S, 0.2, LOSS)  # no waiting for long round trips: that is the bench's
        await page.fill("#raise textarea", TEXT)
        await page.click(act("raise"))
        await page.clock.fast_forward(1000)  # so long it waits for an answer
        await page.wait_for_selector('#ladder [data-step="stored"].reached')
        assert "POST" in asked
        assert len(officer.alarms) == 1
        line.worsen(0, 0, 0)
        town.stops_watching(officer)
