"""The folder list is the architecture: stages never import one another, and only the clock knows the time."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.code
STAGES = (
    "alarm", "store", "stream", "intake", "routing", "media", "duty", "fanout", "escalation", "notify", "nearby",
    "alarmlog",
)  # fmt: skip
# What every stage may import besides itself and what is not ours.
COMMON = ("dispatch.alarm", "dispatch.store", "dispatch.stream")
# Modules of the top level that know everyone; no stage may know them.
MAY_KNOW_EVERYONE = ("dispatch.app", "dispatch.settings", "dispatch.__main__")
# Reading the time anywhere else would make a rule depend on the machine it runs on.
READS_TIME = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("time", "monotonic_ns"),
    ("time", "perf_counter"), ("time", "perf_counter_ns"), ("time", "clock_gettime"),
}  # fmt: skip
MAY_READ_TIME = ("dispatch/alarm/clock.py",)
# What starts work, or has it begin later, outside of the scope that knows what is under way (dispatch.alarm.work).
STARTS_WORK = {"create_task", "ensure_future", "gather", "call_later", "call_at"}
MAY_START_WORK = {
    "dispatch/alarm/work.py": "the scope itself",
    "dispatch/alarm/clock.py": "the source of its timers",
    "dispatch/fanout/transport.py": "a connection's own end, when its peer takes nothing: the machine's time, as TCP's",
    "dispatch/store/client.py": "one question for all who ask at the same time: each of them waits, and is under way",
    "dispatch/store/together.py": "likewise: commands that leave together",
    "dispatch/store/replicas.py": "likewise: one look at the replicas for all who wait for it",
    "dispatch/stop.py": "around the whole process",
    "dispatch/cli/raising.py": "a command that ends, and no hub",
    "tests/flow/people.py": "reads a socket; `reads_on` waits for it",
    "tests/flow/helpers.py": "likewise",
    "tests/flow/town.py": "the server, and people who read at the same time",
}
OURS = ("dispatch.", "tests.", "bench.", "fujin_client.")
MOST_LINES = 450  # where it is asked why; what makes a module too long is that it holds two concepts
# Longer modules, each with the reason that was found good enough.
LONGER: dict[str, str] = {
    "dispatch/alarm/commands.py": "a table: everything that can be asked of an alarm, all in one place",
    "dispatch/alarm/events.py": "a table: every event that a record can hold, all in one place",
    "dispatch/alarm/messages.py": "a table: every message of the wire, all in one place",
}


def modules(root: Path) -> list[Path]:
    return sorted((root / "dispatch").rglob("*.py"))


def dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement, however deep; not what they are made of, which is ten times as much."""
    inner = [tree]
    while inner:
        node = inner.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            part = getattr(node, name, None)
            inner += part if isinstance(part, list) else []


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Every import of ours with its line, relative ones resolved, lazy and type-only ones included."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            yield node.lineno, base
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def forbidden(module: str, name: str) -> bool:
    """Whether `module` of a stage must not import `name`."""
    if not within(name, "dispatch") or name == "dispatch":
        return False
    own = ".".join(module.split(".")[:2])
    if within(name, own):
        return False
    if own == "dispatch.alarm":
        return True
    if any(within(name, allowed) for allowed in COMMON):
        # Below the stages: the vocabulary, on it the store, on both the record.
        return own in COMMON and COMMON.index(own) < next(i for i, c in enumerate(COMMON) if within(name, c))
    stage = name.split(".")[1]
    return stage in STAGES or any(within(name, known) for known in MAY_KNOW_EVERYONE)


def test_stages_do_not_import_one_another(root: Path) -> None:
    """A stage knows the vocabulary and the record, nothing else of ours that has to do with alarms."""
    wrong = []
    for path in modules(root):
        module = dotted(path, root)
        parts = module.split(".")
        if len(parts) < 2 or parts[1] not in STAGES:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, name in imports(tree, module, path.name == "__init__.py"):
            if forbidden(module, name):
                wrong.append(f"{path.relative_to(root)}:{line} imports {name}")
    assert not wrong, "\n".join(sorted(set(wrong)))


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        ("dispatch.fanout.hub", "dispatch.escalation.timer", True),
        ("dispatch.fanout.hub", "dispatch.app", True),
        ("dispatch.alarm.lifecycle", "dispatch.stream", True),
        ("dispatch.alarm.lifecycle", "dispatch.telemetry", True),
        ("dispatch.fanout.hub", "dispatch.alarm.events", False),
        ("dispatch.fanout.hub", "dispatch.stream.stream", False),
        ("dispatch.fanout.hub", "dispatch.fanout.session", False),
        ("dispatch.stream.stream", "dispatch.alarm.clock", False),
        ("dispatch.stream.stream", "dispatch.store.client", False),
        ("dispatch.store.replicas", "dispatch.stream.keys", True),
        ("dispatch.store.health", "dispatch.alarm.clock", False),
        ("dispatch.fanout.receipts", "dispatch.store.faults", False),
        ("dispatch.fanout.hub", "redis.asyncio", False),
    ],
)
def test_the_rule_itself(module: str, name: str, wrong: bool) -> None:
    """The rule says no to what it should, and only to that."""
    assert forbidden(module, name) is wrong


