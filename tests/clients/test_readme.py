"""The client's README says what works: its programs are run."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from tests.clients.near import Near
from tests.forks import ENVIRONMENT

PROGRAM = re.compile(r"```python\n(.+?)```", re.DOTALL)


async def test_programs_of_the_readme(root: Path, served: Near) -> None:
    """A citizen and an officer, as the README writes them, come from raise to closed together."""
    text = (root / "clients" / "python" / "README.md").read_text(encoding="utf-8")
    text = text.replace("http://localhost:8787", served.url).replace("the password", served.password)
    citizen, officer = PROGRAM.findall(text)
    async with asyncio.timeout(60):
        listening = await run(officer)
        assert listening.stdout is not None
        assert (await listening.stdout.readline()).decode().startswith("listening to dadongmen")
        raising = await run(citizen)
        out, err = await raising.communicate()
        assert (raising.returncode, err.decode()) == (0, "")
        lines = out.decode().splitlines()
        assert re.fullmatch(r"stored [0-9A-Z]{3}-[0-9A-Z]{3}", lines[0])
        steps = [step for step in lines[-1].split() if step != "delivered"]
        assert steps == ["stored", "acknowledged", "en_route", "on_scene", "closed"]
        _, err = await listening.communicate()
        assert (listening.returncode, err.decode()) == (0, "")


async def run(program: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
