"""Raises an alarm through the public client and shows what becomes of it: calm lines for people, JSON for programs.

Never cancels: whatever ends this program, the alarm stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import click
import orjson

from fujin_client import Alarm, Asked, Citizen, FujinError, Ladder, News, Said, Unreachable
from fujin_client.web import Web

_OWNED = ("acknowledged", "en_route", "on_scene", "closed")
_RUNGS = {
    "stored": "Stored.",
    "delivered": "It is on the officers' screens.",
    "seen": "A person has seen it.",
    "unanswered": "No person has answered yet. It goes on being offered to more people.",
    "acknowledged": "An officer has taken it.",
    "en_route": "An officer is on the way.",
    "on_scene": "An officer is there.",
    "closed": "Closed.",
}
_REOPENED = "It is open again and offered to everyone."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asked for, checked."""

    url: str
    text: str | None
    position: tuple[float, float] | None
    needs: tuple[str, ...]
    lang: str | None
    kind: str
    photos: tuple[Path, ...]
    audio: Path | None
    follow: bool
    wait_s: float


class Show(Protocol):
    """How it is shown."""

    def receipt(self, alarm: Alarm) -> None: ...
    def media(self, kind: str, path: Path, media: str) -> None: ...
    def rung(self, rung: Mapping[str, Any], other_ways: list[Mapping[str, str]]) -> None: ...
    def reopened(self) -> None: ...
    def talk(self, news: Said | Asked) -> None: ...


async def send(wanted: Wanted, show: Show) -> list[str]:
    """Raise, send the files, follow; what went wrong, in words (empty when nothing did)."""
    stored = False
    try:
        async with Citizen(wanted.url, over="http", channel="cli", patience_s=wanted.wait_s) as citizen:
            alarm = await citizen.raise_alarm(
                text=wanted.text, position=wanted.position, needs=wanted.needs, lang=wanted.lang, kind=wanted.kind
            )
            stored = True
            show.receipt(alarm)
            sending = asyncio.create_task(_send_files(alarm, wanted, show))
            try:
                if wanted.follow:
                    await _follow(alarm, show, citizen.web, wanted.lang or "zh")
                changed = [f"{fault}. The alarm is stored all the same." for fault in alarm.receipt.get("faults", ())]
                return [*changed, *await sending]
            finally:
                sending.cancel()
    except Unreachable as fault:
        return [f"{fault.message}. The alarm is {'stored' if stored else 'not known to be stored'}. {fault.advice}"]
    except FujinError as fault:
        return [f"{fault.message}. {fault.advice}"]
    except ValueError as fault:
        return [str(fault)]


async def _send_files(alarm: Alarm, wanted: Wanted, show: Show) -> list[str]:
    """Each by itself: one that fails does not keep back the others."""
    reasons = []
    files = [("photo", path) for path in wanted.photos] + ([("audio", wanted.audio)] if wanted.audio else [])
    for kind, path in files:
        try:
            sent = await (alarm.send_photo(path) if kind == "photo" else alarm.send_audio(path))
            show.media(kind, path, sent)
        except FujinError as fault:
            reasons.append(f"{path}: {fault.message}. The alarm is stored all the same. {fault.advice}")
        except (OSError, ValueError) as fault:
            reasons.append(f"{path}: {fault}. The alarm is stored all the same.")
    return reasons


async def _follow(alarm: Alarm, show: Show, web: Web, lang: str) -> None:
    """Show every rung once, and the talk, until the alarm is closed."""
    shown: set[tuple[str, str]] = set()
    before = "raised"
    async for news in _until_closed(alarm):
        if not isinstance(news, Ladder):
            if not (isinstance(news, Said) and (news.who == "citizen" or news.question)):
                show.talk(news)  # a question comes as `Asked`
            continue
        if before in _OWNED and news.status == "raised":
            show.reopened()
        before = news.status
        for rung in news.rungs:
            if (rung["step"], rung["at"]) not in shown:
                shown.add((rung["step"], rung["at"]))
                show.rung(rung, await _other_ways(web, lang) if rung["step"] == "unanswered" else [])


async def _until_closed(alarm: Alarm) -> AsyncIterator[News]:
    async for news in alarm.follow():
        yield news
        if isinstance(news, Ladder) and news.status == "closed":
            return


async def _other_ways(web: Web, lang: str) -> list[Mapping[str, str]]:
    """The other ways to get help, as the server's pages tell them."""
    try:
        config = orjson.loads((await web.ask("GET", "/static/config.json")).content)
        known = "en" if lang.startswith("en") else "zh"
        return [{"label": way["label"][known], "href": way["href"]} for way in config["other_ways"]]
    except (FujinError, LookupError, ValueError):
        return []


class Lines:
    """For people: one line for one thing, with the local time.

    Args:
        url: the server, to say how to come back.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def receipt(self, alarm: Alarm) -> None:
        click.echo(f"{_clock(alarm.receipt['stored_at'])}  Stored. Receipt {alarm.code}, {alarm.station['name']}.")
        click.echo("Come back to it with its secret (keep it to yourself):")
        click.echo(f"  curl -H 'Authorization: Bearer {alarm.secret}' {self._url}/alarms/{alarm.id}")
        click.echo(f"The number with which to cancel it is {alarm.pin}.")

    def media(self, kind: str, path: Path, media: str) -> None:
        click.echo(f"Sent {path.name}.")

    def rung(self, rung: Mapping[str, Any], other_ways: list[Mapping[str, str]]) -> None:
        if rung["step"] == "stored":
            return  # the receipt said so
        click.echo(f"{_clock(rung['at'])}  {_RUNGS.get(rung['step'], rung['step'])}")
        for way in other_ways:
            click.echo(f"          Another way: {way['label']} ({way['href']})")

    def reopened(self) -> None:
        click.echo(f"          {_REOPENED}")

    def talk(self, news: Said | Asked) -> None:
        if isinstance(news, Asked):
            click.echo(f"          Question: {news.text} ({', '.join(news.choices)})")
        else:
            click.echo(f"{_clock(news.at)}  Officer: {news.text}")


class Json:
    """For programs: one JSON object a line, in the protocol's words."""

    def receipt(self, alarm: Alarm) -> None:
        _line({"type": "receipt", **alarm.receipt, "secret": alarm.secret, "pin": alarm.pin})

    def media(self, kind: str, path: Path, media: str) -> None:
        _line({"type": "media", "kind": kind, "file": str(path), "media": media})

    def rung(self, rung: Mapping[str, Any], other_ways: list[Mapping[str, str]]) -> None:
        _line({"type": "ladder", **rung, **({"other_ways": other_ways} if other_ways else {})})

    def reopened(self) -> None:
        _line({"type": "reopened"})

    def talk(self, news: Said | Asked) -> None:
        if isinstance(news, Asked):
            _line({"type": "asked", "question": news.question, "text": news.text, "choices": news.choices})
        else:
            _line({"type": "said", "who": news.who, "text": news.text, "at": news.at})


def _line(members: Mapping[str, Any]) -> None:
    click.echo(orjson.dumps(members))


def _clock(at: str) -> str:
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
