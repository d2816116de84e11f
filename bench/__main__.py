"""`python -m bench`: all measurements one after another, each in a process of its own; short ones, or (--full) as is.

Never measures by itself; what each says is its own. With `--out`, everything that was found is kept as JSON.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    """One measurement.

    Args:
        short: options that make it short; its own without.
        json_file: it writes its JSON to a file; the others print it as their last line.
        peers: it takes the folder of the peers.
    """

    short: str
    json_file: bool = False
    peers: bool = False


PROGRAMS = {
    "press_to_console": Program("--rate 50 --seconds 10 --rounds 2", json_file=True),
    "fanout": Program("--rounds 1 --seconds 3 --gentle 4", peers=True),
    "reconnect_storm": Program("--consoles 500 --staying 50 --seconds 25"),
    "stopping": Program("--rounds 2"),
    "timers": Program("--alarms 5000 --burst 200 --seconds 15 --idle 5 --rounds 1"),
    "city": Program("--stations 50 --hubs 1 --rate 20 --seconds 8 --idle 3"),
    "growth": Program("--kind history --most 10000 --seconds 8 --idle 3"),
    "finding": Program("--alarms 5000"),
    "bad_line": Program("--presses 10 --loads 1"),
    "page_loads": Program(""),
    "console": Program("--seconds 5"),
    "fuzz": Program("--requests 5000 --frames 5000"),
    "memory": Program("--events 14000 --open 1000 --consoles 300"),
    "notify": Program("--seconds 8 --rounds 3"),
    "media": Program("--photos 100 --seconds 5 --streaming 12"),
}


def main() -> int:
    """Run them; 1 when one of them ended with another status than 0."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="All measurements, one after another.")
    parser.add_argument("--only", choices=list(PROGRAMS), action="append", help="several times; all without")
    parser.add_argument("--full", action="store_true", help="as long as each is by itself; a good hour")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep what was found there: NAME.json")
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where bench.peers installed what is measured beside")
    chosen = parser.parse_args()
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in chosen.only or list(PROGRAMS):
        program = PROGRAMS[name]
        options = [] if chosen.full else shlex.split(program.short)
        options += ["--data", str(chosen.data)] if chosen.data else []
        options += ["--peers", str(chosen.peers)] if chosen.peers and program.peers else []
        file = None if chosen.out is None else chosen.out / f"{name}.json"
        print(f"# python -m bench.{name} {shlex.join(options)}\n", flush=True)
        if _run(name, program, options, file):
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"Ended with a fault: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, program: Program, options: list[str], file: Path | None) -> int:
    """The status with which it ended; what it prints is passed on, its JSON goes to `file`."""
    command = [sys.executable, "-m", f"bench.{name}", *options]
    if file is not None:
        command += ["--json", str(file)] if program.json_file else ["--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for said in process.stdout:
            if file is not None and not program.json_file and said.startswith("{"):
                file.write_text(said, "utf-8")
            else:
                print(said, end="", flush=True)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
