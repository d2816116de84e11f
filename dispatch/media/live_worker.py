"""The process that decodes a recording while it grows: `python -m dispatch.media.live_worker LIMITS`. One recording.

Reads messages on standard input (C and a chunk, G and how many are missing, E at the end; each with its length) and
answers each with one line of JSON and the bytes that could be made. Shut in as `worker` is, before its first byte.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

from dispatch.media import sandbox
from dispatch.media.growing import Growing
from dispatch.media.sound import silent_file
from dispatch.media.unreadable import NOT_SHUT_IN, Unreadable


class Talk:
    """What the hub says, and what it is answered."""

    def __init__(self, asks: BinaryIO, answers: BinaryIO) -> None:
        self._asks = asks
        self._answers = answers
        self._asked = False

    def next(self, about: dict[str, Any], made: bytes) -> bytes | int | None:
        """Answer what was asked before, if anything was, and wait for the next."""
        if self._asked:
            self.answer(about, made)
        self._asked = True
        head = self._asks.read(5)
        if len(head) < 5:
            os._exit(1)  # the hub is gone
        body = self._asks.read(int.from_bytes(head[1:], "big"))
        match head[:1]:
            case b"C":
                return body
            case b"G":
                return int.from_bytes(body, "big")
        return None

    def answer(self, about: dict[str, Any], made: bytes) -> None:
        self._answers.write(json.dumps({**about, "size": len(made)}).encode() + b"\n" + made)
        self._answers.flush()


def serve(talk: Talk, most_s: int) -> None:
    """Make the growing copy of what `talk` brings."""

    def more() -> bytes | int | None:
        made, gaps = growing.taken()
        return talk.next({"seconds": growing.seconds, "gaps": gaps}, made)

    growing = Growing(more, most_s)
    try:
        growing.run()
    except Unreadable as reason:
        talk.answer({"unreadable": reason.args[0]}, b"")
        return
    except MemoryError:
        talk.answer({"unreadable": "too_much_memory"}, b"")
        return
    made, gaps = growing.taken()
    talk.answer({"seconds": growing.seconds, "gaps": gaps}, made)


def warm_up() -> None:
    """Load what would be loaded late, by copying a tenth of a second of silence."""
    parts = [silent_file()]
    Growing(lambda: parts.pop() if parts else None, most_s=1).run()


def main() -> None:
    """Do what standard input asks, until it is the end."""
    limits = json.loads(sys.argv[1])
    sandbox.stand_apart()
    warm_up()
    sandbox.limit(limits["memory_bytes"], limits["cpu_s"])
    talk = Talk(sys.stdin.buffer, sys.stdout.buffer)
    if sandbox.shut_in():
        serve(talk, limits["audio_s"])
    else:
        talk.next({}, b"")
        talk.answer({"unreadable": NOT_SHUT_IN}, b"")
    os._exit(0)


if __name__ == "__main__":
    main()
