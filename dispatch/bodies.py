"""The body of a request, read no further than it may be long. A form is not read here: it goes to the spool."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

from dispatch.alarm import errors
from dispatch.alarm.codec import decode
from dispatch.alarm.errors import Refused

JSON_BYTES: Final = 65_536
"""No question or command in JSON is longer, but a raise."""


async def body_of(request: Request, most: int, what: str) -> bytes:
    """The bytes.

    Args:
        request: whose body was not read yet.
        most: bytes.
        what: it is, for the error: the limit that says so, or its form.

    Raises:
        Refused: `too_large`, before more than that is read.
    """
    too_large = Refused(errors.TOO_LARGE, f"body: at most {most} bytes ({what})")
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise too_large
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise too_large
    return bytes(body)


async def json_of(request: Request, most: int = JSON_BYTES) -> Any:
    """The JSON, of at most `most` bytes.

    Raises:
        Refused: `undecodable`, or `too_large` before more than the limit is read.
    """
    return decode(await body_of(request, most, "JSON; media are sent as chunks"), packed=False)
