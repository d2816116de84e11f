"""What is done once per start, however many workers serve: demonstration sign-ins, voice clips, words on the terminal.

Never logs a password: it is printed once, and kept in a file that only its user reads.
"""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from dispatch import resources, voice
from dispatch.app import Dispatch
from dispatch.built import Files, files
from dispatch.identity import hash_password
from dispatch.settings import Settings

log = structlog.get_logger()
_DEMO_SUPERVISOR = "S01"
_DEMO_HELPERS = {"H01": "guard", "H02": "grid_worker", "H03": "volunteer"}


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A demonstration sign-in."""

    name: str
    role: str
    station: str | None
    kind: str | None = None


def tell_pages(linked: Files) -> None:
    """Say it when pages are made of many plain files: else nobody would know why they are slow."""
    if not linked.are_built:
        log.warning("pages_not_built", why="their sources are newer: `pip install -e .` builds them for few requests")


async def welcome(dispatch: Dispatch, data: Path, address: tuple[str, int]) -> None:
    """Make what is made once, and say on standard output where the pages are and how to sign in.

    Args:
        dispatch: opened.
        data: the data folder.
        address: host and port that are listened on.
    """
    settings = dispatch.settings
    tell_pages(files(resources.web()))
    host, port = address
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host
    lines = [f"Fujin serves http://{shown}:{port}/ for citizens, /console for officers, /supervisor for supervisors."]
    file = data / "demo-sign-ins.txt"
    if settings.serve.demo:
        password = await make_demo_users(dispatch, file)
        default = settings.boundaries.default
        on_duty = (await dispatch.roster.duty(default))["officers"]
        if password is not None:
            signs = settings.rotas[default].officers
            lines.append(
                f"Demonstration sign-ins: officers {signs[0]} to {signs[-1]} (on duty now: {', '.join(on_duty)}),"
                f" supervisor {_DEMO_SUPERVISOR}, helpers {', '.join(_DEMO_HELPERS)} (their page is /helper);"
                f" password of all: {password}"
            )
        if file.exists():
            lines.append(f"All demonstration sign-ins are in {file}.")
    # Its thread is left behind when the hub stops meanwhile: a clip is written whole or not at all.
    threading.Thread(target=_make_clips, args=(settings, data / "voice"), daemon=True).start()
    print("\n".join(lines), flush=True)  # noqa: T201 - this is what the person at the terminal is waiting for


async def make_demo_users(dispatch: Dispatch, file: Path) -> str | None:
    """Make the demonstration's users when there is no user yet; their password, also written to `file` (0600)."""
    if await dispatch.identity.users():
        return None
    password = "-".join(secrets.token_hex(2) for _ in range(3))
    users = demo_users(dispatch.settings)
    hashed = await hash_password(password)  # once: it is one printed password, and forty hashes take seconds
    await dispatch.work.all(*(dispatch.identity.add(u.name, hashed, u.role, u.station, u.kind) for u in users))
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("".join(f"{u.name}\t{password}\t{u.role}\t{u.station or 'all stations'}\n" for u in users))
    return password


def demo_users(settings: Settings) -> list[DemoUser]:
    """Every officer of every rota by call sign, one supervisor of all stations, a few helpers of the default one.

    A call sign that is there twice is the first one's: `dispatch.config.names` says so.
    """
    officers = [DemoUser(o, "officer", station) for station, rota in settings.rotas.items() for o in rota.officers]
    default = settings.boundaries.default
    helpers = [DemoUser(name, "helper", default, kind) for name, kind in _DEMO_HELPERS.items()]
    found: dict[str, DemoUser] = {}
    for user in (*officers, DemoUser(_DEMO_SUPERVISOR, "supervisor", None), *helpers):
        found.setdefault(user.name, user)
    return list(found.values())


def _make_clips(settings: Settings, folder: Path) -> None:
    names = {station: s.name.model_dump() for station, s in settings.boundaries.stations.items()}
    try:
        voice.make_clips(folder, names)
    except voice.VoiceError as fault:
        log.warning("voice_clips_missing", why=str(fault))  # consoles ring with their tone alone
