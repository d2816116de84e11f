"""The shipped files make stores that a hub calls safe, with replicas that confirm and take over."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError

from dispatch.server import CannotServe, store_dangers
from tests.deploy.machines import PASSWORD, Machine
from tests.deploy.shipped import DEPLOY, certificate
from tests.forks import ENVIRONMENT, ROOT
from tests.nodes import free_ports, until
from tests.stores import SLOTS, VALKEY, slot_of

UNSAFE = {"appendonly": "no", "appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"}
Machines = Callable[[int], list[Machine]]


@pytest.fixture(params=["valkey", pytest.param("redis", marks=pytest.mark.nightly)])
def binary(request: pytest.FixtureRequest, program: Callable[..., str]) -> str:
    return VALKEY if request.param == "valkey" else program("redis-server")


@pytest.fixture
async def machines(tmp_path: Path, binary: str) -> AsyncIterator[Machines]:
    """Makes machines; at the end nothing runs on them."""
    async with AsyncExitStack() as after:

        def make(count: int) -> list[Machine]:
            made = [Machine(tmp_path / f"m{number}", binary) for number in range(count)]
            for machine in made:
                after.push_async_callback(machine.redis.aclose)
                after.callback(machine.kill)
            return made

        yield make


async def check(url: str) -> list[str]:
    """What `dispatch check` says about a store."""
    try:
        return [str(danger) for danger in await store_dangers(url, Path("none"))]
    except CannotServe as fault:
        return [str(fault)]


async def test_one_server(machines: Machines) -> None:
    """It is safe as it is shipped, and the settings that are marked are refused by name when they are others."""
    (machine,) = machines(1)
    machine.place_store()
    machine.start("valkey.conf")
    await until(machine.answers, "the store answers")
    assert await check(machine.url) == []
    text = (DEPLOY / "valkey" / "valkey.conf").read_text("utf-8")
    assert set(re.findall(r"^# \(!\).*\n(\S+)", text, re.MULTILINE)) == set(UNSAFE)
    for name, value in UNSAFE.items():
        await machine.redis.config_set(name, value)
    found = await check(machine.url)
    assert [name for name in UNSAFE if name not in "".join(found)] == []
    assert len(found) == len(UNSAFE)


async def test_over_tls(tmp_path: Path, program: Callable[..., str]) -> None:
    """With the lines for TLS switched on the store is reached by rediss:// and not without."""
    machine = Machine(tmp_path / "m", program("redis-server"))
    certificate(machine.etc / "tls")
    for name, made in (("cert", "fullchain"), ("key", "privkey"), ("ca", "fullchain")):
        (machine.etc / "tls" / f"{name}.pem").write_bytes((machine.etc / "tls" / f"{made}.pem").read_bytes())
    port = f"tls-port {machine.port}"
    machine.place("valkey.conf", {"\nport 6379": "", "# port 0": "port 0", "# tls-port 6379": port, "# tls-": "tls-"})
    url = f"rediss://:{PASSWORD}@localhost:{machine.port}?ssl_ca_certs={machine.etc}/tls/ca.pem"
    over_tls = Redis.from_url(url)

    async def answers() -> bool:
        return bool(await over_tls.ping())

    try:
        machine.start("valkey.conf")
        await until(answers, "the store answers over TLS")
        assert await check(url) == []
        assert await check(machine.url) != []
    finally:
        await over_tls.aclose()
        await machine.redis.aclose()
        machine.kill()


