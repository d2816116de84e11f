"""How often a property is tried: few times each day, many by `pytest -m nightly`.

Every property runs in both, and so does a test that is marked `long`; one that is marked `nightly` runs at night alone.
"""

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from hypothesis import settings

DAY, NIGHT = "ours", "nightly"
"""Hypothesis' profiles; `conftest` chooses one before any test is read."""
AT_NIGHT = settings.get_current_profile_name() == NIGHT


def often(by_day: int, *, at_night: int) -> int:
    """How many examples, steps or rounds."""
    return at_night if AT_NIGHT else by_day


def mostly_by_night(cases: Iterable[Any], by_day: Collection[Any]) -> list[Any]:
    """Cases of one argument: those of `by_day` always, all others only by night, where each kind has one by day."""
    return [case if case in by_day else pytest.param(case, marks=pytest.mark.nightly) for case in cases]
