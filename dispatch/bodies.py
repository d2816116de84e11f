"""The body of a request, read no further than it may be long. A form is not read here: it goes to the spool."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from starlette.requests import Request

from dispatch.alarm import errors
from dispatch.alarm.codec import decode
from dispatch.alarm.errors import Refused

T = TypeVar("T")
JSON_BYTES: Final = 65_536
"""No question or command in JSON is longer, but a raise."""


async def body_of(request: Request, most: int, what: str, read: Callable[[bytes], T]) -> T:
    """What `read` makes of the body.

    Args:
        request: whose body was not read yet.
        most: bytes.
        what: it is, for the error: the limit that says so, or its form.
        read: (bytes) -> what is wanted of them.

    Raises:
        Refused: `too_large`, before more than that is read.
    """
    for name, told in request.scope["headers"]:
        if name == b"content-length" and told.isdigit() and int(told) > most:
            raise _too_large(most, what)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise _too_large(most, what)
    return read(bytes(body))


json_of = partial(body_of, most=JSON_BYTES, what="JSON; media are sent as chunks", read=partial(decode, packed=False))
"""The body's JSON, as `body_of`; raises `undecodable` too."""


def _too_large(most: int, what: str) -> Refused:
    return Refused(errors.TOO_LARGE, f"body: at most {most} bytes ({what})")
