"""The command line. Exit status 0, or 2 with the reason on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import click

from dispatch import __version__, resources, telemetry
from dispatch.alarm.clock import StoreClock, from_text, to_text
from dispatch.alarm.errors import Refused
from dispatch.alarmlog.chain import verify
from dispatch.app import Dispatch
from dispatch.cli.send import send
from dispatch.config.check import differences
from dispatch.duty.rota import on_duty, shifts
from dispatch.identity import KINDS, ROLES, hash_password
from dispatch.media.jobs import standing
from dispatch.media.sandbox import WALLS
from dispatch.server import CannotServe, main_loop, opened, store_dangers
from dispatch.server import serve as serve_hub
from dispatch.settings import ConfigurationError, Settings, load
from dispatch.workers import serve as serve_workers


def main() -> NoReturn:
    """The `dispatch` program."""
    cli(prog_name="dispatch")
    sys.exit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Fujin: a dispatch server for people who need the police and cannot speak."""


def common(command: Callable[..., None]) -> Callable[..., None]:
    """--config, --data and --store: the same everywhere, each also by environment."""
    for option in (
        click.option("--store", envvar="DISPATCH_STORE", metavar="URL", help="A Redis by URL; built in without."),
        click.option("--data", envvar="DISPATCH_DATA", type=click.Path(path_type=Path), default=Path("data"),
                     show_default=True, help="The folder that is written to."),
        click.option("--config", envvar="DISPATCH_CONFIG", type=click.Path(path_type=Path),
                     help="The configuration folder; ./config, or the demonstration, without."),
    ):  # fmt: skip
        command = option(command)
    return command


@cli.command()
@common
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1, 256), help="Hubs in processes of their own, on one port.")
def serve(config: Path | None, data: Path, store: str | None, host: str | None, port: int | None,
          workers: int | None) -> None:  # fmt: skip
    """Serve the pages and take alarms, until it is told to stop."""
    numbers = {"DISPATCH_SERVE_PORT": port, "DISPATCH_SERVE_WORKERS": workers}
    more = {"DISPATCH_SERVE_HOST": host, **{name: None if n is None else str(n) for name, n in numbers.items()}}
    settings = _settings(config, store, more)
    telemetry.set_up(settings.log.level)
    if settings.serve.workers > 1:
        _run(serve_workers(settings, data, _folder(config), _environment(store, more)))
    else:
        _run(serve_hub(settings, data))


@cli.command()
@common
def check(config: Path | None, data: Path, store: str | None) -> None:
    """Check the whole configuration, the store, and whether they agree; print every fault at once."""
    telemetry.set_up("error")
    faults: list[str] = []
    settings: Settings | None = None
    try:
        settings = load(_folder(config), _environment(store))
    except ConfigurationError as fault:
        faults.append(str(fault))
    url = settings.store.url if settings else store or os.environ.get("DISPATCH_STORE", "")

    walls: frozenset[str] = frozenset()

    async def compare(redis: Any) -> None:
        if settings:
            wrong, besides = await differences(settings, redis)
            faults.extend(f"{_folder(config)}/{one}" for one in wrong)
            for one in besides:
                click.echo(one)

    async def look() -> None:
        nonlocal walls
        walls = await standing()
        for danger in await store_dangers(url, data, compare):
            if settings and danger.name in settings.store.allow:
                click.echo(f"allowed: {danger}")
            else:
                faults.append(str(danger))

    try:
        main_loop(look())
    except CannotServe as fault:
        faults.append(str(fault))
    if faults:
        _fail("\n".join(faults))
    click.echo(f"The configuration ({_folder(config)}) and the store are in order.")
    click.echo(_walled(walls))


def _walled(walls: frozenset[str]) -> str:
    """How the processes that decode photos and recordings are shut in on this machine."""
    if not walls:
        return (
            "Photos and recordings are kept sealed here and not decoded: a process cannot be shut in. That needs Linux"
            " on x86-64 or ARM64 whose kernel filters system calls (seccomp)."
        )
    missing = ", ".join(wall for wall in WALLS if wall not in walls)
    beside = f" There is no wall of {missing} here." if missing else ""
    return f"Photos and recordings are decoded behind walls of {', '.join(sorted(walls))}.{beside}"


