"""One frozen object from four files and the environment; every fault at once, with what would be legal."""

import dataclasses
import shutil
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from dispatch.sections import Dispatch
from dispatch.settings import ConfigurationError, Settings, load

Env = dict[str, str]


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demonstration configuration, named as an operator would name it."""
    shutil.copytree(root / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Path("config")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def told(folder: Path, env: Env | None = None) -> list[str]:
    """Every fault, as an operator reads it."""
    with pytest.raises(ConfigurationError) as caught:
        load(folder, env or {})
    assert str(caught.value) == "\n".join(map(str, caught.value.faults))
    return str(caught.value).splitlines()


def test_the_demonstration_configuration(folder: Path) -> None:
    """What is in the repository loads, and every station has a rota and another way to get help."""
    settings = load(folder, {})
    assert settings.serve.port == 8787
    assert set(settings.rotas) == set(settings.boundaries.stations)
    assert "default" in settings.policies
    assert [way.href for way in settings.other_ways("dadongmen")] == ["sms:12110", "tel:110"]
    assert settings.citizen.title.of("zh") == "天气"


def test_dispatch_toml_shows_every_key_with_its_default(root: Path) -> None:
    """The file is the reference: it names every key, and its values are the defaults."""
    raw = tomllib.loads((root / "config" / "dispatch.toml").read_text("utf-8"))
    assert Dispatch.model_validate(raw) == Dispatch()
    assert {s: set(table) for s, table in raw.items()} == {s: set(t) for s, t in Dispatch().model_dump().items()}


def test_dispatch_toml_states_every_range(root: Path) -> None:
    """The range in each comment is the range that is enforced."""
    stated: dict[str, dict[str, str]] = {}
    section = ""
    for line in (root / "config" / "dispatch.toml").read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and "# " in line:
            key, comment = line.split("=")[0].strip(), line.split("# ", 1)[1]
            stated.setdefault(section, {})[key] = comment
    for name, defaults in Dispatch():
        for key, field in type(defaults).model_fields.items():
            low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
            high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
            if low is not None:
                assert stated[name][key].startswith(f"{low} to {high}"), f"{name}.{key}"


def test_settings_do_not_change(folder: Path) -> None:
    """Neither the object nor its parts can be assigned to."""
    settings = load(folder, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.serve = settings.serve  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.serve.port = 1
    with pytest.raises(TypeError):
        settings.rotas["x"] = settings.rotas["dadongmen"]  # type: ignore[index]


def test_a_stations_own_other_ways(folder: Path) -> None:
    """A station may name its own other ways; an empty list means none."""
    change(folder / "stations.geojson", '"default": true', '"default": true, "other_ways": []')
    settings = load(folder, {})
    assert settings.other_ways("dadongmen") == ()
    assert len(settings.other_ways("xiaodong")) == 2


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("rota.toml", "per_day = 2", "per_day = 0", "config/rota.toml: dadongmen.per_day = 0: must be 1 to 10"),
        (
            "rota.toml",
            "[xiaodong]",
            "[xiaodogn]",
            "config/rota.toml: xiaodong: must be given: every station has a rota",
        ),
        (
            "rota.toml",
            "[xiaodong]",
            "[xiaodogn]",
            'config/rota.toml: xiaodogn: must be the id of a station in stations.geojson; did you mean "xiaodong"?',
        ),
        (
            "policies.toml",
            "[tip]",
            "[stations.nowhere]\n[tip]",
            'config/policies.toml: stations.nowhere = "nowhere": must be one of the stations changan, dadongmen, '
            "dongta, dongzhan, taochang, wanquan, xiaodong",
        ),
        ("dispatch.toml", "port = 8787", "port = 70000", "config/dispatch.toml: serve.port = 70000: must be a whole "),
        ("dispatch.toml", "port = 8787", "port = 70000", "number, 0 to 65535"),
        ("dispatch.toml", "port = 8787", 'port = "8787"', 'serve.port = "8787": must be a whole number, 0 to 65535'),
        ("dispatch.toml", "port = 8787", "prot = 8787", 'serve.prot = 8787: no such key; did you mean "port"?'),
        ("dispatch.toml", "port = 8787", "x = 1", "serve.x = 1: no such key; known here: host, port, origins, demo"),
        ("dispatch.toml", "[serve]", "[server]", '…: no such key; did you mean "serve"?'),
        ("dispatch.toml", "[serve]", "serve = 3\n[log]\n[x]", "config/dispatch.toml: must be readable: "),
        ("dispatch.toml", "demo = true", "demo = 1", "serve.demo = 1: must be true or false"),
        ("dispatch.toml", "origins = []", "origins = 1", "serve.origins = 1: must be a list"),
        (
            "dispatch.toml",
            "origins = []",
            'origins = ["https://a.example", "https://a.example/page"]',
            'serve.origins[1] = "https://a.example/page": must be an origin such as "https://dispatch.example.org"',
        ),
        ("dispatch.toml", "beat_s = 5", "beat_s = nan", "console.beat_s = NaN: must be a number, 0.5 to 5"),
        (
            "dispatch.toml",
            "frame_bytes = 1048576",
            "frame_bytes = 262144",
            "limits.frame_bytes = 262144: must be at least 266240: a chunk (limits.chunk_bytes) and 4096 for what",
        ),
        ("dispatch.toml", '"https://www.baidu.com/"', '"javascript:1"', 'exit_url = "javascript:1": must be an https'),
        ("dispatch.toml", '"tel:110"', '"110"', 'citizen.other_ways[1].href = "110": must be an address such as "tel:'),
        (
            "dispatch.toml",
            'icon = ""',
            'icon = "/nowhere.png"',
            'citizen.icon = "/nowhere.png": must be a file that can be',
        ),
        (
            "dispatch.toml",
            'icon = ""',
            'icon = "/etc/passwd"',
            'citizen.icon = "/etc/passwd": must be "" or the path of a PNG',
        ),
        ("dispatch.toml", 'zh = "天气", ', "", "citizen.title.zh: must be a text of 1 to 64 characters"),
        ("dispatch.toml", 'level = "info"', 'level = "loud"', 'log.level = "loud": must be "debug", "info", "warning"'),
        ("dispatch.toml", "port = 8787", "port = ", "config/dispatch.toml: must be readable: "),
        ("dispatch.toml", "port = 8787", "port = ", "(at line 8, column "),
        ("stations.geojson", '"features": [', '"features": [[', "config/stations.geojson: must be readable: "),
        ("stations.geojson", '"near_m": 3000', '"near_m": NaN', "stations.geojson: must be readable: NaN is no number"),
        ("stations.geojson", '"near_m": 3000', '"near_m": }', "Expecting value: line 4 column 13"),
        ("stations.geojson", '"near_m": 3000', '"nere_m": 3000', 'nere_m = 3000: no such key; did you mean "near_m"?'),
        ("stations.geojson", '"id": "xiaodong"', '"id": "X"', 'features[1].properties.id = "X": must be 1 to 32 of'),
    ],
)
def test_each_fault_names_file_key_value_and_what_is_legal(
    folder: Path, file: str, old: str, new: str, line: str
) -> None:
    """One line per fault, which an operator can mend without reading anything else."""
    change(folder / file, old, new)
    lines = told(folder)
    assert any(line in t for t in lines), lines


def test_all_faults_of_all_files_at_once(folder: Path) -> None:
    """A missing file, a broken one, wrong values and a wrong variable are all told by one start."""
    (folder / "policies.toml").unlink()
    (folder / "stations.geojson").write_text("{", "utf-8")
    change(folder / "dispatch.toml", "port = 8787", "port = -1")
    change(folder / "dispatch.toml", "hours = 12", "hours = 0")
    change(folder / "rota.toml", "Asia/Shanghai", "Asia/Shanghia")
    starts = [line.split(":", 2)[:2] for line in told(folder, {"DISPATCH_TIMER_POLL_S": "never"})]
    assert starts == [
        ["config/stations.geojson", " must be readable"],
        ["config/policies.toml", " must be there"],
        ["config/dispatch.toml", " serve.port = -1"],
        ["config/dispatch.toml", " session.hours = 0"],
        ["environment", ' DISPATCH_TIMER_POLL_S = "never"'],
        ["config/rota.toml", ' dadongmen.timezone = "Asia/Shanghia"'],
    ]


def test_a_faulty_area_hides_no_fault_elsewhere(folder: Path) -> None:
    """While the areas have faults, the other files are still checked against the stations they name."""
    change(folder / "stations.geojson", '"language": "zh"', '"language": "xx"')
    change(folder / "rota.toml", "[taochang]", "[taochan]")
    keys = [line.split(": ")[1].split(" = ")[0] for line in told(folder)]
    assert keys == ["features[0].properties.language", "taochan", "taochang"]


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there, or a file in its place, is one clear fault."""
    assert told(tmp_path / "none") == [f"{tmp_path}/none: must be a folder with the configuration files"]


