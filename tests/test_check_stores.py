"""`dispatch check` and `serve` look at a store behind any address: one server, Sentinels, a cluster."""

import asyncio
from pathlib import Path

import pytest

from tests.commands import Said, Shell
from tests.stores import Clustered, Replicated, Single, Stores, WithSentinels

nightly = pytest.mark.nightly


async def run(shell: Shell, *words: str, **env: str) -> Said:
    return await asyncio.to_thread(shell.on_data, *words, **env)


@pytest.mark.parametrize(
    "kind", [Single, *(pytest.param(each, marks=nightly) for each in (Replicated, WithSentinels, Clustered))]
)
async def test_what_is_wrong_is_said(tmp_path: Path, kind: type[Stores]) -> None:
    """A good store is in order; a setting that loses alarms is named with its value and its mending, and not served."""
    shell = Shell(tmp_path)
    async with kind() as store:
        assert "in order" in (await run(shell, "check", "--store", store.url)).good
        await store.set("appendfsync", "everysec")
        for command in (["check"], ["serve", "--port", "0"]):
            fault = (await run(shell, *command, "--store", store.url)).fault
            assert "appendfsync is 'everysec'; set `appendfsync always`" in fault
        allowed = await run(shell, "check", "--store", store.url, DISPATCH_STORE_ALLOW="appendfsync")
        assert "allowed: " in allowed.good
    assert not (shell.data / "store").exists(), "no built-in store was made beside it"


@nightly
async def test_one_server_of_a_cluster(tmp_path: Path) -> None:
    """One server of six is set otherwise, and it is a replica: it may be the primary tomorrow."""
    shell = Shell(tmp_path)
    async with Clustered() as store:
        await store.nodes[5].ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        fault = (await run(shell, "check", "--store", store.url)).fault
        assert "maxmemory-policy is 'allkeys-lru'" in fault


@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
async def test_nobody_is_there(tmp_path: Path, scheme: str) -> None:
    """One sentence says that the store does not answer and what to check; never its password."""
    url = f"{scheme}://fujin:s3cret-word@127.0.0.1:1{'/main' if scheme == 'redis+sentinel' else ''}"
    fault = (await run(Shell(tmp_path), "check", "--store", url)).fault
    assert "check the address" in fault
    assert "s3cret-word" not in fault
