"""The floors of the suite: on which one a test lives, by where its file is; what each took stands at the end of a run.

A promise is kept on the lowest floor that can break it, and once above where the wiring can break it (CONTRIBUTING.md).
"""

from collections import Counter, defaultdict

import pytest

FLOORS = {
    "rules": "what follows from what: no store, no socket",
    "hub": "in process, on the worker's store, time moved by hand",
    "browser": "a real browser at a real hub",
    "process": "kill, freeze, restart, workers, deployment",
    "code": "types, form and packaging: what is no promise",
    "nightly": "what takes its time",
}
_BROWSER = ("tests/browser/", "tests/engines/")
_PROCESS = (
    "tests/clients/",
    "tests/deploy/",
    "tests/faults/test_faults.py",
    "tests/test_bench.py",
    "tests/test_check_stores.py",
    "tests/test_server.py",
    "tests/test_stopping.py",
    "tests/test_store_comes_back.py",
    "tests/test_stores.py",
    "tests/test_upgrade.py",
    "tests/test_workers.py",
    "tests/stream/test_embedded",
    "tests/stream/test_topologies.py",
    "tests/stream/test_replicas.py",
)
_RULES = (
    "tests/checks/test_readme.py",
    "tests/checks/test_again.py",
    "tests/checks/test_mutations.py",
    "tests/config/test_names.py",
    "tests/duty/test_rota",
    "tests/escalation/test_policy.py",
    "tests/faults/test_checker.py",
    "tests/fanout/test_admission.py",
    "tests/fanout/test_session.py",
    "tests/intake/test_spool.py",
    "tests/media/test_worker.py",
    "tests/media/test_sterile.py",
    "tests/nearby/",
    "tests/notify/test_section.py",
    "tests/pages/",
    "tests/properties/test_fold",
    "tests/properties/test_lifecycle.py",
    "tests/properties/test_policy.py",
    "tests/routing/",
    "tests/test_clock.py",
    "tests/test_protocol",
    "tests/test_settings.py",
    "tests/test_voice.py",
    "tests/test_work.py",
)


def floor_of(name: str, markers: frozenset[str] | set[str] = frozenset()) -> str:
    """The floor of the test with this node id and these markers."""
    for floor in ("nightly", "code"):
        if floor in markers:
            return floor
    for floor, where in (("browser", _BROWSER), ("process", _PROCESS), ("rules", _RULES)):
        if name.startswith(where):
            return floor
    return "hub"


class Tally:
    """A plugin that counts tests and their seconds by floor, and says so at the end of a run."""

    def __init__(self) -> None:
        self._tests: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        floor = floor_of(report.nodeid, {"nightly", "code"} & {*report.keywords})
        self._seconds[floor] += report.duration
        self._tests[floor] += report.when == "call"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Seconds are those of all workers together."""
        ran = [floor for floor in FLOORS if self._tests[floor]]
        said = (f"{floor} {self._tests[floor]} in {self._seconds[floor]:.0f} s" for floor in ran)
        terminalreporter.write_line("floors (seconds of all workers together): " + ", ".join(said))
