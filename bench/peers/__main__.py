"""`python -m bench.peers install DIR`: the peers, each in a folder of its own inside DIR, of the versions told."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.peers import ALL
from bench.peers.base import NotInstalled


def main() -> int:
    """Install; 1 when one of them could not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="What is measured beside Fujin.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="install them, or those named, into a folder of their own")
    install.add_argument("folder", type=Path, metavar="DIR")
    install.add_argument("--peer", choices=list(ALL), action="append", help="all without")
    chosen = parser.parse_args()
    failed = False
    for name in chosen.peer or list(ALL):
        peer = ALL[name]
        try:
            peer.install(chosen.folder)
        except NotInstalled as fault:
            failed = True
            print(f"{peer.name}: not installed: {fault}", file=sys.stderr)
        else:
            print(f"{peer.name}: {peer.versions}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
