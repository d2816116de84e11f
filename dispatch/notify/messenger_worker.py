"""The process that speaks to one messenger: reads one message, tells it through apprise, says how that went.

Started by `dispatch.notify.messenger`, which ends it in time. Never knows anything but this one message.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> None:
    logging.disable(logging.CRITICAL)  # a library's fault could quote the address
    import apprise

    members = json.load(sys.stdin)
    service = apprise.Apprise()
    if not service.add(members["url"]):
        sys.stdout.write("unknown")
        return
    told = service.notify(title=members["title"], body=members["body"], body_format=apprise.NotifyFormat.TEXT)
    sys.stdout.write("sent" if told else "failed")


if __name__ == "__main__":
    main()
