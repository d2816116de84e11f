"""Shuts a process in before it touches untrusted bytes: limits of the kernel, then a filter on what it may ask of it.

Enforced on Linux x86-64 and ARM64: no socket, no file opened, made or removed, no program started, no process made or
traced; everywhere: memory, CPU time, no file written, no core. Not enforced: reading the clock, using the CPU given.
Field's terms: sandbox, seccomp-bpf, resource limits.
"""

from __future__ import annotations

import ctypes
import platform
import resource
import struct
from typing import Final

_NO_NEW_PRIVILEGES, _SECCOMP, _DUMPABLE, _DIE_WITH_PARENT = 38, 22, 4, 1
_FILTER_MODE = 2
_SIGKILL = 9
_EPERM, _ENOSYS = 1, 38
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUALS, _AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x00010000

# What no decoder needs once everything is imported, by the kernel's numbers for each kind of machine.
_X86_64: Final = (
    2, 85, 257, 437, 304,  # open, creat, openat, openat2, open_by_handle_at
    41, 53, 42, 49, 50, 43, 288, 44, 46, 307,  # socket, socketpair, connect, bind, listen, accept, accept4, send*
    57, 58, 59, 322,  # fork, vfork, execve, execveat
    101, 310, 311, 62, 438, 424, 434,  # ptrace, process_vm_*, kill, pidfd_*
    87, 263, 82, 264, 316, 83, 258, 84, 86, 265, 88, 266, 76, 77, 90, 91, 268, 92, 93, 94, 260,  # changes of files
    40, 425, 321, 250, 298, 323, 165, 166, 272, 308, 155, 161,  # sendfile, io_uring, bpf, keyctl, mount, namespaces
)  # fmt: skip
_ARM64: Final = (
    56, 437, 265,  # openat, openat2, open_by_handle_at
    198, 199, 203, 200, 201, 202, 242, 206, 211, 269,  # socket and its family
    221, 281,  # execve, execveat
    117, 270, 271, 129, 438, 424, 434,  # ptrace, process_vm_*, kill, pidfd_*
    35, 38, 276, 34, 37, 36, 45, 46, 52, 53, 54, 55,  # changes of files
    71, 425, 280, 219, 241, 282, 40, 39, 97, 268, 41, 51,  # sendfile, io_uring, bpf, keyctl, mount, namespaces, ...
)  # fmt: skip
_MACHINES: Final = {
    # machine: (the kernel's name of it, what is refused, clone)
    "x86_64": (0xC000003E, _X86_64, 56),
    "aarch64": (0xC00000B7, _ARM64, 220),
}
_CLONE3 = 435
_X32 = 0x40000000


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


def shut_in() -> bool:
    """Filter this process's system calls from here on; True when the kernel took the filter.

    Import everything before: afterwards no file can be opened. Threads may still be started.
    """
    if platform.system() != "Linux" or platform.machine() not in _MACHINES:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_DIE_WITH_PARENT, _SIGKILL, 0, 0, 0)
    libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    program = _program(*_MACHINES[platform.machine()])
    steps = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    given = Filter(len(program) // 8, ctypes.addressof(steps))
    return bool(libc.prctl(_SECCOMP, _FILTER_MODE, ctypes.byref(given), 0, 0) == 0)


def _program(arch: int, refused: tuple[int, ...], clone: int) -> bytes:
    """The filter in the kernel's form: each step is (code, jump if true, jump if not, value)."""
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUALS, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),  # the second set of numbers of x86-64, a known way round
        (_RETURN, 0, 0, _REFUSE | _EPERM),
        (_EQUALS, 0, 1, _CLONE3),  # its flags cannot be seen; without it the C library uses clone
        (_RETURN, 0, 0, _REFUSE | _ENOSYS),
    ]
    for number in refused:
        steps += [(_EQUALS, 0, 1, number), (_RETURN, 0, 0, _REFUSE | _EPERM)]
    steps += [
        (_EQUALS, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_HAS_BIT, 1, 0, _CLONE_THREAD),  # a thread, which some decoders need; never a process
        (_RETURN, 0, 0, _REFUSE | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
