"""A service's filter that knows some calls not: for tests of what is done where the kernel takes no filter."""

import ctypes
import platform
import struct
from collections.abc import Mapping

_LOAD, _EQUALS, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001


def deny(call: Mapping[str, int], filter_by_prctl: bool = False) -> None:
    """From here on `call` (its numbers by kind of machine) is refused, and with it a filter by the older call."""
    libc = ctypes.CDLL(None, use_errno=True)
    prctl = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    steps = [(_LOAD, 0, 0, 0), (_EQUALS, 0, 1, call[platform.machine()]), (_RETURN, 0, 0, _EPERM)]
    if filter_by_prctl:
        steps += [(_EQUALS, 0, 3, prctl), (_LOAD, 0, 0, 16), (_EQUALS, 0, 1, 22), (_RETURN, 0, 0, _EPERM)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(program, len(program))
    given = struct.pack("@HP", len(steps), ctypes.addressof(held))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, given, 0, 0) == 0
