"""`python -m tests.faults --rounds 200 --seed 1`: many rounds of each fault, bounded, with figures at the end.

Exit status 0 when nothing was lost, invented, doubled, escalated after an acknowledgement or left untold; else 1.
"""

import argparse
import json
import sys
from typing import Any

from tests.faults.campaign import Result, run
from tests.faults.checker import COUNTERS
from tests.faults.faults import FAULTS

COLUMNS = ("rounds", "alarms", "receipts", "commands", "events", "frames", "links", *COUNTERS, "unwaited")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=sorted(FAULTS), help="this fault; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON line per fault")
    options = parser.parse_args()
    results: list[Result] = []
    if not options.json:
        _say(f"{'fault':22}", *(f"{column:>9}" for column in COLUMNS), "recovered: median, worst s")
    for name in options.only or FAULTS:
        fault = FAULTS[name]
        if fault.missing:
            sys.stderr.write(f"{name:22} not run: {fault.missing}\n")
            continue
        results.append(run(fault, options.rounds, options.seed))
        _tell(results[-1], options.json)
    return 0 if results and all(result.clean for result in results) else 1


def _tell(result: Result, as_json: bool) -> None:
    members = result.members()
    if as_json:
        _say(json.dumps(members, ensure_ascii=False))
        return
    figures = (f"{members.get(column, 0):>9}" for column in COLUMNS)
    _say(f"{result.fault:22}", *figures, members["recovered_median_s"], members["recovered_worst_s"])
    for line in result.told:
        _say(f"    {line}")


def _say(*words: Any) -> None:
    print(*words, flush=True)  # noqa: T201 - what the person at the terminal is waiting for


if __name__ == "__main__":
    sys.exit(main())
