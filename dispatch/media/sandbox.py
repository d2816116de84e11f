"""Shuts a process in before it touches untrusted bytes, one wall behind another; without the filter it is told so.

In order: namespaces of its own without a network (`stand_apart`), limits, a user of its own, no rights at files, ports
and other processes (Landlock), and a list of the few calls that decoding needs: any other ends the process. Not
enforced: reading the clock, using the CPU given. Field's terms: sandbox, seccomp-bpf, Landlock, namespaces.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from pathlib import Path

from dispatch.media import syscalls

WALLS = ("filter", "landlock", "namespaces", "user")
"""What there may be around a worker. Without the first it does nothing; the others where the system has them."""
_NO_NEW_PRIVILEGES, _SECCOMP, _DUMPABLE, _DIE_WITH_PARENT = 38, 22, 4, 1
_FILTER_MODE, _SET_FILTER, _ALL_THREADS = 2, 1, 1
_SIGKILL = 9
_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_FORM = 0x20080522
_LANDLOCK_MAKE, _LANDLOCK_RESTRICT = 444, 446
_NEW_USER, _NEW_NET, _NEW_IPC, _NEW_UTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
_NOBODY = 65534


def stand_apart() -> bool:
    """Take namespaces of its own, in which there is no network; whether there are any. Before any thread is begun."""
    if not _known():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    alone = _NEW_NET | _NEW_IPC | _NEW_UTS
    return bool(libc.unshare(alone) == 0 or libc.unshare(alone | _NEW_USER) == 0)


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Set this process's limits: address space, CPU seconds, no written file, no core file.

    Past `memory_bytes` an allocation fails; past `cpu_s` the kernel ends the process.
    """
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def shut_in() -> frozenset[str]:
    """Put up the walls from here on, for all threads of this process; those that stand, none where there is no filter.

    Import everything before: afterwards no file can be opened. Threads may still be started.
    """
    machine = platform.machine()
    if not _known():
        return frozenset()
    alone = _threads() == 1
    libc = ctypes.CDLL(None, use_errno=True)
    walls = set()
    if _became_nobody():
        walls.add("user")
    libc.syscall(_CAPSET[machine], struct.pack("=II", _CAPABILITY_FORM, 0), bytes(24))  # those of its own namespace too
    libc.prctl(_DIE_WITH_PARENT, _SIGKILL, 0, 0, 0)  # after the user: that takes it back
    libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return frozenset()
    if _no_rights(libc):
        walls.add("landlock")
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # after Landlock, which opens one for a moment
    if not _filtered(libc, machine, alone):
        return frozenset()
    return frozenset({*walls, "filter"})


def _known() -> bool:
    return platform.system() == "Linux" and platform.machine() in syscalls.MACHINES and sys.byteorder == "little"


def _became_nobody() -> bool:
    """Whether the process was root's and is nobody's now."""
    if os.geteuid() != 0:
        return False
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        return False
    return True


def _no_rights(libc: ctypes.CDLL) -> bool:
    """Landlock without a rule: no file below any folder, no port, no socket or signal outside of the process."""
    form = libc.syscall(_LANDLOCK_MAKE, None, 0, 1)
    if form < 1:
        return False
    files = (1 << 13) - 1 | (form >= 2) << 13 | (form >= 3) << 14 | (form >= 5) << 15
    ports, scopes = (0b11 if form >= 4 else 0), (0b11 if form >= 6 else 0)
    what = struct.pack("=QQQ", files, ports, scopes)[: 24 if form >= 6 else 16 if form >= 4 else 8]
    handle = libc.syscall(_LANDLOCK_MAKE, what, len(what), 0)
    if handle < 0:
        return False
    stands = bool(libc.syscall(_LANDLOCK_RESTRICT, handle, 0) == 0)
    os.close(handle)
    return stands


def _filtered(libc: ctypes.CDLL, machine: str, alone: bool) -> bool:
    program = syscalls.program(machine)
    steps = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    given = Filter(len(program) // 8, ctypes.addressof(steps))
    if libc.syscall(_SECCOMP_CALL[machine], _SET_FILTER, _ALL_THREADS, ctypes.byref(given)) == 0:
        return True
    # A filter of the service's manager may know only the older call, which is for one thread.
    return alone and bool(libc.prctl(_SECCOMP, _FILTER_MODE, ctypes.byref(given), 0, 0) == 0)


def _threads() -> int:
    """How many this process has; 0 when that cannot be known."""
    try:
        status = Path("/proc/self/status").read_bytes()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith(b"Threads:")), 0)


def main() -> None:
    """Say which walls a worker has here, as JSON: what it does before it reads, and nothing else."""
    apart = stand_apart()
    walls = shut_in()
    stand = walls | ({"namespaces"} if apart and walls else set())
    os.write(1, json.dumps(sorted(stand)).encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main()
