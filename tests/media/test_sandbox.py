"""A decoder that was taken over can ask the kernel for nothing that matters: everything but a short list ends it."""

import json
import platform
import struct
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatch.media import syscalls
from dispatch.media.jobs import Made, WorkerLimits, make_copies, standing
from dispatch.media.live_jobs import CannotBeHeard, LiveLimits, LiveWorker
from dispatch.media.unreadable import NOT_SHUT_IN
from tests.commands import Shell
from tests.flow.town import Town

NUMBERS = 480
"""More than the kernel has calls today, by some."""
ENDED = -31  # by SIGSYS
pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() not in syscalls.MACHINES,
    reason="needs Linux on x86-64 or ARM64: elsewhere nothing is decoded",
)


def inside(code: str, root: Path, *arguments: str) -> Any:
    """What Python code prints as JSON, which is run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], cwd=root, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


EACH = """
    import ctypes, errno, json, os, socket, sys, threading
    from dispatch.media import sandbox
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    folder, ours = os.open("/etc", os.O_RDONLY), os.getpid()
    room = ctypes.create_string_buffer(256)

    def outcome(deed):
        \"\"\"How a process that is shut in ends when it does so: 0, the number of a fault, or minus a signal.\"\"\"
        child = os.fork()
        if child == 0:
            if not sandbox.shut_in():
                os._exit(111)
            ctypes.set_errno(0)
            try:
                failed = deed() == -1
            except OSError as fault:
                os._exit(fault.errno)
            os._exit(ctypes.get_errno() if failed else 0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def calls(*tables: dict[str, syscalls.Both]) -> Iterator[int]:
    for call in (each for table in tables for each in table.values()):
        number: int | None = getattr(call, platform.machine())
        if number is not None:
            yield number


_KERNELS_OWN = {"x86_64": (335, 336), "aarch64": ()}
"""uretprobe and uprobe: newer kernels ask no filter about them, and take them only from code that is the kernel's."""


def test_every_call_there_is(root: Path) -> None:
    """Of all calls of the kernel, also of those that are not there yet, the ones that are not named end the process."""
    code = (
        EACH
        + """
    print(json.dumps([outcome(lambda: libc.syscall(number, 0, 0, 0, 0, 0, 0)) for number in range(int(sys.argv[1]))]))
    """
    )
    found = dict(enumerate(inside(code, root, str(NUMBERS))))
    looked_at = calls({"": syscalls._MMAP, "p": syscalls._MPROTECT, "a": syscalls._AFFINITY, "l": syscalls._PRLIMIT})
    named = {*calls(syscalls.ALLOWED, syscalls.REFUSED, syscalls._WITHOUT), *looked_at}
    for number in _KERNELS_OWN[platform.machine()]:
        assert found.pop(number) != 0
    assert {number for number, how in found.items() if how != ENDED} == named
    assert {found[number] for number in calls(syscalls.REFUSED)} == {1}, "EPERM"
    assert {found[number] for number in calls(syscalls._WITHOUT)} == {38}, "ENOSYS"
    assert len(named) < 60


def answered(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel would do about a call: the filter, run as the kernel runs it."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(*arguments, *(0,) * (6 - len(arguments))))
    steps = [*struct.iter_unpack("=HBBI", program)]
    at = held = 0
    while True:
        code, true, false, value = steps[at]
        at += 1
        match code:
            case 0x20:
                held = int.from_bytes(data[value : value + 4], "little")
            case 0x15:
                at += true if held == value else false
            case 0x45:
                at += true if held & value else false
            case 0x06:
                return int(value)


@pytest.mark.parametrize("machine", syscalls.MACHINES)
def test_on_each_kind_of_machine(machine: str) -> None:
    """The filter of each machine allows what is named, and of what is looked at only what a decoder does."""
    program, arch = syscalls.program(machine), syscalls.MACHINES[machine]
    allow, kill, refuse = 0x7FFF0000, 0x80000000, 0x00050001

    def numbers(table: dict[str, syscalls.Both]) -> set[int]:
        return {number for call in table.values() if (number := getattr(call, machine)) is not None}

    allowed, refused = numbers(syscalls.ALLOWED), numbers(syscalls.REFUSED)
    looked_at = {getattr(call, machine) for call in (
        syscalls._MMAP, syscalls._MPROTECT, syscalls._CLONE, syscalls._PRCTL, syscalls._PRLIMIT, syscalls._AFFINITY)
    }  # fmt: skip
    assert not allowed & refused
    for number in range(1 << 12):
        if number not in looked_at | numbers(syscalls._WITHOUT):
            named = allow if number in allowed else refuse if number in refused else kill
            assert answered(program, arch, number) == named
    assert answered(program, arch ^ 1, 0) == kill
    assert answered(program, arch, 0x40000000 | min(allowed)) == kill
    wide = 1 << 32
    for call, arguments, how in (
        (syscalls._MMAP, (0, 4096, 3), allow), (syscalls._MMAP, (0, 4096, 7), kill),
        (syscalls._MPROTECT, (0, 4096, 1), allow), (syscalls._MPROTECT, (0, 4096, 4 | wide), kill),
        (syscalls._CLONE, (0x3D0F00,), allow), (syscalls._CLONE, (0x7D0F00,), allow), (syscalls._CLONE, (17,), kill),
        (syscalls._CLONE, (0x3D0F00 | 0x10000000,), kill), (syscalls._PRCTL, (15,), allow),
        (syscalls._PRCTL, (22, 2), kill), (syscalls._PRLIMIT, (0, 9, 0, 1), allow), (syscalls._PRLIMIT, (1, 9), kill),
        (syscalls._PRLIMIT, (0, 9, 1), kill), (syscalls._PRLIMIT, (0, 9, wide), kill),
        (syscalls._AFFINITY, (0,), allow), (syscalls._AFFINITY, (7,), kill),
    ):  # fmt: skip
        assert answered(program, arch, getattr(call, machine), *arguments) == how, (call, arguments)


DEEDS = {
    # what it is: the code, how it ends
    "open a file": ("open('/etc/hostname')", 1),
    "open a file by its folder": ("os.open('hostname', os.O_RDONLY, dir_fd=folder)", 1),
    "look at a file": ("os.stat('/etc/hostname')", 1),
    "write a file": ("open('/tmp/x', 'w')", 1),
    "remove a file": ("os.unlink('/tmp/x')", ENDED),
    "make a folder": ("os.mkdir('/tmp/x')", ENDED),
    "list a folder": ("os.listdir(folder)", 1),
    "make a node (mknod)": ("os.mknod('/tmp/x')", ENDED),
    "change a file's mode": ("os.chmod('/tmp', 0o777)", ENDED),
    "change a file's mode (fchmodat2)": ("libc.syscall(452, folder, b'hostname', 0o777, 0)", ENDED),
    "mark a file (setxattr)": ("os.setxattr('/tmp', 'user.x', b'x')", ENDED),
    "make a socket": ("socket.socket()", ENDED),
    "make a local socket": ("socket.socketpair()", ENDED),
    "start a program": ("os.execv('/bin/true', ['true'])", ENDED),
    "make a process": ("os.fork()", ENDED),
    "make a process (vfork)": ("libc.syscall({clone}, 0x4111, 0, 0, 0, 0)", ENDED),
    "begin a thread with a network of its own": ("libc.syscall({clone}, 0x3d0f00 | 0x40000000, 0, 0, 0, 0)", ENDED),
    "a process with flags that are not seen (clone3)": ("libc.syscall(435, room, 88)", 38),
    "end the hub (kill)": ("os.kill(ours, 0)", ENDED),
    "end the hub (tgkill)": ("libc.syscall({tgkill}, ours, ours, 0)", ENDED),
    "take the hub's memory (prlimit64)": ("libc.syscall({prlimit}, ours, 9, room, 0)", ENDED),
    "ask for the hub's limits": ("libc.syscall({prlimit}, ours, 9, 0, room)", ENDED),
    "raise its own limits": ("libc.syscall({prlimit}, 0, 9, room, 0)", ENDED),
    "raise its own limits, from far above": ("libc.syscall({prlimit}, 0, 9, ctypes.c_long(1 << 33), 0)", ENDED),
    "know its own limits": ("libc.syscall({prlimit}, 0, 9, 0, room)", 0),
    "bind the hub to a processor": ("libc.syscall({affinity}, ours, 128, room)", ENDED),
    "read the hub's memory": ("libc.syscall({readv}, ours, room, 1, room, 1, 0)", ENDED),
    "be seen by a debugger (prctl)": ("libc.prctl(4, 1, 0, 0, 0)", ENDED),
    "name a thread (prctl)": ("libc.prctl(15, b'name', 0, 0, 0)", 0),
    "memory to write and run": ("libc.syscall({mmap}, 0, 4096, 7, 0x22, -1, 0)", ENDED),
    "memory to run": ("libc.syscall({mmap}, 0, 4096, 5, 0x22, -1, 0)", ENDED),
    "memory to write": ("libc.syscall({mmap}, 0, 4096, 3, 0x22, -1, 0)", 0),
    "make written memory run (mprotect)": (
        "libc.mprotect(ctypes.c_void_p(ctypes.addressof(room) & ~4095), 4096, 5)", ENDED),
    "a file in memory": ("os.memfd_create('x')", ENDED),
    "a second name for a pipe": ("libc.dup(1)", ENDED),
    "calls in a queue (io_uring)": ("libc.syscall(425, 8, room)", ENDED),
    "a call by its second number": ("libc.syscall(39 | 0x40000000)", ENDED),
}  # fmt: skip
_OF = {
    "x86_64": {"mmap": 9, "clone": 56, "tgkill": 234, "prlimit": 302, "affinity": 203, "readv": 310},
    "aarch64": {"mmap": 222, "clone": 220, "tgkill": 131, "prlimit": 261, "affinity": 122, "readv": 270},
}


def test_what_one_would_try(root: Path) -> None:
    """The attempts that would get out, by name: none is allowed, and what a decoder needs beside them is."""
    numbers = _OF[platform.machine()]
    deeds = {name: code.format_map(numbers) for name, (code, _) in DEEDS.items()}
    code = (
        EACH
        + """
    deeds = json.loads(sys.argv[1])
    print(json.dumps({name: outcome(eval("lambda: " + code)) for name, code in deeds.items()}))
    """
    )
    assert inside(code, root, json.dumps(deeds)) == {name: how for name, (_, how) in DEEDS.items()}


def test_threads_that_are_there_already(root: Path) -> None:
    """A thread that a library began before is shut in with the rest; later ones may be begun, and are too."""
    code = (
        EACH
        + """
    go, told = threading.Event(), []

    def early(deed):
        def wait():
            go.wait()
            told.append(deed())

        thread = threading.Thread(target=wait)
        thread.start()

        def all_of_it():
            go.set()
            thread.join()
            return 0

        return all_of_it

    def begun_and(deed, shut_first):
        child = os.fork()
        if child == 0:
            wait = None if shut_first else early(deed)
            assert sandbox.shut_in()
            (wait or early(deed))()
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    deeds = (lambda: 1, lambda: os.kill(ours, 0))
    print(json.dumps([begun_and(deed, first) for deed in deeds for first in (False, True)]))
    """
    )
    assert inside(code, root) == [0, 0, ENDED, ENDED]


def test_the_walls_behind(root: Path) -> None:
    """Each wall by itself, where the system has it: no network in its namespaces, no file by Landlock, not root."""
    code = """
    import ctypes, json, os, socket
    from dispatch.media import sandbox
    libc = ctypes.CDLL(None, use_errno=True)
    listener = socket.create_server(("127.0.0.1", 0))

    def fails(deed, *before):
        child = os.fork()
        if child == 0:
            if not all([each() for each in before]):
                os._exit(111)
            try:
                deed()
            except OSError:
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    reach = lambda: socket.create_connection(listener.getsockname(), 5)
    landlock = (lambda: libc.prctl(38, 1, 0, 0, 0) == 0, lambda: sandbox._no_rights(libc))
    root = os.geteuid() == 0
    print(json.dumps({
        "without": [fails(reach), fails(lambda: open("/etc/passwd"))],
        "namespaces": fails(reach, sandbox.stand_apart),
        "landlock": fails(lambda: open("/etc/passwd"), *landlock),
        "user": fails(lambda: os.setuid(0), sandbox._became_nobody) if root else 111,
    }))
    """
    found = inside(code, root)
    assert found.pop("without") == [0, 0]
    stand = inside(f"import os, sys; os.execv(sys.executable, [sys.executable, '-m', '{_PROBE}'])", root)
    assert {wall for wall, how in found.items() if how == 1} == set(stand) - {"filter"}
    assert set(found.values()) <= {1, 111}


_PROBE = "dispatch.media.sandbox"


def test_the_older_call(root: Path) -> None:
    """Where a service's own filter knows no `seccomp`, the older call puts ours up, if there is but one thread."""
    code = """
    import json, os, sys, threading
    sys.path.insert(0, "tests/media")
    from deny import deny
    from dispatch.media import sandbox, syscalls
    found = []
    for threads in (1, 2):
        child = os.fork()
        if child == 0:
            deny(sandbox._SECCOMP_CALL)
            if threads == 2:
                threading.Thread(target=threading.Event().wait, daemon=True).start()
            os._exit(7 if "filter" in sandbox.shut_in() else 8)
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps(found))
    """
    assert inside(code, root) == [7, 8]


def test_limits_of_the_kernel(root: Path) -> None:
    """Memory past the limit is not given, a file is not written, and threads may still be had."""
    code = (
        "import tempfile, threading\nfrom dispatch.media import sandbox\n"
        "file = tempfile.TemporaryFile(buffering=0)\nsandbox.limit(1 << 29, 5)\nsandbox.shut_in()\n"
        "thread = threading.Thread(target=print, args=('thread',), kwargs={'flush': True})\nthread.start()\n"
        "thread.join()\n"
        "try:\n    bytes(1 << 30)\nexcept MemoryError:\n    print('no memory', flush=True)\n"
        "try:\n    file.write(b'x')\nexcept OSError:\n    print('no file', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "thread\nno memory\nno file\n", done.stderr


async def one(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
def unfiltered(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are begun where the kernel takes no filter."""
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nsys.path[:0] = [{str(root)!r}, {str(root / 'tests' / 'media')!r}]\n"
        "from deny import deny\nfrom dispatch.media import sandbox\n"
        "deny(sandbox._SECCOMP_CALL, filter_by_prctl=True)\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.usefixtures("unfiltered")
async def test_where_it_cannot_be_shut_in_nothing_is_decoded(fixtures: Path) -> None:
    """Neither a photo nor a recording, nor one that grows, and it is said why."""

    async def never(name: str, number: int, segment: bytes) -> None:
        raise AssertionError("a copy was made")

    for kind, name in (("photo", "photo.webp"), ("audio", "voice-en.m4a")):
        made = await make_copies(kind, one((fixtures / name).read_bytes()), never, WorkerLimits())
        assert made == Made(unreadable=NOT_SHUT_IN)
    worker = await LiveWorker.start(LiveLimits())
    with pytest.raises(CannotBeHeard, match=NOT_SHUT_IN):
        await worker.feed((fixtures / "voice-zh.webm").read_bytes()[:4096])
    await worker.close()
    assert await standing() == frozenset()


@pytest.mark.usefixtures("unfiltered")
async def test_supervisors_are_told(town: Town, fixtures: Path) -> None:
    """The photo is sealed and called unreadable; why stands on the supervisor's page until the hub is mended."""
    officer, supervisor = await town.officer("V01"), await town.officer("S01")
    citizen = town.citizen()
    await citizen.raises()
    assert supervisor.notices == []
    photo = (fixtures / "photo.webp").read_bytes()
    path = f"/alarms/{citizen.id}/media/m1"
    assert (await citizen.http.put(f"{path}/0", content=photo, headers=citizen.headers)).status_code == 204
    assert (await citizen.http.post(path, json={"chunks": 1}, headers=citizen.headers)).status_code == 204
    unreadable = await officer.hears(citizen.id, "alarm_raised", "media_unreadable")
    assert unreadable["event"]["reason"] == NOT_SHUT_IN
    assert (await citizen.sees())["media"] == {"m1": "unreadable"}
    await town.fast_forward(3)
    assert [notice["code"] for notice in supervisor.notices] == ["media_not_shut_in"]
    town.stops_watching(officer)
    town.stops_watching(supervisor)


async def test_check_says_it(tmp_path: Path) -> None:
    """`dispatch check` names the walls behind which photos are decoded on this machine, and those that are missing."""
    said = Shell(tmp_path).on_data("check").good
    stand = await standing()
    assert "filter" in stand
    assert f"decoded behind walls of {', '.join(sorted(stand))}." in said
