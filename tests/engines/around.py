"""What a desk has around a browser: a display that nobody sees, and an output that nobody hears."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_S

_LOOK_S = 0.01


@contextmanager
def running(*command: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """The program, until it is not needed any more; what it says is nobody's business."""
    process = subprocess.Popen(  # type: ignore[call-overload]
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def display(xvfb: str) -> Iterator[str]:
    """A display's name, for `DISPLAY`."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as told:
        try:
            command = (xvfb, "-displayfd", str(writer), "-screen", "0", "1600x1200x24", "-nolisten", "tcp")
            with running(*command, pass_fds=(writer,)):
                os.close(writer)
                writer = -1
                number = told.readline().strip()
                assert number, "the display did not start"
                yield f":{number}"
        finally:
            if writer >= 0:
                os.close(writer)


@contextmanager
def speaker(pulseaudio: str, folder: Path) -> Iterator[str]:
    """A sound output that leads nowhere; its address, for `PULSE_SERVER`."""
    folder.mkdir()
    there = folder / "there"
    modules = ("module-null-sink", f"module-native-protocol-unix auth-anonymous=1 socket={there}")
    command = [pulseaudio, "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"]
    env = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    with running(*command, *(f"--load={each}" for each in modules), env=env) as process:
        until = time.monotonic() + PATIENCE_S
        while not there.exists():
            assert process.poll() is None, "the sound server did not start"
            assert time.monotonic() < until, "the sound server has no door"
            time.sleep(_LOOK_S)
        yield f"unix:{there}"