def test_relative_imports_are_seen() -> None:
    """A relative import is the same import."""
    tree = ast.parse("from ..escalation import timer\nfrom . import session")
    assert [name for _, name in imports(tree, "dispatch.fanout.hub", False)] == [
        "dispatch.escalation", "dispatch.escalation.timer", "dispatch.fanout", "dispatch.fanout.session"
    ]  # fmt: skip


def test_imports_are_seen_wherever_they_stand() -> None:
    """An import is found in every place where a statement may be."""
    inner = "def f():\n if a:\n  import {}1\n else:\n  import {}2\n"
    caught = "try:\n import t1\nexcept E:\n import t2\nelse:\n import t3\nfinally:\n import t4\n"
    more = "with a:\n for b in c:\n  import w1\n while d:\n  import w2\nmatch e:\n case 1:\n  import m1\n"
    star = "try:\n pass\nexcept* E:\n import x1\nasync def g():\n async with h:\n  async for i in j:\n   import g1\n"
    source = inner.format("f", "f") + f"class C:\n import c1\n{caught}{more}{star}"
    every = sorted(alias.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import) for alias in n.names)
    assert len(every) == 12
    assert sorted(name for _, name in imports(ast.parse(source), "m", False)) == every


def times(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every place that names a function which reads the time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            value = node.value
            owner = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
            if (owner, node.attr) in READS_TIME:
                yield node.lineno, f"{owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module in {"time", "datetime"}:
            for alias in node.names:
                if (node.module, alias.name) in READS_TIME:
                    yield node.lineno, f"{node.module}.{alias.name}"


def test_only_the_clock_reads_the_time(root: Path) -> None:
    """Time has one source, so that hubs agree and tests can move it."""
    wrong = []
    for path in modules(root):
        name = path.relative_to(root).as_posix()
        if name in MAY_READ_TIME:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        wrong += [f"{name}:{line} reads {what}" for line, what in times(tree)]
    assert not wrong, "\n".join(wrong)


def starts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every place that starts a task or a timer, or sleeps for seconds; giving way for one turn is no sleep."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in STARTS_WORK:
            yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            asyncios = isinstance(node.func.value, ast.Name) and node.func.value.id == "asyncio"
            if asyncios and not (isinstance(node.args[0], ast.Constant) and node.args[0].value == 0):
                yield node.lineno, "asyncio.sleep"
        elif isinstance(node, ast.ImportFrom) and node.module == "asyncio":
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name in STARTS_WORK | {"sleep"})


def test_all_work_is_known(root: Path) -> None:
    """Every task, timer and sleep is made by `Work`, which can say when nothing is under way; exceptions say why."""
    wrong, used = [], set()
    for path in [*modules(root), *sorted((root / "tests/flow").glob("[!t]*.py")), root / "tests/flow/town.py"]:
        name = path.relative_to(root).as_posix()
        found = list(starts(ast.parse(path.read_text(encoding="utf-8"))))
        used |= {name} if found else set()
        wrong += [f"{name}:{line} {what}" for line, what in found if name not in MAY_START_WORK]
    assert not wrong, "\n".join(wrong)
    assert set(MAY_START_WORK) <= used, "no longer needed in MAY_START_WORK"


def test_starters_of_work_are_found() -> None:
    """Each way of starting work beside the scope is noticed, and giving way is not."""
    source = "import asyncio\nasyncio.create_task(x)\nloop.call_later(1, x)\nawait asyncio.sleep(0)\nasyncio.sleep(1)"
    assert sorted(what for _, what in starts(ast.parse(source))) == ["asyncio.sleep", "call_later", "create_task"]
    assert [what for _, what in starts(ast.parse("from asyncio import gather, sleep"))] == ["gather", "sleep"]


def test_readers_of_time_are_found() -> None:
    """Each way of reading the time is noticed."""
    source = "import time, datetime\ntime.monotonic()\ndatetime.datetime.now(UTC)\nfrom time import time\nclock.now()"
    assert [what for _, what in times(ast.parse(source))] == ["time.time", "time.monotonic", "datetime.now"]


def test_private_names_stay_at_home(root: Path) -> None:
    """A name that begins with an underscore is its own module's: nobody else of ours imports it."""
    wrong = []
    for path in [*modules(root), *sorted((root / "tests").rglob("*.py")), *sorted((root / "bench").rglob("*.py"))]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, name in imports(tree, dotted(path, root), path.name == "__init__.py"):
            last = name.rpartition(".")[2]
            if name.startswith(OURS) and last.startswith("_") and not last.startswith("__"):
                wrong.append(f"{path.relative_to(root)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_modules_are_small(root: Path) -> None:
    """A module above 450 lines is asked why; the answer stands in LONGER."""
    sizes = {p.relative_to(root).as_posix(): len(p.read_text(encoding="utf-8").splitlines()) for p in modules(root)}
    assert not [f"{name}: {size}" for name, size in sizes.items() if size > MOST_LINES and name not in LONGER]
    assert not [name for name in LONGER if sizes.get(name, 0) <= MOST_LINES], "no longer needed in LONGER"
