"""Asks a hub that was started after the faults for everything: log, snapshots, each citizen's view, each chunk's bytes.

Speaks the protocol over HTTP and one WebSocket; never judges.
"""

import hashlib
import json
from collections.abc import Iterable

import httpx
from websockets.asyncio.client import connect

from tests.faults.citizens import Citizen
from tests.faults.history import History
from tests.faults.truth import Members

AUDITOR = "S01"
TIMEOUT_S = 30.0


class Audit:
    """A supervisor at a fresh hub.

    Args:
        url: of the hub.
        cookie: of a supervisor of all stations.
        history: what it does itself is written down too.
    """

    def __init__(self, url: str, cookie: str, history: History) -> None:
        self._url = url
        self._history = history
        self._cookie = cookie
        self._client = httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT_S, trust_env=False, headers={"cookie": cookie, "origin": url}
        )

    async def snapshots(self) -> dict[str, Members]:
        """What a new console gets of every station."""
        found: dict[str, Members] = {}
        async with connect(
            "ws" + self._url.removeprefix("http") + "/ws/console", origin=self._url,  # type: ignore[arg-type]
            additional_headers={"cookie": self._cookie}, max_size=None, compression=None, proxy=None,
            open_timeout=TIMEOUT_S,
        ) as link:  # fmt: skip
            await link.send(json.dumps({"type": "subscribe", "ref": "audit"}))
            recovered: dict[str, bool] | None = None
            while recovered is None or found.keys() < recovered.keys():
                message = json.loads(await link.recv())
                if message.get("ref") == "audit":
                    recovered = message["recovered"]
                elif message["type"] == "snapshot":
                    found[message["station"]] = message
        return found

    async def log(self, stations: Iterable[str]) -> dict[str, list[Members]]:
        """Every event of each station, copies too, which the log of all stations leaves out."""
        found: dict[str, list[Members]] = {}
        while (again := {station: await self._log_of(station) for station in stations}) != found:
            found = again  # a timer may have run between two stations
        return found

    async def _log_of(self, station: str) -> list[Members]:
        answer = await self._client.get("/log", params={"station": station}, headers={"accept": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    async def chain(self, stations: Iterable[str]) -> str:
        """What the check of the log finds wrong; empty when nothing."""
        for station in stations:
            verdict = (await self._client.get("/log/verify", params={"station": station})).json()
            if not verdict["ok"]:
                return f"{station}: broken at {verdict['broken_at']}: {verdict['why']}"
        return ""

    async def views(self, citizens: Iterable[Citizen]) -> dict[str, Members | None]:
        """What each citizen is given now."""
        found: dict[str, Members | None] = {}
        for citizen in citizens:
            look = citizen.look()
            answer = await self._client.get(look.path, headers=dict(look.headers))
            assert answer.status_code in (200, 404), answer.text
            found[citizen.id] = answer.json() if answer.status_code == 200 else None
        return found

    async def media(self, citizens: Iterable[Citizen]) -> dict[tuple[str, str], dict[int, str]]:
        """The digest of each chunk, from the original as an officer may open it.

        A media that its citizen never finished is finished here; what is missing then, the answer names.
        """
        found: dict[tuple[str, str], dict[int, str]] = {}
        for citizen in citizens:
            for media, chunks in citizen.media.items():
                found[citizen.id, media] = await self._one(citizen, media, chunks)
        return found

    async def _one(self, citizen: Citizen, media: str, chunks: list[bytes]) -> dict[int, str]:
        end = citizen.end(media)
        self._history.asked(end.ref, end.who, end.what, end.alarm, end.body)
        answer = await self._client.post(end.path, json=end.json, headers=dict(end.headers))
        if answer.status_code == 409 and answer.json()["code"] == "chunks_missing":
            missing = set(answer.json()["missing"])
            return {seq: _digest(data) for seq, data in enumerate(chunks) if seq not in missing}
        if answer.status_code != 204:
            return {}
        path = f"/media/{citizen.id}/{media}/original"
        self._history.asked(f"{media}/open", AUDITOR, "open", citizen.id, {})
        answer = await self._client.post(path, json={"reason": f"{media}/open"})
        if answer.status_code != 200:
            return {}
        whole, at, digests = answer.content, 0, {-1: _digest(answer.content)}
        for seq, data in enumerate(chunks):
            digests[seq] = _digest(whole[at : at + len(data)])
            at += len(data)
        return digests

    async def close(self) -> None:
        await self._client.aclose()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
