"""The clock of the tests itself: it must not spin, or a test that fails would take the machine's memory with it."""

import asyncio
from datetime import timedelta

from tests.flow.clock import FakeClock


async def test_a_sleeper_that_was_cancelled() -> None:
    """Time goes past who was cancelled and has not run since."""
    clock = FakeClock()
    due = clock.now() + timedelta(seconds=1)
    sleeper = asyncio.create_task(clock.sleep_until(due))
    for _ in range(2):
        await asyncio.sleep(0)  # it is asleep now
    sleeper.cancel()
    await clock.advance(2)
    assert clock.now() == due + timedelta(seconds=1)
    [ended] = await asyncio.gather(sleeper, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)
