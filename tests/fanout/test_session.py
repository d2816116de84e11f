"""What a console confirms is what it was sent, once, and never more (P5)."""

from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.alarm.commands import Actor
from dispatch.fanout.feed import Feed, Frame
from dispatch.fanout.session import Firsts, Session

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture
def session() -> Session:
    return new()


def new() -> Session:
    return Session("c1", Actor("V01", "dadongmen"), START)


def test_memory_knows_what_it_holds() -> None:
    """Who comes back is served from memory when every event since is there, not when one is missing (P2)."""
    feed = Feed("dadongmen", deque(maxlen=3))
    assert feed.covers(0)
    for offset in range(1, 6):
        feed.take(offset, f"link {offset}", Frame(b"{}"), None)
    assert [feed.covers(offset) for offset in range(6)] == [False, False, True, True, True, True]
    assert [feed.agrees(offset, "link 4") for offset in range(6)] == [True, True, True, False, True, False]


def test_a_snapshot_is_confirmed_by_its_position(session: Session) -> None:
    """The alarms of the snapshot count as delivered when the console confirms that position, not before."""
    session.attach("dadongmen", 7, ["a", "b"])
    assert session.confirm("dadongmen", 6, Firsts()) == []
    assert session.confirm("dadongmen", 7, Firsts()) == ["a", "b"]
    assert session.confirm("dadongmen", 7, Firsts()) == []


def test_events_are_confirmed_up_to_the_position(session: Session) -> None:
    """Only events that bring a new alarm are confirmations; one position confirms all before it."""
    session.attach("dadongmen", 7, [])
    session.sent("dadongmen", 8, "a")
    session.sent("dadongmen", 9, None)
    session.sent("dadongmen", 10, "b")
    session.sent("dadongmen", 11, "c")
    assert session.confirm("dadongmen", 9, Firsts()) == ["a"]
    assert session.confirm("dadongmen", 10, Firsts()) == ["b"]
    assert session.cursors == {"dadongmen": 11}


def test_nobody_confirms_what_was_not_sent(session: Session) -> None:
    """A position ahead of what was sent confirms no more than was sent; an unknown station nothing."""
    session.attach("dadongmen", 7, [])
    session.sent("dadongmen", 8, "a")
    assert session.confirm("dadongmen", 10**9, Firsts()) == ["a"]
    session.sent("dadongmen", 9, "b")
    assert session.confirm("xiaodong", 9, Firsts()) == []
    assert session.confirm("dadongmen", 9, Firsts()) == ["b"]


def test_stations_are_confirmed_each_on_its_own(session: Session) -> None:
    session.attach("dadongmen", 7, ["a"])
    session.attach("xiaodong", 2, ["b"])
    assert session.confirm("xiaodong", 7, Firsts()) == ["b"]
    assert session.confirm("dadongmen", 2, Firsts()) == []


def test_live_events_are_confirmed_from_what_all_consoles_share(session: Session) -> None:
    """What came live is known once for the station; what a console was sent before it lived is not confirmed twice."""
    firsts = Firsts()
    firsts.add(8, "a")
    session.attach("dadongmen", 7, [])
    session.sent("dadongmen", 8, "a")
    firsts.add(9, "b")
    firsts.add(11, "c")
    session.cursors["dadongmen"] = 11
    assert session.confirm("dadongmen", 10, firsts) == ["a", "b"]
    session.unconfirm("dadongmen", 10, ["a", "b"])
    assert session.confirm("dadongmen", 99, firsts) == ["a", "b", "c"]
    assert session.confirm("dadongmen", 99, firsts) == []


def test_attaching_again_begins_anew(session: Session) -> None:
    session.attach("dadongmen", 7, ["a"])
    session.attach("dadongmen", 9, ["a", "b"])
    assert session.confirm("dadongmen", 8, Firsts()) == []
    assert session.confirm("dadongmen", 9, Firsts()) == ["a", "b"]


def test_silence(session: Session) -> None:
    """Silent from exactly the limit on."""
    assert not session.silent(START + timedelta(seconds=14.999), 15)
    assert session.silent(START + timedelta(seconds=15), 15)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30),
    st.lists(st.integers(0, 40), max_size=10),
)
def test_every_alarm_is_confirmed_exactly_once(news: list[tuple[bool, bool]], positions: list[int]) -> None:
    """Whatever positions come, in any order, and whatever was missed: each alarm once, in order, and all at last."""
    session, firsts = new(), Firsts()
    session.attach("s", 0, [])
    alarms = []
    missed = True  # first what was missed, then what comes live
    confirmed: list[str] = []
    asked = iter(positions)
    for offset, (is_new, live) in enumerate(news, start=1):
        missed = missed and not live
        if is_new:
            firsts.add(offset, str(offset))
            alarms.append(str(offset))
        if missed:
            session.sent("s", offset, str(offset) if is_new else None)
        else:
            session.cursors["s"] = offset
        if is_new:
            confirmed += session.confirm("s", next(asked, 0), firsts)
    for position in [*asked, len(news)]:
        confirmed += session.confirm("s", position, firsts)
    assert confirmed == alarms
