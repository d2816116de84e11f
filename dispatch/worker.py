"""The entry point of one worker of `dispatch serve --workers`; see `workers`, which starts it.

Has the metrics kept where all workers' are summed, before any module makes one. Not a command for people.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dispatch import telemetry


def main() -> None:
    """Serve as the worker that the arguments describe, with the parent's environment."""
    config, data, metrics = (Path(each) for each in sys.argv[1:4])
    number, listener, parent = (int(each) for each in sys.argv[4:7])
    telemetry.share_metrics(metrics, number)
    from dispatch.workers import work  # now: it imports everything that counts

    sys.exit(work(config, data, number, listener, parent))


if __name__ == "__main__":
    main()
