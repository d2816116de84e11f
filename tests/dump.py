"""Everything that a store holds, as bytes: what is wiped must be in none of it."""

from typing import Any

DAY_S = 86_400


async def everything(redis: Any, prefix: str = "") -> bytes:
    """Every key that begins with `prefix`, with its value, whatever its type; in an order that is no store's."""
    keys = {key async for key in redis.scan_iter(match=f"{prefix}*", count=1000)}  # it may come twice
    found: list[bytes] = []
    for key in sorted(keys):
        found.append(key)
        match await redis.type(key):
            case b"string":
                found.append(await redis.get(key))
            case b"hash":
                found += [part for row in sorted((await redis.hgetall(key)).items()) for part in row]
            case b"list":
                found += await redis.lrange(key, 0, -1)
            case b"set":
                found += sorted(await redis.smembers(key))
            case b"zset":
                found += await redis.zrange(key, 0, -1)
            case b"stream":
                found += [part for _, row in await redis.xrange(key) for part in row.values()]
            case b"none":
                continue  # gone meanwhile: an empty outbox, for one
            case kind:
                raise AssertionError(f"{key!r} is a {kind!r}, and nothing here reads that")
    return b"\n".join(found)
