"""Where the files that are not code lie: the pages and the demo configuration.

A wheel carries them inside the package; a checkout, installed as editable or not at all, has them beside it.
Never writes anything.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def web() -> Path:
    """The folder that is served under /static/: pages, their modules, and vendor/ with the browser libraries."""
    return _find(PACKAGE / "web", PACKAGE.parent / "clients" / "web")


def demo_config() -> Path:
    """The configuration of the demonstration district, used when none is given."""
    return _find(PACKAGE / "demo", PACKAGE.parent / "config")


def _find(inside: Path, beside: Path) -> Path:
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"Neither {inside} nor {beside} is there: the installation is not complete.")