def test_an_empty_folder_names_each_missing_file(tmp_path: Path) -> None:
    """Every file that is missing is named."""
    lines = told(tmp_path)
    assert [Path(line.partition(":")[0]).name for line in lines] == [
        "dispatch.toml",
        "stations.geojson",
        "rota.toml",
        "policies.toml",
    ]


def test_a_file_that_is_no_text(folder: Path) -> None:
    """Bytes that are not UTF-8 and JSON nested without end are faults of the file, not crashes."""
    (folder / "rota.toml").write_bytes(b"\xff\xfe\x00")
    (folder / "stations.geojson").write_text("[" * 200_000, "utf-8")
    assert [line.split(":")[0] for line in told(folder)] == ["config/stations.geojson", "config/rota.toml"]


def test_the_environment_changes_every_kind_of_key(folder: Path) -> None:
    """Numbers, texts, yes or no, lists and tables can all be set by environment."""
    settings = load(
        folder,
        {
            "DISPATCH_SERVE_PORT": "80",
            "DISPATCH_SERVE_HOST": "0.0.0.0",
            "DISPATCH_SERVE_DEMO": "false",
            "DISPATCH_SERVE_ORIGINS": "https://a.example, http://localhost:3000",
            "DISPATCH_TIMER_POLL_S": "0.5",
            "DISPATCH_LOG_LEVEL": "debug",
            "DISPATCH_CITIZEN_TITLE": '{ zh = "日历", en = "Calendar" }',
            "DISPATCH_STORE": "redis://store.example/0",
            "DISPATCH_CONFIG": "elsewhere",  # the command line's own
            "DISPATCH_SESSION_HOURS": "",  # empty is not set
            "PATH": "/bin",
        },
    )
    assert (settings.serve.port, settings.serve.host, settings.serve.demo) == (80, "0.0.0.0", False)
    assert settings.serve.origins == ("https://a.example", "http://localhost:3000")
    assert (settings.timer.poll_s, settings.log.level, settings.session.hours) == (0.5, "debug", 12)
    assert settings.citizen.title.of("en") == "Calendar"
    assert settings.store.url == "redis://store.example/0"


