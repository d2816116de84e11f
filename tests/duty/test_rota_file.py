"""Every fault in the rota is told at once, with its key and what would be legal."""

import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.duty.rota import on_duty, parse

GOOD = """
[gate]
timezone = "Europe/London"
handover = "08:00"
officers = ["V01", "V02", "V03"]
per_day = 2
start = 2026-01-01
"""


def told(text: str, *stations: str) -> list[str]:
    _, faults = parse(tomllib.loads(text), stations or ("gate",))
    return [f"{key} = {value!r}: {legal}" for key, value, legal in faults]


def test_good() -> None:
    """A minimal rota is taken."""
    assert told(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("Europe/London", "Europe/Londn", "gate.timezone = 'Europe/Londn': must be a time zone such as"),
        ("Europe/London", "Europe/Londn", '; did you mean "Europe/London"?'),
        ("Europe/London", "Europe", "gate.timezone = 'Europe': must be a time zone"),
        ("Europe/London", "../etc", "gate.timezone = '../etc': must be a time zone"),
        ('"08:00"', '"8 am"', "gate.handover = '8 am': must be a time of day such as \"08:00\""),
        ('"08:00"', "8", "gate.handover = 8: must be a time of day"),
        ("per_day = 2", "per_day = 0", "gate.per_day = 0: must be 1 to 3"),
        ("per_day = 2", "per_day = 4", "gate.per_day = 4: must be 1 to 3"),
        ("per_day = 2", 'per_day = "2"', "gate.per_day = '2': must be a whole number"),
        ("per_day = 2", "", "gate.per_day = None: must be a whole number"),
        ("2026-01-01", '"soon"', "gate.start = 'soon': must be a day such as 2026-01-31"),
        ("2026-01-01", "0001-01-01", "gate.start = datetime.date(1, 1, 1): must be a day"),
        ('"V03"', '"V01"', "gate.officers[2] = 'V01': must be listed once"),
        ('"V03"', '"V 3"', "gate.officers[2] = 'V 3': must be a call sign"),
        ('"V01", "V02", "V03"', "", "gate.officers = []: must be a list of call signs, at least one"),
        ("per_day = 2", "per_dya = 2", 'gate.per_dya = 2: no such key; did you mean "per_day"?'),
        ("per_day = 2", 'per_day = 2\npattern = "random"', "gate.pattern = 'random': must be \"in turn\""),
        ("[gate]", "[gaet]", 'gaet = None: must be the id of a station in stations.geojson; did you mean "gate"?'),
        ("[gate]", "[gaet]", "gate = None: must be given: every station has a rota"),
    ],
)
def test_each_fault_names_its_key(old: str, new: str, line: str) -> None:
    """Each fault says where it is, what stands there and what would be legal."""
    assert any(line in t for t in told(GOOD.replace(old, new))), told(GOOD.replace(old, new))


def override(start: str, end: str, officers: str = '["V01"]', more: str = "") -> str:
    return f"[[gate.override]]\nfrom = {start}\nto = {end}\nofficers = {officers}\n{more}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (override("2026-01-05", "2026-01-06", '["V09"]'), "gate.override[0].officers[0] = 'V09': must be one of the"),
        (override("2026-01-06", "2026-01-06"), "gate.override[0].to = datetime.date(2026, 1, 6): must be later than"),
        (override('"later"', "2026-01-06"), "gate.override[0].from = 'later': must be a day (its handover is meant)"),
        (override("2026-01-05", "2026-01-06", '"V01"'), "gate.override[0].officers = 'V01': must be a list"),
        (
            override("2026-01-05", "2026-01-06", more="until = 1"),
            "gate.override[0].until = 1: no such key; known here: from, to, officers, name",
        ),
        (
            override("2026-01-01", "2026-01-20", more='name = "leave"')
            + override("2026-01-02", "2026-01-03")
            + override("2026-01-05", "2026-01-06"),
            "gate.override[2].from = '2026-01-05 to 2026-01-06': must not be before the end of gate.override[0] (leav",
        ),
    ],
)
def test_faults_in_overrides(text: str, line: str) -> None:
    """An override names officers of the station, ends after it begins, and overlaps no other, however long."""
    assert any(t.startswith(line) for t in told(GOOD + text)), told(GOOD + text)


def test_all_faults_at_once() -> None:
    """A wrong time zone hides neither the unknown officer in an override nor the number that is too large."""
    text = GOOD.replace("London", "Nowhere").replace("per_day = 2", "per_day = 9")
    keys = [
        line.partition(" = ")[0] for line in told(text + override("2026-01-05", "2026-01-02", '["X"]'), "gate", "b")
    ]
    assert keys == ["gate.timezone", "gate.per_day", "gate.override[0].officers[0]", "gate.override[0].to", "b"]


def test_days_times_and_offsets_in_overrides() -> None:
    """A day means its handover, a time is by the station's clock in summer too, and an offset is obeyed."""
    text = (
        override("2026-07-01", "2026-07-02")
        + override("2026-07-03T12:00:00", "2026-07-03T13:00:00")
        + override("2026-07-04T12:00:00+08:00", '"2026-07-04T13:00:00+08:00"')
    )
    rotas, faults = parse(tomllib.loads(GOOD + text), ["gate"])
    assert faults == []
    assert [o.start for o in rotas["gate"].overrides] == [
        datetime(2026, 7, 1, 7, tzinfo=UTC),
        datetime(2026, 7, 3, 11, tzinfo=UTC),
        datetime(2026, 7, 4, 4, tzinfo=UTC),
    ]
    assert on_duty(rotas["gate"], datetime(2026, 7, 1, 7, tzinfo=UTC)).override == "2026-07-01 to 2026-07-02"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates() | st.datetimes() | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = ["timezone", "handover", "officers", "pattern", "per_day", "start", "override"]
overrides = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(["from", "to", "officers"], values)) | values)


@given(
    st.dictionaries(
        st.sampled_from(["gate", "other"]),
        st.fixed_dictionaries({}, optional={**dict.fromkeys(keys, values), "override": overrides}) | values,
    )
)
def test_whatever_is_written_is_answered_with_faults(raw: dict[str, object]) -> None:
    """No content of the file raises; what has a fault gives no rota."""
    rotas, faults = parse(raw, ["gate"])
    assert faults or list(rotas) == ["gate"]
