"""Who comes in bounds nobody else: few work at once, and who waits for the store holds no place."""

import asyncio

from dispatch.alarm.clock import StoreClock
from dispatch.alarm.work import Work
from dispatch.fanout.admission import Admission
from tests.patience import PATIENCE_S


async def test_few_work_at_once_in_the_order_in_which_they_came() -> None:
    """Of many that come together no more than so many are in, and the first to come are the first in."""
    admission = Admission(2, Work(StoreClock()))
    inside: list[int] = []
    came: list[int] = []
    most = 0

    async def comes(number: int) -> None:
        nonlocal most
        async with admission.place():
            came.append(number)
            inside.append(number)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.remove(number)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(comes(number) for number in range(20)))
    assert most == 2
    assert came == list(range(20))


async def test_who_waits_for_the_store_keeps_nobody_out() -> None:
    """A place is given back though its work goes on, and once only."""
    admission = Admission(1, Work(StoreClock()))
    inside, answers = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        async with admission.place():
            inside.set()
            await answers.wait()

    waiting = [asyncio.create_task(waits()) for _ in range(3)]
    async with asyncio.timeout(PATIENCE_S):
        await inside.wait()
        async with admission.place():  # behind three that hold their place for ever
            pass
        answers.set()
        await asyncio.gather(*waiting)
        async with admission.place():
            other = asyncio.create_task(waits())
            await asyncio.sleep(0)
            assert not other.done()  # the three gave back three places, not six
        await other


async def test_a_fault_gives_the_place_back() -> None:
    """Whatever ends the work, the next one comes in."""
    admission = Admission(1, Work(StoreClock()))

    async def fails() -> None:
        async with admission.place():
            raise ConnectionError

    async with asyncio.timeout(PATIENCE_S):
        assert isinstance((await asyncio.gather(fails(), return_exceptions=True))[0], ConnectionError)
        async with admission.place():
            pass
