"""The units of systemd start a hub, know when it is ready, and stop it in time."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from dispatch import resources
from dispatch.settings import load
from tests import shared
from tests.deploy.shipped import DEPLOY
from tests.forks import ENVIRONMENT, ROOT
from tests.nightly import mostly_by_night
from tests.nodes import free_ports
from tests.process import store_ends

UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


def read(name: str) -> dict[str, list[str]]:
    """The [Service] of a unit; a name may come several times, and `%i` is the port."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / "systemd" / name).read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_it(name: str, tmp_path: Path) -> None:
    """Every line is one that systemd knows (its own check says nothing)."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze, and there is none")
    text = (DEPLOY / "systemd" / name).read_text("utf-8")
    (tmp_path / name).write_text(text.replace("/opt/dispatch/bin/dispatch", sys.executable), "utf-8")
    checked = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)],
        capture_output=True, text=True, check=False, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    own = [line for line in checked.stderr.splitlines() if "dispatch" in line]
    assert (own, checked.returncode) == ([], 0)


@pytest.mark.parametrize("name", mostly_by_night(UNITS, by_day=["dispatch.service"]))
def test_its_commands_run_a_hub(name: str, tmp_path: Path) -> None:
    """The start is over when the hub is ready, fails when the hub does, and a stop takes less than is allowed."""
    unit = read(name)
    port = str(free_ports(1)[0])
    (tmp_path / "store-url").write_text(shared.store().url)
    places = {
        "/opt/dispatch/bin/dispatch": f"{sys.executable} -m dispatch", "/var/lib/dispatch": str(tmp_path / "data"),
        "--config /etc/dispatch": f"--config {ROOT}/config", "/etc/dispatch/": f"{tmp_path}/", "%i": port, "8787": port,
    }  # fmt: skip

    def placed(text: str) -> str:
        for place, real in places.items():
            text = text.replace(place, real)
        return text

    environment = ENVIRONMENT | dict(placed(line).split("=", 1) for line in unit["Environment"])
    environment["DISPATCH_STORE_PREFIX"] = shared.prefix()
    (start,), (wait,) = unit["ExecStart"], unit["ExecStartPost"]
    with (tmp_path / "log.txt").open("wb") as log:
        hub = subprocess.Popen(shlex.split(placed(start)), cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        waiting = shlex.split(placed(wait).replace("$MAINPID", str(hub.pid)))
        subprocess.run(waiting, check=True, timeout=30)
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        assert not (tmp_path / "data" / "demo-sign-ins.txt").exists(), "no demonstration where it is real"
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(timeout=30) == 0
        assert int(unit["TimeoutStopSec"][0]) > load(resources.demo_config(), {}).serve.shutdown_s
        assert store_ends(tmp_path / "data")
        failed = subprocess.run(waiting, check=False, timeout=30, stderr=subprocess.DEVNULL)
        assert failed.returncode != 0
    finally:
        hub.kill()
        hub.wait()


def test_the_store_outlives_its_hub() -> None:
    """The hub's store is not ended with a hub that failed: only the hub itself is told to stop."""
    assert read("dispatch.service")["KillMode"] == ["process"]
    assert read("dispatch@.service")["KillMode"] == ["mixed"]
    for name in UNITS:
        assert read(name)["Restart"] == ["always"]
