"""What `pip install .` gives is a complete server: pages, browser libraries and the demo configuration."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.code
BARE_IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](?![./])""")
MODULES = (
    "preact.js",
    "preact-hooks.js",
    "htm.js",
    "signals-core.js",
    "leaflet.js",
    "pmtiles.js",
    "fflate.js",
)


@pytest.fixture(scope="session")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from this checkout by pip, as users do."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("fujin_dispatch-*.whl")
    return zipfile.ZipFile(path)


def test_package_and_pages_are_inside(root: Path, wheel: zipfile.ZipFile) -> None:
    """Every module, page and demo file of the checkout is in the wheel, and the licence."""
    names = set(wheel.namelist())
    for source, target in (
        ("dispatch", "dispatch"),
        ("clients/web", "dispatch/web"),
        ("config", "dispatch/demo"),
        ("clients/python/fujin_client", "fujin_client"),
    ):
        paths = [path.relative_to(root / source) for path in (root / source).rglob("*") if path.is_file()]
        assert paths, source
        missing = [path for path in paths if path.suffix != ".pyc" and f"{target}/{path.as_posix()}" not in names]
        assert not missing, source
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_browser_libraries_are_inside(wheel: zipfile.ZipFile) -> None:
    """Each library is one module, with its licence, that a browser loads without an import map."""
    for module in MODULES:
        text = wheel.read(f"dispatch/web/vendor/{module}").decode()
        assert "export" in text
        assert not BARE_IMPORT.search(text), module
        assert "sourceMappingURL" not in text
    licences = [name for name in wheel.namelist() if name.startswith("dispatch/web/vendor/licences/")]
    assert len(licences) == 7
    land = json.loads(wheel.read("dispatch/web/vendor/land.json"))
    assert land["type"] == "MultiPolygon"
    assert all(ring[0] == ring[-1] for polygon in land["coordinates"] for ring in polygon)


def test_nothing_else_is_inside(wheel: zipfile.ZipFile) -> None:
    """No test, tool or other folder of the checkout comes along."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"dispatch", "fujin_client"}
    assert not [name for name in wheel.namelist() if "node_modules" in name or "__pycache__" in name]
