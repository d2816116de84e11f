"""nginx, and two hubs behind it."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.balanced import Balanced


@pytest.fixture(scope="session")
def nginx(program: Callable[..., str]) -> str:
    """Debian keeps it where only root looks."""
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or program("nginx")


@pytest.fixture
def behind(tmp_path: Path, nginx: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Awaitable[Balanced]]]:
    """Starts two hubs behind nginx; the clients of this process trust its certificate."""
    made: list[Balanced] = []
    tmp_path.chmod(0o755)  # nginx's workers are another user

    async def start(places: dict[str, str] | None = None, **env: str) -> Balanced:
        balanced = Balanced(tmp_path, nginx, **env)
        made.append(balanced)
        await asyncio.to_thread(balanced.start, **(places or {}))
        assert balanced.nginx is not None
        monkeypatch.setenv("SSL_CERT_FILE", str(balanced.nginx.authority))
        return balanced

    yield start
    for each in made:
        each.end()
