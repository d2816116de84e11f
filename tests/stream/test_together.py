"""Commands of one turn of the loop leave together, and everyone gets their own answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError

from dispatch.store.client import connect
from dispatch.store.together import MOST
from tests import shared
from tests.stores import Single


@pytest.fixture
async def redis() -> AsyncIterator[Any]:
    made = connect(shared.store().url, shared.prefix())
    yield made
    await made.delete("name", "count")
    await made.aclose()


async def test_each_gets_its_own_answer_or_error(redis: Any) -> None:
    """In the order in which they were asked; a command that fails harms none beside it."""
    answers = await asyncio.gather(
        redis.set("name", "word"), redis.incr("name"), redis.get("name"), redis.incr("count"), redis.incr("count"),
        redis.zrange("none", "-inf", "+inf", byscore=True), return_exceptions=True,
    )  # fmt: skip
    assert isinstance(answers[1], ResponseError)
    assert [answers[0], *answers[2:]] == [True, b"word", 1, 2, []]


async def test_they_share_a_connection(redis: Any) -> None:
    """A hundred at once are one pipeline; more than `MOST` are several, side by side."""

    async def connections() -> int:
        names = [client["name"] for client in await redis.client_list()]
        return names.count(await redis.client_getname())

    assert await asyncio.gather(*(redis.incr("count") for _ in range(100))) == list(range(1, 101))
    assert await connections() == 1
    assert len(await asyncio.gather(*(redis.incr("count") for _ in range(2 * MOST)))) == 2 * MOST
    assert await connections() == 2


async def test_who_gives_up_harms_nobody(redis: Any) -> None:
    """The others have their answers, and the connection stays in step."""
    tasks = [asyncio.create_task(redis.incr("count")) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers.pop(3), asyncio.CancelledError)
    assert answers == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert await redis.get("count") == b"10"


async def test_a_store_that_is_gone_is_told_to_all() -> None:
    """Nobody waits for ever, and when it is back all goes on."""
    async with Single() as store, aclosing(connect(store.url)) as redis:
        await redis.ping()
        await store.kill(store.nodes[0])
        answers = await asyncio.gather(*(redis.incr("count") for _ in range(10)), return_exceptions=True)
        assert all(isinstance(answer, RedisError | OSError) for answer in answers)
        await store.restart(store.nodes[0])
        assert sorted(await asyncio.gather(*(redis.incr("count") for _ in range(10)))) == list(range(1, 11))
