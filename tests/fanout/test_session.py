"""What a console confirms is what it was sent, once, and never more (P5)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.alarm.commands import Actor
from dispatch.fanout.session import Session

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture
def session() -> Session:
    return new()


def new() -> Session:
    return Session("c1", Actor("V01", "dadongmen"), START)


def test_a_snapshot_is_confirmed_by_its_position(session: Session) -> None:
    """The alarms of the snapshot count as delivered when the console confirms that position, not before."""
    session.attach("dadongmen", 7, ["a", "b"])
    assert session.confirm("dadongmen", 6) == []
    assert session.confirm("dadongmen", 7) == ["a", "b"]
    assert session.confirm("dadongmen", 7) == []


def test_events_are_confirmed_up_to_the_position(session: Session) -> None:
    """Only events that bring a new alarm are confirmations; one position confirms all before it."""
    session.attach("dadongmen", 7, [])
    session.sent("dadongmen", 8, "a")
    session.sent("dadongmen", 9, None)
    session.sent("dadongmen", 10, "b")
    session.sent("dadongmen", 11, "c")
    assert session.confirm("dadongmen", 9) == ["a"]
    assert session.confirm("dadongmen", 10) == ["b"]
    assert session.cursors == {"dadongmen": 11}


def test_nobody_confirms_what_was_not_sent(session: Session) -> None:
    """A position ahead of what was sent confirms no more than was sent; an unknown station nothing."""
    session.attach("dadongmen", 7, [])
    session.sent("dadongmen", 8, "a")
    assert session.confirm("dadongmen", 10**9) == ["a"]
    session.sent("dadongmen", 9, "b")
    assert session.confirm("xiaodong", 9) == []
    assert session.confirm("dadongmen", 9) == ["b"]


def test_stations_are_confirmed_each_on_its_own(session: Session) -> None:
    session.attach("dadongmen", 7, ["a"])
    session.attach("xiaodong", 2, ["b"])
    assert session.confirm("xiaodong", 7) == ["b"]
    assert session.confirm("dadongmen", 2) == []


def test_attaching_again_begins_anew(session: Session) -> None:
    session.attach("dadongmen", 7, ["a"])
    session.attach("dadongmen", 9, ["a", "b"])
    assert session.confirm("dadongmen", 8) == []
    assert session.confirm("dadongmen", 9) == ["a", "b"]


def test_silence(session: Session) -> None:
    """Silent from exactly the limit on."""
    assert not session.silent(START + timedelta(seconds=14.999), 15)
    assert session.silent(START + timedelta(seconds=15), 15)


@given(
    st.lists(st.booleans(), max_size=30),
    st.lists(st.integers(0, 40), max_size=10),
)
def test_every_alarm_is_confirmed_exactly_once(news: list[bool], positions: list[int]) -> None:
    """Whatever positions come, in whatever order: each alarm once, in order, and all with the last position."""
    session = new()
    session.attach("s", 0, [])
    alarms = []
    for offset, is_new in enumerate(news, start=1):
        session.sent("s", offset, str(offset) if is_new else None)
        alarms += [str(offset)] if is_new else []
    confirmed = [alarm for position in [*positions, len(news)] for alarm in session.confirm("s", position)]
    assert confirmed == alarms
