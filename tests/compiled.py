"""Compiles the tests once for all workers: in a new checkout each of them would compile all, four times eight seconds.

What it calls is private to pytest, as what `conftest` sets is: with another version of it only the time would be lost.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.assertion import rewrite


def at_once(config: pytest.Config, folder: Path) -> None:
    """Compile what has not been compiled yet, by as many processes as there are processors."""
    if sys.dont_write_bytecode:
        return
    new = [file for file in sorted(folder.rglob("*.py")) if _is_test(file) and not _compiled(file).exists()]
    processes = os.cpu_count() or 1
    children = []
    for nth in range(processes if new else 0):
        child = os.fork()
        if child == 0:
            try:
                _compile(config, new[nth::processes])
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def _is_test(file: Path) -> bool:
    return file.name.startswith("test_") or file.name == "conftest.py"


def _compiled(file: Path) -> Path:
    return rewrite.get_cache_dir(file) / (file.stem + rewrite.PYC_TAIL)


def _compile(config: pytest.Config, files: Iterable[Path]) -> None:
    state = config.stash[rewrite.assertstate_key]
    for file in files:
        source, code = rewrite._rewrite_test(file, config)
        rewrite.try_makedirs(_compiled(file).parent)
        rewrite._write_pyc(state, code, source, _compiled(file))
