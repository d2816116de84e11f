"""Requests over HTTP as a device makes them: to any hub, again and again until one answers for good.

Knows the protocol's outer form only: status, `retry`, `code`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.history import History, Outcome

PATIENCE_S = 2.0
"""A device that has no answer for so long asks again, elsewhere."""

Meanwhile = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `ref` names it in the history, `body` is what the checker is to know of it."""

    ref: str
    who: str
    what: str
    alarm: str
    body: Mapping[str, Any]
    method: str
    path: str
    headers: Mapping[str, str]
    json: Any = None
    content: bytes | None = None


class Web:
    """All hubs, for everyone.

    Args:
        urls: of the hubs; may change while it is used.
        history: where it is written down.
        chance: picks hubs and pauses.
    """

    def __init__(self, urls: list[str], history: History, chance: random.Random) -> None:
        self.urls = urls
        self._history = history
        self._chance = chance
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(timeout=PATIENCE_S, limits=limits, trust_env=False)

    async def once(self, request: Request, url: str) -> tuple[Outcome, dict[str, Any]]:
        """One attempt at the hub at `url`."""
        self._history.asked(request.ref, request.who, request.what, request.alarm, request.body)
        code = 0
        answer: dict[str, Any] = {}
        try:
            response = await self._client.request(
                request.method, url + request.path, headers=dict(request.headers), json=request.json,
                content=request.content,
            )  # fmt: skip
            code = response.status_code
            answer = response.json() if response.content else {}
        except (httpx.HTTPError, ValueError) as fault:
            answer = {"fault": type(fault).__name__}
        outcome = _outcome(code, answer)
        self._history.answered(request.ref, outcome, code, answer)
        return outcome, answer

    async def insist(self, request: Request, meanwhile: Meanwhile | None = None) -> tuple[Outcome, dict[str, Any]]:
        """The answer, however often it has to be asked for; never `unknown`.

        Args:
            request: what is asked.
            meanwhile: done after each answer that says to try again.
        """
        url = ""
        while True:
            url = other(self._chance, self.urls, url)
            outcome, answer = await self.once(request, url)
            if outcome != "unknown":
                return outcome, answer
            if meanwhile is not None:
                await meanwhile(answer)
            await asyncio.sleep(self._chance.uniform(0.02, 0.2))

    async def sign_in(self, user: str, password: str) -> str:
        """The cookie of a new sign-in; it holds at every hub."""
        while True:
            url = self._chance.choice(self.urls)
            with suppress(httpx.HTTPError):
                answer = await self._client.post(
                    f"{url}/session", json={"user": user, "password": password}, headers={"origin": url}
                )
                if answer.status_code == 200:
                    return answer.headers["set-cookie"].split(";")[0]
                assert answer.status_code >= 500, answer.text
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        await self._client.aclose()


def other(chance: random.Random, urls: list[str], last: str) -> str:
    """Any hub, but not the one that just failed, as a balancer would have it."""
    return chance.choice([url for url in urls if url != last] or urls)


def _outcome(code: int, answer: Any) -> Outcome:
    if 200 <= code < 300:
        return "ok"
    if 400 <= code < 500 and not (isinstance(answer, dict) and answer.get("retry")):
        return "refused"
    return "unknown"


async def fetch(url: str) -> str:
    """A page's text."""
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False, verify=False) as client:
        return (await client.get(url)).text
