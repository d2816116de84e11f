"""Every public error, once: a stable code, its HTTP status, whether to try again, and one line of advice.

Raised anywhere as `Refused(ERROR, ...)`; the edges (HTTP, WebSocket, CLI) turn it into their own form.
Close codes by range: 4000-4499 come back, 4500-4999 do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class PublicError:
    """One row of the table: `code` never changes once published."""

    code: str
    status: int
    retry: bool
    advice: str


ERRORS: dict[str, PublicError] = {}


def _error(code: str, status: int, advice: str, *, retry: bool = False) -> PublicError:
    ERRORS[code] = PublicError(code, status, retry, advice)
    return ERRORS[code]


BAD_MESSAGE = _error("bad_message", 422, "Correct the field that is named and send the request again.")
UNKNOWN_TYPE = _error("unknown_type", 422, "Use one of the message types of the protocol page.")
UNDECODABLE = _error("undecodable", 400, "Send JSON, or MessagePack where the subprotocol says so.")
TOO_LARGE = _error("too_large", 413, "Send less than the limit that is named, or in several parts.")
HEAD_TOO_LARGE = _error("head_too_large", 431, "Send a shorter address and fewer or shorter headers.")
TOO_SLOW = _error("too_slow", 408, "Send the same request again, in one go if you can.", retry=True)
TOO_MANY = _error("too_many", 409, "The limit that is named is reached; nothing stored before is lost.")
NOT_FOUND = _error("not_found", 404, "Check the address and the secret; both must be right.")
ALARM_EXISTS = _error("alarm_exists", 409, "Make a new id: this one belongs to another secret.")
NOT_STORED = _error(
    "not_stored",
    503,
    "The store did not confirm. Send the same request again: it will have its effect once.",
    retry=True,
)
NOT_SIGNED_IN = _error("not_signed_in", 401, "Sign in first.")
WRONG_SIGN_IN = _error("wrong_sign_in", 401, "Check user name and password; an administrator can set a new one.")
TOO_MANY_ATTEMPTS = _error("too_many_attempts", 429, "Wait until the time that is named and try again.", retry=True)
NOT_ALLOWED = _error("not_allowed", 403, "Ask an administrator if your role should be able to do this.")
WRONG_ORIGIN = _error("wrong_origin", 403, "Open the page at its own address, or add the origin to `serve.origins`.")
REF_REUSED = _error("ref_reused", 409, "Use a new `ref` for every new request; repeat one only with the same request.")
ALREADY_ACKNOWLEDGED = _error(
    "already_acknowledged", 409, "Another officer took it; `by` says who. Use `take` with a reason."
)
NOT_OWNER = _error("not_owner", 409, "Only the alarm's owner can do this; acknowledge it, or take it with a reason.")
OWNS_ALARMS = _error("owns_alarms", 409, "Hand over, release or close the alarms that are named, then try again.")
NOT_POSSIBLE = _error("not_possible", 409, "Do one of the steps in `possible` first.")
CHUNK_CONFLICT = _error("chunk_conflict", 409, "This chunk is stored with other bytes; use a new media id.")
MEDIA_ENDED = _error("media_ended", 409, "This recording is already finished; start a new one with a new media id.")
LIVE_BUSY = _error("live_busy", 503, "Stop listening elsewhere, or wait for the whole recording.", retry=True)
CHUNKS_MISSING = _error("chunks_missing", 409, "Send the chunks in `missing`, then finish again.", retry=True)

GO_AWAY: Final = 4000  # the hub is stopping or lost its store: come back (to any hub) and resume
UNDECODABLE_FRAME: Final = 4400
SILENT: Final = 4408  # nothing heard from the console for too long
RESTORED: Final = 4409  # the store was restored from an older copy: come back for a fresh snapshot
SLOW_CONSUMER: Final = 4413
TOO_MUCH: Final = 4429  # more frames than anybody needs: come back
SIGNED_OUT: Final = 4501
FORBIDDEN: Final = 4503


class Refused(Exception):
    """A request that cannot be done, as its sender will read it.

    Args:
        error: the row of the table.
        message: what was wrong here, naming the field, the value's kind and what would be right.
        details: further members of the error body (`by`, `possible`, `missing`, ...).
    """

    def __init__(self, error: PublicError, message: str, **details: Any) -> None:
        super().__init__(f"{error.code}: {message}")
        self.error = error
        self.message = message
        self.details: Mapping[str, Any] = details

    def body(self) -> dict[str, Any]:
        """The error as HTTP sends it: `{"code", "message", "retry", "advice", ...}`."""
        return {
            "code": self.error.code,
            "message": self.message,
            "retry": self.error.retry,
            "advice": self.error.advice,
            **self.details,
        }

    def answer(self, ref: str | None) -> dict[str, Any]:
        """The error as a WebSocket answer to request `ref`."""
        return {"type": "error", "ref": ref, **self.body()}
