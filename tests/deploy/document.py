"""The commands of docs/operations.md that are marked as tried, run as they stand there, in other folders."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.forks import ENVIRONMENT, ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"<!-- tried: (\S+) -->\n```sh\n(.*?)```\n", TEXT, re.DOTALL))


def run(name: str, data: Path, places: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a block: as this user, with `data` for /var/lib/dispatch, this checkout, and other places replaced."""
    script = BLOCKS[name]
    known = {
        "/opt/dispatch/bin/dispatch": f"{sys.executable} -m dispatch",
        "--config /etc/dispatch": f"--config {ROOT}/config",
        "/var/lib/dispatch": str(data),
        "runuser -u dispatch --": "env",
        "chown -R dispatch:": f"chown -R {os.getuid()}",
    }
    for place, real in {**known, **(places or {})}.items():
        script = script.replace(place, real)
    assert "/var/" not in script.replace(str(data), ""), script
    return subprocess.run(
        ["sh", "-eu", "-c", script], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