@cli.group()
def user() -> None:
    """Users: officers, supervisors, administrators, helpers."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--station", help="The officer's or helper's station; a supervisor without one sees all.")
@click.option("--kind", type=click.Choice(KINDS), help="What kind of helper.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@common
def user_add(name: str, role: str, station: str | None, kind: str | None, password_stdin: bool, **where: Any) -> None:
    """Make user NAME."""
    settings = _settings(where["config"], where["store"])
    if station is not None and station not in settings.boundaries.stations:
        _fail(f"--station: {station!r} must be one of {', '.join(settings.boundaries.stations)}")
    password = _password(password_stdin)

    async def add(dispatch: Dispatch) -> None:
        await dispatch.identity.add(name, await hash_password(password), role, station, kind)

    _with(settings, where["data"], add)
    click.echo(f"User {name} can sign in.")


@user.command("list")
@common
def user_list(**where: Any) -> None:
    """List all users."""

    async def show(dispatch: Dispatch) -> None:
        for u in await dispatch.identity.users():
            role = f"{u.role} ({u.kind})" if u.kind else u.role
            click.echo(f"{u.name}\t{role}\t{u.station or 'all stations'}\t{'disabled' if u.disabled else 'active'}")

    _with(_settings(where["config"], where["store"]), where["data"], show)


@user.command("disable")
@click.argument("name")
@common
def user_disable(name: str, **where: Any) -> None:
    """Bar user NAME and end their sign-ins."""
    _with(_settings(where["config"], where["store"]), where["data"], lambda d: d.identity.disable(name))
    click.echo(f"User {name} can no longer sign in; every sign-in has ended.")


@user.command("move")
@click.argument("name")
@click.option("--station", required=True, help="The station that the user belongs to from now on.")
@common
def user_move(name: str, station: str, **where: Any) -> None:
    """Give user NAME another station and end their sign-ins."""
    settings = _settings(where["config"], where["store"])
    if station not in settings.boundaries.stations:
        _fail(f"--station: {station!r} must be one of {', '.join(settings.boundaries.stations)}")
    _with(settings, where["data"], lambda d: d.identity.move(name, station))
    click.echo(f"User {name} belongs to {station}; every sign-in has ended.")


@user.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@common
def user_password(name: str, password_stdin: bool, **where: Any) -> None:
    """Give user NAME a new password and end their sign-ins."""
    password = _password(password_stdin)
    settings = _settings(where["config"], where["store"])
    _with(settings, where["data"], lambda d: d.identity.set_password(name, password))
    click.echo(f"User {name} has a new password; every sign-in has ended.")


@cli.group()
def rota() -> None:
    """Duty rotas."""


@rota.command("show")
@click.argument("station")
@click.option("--at", metavar="TIME", help="An RFC 3339 time, such as 2026-11-22T02:15:00+08:00; now without.")
@common
def rota_show(station: str, at: str | None, **where: Any) -> None:
    """Who is on duty at STATION, and the next seven shifts."""
    settings = _settings(where["config"], None)
    if station not in settings.rotas:
        _fail(f"STATION: {station!r} must be one of {', '.join(settings.rotas)}")
    try:
        instant = from_text(at) if at else StoreClock().now()
    except ValueError as fault:
        _fail(f"--at: {fault}")
    table = settings.rotas[station]
    now = on_duty(table, instant)
    click.echo(f"{station} at {_local(instant, table.timezone)}: {', '.join(now.officers) or 'nobody'} on duty")
    for shift in islice(shifts(table, now.since, datetime.max.replace(tzinfo=UTC)), 8):
        until = _local(shift.until, table.timezone)
        why = f"  ({shift.override})" if shift.override else ""
        click.echo(f"  {_local(shift.since, table.timezone)} to {until}  {', '.join(shift.officers) or 'nobody'}{why}")


@cli.command("clock")
@click.option("--accept", is_flag=True, help="Confirm the store's clock: it is taken over when no alarm is open.")
@common
def clock(accept: bool, **where: Any) -> None:
    """Say what time it is for the hubs, and how far the store's clock is from it."""
    settings = _settings(where["config"], where["store"])

    async def look(dispatch: Dispatch) -> None:
        if dispatch.time is None:
            return
        click.echo(f"Time: {to_text(dispatch.clock.now())}")
        for notice in dispatch.time.notices:
            by = f"; the store's clock is ahead by {notice['by_s']:g} s" if notice["code"] == "clock_held" else ""
            click.echo(f"{notice['code']} since {notice['since']}{by}")
        if accept:
            waiting = await dispatch.time.accept()
            when = f"when no alarm and no plan is open; now {waiting} are" if waiting else "within a second or two"
            click.echo(f"Confirmed: the store's clock is taken over {when}.")

    _with(settings, where["data"], look)


