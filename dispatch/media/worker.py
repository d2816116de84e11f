"""The process that decodes untrusted bytes: `python -m dispatch.media.worker KIND LIMITS`. One job, then it ends.

Reads the original on standard input, writes one line of JSON and then the copies on standard output. Knows no store, no
key and no path. It is shut in before it reads its first byte (see `sandbox`), or decodes nothing; memory and CPU time
are limited, the number of pixels and seconds before anything is unpacked.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from dispatch.media import sandbox
from dispatch.media.unreadable import NOT_SHUT_IN, Unreadable

_NICE = 10


def warm_up(kind: str) -> None:
    """Load everything that this kind needs, because afterwards nothing can be; and nothing that only others need."""
    if kind == "photo":
        from dispatch.media import photo

        photo.warm_up()
    else:
        from dispatch.media import sound

        sound.warm_up()


def make(kind: str, original: bytes, limits: dict[str, int]) -> tuple[dict[str, Any], bytes]:
    """(what the hub is told, the copies one after another); no copy when it is told `unreadable`."""
    try:
        if kind == "photo":
            from dispatch.media import photo

            made, about = photo.copy(original, limits["pixels"])
        else:
            from dispatch.media import sound

            made, about = sound.copy(original, limits["audio_s"])
    except Unreadable as reason:
        return {"unreadable": reason.args[0]} | ({"position": reason.position} if reason.position else {}), b""
    except MemoryError:
        return {"unreadable": "too_much_memory"}, b""
    except Exception:  # decoders fail in ways of their own; here a fault of theirs is only ever a file that is broken
        return {"unreadable": "broken"}, b""
    together = b"".join(made.values())
    if len(together) > limits["copy_bytes"]:
        return {"unreadable": "copy_too_large"}, b""
    return {**about, "copies": {name: len(one) for name, one in made.items()}}, together


def _give_way() -> None:
    """Alarms first: this process gets the time that is left over, and is the first to go when memory is short."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
        Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Do the job that standard input holds."""
    kind, limits = sys.argv[1], json.loads(sys.argv[2])
    _give_way()
    sandbox.stand_apart()
    warm_up(kind)
    sandbox.limit(limits["memory_bytes"], limits["cpu_s"])
    shut_in = sandbox.shut_in()
    original = sys.stdin.buffer.read(limits["original_bytes"] + 1)
    told, made = make(kind, original, limits) if shut_in else ({"unreadable": NOT_SHUT_IN}, b"")
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + made)
    sys.stdout.buffer.flush()
    os._exit(0)  # what else Python does at its end needs calls that nobody here needs


if __name__ == "__main__":
    main()
