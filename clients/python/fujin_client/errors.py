"""Everything that can go wrong, as exceptions that say what, whether to try again, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class FujinError(Exception):
    """Base of all errors of this client.

    Args:
        code: stable name of what went wrong; the server's, or one of this client's.
        message: what was wrong here.
        retry: whether the same request may work later.
        advice: one line on what to do.
    """

    def __init__(self, code: str, message: str, *, retry: bool, advice: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry = retry
        self.advice = advice


class Refused(FujinError):
    """The server said no.

    Args:
        body: its error: `code`, `message`, `retry`, `advice`; what more it says is in `details` (`by`, `missing`, ...).
        status: of the HTTP answer; None from a socket.
    """

    def __init__(self, body: Mapping[str, Any], status: int | None = None) -> None:
        super().__init__(
            str(body.get("code", "unknown")),
            str(body.get("message", f"the server answered with status {status}")),
            retry=bool(body.get("retry", False)),
            advice=str(body.get("advice", "Check the address of the server.")),
        )
        known = ("type", "ref", "code", "message", "retry", "advice")
        self.details = {name: value for name, value in body.items() if name not in known}
        self.status = status


class Unreachable(FujinError):
    """No answer within the time that was given; whether a request had its effect is not known."""

    def __init__(self, message: str) -> None:
        advice = "Check address and network; the same request may be sent again and has its effect once."
        super().__init__("unreachable", message, retry=True, advice=advice)


class SignedOut(FujinError):
    """The server closed the socket for good.

    Args:
        close: the WebSocket close code, 4500 to 4999.
        reason: the server's words.
    """

    def __init__(self, close: int, reason: str) -> None:
        code = {4501: "not_signed_in", 4503: "not_allowed"}.get(close, "closed")
        super().__init__(code, f"closed with {close}: {reason}", retry=False, advice="Sign in again, or ask who may.")
        self.close = close


class Gap(FujinError):
    """A station's events do not follow one another.

    Args:
        station: whose.
        expected: the offset that had to come.
        got: the offset that came.
    """

    def __init__(self, station: str, expected: int, got: int) -> None:
        message = f"{station}: expected the event at offset {expected}, got {got}"
        super().__init__("gap", message, retry=True, advice="Subscribe again; it goes on from the last event in order.")
        self.station = station
        self.expected = expected
        self.got = got