@cli.group()
def log() -> None:
    """The log of what happened."""


@log.command("verify")
@click.option("--station", help="One station; all without.")
@common
def log_verify(station: str | None, **where: Any) -> None:
    """Check that no station's history was changed; name the first broken link."""
    settings = _settings(where["config"], where["store"])
    broken = []

    async def look(dispatch: Dispatch) -> None:
        if station is not None and station not in dispatch.strays.every:  # former ones have a history too
            raise ValueError(f"--station: {station!r} must be one of {', '.join(dispatch.strays.every)}")
        for each in [station] if station else dispatch.strays.every:
            verdict = await verify(dispatch.stream, each)
            if verdict.ok:
                click.echo(f"{each}: OK, {verdict.events} events, head {verdict.head or 'none'}")
            else:
                broken.append(f"{each}: broken at offset {verdict.broken_at}: {verdict.why}")

    _with(settings, where["data"], look)
    if broken:
        _fail("\n".join(broken))


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"dispatch {__version__}")


cli.add_command(send)


def _settings(config: Path | None, store: str | None, more: Mapping[str, str | None] | None = None) -> Settings:
    """The configuration, or the end with all its faults."""
    try:
        return load(_folder(config), _environment(store, more))
    except ConfigurationError as fault:
        _fail(str(fault))


def _environment(store: str | None, more: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The environment, with what the command line says over it."""
    env = dict(os.environ)
    if store is not None:
        for name in ("DISPATCH_STORE", "DISPATCH_STORE_FILE", "DISPATCH_STORE_URL", "DISPATCH_STORE_URL_FILE"):
            env.pop(name, None)
        env["DISPATCH_STORE"] = store
    for name, value in (more or {}).items():
        if value is not None:
            env.pop(f"{name}_FILE", None)
            env[name] = value
    return env


def _folder(config: Path | None) -> Path:
    if config is not None:
        return config
    here = Path("config")
    return here if (here / "dispatch.toml").is_file() else resources.demo_config()


def _with(settings: Settings, data: Path, work: Callable[[Dispatch], Awaitable[object]]) -> None:
    """Do `work` on the store of a data folder, whether or not a hub is running on it."""

    async def run() -> None:
        async with opened(settings, data) as dispatch:
            await work(dispatch)

    telemetry.set_up("error")
    _run(run())


def _run(work: Any) -> None:
    try:
        main_loop(work)
    except CannotServe as fault:
        _fail(str(fault))
    except Refused as fault:
        _fail(f"{fault.message}. {fault.error.advice}")
    except ValueError as fault:
        _fail(str(fault))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _local(instant: datetime, timezone: Any) -> str:
    return instant.astimezone(timezone).strftime("%Y-%m-%d %H:%M %Z") if timezone else to_text(instant)


def _fail(reason: str) -> NoReturn:
    click.echo(reason, err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