@pytest.mark.nightly
async def test_with_replicas_and_sentinels(machines: Machines, binary: str) -> None:
    """Replicas confirm from their disks; a killed primary has a successor, as safe; and none alone takes writes."""
    first, *others = three = machines(3)
    sentinels = free_ports(3)
    for machine, port in zip(three, sentinels, strict=True):
        machine.place_store()
        machine.place("replicated.conf", {}, *([f"replicaof 127.0.0.1 {first.port}"] if machine is not first else []))
        machine.start("replicated.conf")
        places = {"port 26379": f"port {port}", "127.0.0.1 6379": f"127.0.0.1 {first.port}"}
        switched = {"# sentinel auth-pass fujin PASSWORD": f"sentinel auth-pass fujin {PASSWORD}"}
        machine.place("sentinel.conf", places | switched)

    async def linked() -> bool:
        roles = [await machine.redis.info("replication") for machine in others]
        return all(role.get("master_link_status") == "up" for role in roles)

    await until(linked, "the replicas are in step")
    await first.redis.set("alarm", "1")
    if binary == VALKEY:
        confirmed = await first.redis.execute_command("WAITAOF", 1, 1, 5000)
        assert confirmed[0] == 1
        assert confirmed[1] >= 1
    else:
        assert await first.redis.execute_command("WAIT", 2, 5000) == 2
    for machine in three:
        machine.start("sentinel.conf", "--sentinel")

    async def all_see() -> bool:
        for port in sentinels:
            async with Redis(port=port, decode_responses=True) as sentinel:
                state: Any = await sentinel.sentinel_master("fujin")
                if (state["num-slaves"], state["num-other-sentinels"]) != (2, 2):
                    return False
        return True

    await until(all_see, "the Sentinels know each other and the replicas")
    first.kill("replicated.conf")

    promoted: list[Machine] = []

    async def succeeded() -> bool:
        promoted[:] = [m for m in others if (await m.redis.info("replication"))["role"] == "master"]
        return bool(promoted) and bool(await promoted[0].redis.set("alarm", "2"))

    await until(succeeded, "a replica is the primary and takes writes")
    (successor,) = promoted
    hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels)
    assert await check(f"redis+sentinel://:{PASSWORD}@{hosts}/fujin") == []
    last = next(machine for machine in others if machine is not successor)
    last.kill("replicated.conf")

    async def refuses() -> bool:
        try:
            await successor.redis.set("alarm", "3")
        except RedisError as fault:
            return "NOREPLICAS" in str(fault) or "replicas" in str(fault)
        return False

    await until(refuses, "a primary without a replica takes no writes")


@pytest.mark.nightly
async def test_cluster(machines: Machines, program: Callable[..., str]) -> None:
    """Joined as the document says, the nodes are safe, and a killed primary's slots have a successor."""
    nodes = machines(6)
    for machine in nodes:
        machine.place_store()
        machine.place("cluster.conf", {})
        machine.start("cluster.conf")
    for machine in nodes:
        await until(machine.answers, "the node answers")
    document = (ROOT / "docs" / "operations.md").read_text("utf-8")
    (command,) = re.findall(r"^valkey-cli (--cluster create .*)$", document, re.MULTILINE)
    addresses = re.findall(r"10\.0\.0\.\d+:6379", command)
    for address, machine in zip(addresses, nodes, strict=True):
        command = command.replace(address, f"127.0.0.1:{machine.port}")
    environment = {**ENVIRONMENT, "REDISCLI_AUTH": PASSWORD}
    made = await asyncio.to_thread(
        subprocess.run, [program("redis-cli"), *command.split(), "--cluster-yes"], env=environment, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes[:3])
    assert await check(f"redis+cluster://:{PASSWORD}@{hosts}") == []
    key = next(f"alarm-{number}" for number in range(1000) if slot_of(f"alarm-{number}") < SLOTS // 3)
    others = [ClusterNode("127.0.0.1", machine.port) for machine in nodes[1:]]
    cluster = RedisCluster(startup_nodes=others, password=PASSWORD, decode_responses=True)

    async def written() -> bool:
        return bool(await cluster.set(key, "1"))

    async def in_step() -> bool:
        return bool((await nodes[0].redis.info("replication"))["connected_slaves"] == 1)

    try:
        await until(written, "the cluster takes writes")
        await until(in_step, "the first primary has its replica")
        nodes[0].kill()
        await until(written, "the slots of the killed primary have a successor")
    finally:
        await cluster.aclose()
