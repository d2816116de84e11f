"""What a process that decodes may ask of the kernel, as a filter in the kernel's form: what is not named here ends it.

By name, with the kernel's numbers on x86-64 and ARM64. What decoders and C libraries ask for in passing and do without
is refused without ending anything. Pure. Field's terms: seccomp-bpf, allow-list.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

_EPERM, _ENOSYS = 1, 38
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUALS, _HAS_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCH = 0, 4
_X32: Final = 0x40000000
"""The second set of numbers of x86-64, a known way round: none of them is named here, so it ends the process too."""


class Both(NamedTuple):
    """One call's number on each kind of machine; None where there is no such call."""

    x86_64: int | None
    aarch64: int | None


ALLOWED: Final = {
    "read": Both(0, 63), "write": Both(1, 64), "readv": Both(19, 65), "writev": Both(20, 66), "close": Both(3, 57),
    "lseek": Both(8, 62), "fstat": Both(5, 80),
    "munmap": Both(11, 215), "mremap": Both(25, 216), "brk": Both(12, 214), "madvise": Both(28, 233),
    "futex": Both(202, 98), "sched_yield": Both(24, 124), "nanosleep": Both(35, 101),
    "clock_nanosleep": Both(230, 115), "clock_gettime": Both(228, 113), "clock_getres": Both(229, 114),
    "gettimeofday": Both(96, 169), "time": Both(201, None), "getcpu": Both(309, 168), "getrandom": Both(318, 278),
    "getpid": Both(39, 172), "gettid": Both(186, 178), "getrlimit": Both(97, 163), "getrusage": Both(98, 165),
    "rt_sigaction": Both(13, 134), "rt_sigprocmask": Both(14, 135), "rt_sigreturn": Both(15, 139),
    "sigaltstack": Both(131, 132), "restart_syscall": Both(219, 128),
    "set_robust_list": Both(273, 99), "set_tid_address": Both(218, 96), "rseq": Both(334, 293),
    "exit": Both(60, 93), "exit_group": Both(231, 94),
}  # fmt: skip
"""Memory, the pipes that are open already, threads, time, chance, the end. None opens, sends or reaches anything."""

REFUSED: Final = {
    "open": Both(2, None), "openat": Both(257, 56), "stat": Both(4, None), "lstat": Both(6, None),
    "newfstatat": Both(262, 79), "statx": Both(332, 291), "access": Both(21, None), "faccessat": Both(269, 48),
    "faccessat2": Both(439, 439), "readlink": Both(89, None), "readlinkat": Both(267, 78), "getcwd": Both(79, 17),
    "ioctl": Both(16, 29), "fcntl": Both(72, 25), "uname": Both(63, 160), "sysinfo": Both(99, 179),
    "membarrier": Both(324, 283),
}  # fmt: skip
"""What a library may try once more than it was tried before, and can do without; answered with EPERM."""

_WITHOUT: Final = {"clone3": Both(435, 435)}
"""Its flags cannot be looked at; told that there is none, C libraries use `clone`."""

_CLONE, _MMAP, _MPROTECT = Both(56, 220), Both(9, 222), Both(10, 226)
_PRLIMIT, _AFFINITY, _PRCTL = Both(302, 261), Both(204, 123), Both(157, 167)
_EXECUTABLE: Final = 4
_A_THREAD: Final = (0x003D0F00, 0x007D0F00)
"""The flags with which glibc, and musl, begin a thread; never a process, never a namespace."""
_NAMES: Final = (15, 0x53564D41)
"""PR_SET_NAME of a thread, PR_SET_VMA of a piece of memory: for who looks at it from outside."""

MACHINES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Kind of machine -> the kernel's name of it in a filter."""

Step = tuple[int, int, int, int]


def program(machine: str) -> bytes:
    """The filter for one of `MACHINES`; each of its steps is (code, jump if true, jump if not, value)."""
    steps: list[Step] = [
        (_LOAD, 0, 0, _ARCH), (_EQUALS, 1, 0, MACHINES[machine]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    for calls, answer in ((ALLOWED, _ALLOW), (REFUSED, _REFUSE | _EPERM), (_WITHOUT, _REFUSE | _ENOSYS)):
        for call in calls.values():
            steps += _on(call, machine, [(_RETURN, 0, 0, answer)])
    for call in (_MMAP, _MPROTECT):
        steps += _on(call, machine, _unless_executable())
    steps += _on(_CLONE, machine, _one_of(_A_THREAD))
    steps += _on(_PRCTL, machine, _one_of(_NAMES))
    steps += _on(_AFFINITY, machine, _none(_low(0)))  # of this process only
    steps += _on(_PRLIMIT, machine, _none(_low(0), _low(2), _high(2)))  # likewise, and only to be told
    steps.append((_RETURN, 0, 0, _KILL))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _on(call: Both, machine: str, then: list[Step]) -> list[Step]:
    """`then`, which always returns, for this call."""
    number: int | None = getattr(call, machine)
    return [] if number is None else [(_EQUALS, 0, len(then), number), *then]


def _low(argument: int) -> int:
    """Where the lower half of an argument is; both machines are little-endian."""
    return 16 + 8 * argument


def _high(argument: int) -> int:
    return _low(argument) + 4


def _unless_executable() -> list[Step]:
    """Memory that could be run is never given: what cannot be written anew cannot be made to run."""
    return [(_LOAD, 0, 0, _low(2)), (_HAS_BIT, 0, 1, _EXECUTABLE), (_RETURN, 0, 0, _KILL), (_RETURN, 0, 0, _ALLOW)]


def _one_of(values: tuple[int, ...]) -> list[Step]:
    """Whether the first argument is one of `values`."""
    steps: list[Step] = [(_LOAD, 0, 0, _low(0))]
    for value in values:
        steps += [(_EQUALS, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*steps, (_RETURN, 0, 0, _KILL)]


def _none(*places: int) -> list[Step]:
    """Whether all these halves of arguments are 0."""
    steps: list[Step] = []
    for place in places:
        steps += [(_LOAD, 0, 0, place), (_EQUALS, 1, 0, 0), (_RETURN, 0, 0, _KILL)]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]