def test_secrets_come_from_files(folder: Path, tmp_path: Path) -> None:
    """A variable that ends in _FILE names a file whose content is the value."""
    secret = tmp_path / "store-url"
    secret.write_text("rediss://:geheim@store.example/0\n", "utf-8")
    for name in ("DISPATCH_STORE_FILE", "DISPATCH_STORE_URL_FILE"):
        settings = load(folder, {name: str(secret)})
        assert settings.store.url == "rediss://:geheim@store.example/0"
        assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("env", "line"),
    [
        (
            {"DISPATCH_SERVE_PORT": "many"},
            'environment: DISPATCH_SERVE_PORT = "many": must be a whole number, 0 to 65535',
        ),
        (
            {"DISPATCH_SERVE_PROT": "80"},
            'environment: DISPATCH_SERVE_PROT: no such key; did you mean "DISPATCH_SERVE_PORT"?',
        ),
        (
            {"DISPATCH_SERVE_ORIGINS": "ftp://x"},
            'environment: DISPATCH_SERVE_ORIGINS[0] = "ftp://x": must be an origin such as',
        ),
        (
            {"DISPATCH_STORE": "redis://a", "DISPATCH_STORE_FILE": "config/dispatch.toml"},
            "environment: DISPATCH_STORE_FILE: must not be set together with DISPATCH_STORE",
        ),
        (
            {"DISPATCH_STORE_FILE": "nowhere"},
            'environment: DISPATCH_STORE_FILE = "nowhere": must be a file that can be read: No such file or directory',
        ),
        (
            {"DISPATCH_STORE": "http://user:geheim@x"},
            'environment: DISPATCH_STORE = "(hidden)": must be "" for the embedded store, or redis://',
        ),
    ],
)
def test_faults_of_the_environment_name_the_variable(folder: Path, env: Env, line: str) -> None:
    """What comes from a variable is told by its name; a store's address, which may hold a password, is never shown."""
    lines = told(folder, env)
    assert len(lines) == 1
    assert lines[0].startswith(line), lines
    assert "geheim" not in lines[0]


def test_settings_are_complete() -> None:
    """Every table of dispatch.toml is a part of the settings."""
    parts = {field.name for field in dataclasses.fields(Settings)}
    assert parts == {*Dispatch.model_fields, "boundaries", "rotas", "policies", "streets"}
