"""The command line: exit status 0, or 2 with the reason on standard error; never a traceback."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from dispatch import __version__
from dispatch.store.embedded import EmbeddedStore
from tests import shared
from tests.commands import Said, Shell
from tests.flow.people import Http
from tests.flow.town import Town
from tests.forks import ENVIRONMENT
from tests.process import HubProcess, store_ends, store_runs

PASSWORD = "long-enough-for-all"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def stored(tmp_path: Path) -> Shell:
    """A shell whose store is the tests' own, which nobody has written to."""
    return Shell(tmp_path, DISPATCH_STORE=shared.store().url, DISPATCH_STORE_PREFIX=shared.prefix())


@pytest.fixture
async def beside(town: Town) -> Callable[..., Awaitable[Said]]:
    """Runs a command on the store of a hub, which serves meanwhile."""
    shell = Shell(town.folder, DISPATCH_STORE=town.store.url, DISPATCH_STORE_PREFIX=town.prefix.removesuffix(":"))

    async def run(*words: str, stdin: str = "") -> Said:
        said = await asyncio.to_thread(shell.on_data, *words, stdin=stdin)
        await town.quiet()
        return said

    return run


@pytest.fixture
def redis(program: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts the machine's own Redis with some options; its address."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        path = tmp_path / f"redis-{len(started)}.sock"
        server = subprocess.Popen(
            [program("redis-server"), "--port", "0", "--unixsocket", str(path), "--dir", str(tmp_path), "--save", "",
             *options],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(server)
        assert server.stdout is not None
        assert any("eady to accept connections" in line for line in iter(server.stdout.readline, ""))
        return f"unix://{path}"

    yield start
    for server in started:
        server.kill()
        server.communicate()


async def sign_in(url: str, name: str, password: str) -> int:
    async with Http(url) as http:
        return (await http.post("/session", json={"user": name, "password": password})).status_code


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


# -- the program -----------------------------------------------------------------------------------------------


def started(folder: Path, *words: str, stdin: str = "") -> Said:
    """The command line as users start it."""
    done = subprocess.run(
        [sys.executable, "-m", "dispatch", *words], input=stdin, cwd=folder, env=ENVIRONMENT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def test_version(tmp_path: Path) -> None:
    """`dispatch version` says which this is."""
    assert started(tmp_path, "version").good == f"dispatch {__version__}\n"


def test_beside_a_hub(shell: Shell) -> None:
    """A hub that serves tells its sign-ins in a file that only its user reads; commands beside it use its store."""
    hub = HubProcess(shell.data)
    hub.start()
    try:
        file = shell.data / "demo-sign-ins.txt"
        assert file.stat().st_mode & 0o077 == 0
        rows = [line.split("\t") for line in file.read_text().splitlines()]
        assert ["V01", hub.password, "officer", "dadongmen"] in rows
        assert asyncio.run(sign_in(hub.url, "V01", hub.password)) == 200
        assert asyncio.run(sign_in(hub.url, "S01", hub.password)) == 200
        words = ("user", "add", "A01", "--role", "admin", "--password-stdin", "--data", str(shell.data))
        assert started(shell.folder, *words, stdin=PASSWORD + "\n").good == "User A01 can sign in.\n"
        assert asyncio.run(sign_in(hub.url, "A01", PASSWORD)) == 200
        assert store_runs(shell.data), "a command beside a hub has to leave the store alone"
    finally:
        hub.stop()


@pytest.mark.parametrize(
    "words", [["frobnicate"], ["serve", "--port", "70000"], ["user", "add", "V99"], ["rota", "show"]]
)
def test_a_wrong_command_line(shell: Shell, words: list[str]) -> None:
    """A command line that means nothing ends with 2 and how it is used."""
    said = shell.run(*words)
    assert (said.status, said.faults[0].split()[0]) == (2, "Usage:")


# -- check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("used", [True, False], ids=["beside another user", "alone"])
def test_the_built_in_store(shell: Shell, used: bool) -> None:
    """The demonstration is in order. Commands share the data folder's store with who uses it, or start and end it."""
    store = EmbeddedStore(shell.data / "store")
    if used:
        store.start()
    try:
        assert "in order" in shell.on_data("check").good
        words = ["user", "add", "S09", "--role", "supervisor", "--password-stdin"]
        assert shell.on_data(*words, stdin=PASSWORD).good
        assert shell.on_data("user", "list").good.startswith("S09\tsupervisor")
        if used:
            assert store_runs(shell.data), "a command beside a hub has to leave the store alone"
        else:
            assert store_ends(shell.data), "a command that started the store has to end it"
    finally:
        store.leave(5)


def test_check_tells_every_fault_at_once(root: Path, shell: Shell) -> None:
    """One line for each fault of all files, the environment and the store: where, value, what would be legal."""
    config = shell.folder / "mine"
    shutil.copytree(root / "config", config)
    change(config / "dispatch.toml", "port = 8787", "port = 99999")
    change(config / "dispatch.toml", "beat_s = 5", "beats_s = 5")
    change(config / "rota.toml", 'handover = "08:00"', 'handover = "8 o\'clock"')
    change(config / "policies.toml", 'audience = ["station"]', 'audience = ["everyone"]')
    areas = json.loads((config / "stations.geojson").read_text("utf-8"))
    areas["features"][0]["properties"]["backups"] = ["atlantis"]
    (config / "stations.geojson").write_text(json.dumps(areas), "utf-8")
    gone = ("--store", "redis://127.0.0.1:1/0")
    said = shell.on_data("check", "--config", "mine", *gone, DISPATCH_LIMITS_NEEDS="many", DISPATCH_SERVE_PROT="80")
    assert (said.status, said.out) == (2, "")
    for wanted in (
        ("mine/dispatch.toml", "serve.port = 99999", "0 to 65535"),
        ("mine/dispatch.toml", "console.beats_s", 'did you mean "beat_s"'),
        ("mine/rota.toml", "dadongmen.handover", 'such as "08:00"'),
        ("mine/policies.toml", "default.step[1].audience", "on_duty, station, backups, supervisor"),
        ("mine/stations.geojson", "backups", "atlantis"),
        ("environment", "DISPATCH_LIMITS_NEEDS", "a whole number, 1 to 100"),
        ("environment", "DISPATCH_SERVE_PROT", "DISPATCH_SERVE_PORT"),
        ("the store does not answer", "127.0.0.1:1", "check the address"),
    ):
        assert [line for line in said.faults if all(part in line for part in wanted)], (wanted, said.faults)
    assert len(said.faults) == 8


def test_check_a_missing_folder(shell: Shell) -> None:
    """A configuration folder that is not there is named."""
    assert shell.on_data("check", "--config", "nowhere").fault == (
        "nowhere: must be a folder with the configuration files"
    )


@pytest.mark.parametrize("command", ["check", "user list", "log verify", "serve --port 0"])
def test_a_store_that_is_gone(shell: Shell, command: str) -> None:
    """One sentence says that the store does not answer and what to check; never its password."""
    fault = shell.on_data(*command.split(), "--store", "redis://:hush@127.0.0.1:1/0").fault
    assert "the store does not answer" in fault
    assert "check the address" in fault
    assert "hush" not in fault


def test_a_stores_socket_that_is_gone(shell: Shell) -> None:
    """The same for a socket, given by environment."""
    assert "the store does not answer" in shell.on_data("check", DISPATCH_STORE="unix:///nowhere/store.sock").fault


def test_an_unsafe_store_is_refused_by_name(shell: Shell, redis: Callable[..., str]) -> None:
    """A store that could lose the last second is refused, with the setting and how to mend it, by check and serve."""
    url = redis("--appendonly", "yes", "--appendfsync", "everysec")
    for command in (["check"], ["serve", "--port", "0"]):
        fault = shell.on_data(*command, "--store", url).fault
        assert fault.startswith("store: appendfsync is 'everysec'; set `appendfsync always`")
        assert "store.allow = ['appendfsync']" in fault
    allowed = shell.on_data("check", "--store", url, DISPATCH_STORE_ALLOW="appendfsync").good
    assert "allowed: store: appendfsync is 'everysec'" in allowed
    assert "in order" in allowed


def test_every_danger_of_a_store_is_told_at_once(shell: Shell, redis: Callable[..., str]) -> None:
    """A cache is no store: nothing kept, nothing synced, evicting; three lines."""
    url = redis("--appendonly", "no", "--appendfsync", "no", "--maxmemory-policy", "allkeys-lru")
    said = shell.on_data("check", "--store", url)
    assert said.status == 2
    assert [line.split()[1] for line in said.faults] == ["appendonly", "appendfsync", "maxmemory-policy"]
    said = shell.on_data("check", "--store", url, DISPATCH_STORE_ALLOW="appendonly,maxmemory-policy")
    assert [line.split()[1] for line in said.faults] == ["appendfsync"]


def test_a_safe_redis_is_a_store(shell: Shell, redis: Callable[..., str]) -> None:
    """Any Redis that syncs every write will do, and nothing of it is kept in the data folder."""
    url = redis("--appendonly", "yes", "--appendfsync", "always")
    assert "in order" in shell.on_data("check", "--store", url).good
    words = ["user", "add", "S09", "--role", "supervisor", "--password-stdin", "--store", url]
    shell.on_data(*words, stdin=PASSWORD)
    assert shell.on_data("user", "list", "--store", url).good.startswith("S09\tsupervisor")
    assert not (shell.data / "store").exists()


# -- serve -----------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken(shell: Shell) -> None:
    """The port is named, with what to do; no store is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        fault = shell.on_data("serve", "--port", str(port)).fault
    assert fault.startswith(f"serve.port: 127.0.0.1:{port} cannot be used (Address already in use)")
    assert not (shell.data / "store").exists()


@pytest.mark.parametrize("command", ["check", "user list", "log verify", "serve --port 0"])
def test_a_data_folder_that_cannot_be_written(shell: Shell, command: str) -> None:
    """The folder is named, with the system's reason."""
    (shell.folder / "file").write_text("no folder")
    fault = shell.run(*command.split(), "--data", "file/data").fault
    assert "file/data/store: cannot be written (Not a directory)" in fault
    assert "--data" in fault


def test_a_data_path_that_is_too_long(shell: Shell) -> None:
    """A path that is too long for a socket is told as such."""
    assert "a socket's path has at most 107" in shell.run("check", "--data", "x" * 120).fault


# -- user ------------------------------------------------------------------------------------------------------


def test_users(stored: Shell) -> None:
    """Add, list, move, password and disable."""
    added = stored.on_data("user", "add", "V77", "--role", "officer", "--station", "dadongmen", "--password-stdin",
                           stdin=PASSWORD + "\n").good  # fmt: skip
    assert added == "User V77 can sign in.\n"
    assert "V77\tofficer\tdadongmen\tactive" in stored.on_data("user", "list").good.splitlines()
    stored.on_data("user", "add", "H77", "--role", "helper", "--station", "dadongmen", "--kind", "guard",
                   "--password-stdin", stdin=PASSWORD)  # fmt: skip
    assert "H77\thelper (guard)\tdadongmen\tactive" in stored.on_data("user", "list").good.splitlines()
    assert "every sign-in has ended" in stored.on_data(
        "user", "password", "V77", "--password-stdin", stdin="another-long-one"
    ).good  # fmt: skip
    assert "belongs to xiaodong" in stored.on_data("user", "move", "V77", "--station", "xiaodong").good
    assert "V77\tofficer\txiaodong\tactive" in stored.on_data("user", "list").good.splitlines()
    assert "can no longer sign in" in stored.on_data("user", "disable", "V77").good
    assert "V77\tofficer\txiaodong\tdisabled" in stored.on_data("user", "list").good.splitlines()


async def test_users_of_a_running_hub(town: Town, beside: Callable[..., Awaitable[Said]]) -> None:
    """What the command line does to users holds in the running hub at once."""
    await beside("user", "add", "A01", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    assert await sign_in(town.url, "A01", PASSWORD) == 200
    await beside("user", "password", "A01", "--password-stdin", stdin="another-long-one")
    assert [await sign_in(town.url, "A01", word) for word in (PASSWORD, "another-long-one")] == [401, 200]
    await beside("user", "disable", "A01")
    assert await sign_in(town.url, "A01", "another-long-one") == 401


FAULTS: list[tuple[list[str], str, str]] = [
    (["add", "V01", "--role", "officer"], PASSWORD, "station: an officer belongs to a station"),
    (["add", "H77", "--role", "helper"], PASSWORD, "station: a helper belongs to a station"),
    (["add", "V01", "--role", "admin", "--kind", "guard"], PASSWORD, "kind: only helpers have one"),
    (["add", "V01", "--role", "officer", "--station", "atlantis"], PASSWORD, "'atlantis' must be one of"),
    (["add", "V 1", "--role", "admin"], PASSWORD, "name: 'V 1' must be 1 to 64 printable characters"),
    (["add", "V01", "--role", "admin"], "short", "password: 5 characters; at least 10"),
    (["password", "V01"], PASSWORD, "name: there is no user 'V01'"),
    (["disable", "V01"], "", "name: there is no user 'V01'"),
    (["move", "V01", "--station", "xiaodong"], "", "name: there is no user 'V01'"),
    (["move", "V01", "--station", "atlantis"], "", "'atlantis' must be one of"),
]


def test_user_faults(stored: Shell) -> None:
    """What is wrong is named, with what would be right, and nobody is made."""
    for words, stdin, told in FAULTS:
        more = [] if words[0] in ("disable", "move") else ["--password-stdin"]
        assert told in stored.on_data("user", *words, *more, stdin=stdin).fault
    assert stored.on_data("user", "list").good == ""


def test_a_user_is_made_once(stored: Shell) -> None:
    """A name that is taken is refused, and its password stays."""
    words = ["user", "add", "S09", "--role", "supervisor", "--password-stdin"]
    assert stored.on_data(*words, stdin=PASSWORD).good
    assert "there is a user 'S09' already" in stored.on_data(*words, stdin="another-long-one").fault


@pytest.mark.parametrize(
    "how",
    [["disable", "V01"], ["password", "V01", "--password-stdin"], ["move", "V01", "--station", "xiaodong"]],
    ids=lambda words: words[0],
)
async def test_a_barred_users_console_is_closed(
    town: Town, beside: Callable[..., Awaitable[Said]], how: list[str]
) -> None:
    """A console whose sign-in was ended is closed with 4501 at its next `ready`; others stay."""
    barred, other = await town.officer("V01"), await town.officer("V02")
    assert (await beside("user", *how, stdin=PASSWORD)).good
    with pytest.raises(ConnectionError):
        await barred.is_awake()
    assert await barred.is_closed_with() == 4501
    await other.is_awake()


# -- rota ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "local", "officers"),
    [
        ("2026-01-01T23:59:59+08:00", "2026-01-01 23:59 CST", "V01, V02"),
        ("2026-01-02T00:00:00+08:00", "2026-01-02 00:00 CST", "V01, V02"),
        ("2026-01-02T07:59:59+08:00", "2026-01-02 07:59 CST", "V01, V02"),
        ("2026-01-02T08:00:00+08:00", "2026-01-02 08:00 CST", "V03, V04"),
        ("2026-01-02T00:00:00Z", "2026-01-02 08:00 CST", "V03, V04"),
        ("2026-01-06T09:00:00+08:00", "2026-01-06 09:00 CST", "V01, V02"),
    ],
)
def test_rota_show(shell: Shell, at: str, local: str, officers: str) -> None:
    """Who is on duty at an instant, in the station's own time, across midnight and from any zone; then who comes."""
    lines = shell.run("rota", "show", "dadongmen", "--at", at).good.splitlines()
    assert lines[0] == f"dadongmen at {local}: {officers} on duty"
    assert len(lines) == 9
    assert lines[1].endswith(officers)
    ends = [line.split(" to ")[1][:20] for line in lines[1:]]
    starts = [line.strip()[:20] for line in lines[1:]]
    assert starts[1:] == ends[:-1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["atlantis"], "STATION: 'atlantis' must be one of dadongmen"),
        (["dadongmen", "--at", "2026-01-02T08:00:00"], "no offset from UTC"),
        (["dadongmen", "--at", "yesterday"], "--at: "),
    ],
)
def test_rota_faults(shell: Shell, words: list[str], told: str) -> None:
    """An unknown station or a time without an offset is told with what would be right."""
    assert told in shell.run("rota", "show", *words).fault


# -- log verify ------------------------------------------------------------------------------------------------


async def raise_some(town: Town) -> int:
    """Three alarms with their words; the offset at which the last of them was raised."""
    for n in range(3):
        await town.citizen().raises(text=f"help{n}")
    supervisor = await town.user("S01", None, "supervisor")
    answer = await supervisor.http.get("/log", params={"station": "dadongmen", "type": "alarm_raised"})
    return int(answer.json()["events"][-1]["offset"])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The data folder of a hub that has ended, and the offset of its last alarm."""
    data = tmp_path_factory.mktemp("written")

    async def live() -> int:
        async with Town(data, own_store=True) as town:
            return await raise_some(town)

    return data, asyncio.run(live())


def flip(data: Path, known: bytes) -> None:
    """Change one bit of one byte in the store's file, at the last byte of the last place where `known` stands."""
    [file] = (data / "store" / "appendonlydir").glob("*.incr.aof")
    content = bytearray(file.read_bytes())
    at = content.rindex(known) + len(known) - 1
    content[at] ^= 1
    file.write_bytes(content)


async def test_log_verify_beside_a_hub(town: Town, beside: Callable[..., Awaitable[Said]], root: Path) -> None:
    """Every station's history is checked, and its head printed for safe keeping."""
    await raise_some(town)
    lines = (await beside("log", "verify")).good.splitlines()
    assert lines[0].startswith("dadongmen: OK, ")
    areas = json.loads((root / "config" / "stations.geojson").read_text("utf-8"))
    assert [line.split(":")[0] for line in lines] == [area["properties"]["id"] for area in areas["features"]]
    assert all(": OK, " in line and ", head " in line for line in lines)
    assert (await beside("log", "verify", "--station", "dadongmen")).good.splitlines() == lines[:1]


@pytest.mark.parametrize("what", ["record", "words"])
def test_log_verify_names_the_first_broken_link(shell: Shell, written: tuple[Path, int], what: str) -> None:
    """One byte of the store's file is flipped: the offset is named and the status is 2; others stay OK."""
    data, last = written
    shutil.copytree(data, shell.data, ignore=shutil.ignore_patterns("*.sock"))
    assert shell.on_data("log", "verify").good
    of_words = b'"event":{"text":"help2'
    flip(shell.data, of_words if what == "words" else b'"event":{"type":"alarm_raised","station":"dadongmen')
    said = shell.on_data("log", "verify")
    assert said.status == 2
    why = "the words kept beside the record are not those of the record"
    why = why if what == "words" else "the record or its link was changed"
    assert said.faults == [f"dadongmen: broken at offset {last}: {why}"]
    assert "dadongmen" not in said.out
    assert said.out.count(": OK, ") == len(said.out.splitlines()) > 0


def test_log_verify_an_unknown_station(stored: Shell) -> None:
    """A station that there is not is told with those that there are."""
    assert (
        "--station: 'atlantis' must be one of dadongmen"
        in stored.on_data("log", "verify", "--station", "atlantis").fault
    )


# -- the same everywhere ---------------------------------------------------------------------------------------


def test_options_by_environment(shell: Shell, root: Path) -> None:
    """--config and --data by environment mean the same; the command line goes over it."""
    shutil.copytree(root / "config", shell.folder / "mine")
    env = {"DISPATCH_CONFIG": str(shell.folder / "mine"), "DISPATCH_DATA": str(shell.folder / "elsewhere")}
    assert str(shell.folder / "mine") in shell.run("check", **env).good
    assert (shell.folder / "elsewhere" / "store").is_dir()
    assert str(root / "config") in shell.run("check", "--config", str(root / "config"), **env).good
    assert {path.name for path in shell.folder.iterdir()} == {"mine", "elsewhere"}
