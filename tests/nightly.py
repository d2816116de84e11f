"""How often a property is tried: few times each day, many by `pytest -m nightly`.

Every property runs in both, and so does a test that is marked `long`; one that is marked `nightly` runs at night alone.
"""

from hypothesis import settings

DAY, NIGHT = "ours", "nightly"
"""Hypothesis' profiles; `conftest` chooses one before any test is read."""
AT_NIGHT = settings.get_current_profile_name() == NIGHT


def often(by_day: int, *, at_night: int) -> int:
    """How many examples, steps or rounds."""
    return at_night if AT_NIGHT else by_day
