"""`python -m tests.mutations`: the proof that the suite catches broken code. Breaks one place at a time.

`mutations.toml` names the places: what a tired engineer might write there, which promise that breaks, and which tests
of the ordinary suite should say so. Each is made in a copy of the checkout, never in the checkout itself, and the tests
are run there. Exit status 1 unless all were caught. Field's term: mutation testing.
"""

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".toml")
_NOT_COPIED = (".git", ".venv", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "dist")
_LINKED = ("clients/node_modules",)
_PACKAGES = ("dispatch", "fujin_client", "tests")
_HANGS_S = 120
_WHOLE_S = 3600
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One place of `mutations.toml`: `find`, which occurs once in `file`, becomes `replace`."""

    name: str
    room: str
    file: str
    find: str
    replace: str
    breaks: str
    tests: tuple[str, ...]

    def applies(self, tree: Path) -> str:
        """Why it can't be made in `tree`; empty when it can."""
        file = tree / self.file
        if not file.is_file():
            return f"there is no {self.file}"
        found = file.read_text("utf-8").count(self.find)
        return "" if found == 1 else f"its snippet occurs {found} times in {self.file}"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run of pytest: the exit status (None: it hung) and the tests that failed."""

    status: int | None
    failed: tuple[str, ...]
    said: str

    @property
    def passed(self) -> bool:
        return self.status == 0


class Copy:
    """A copy of a checkout in a folder of its own, with an interpreter that imports from there and nowhere else.

    Args:
        tree: the checkout.
        folder: a new one, which is filled.
    """

    _moments = count(1)

    def __init__(self, tree: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(tree, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True, dirs_exist_ok=True)
        for name in _LINKED:
            if (tree / name).exists():
                (folder / name).symlink_to((tree / name).resolve())
        theirs = tree / ".venv" / "bin" / "python"
        self._python = self._interpreter(theirs if theirs.exists() else Path(sys.executable))
        self._see_where_from()

    def _interpreter(self, base: Path) -> Path:
        """One with the packages of `base`, and not its link to the checkout: what tests start must be the copy too."""
        asked = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        packages = subprocess.run([base, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
        made = self.folder / ".venv"
        subprocess.run([base, "-m", "venv", "--without-pip", made], check=True)
        places = [self.folder, self.folder / "clients" / "python", packages]
        for site in made.glob("lib/python3*/site-packages"):
            (site / "the_copy.pth").write_text("".join(f"{place}\n" for place in places), "utf-8")
        return made / "bin" / "python"

    def _see_where_from(self) -> None:
        asked = f"import importlib; [print(importlib.import_module(name).__file__) for name in {_PACKAGES}]"
        done = subprocess.run([self._python, "-c", asked], cwd="/", check=True, capture_output=True, text=True)
        for file in done.stdout.split():
            if not Path(file).resolve().is_relative_to(self.folder.resolve()):
                raise SystemExit(f"{file} is imported, and not the copy in {self.folder}: nothing would be proved")

    def write(self, name: str, text: str) -> None:
        """Write a source file, at a time of its own: compiled code is told apart by that and the size alone."""
        file = self.folder / name
        file.write_text(text, "utf-8")
        moment = time.time() + 10 * next(self._moments)
        os.utime(file, (moment, moment))

    def test(self, tests: Iterable[str], within_s: float, *, to_the_first: bool) -> Run:
        """Run pytest on `tests`; the whole ordinary suite where there are none."""
        chosen = list(tests)
        processes = ["-n0"] if chosen else []
        command = [str(self._python), "-m", "pytest", *processes, *(["-x"] if to_the_first else []), "-q", *chosen]
        with subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            text=True, errors="replace",
        ) as process:  # fmt: skip
            try:
                said, _ = process.communicate(timeout=within_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return Run(None, (), process.communicate()[0])
        return Run(process.returncode, tuple(dict.fromkeys(_FAILED.findall(said))), said)


def read(file: Path) -> list[Mutation]:
    """The places, each with a name of its own."""
    entries = tomllib.loads(file.read_text("utf-8"))["mutation"]
    found = [Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]
    doubled = [name for name, times in Counter(each.name for each in found).items() if times > 1]
    if doubled:
        raise SystemExit(f"{file.name}: more than one is called {', '.join(doubled)}")
    return found


def that_are_there(tests: Iterable[str], tree: Path) -> tuple[str, ...]:
    """Those that `tree` has; where it has the file and not the test, the file."""
    found = []
    for test in tests:
        file, _, node = test.partition("::")
        if (tree / file).is_file():
            known = f"def {node.partition('[')[0]}(" in (tree / file).read_text("utf-8")
            found.append(test if node and known else file)
    return tuple(dict.fromkeys(found))


class Proof:
    """Runs mutations in copies of one checkout, and keeps what came of each.

    Args:
        tree: the checkout.
        copies: as many as may work side by side.
        whole: whether the whole suite is asked where the named tests see nothing.
        say: told each line at once.
    """

    def __init__(self, tree: Path, copies: Iterable[Copy], whole: bool, say: Callable[[str], None]) -> None:
        self._tree = tree
        self._free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for each in copies:
            self._free.put(each)
        self._whole = whole
        self._say = say
        self._unbroken: dict[tuple[str, ...], Run] = {}
        self._one_at_a_time: dict[tuple[str, ...], threading.Lock] = {}
        self.verdicts: Counter[str] = Counter()

    def prove(self, mutation: Mutation) -> None:
        """Make one, run its tests, take it back, and say what came of it."""
        copy = self._free.get()
        began = time.monotonic()
        try:
            verdict, more = self._prove(mutation, copy)
        finally:
            self._free.put(copy)
        self.verdicts[verdict] += 1
        self._say(f"{verdict:<14} {mutation.name} [{time.monotonic() - began:.0f} s]{f': {more}' if more else ''}")

    def _prove(self, mutation: Mutation, copy: Copy) -> tuple[str, str]:
        if why := mutation.applies(copy.folder):
            return "does not apply", why
        tests = that_are_there(mutation.tests, self._tree)
        if not tests:
            return "no tests", f"there is none of {', '.join(mutation.tests)}"
        unbroken = self._without(tests, copy)
        if not unbroken.passed:
            return "FAILS ANYWAY", f"without it: {_told(unbroken)}"
        before = (copy.folder / mutation.file).read_text("utf-8")
        copy.write(mutation.file, before.replace(mutation.find, mutation.replace))
        try:
            run = copy.test(tests, _HANGS_S, to_the_first=True)
            if run.passed and self._whole:
                run = copy.test((), _WHOLE_S, to_the_first=True)
                if run.failed:
                    return "NOT CAUGHT", f"by its tests; by the whole suite: {_told(run)}"
        finally:
            copy.write(mutation.file, before)
        return ("caught", f"by {run.failed[0]}") if run.failed else ("NOT CAUGHT", _told(run) or mutation.breaks)

    def _without(self, tests: tuple[str, ...], copy: Copy) -> Run:
        """The same tests on code that is not broken: once per set of tests."""
        with self._one_at_a_time.setdefault(tests, threading.Lock()):
            if tests not in self._unbroken:
                self._unbroken[tests] = copy.test(tests, _HANGS_S, to_the_first=True)
            return self._unbroken[tests]


def _told(run: Run) -> str:
    """What is to be known of a run that did not simply pass."""
    if run.passed:
        return ""
    if run.failed:
        return run.failed[0]
    return "it hung" if run.status is None else f"exit status {run.status}: {' / '.join(run.said.splitlines()[-3:])}"


def main() -> int:
    """Run what was asked for, and answer the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="this one, or all of this room")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout, whose own tests are run")
    parser.add_argument("--whole", action="store_true", help="ask the whole suite where the named tests see nothing")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="copies side by side")
    given = parser.parse_args()
    known = read(LIST)
    chosen = [each for each in known if not given.only or {each.name, each.room} & set(given.only)]
    if not chosen:
        parser.error(f"--only: one of {', '.join(each.name for each in known)}")

    def say(line: str) -> None:
        print(line, flush=True)  # noqa: T201 - for people

    tree = given.tree.resolve()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copies = [Copy(tree, Path(folder) / str(number)) for number in range(given.jobs)]
        proof = Proof(tree, copies, given.whole, say)
        with ThreadPoolExecutor(given.jobs) as pool:
            list(pool.map(proof.prove, chosen))
    figures = ", ".join(f"{number} {verdict}" for verdict, number in sorted(proof.verdicts.items()))
    say(f"{len(chosen)} mutations: {figures}")
    return 0 if proof.verdicts["caught"] == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
