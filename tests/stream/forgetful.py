"""A line to the store that loses answers: what was asked is done, and whoever asked learns nothing of it."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class Forgetful:
    """Listens on loopback before a store on a Unix socket.

    Args:
        store: the path of its socket.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._loses = 0
        self.lost = 0
        """How many answers were lost."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    def loses(self, nth: int) -> None:
        """Lose the answer to the nth question from now on, and the connection with it; 0 loses none."""
        self._loses = nth

    async def _serve(self, asks: asyncio.StreamReader, hears: asyncio.StreamWriter) -> None:
        answers, tells = await asyncio.open_unix_connection(self._store)
        lose = False

        async def up() -> None:
            nonlocal lose
            while data := await asks.read(65536):
                if self._loses:
                    self._loses -= 1
                    lose = lose or not self._loses
                tells.write(data)
                await tells.drain()
            tells.close()

        async def down() -> None:
            while data := await answers.read(65536):
                if lose:
                    self.lost += 1
                    break
                hears.write(data)
                await hears.drain()
            hears.close()

        with suppress(asyncio.CancelledError):
            await asyncio.gather(up(), down(), return_exceptions=True)
        tells.close()
        hears.close()
