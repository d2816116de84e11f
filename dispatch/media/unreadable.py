"""Why there can be no copy of a photo or recording: the one thing that both decoders say. Imports nothing of theirs."""

from __future__ import annotations

from typing import Any

NOT_SHUT_IN = "not_shut_in"
"""Of all there is: nothing is decoded by a process that is not shut in."""


class Unreadable(Exception):
    """No copy can be made; the argument is the reason's code. `position` is what the metadata said all the same."""

    position: dict[str, Any] | None = None
