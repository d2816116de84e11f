"""Names in the configuration behind which nobody can be woken: no sign-in, another's, or none that hears the station.

Pure. Every such name is silent by itself: the rota calls it, and no console answers to it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from dispatch.escalation.policy import choose
from dispatch.settings import Settings

Why = Literal["no_sign_in", "disabled", "helper", "elsewhere", "twice", "no_supervisor", "no_station"]

_ROTA, _DISPATCH, _POLICIES, _STATIONS = "rota.toml", "dispatch.toml", "policies.toml", "stations.geojson"
_SAID: Mapping[Why, str] = {
    "no_sign_in": "no sign-in has the name, so nobody is woken by it; make it with `dispatch user add`, or write it as"
    " the sign-in has it",
    "disabled": "the sign-in is disabled, so nobody is woken by it; take the name out",
    "helper": "the sign-in is a helper's, who has no console; give the officer a sign-in of the role officer",
    "elsewhere": "the sign-in is of another station, whose alarms are the only ones that it hears; move it with"
    " `dispatch user move`, or take the name out",
    "twice": "the name is in the rota of several stations, and a sign-in hears one of them; give each officer a call"
    " sign of their own",
    "no_station": "these sign-ins belong to it and there is no such station, so no alarm reaches their consoles; move"
    " them with `dispatch user move`",
    "no_supervisor": "its steps call the supervisor, and no supervisor of this station or of all can sign in; make one"
    " with `dispatch user add NAME --role supervisor`",
}


class SignIn(Protocol):
    """A user; see `dispatch.identity.User`."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def station(self) -> str | None: ...
    @property
    def disabled(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Asleep:
    """At `key` of `file`: these `names` (of `station`, or of none) wake nobody. `near`: (name, the sign-in meant)."""

    file: str
    key: str
    station: str | None
    why: Why
    names: tuple[str, ...] = ()
    near: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """`rota.toml: dadongmen.officers: v01 (there is "V01"): no sign-in has the name, ...`."""
        near = {name: f'{name} (there is "{meant}")' for name, meant in self.near}
        shown = ", ".join(near.get(name, name) for name in self.names)
        return ": ".join(part for part in (self.file, self.key, shown, _SAID[self.why]) if part)

    def notice(self) -> dict[str, Any]:
        """As pages get it, without the time."""
        of = {"station": self.station} if self.station else {}
        return {"code": "rota_names", "why": self.why, "names": list(self.names), "near": dict(self.near)} | of


def asleep(settings: Settings, users: Sequence[SignIn]) -> list[Asleep]:
    """Every name that wakes nobody, by station and reason.

    A store without any sign-in is a new one, whose first is about to be made: only what no sign-in can mend is said.
    """
    known = {user.name: user for user in users}
    found: list[Asleep] = []
    for station, rota in settings.rotas.items():
        others = [other for other in settings.rotas if other != station]
        by_why: dict[Why, list[str]] = {}
        for name in rota.officers:
            twice = any(name in settings.rotas[other].officers for other in others)
            for why in _of_rota(known.get(name), station, twice, bool(users)):
                by_why.setdefault(why, []).append(name)
        found += _told(_ROTA, f"{station}.officers", station, by_why, known)
    if not users:
        return found
    for i, messenger in enumerate(settings.notify.messengers):
        of_messenger: dict[Why, list[str]] = {}
        for name in messenger.officers:
            for why in _of_messenger(known.get(name)):
                of_messenger.setdefault(why, []).append(name)
        found += _told(_DISPATCH, f"notify.messengers[{i}].officers", None, of_messenger, known)
    return [*found, *_unsupervised(settings, users), *_stationless(settings, users)]


def _of_rota(user: SignIn | None, station: str, twice: bool, any_user: bool) -> Iterator[Why]:
    hears_all = user is not None and user.station is None
    if twice and not hears_all:
        yield "twice"
    if user is None:
        if any_user:
            yield "no_sign_in"
    elif user.disabled:
        yield "disabled"
    elif user.role == "helper":
        yield "helper"
    elif user.station not in (None, station) and not twice:
        yield "elsewhere"


def _of_messenger(user: SignIn | None) -> Iterator[Why]:
    if user is None:
        yield "no_sign_in"
    elif user.disabled:
        yield "disabled"
    elif user.role == "helper":
        yield "helper"


def _unsupervised(settings: Settings, users: Iterable[SignIn]) -> Iterator[Asleep]:
    """Stations whose policy calls the supervisor in vain."""
    watched = {user.station for user in users if user.role in ("supervisor", "admin") and not user.disabled}
    for station in settings.boundaries.stations:
        policies = [choose(settings.policies, station, kind) for kind in ("alarm", "tip")]
        called = {word for policy in policies for step in policy.steps for word in step.audience}
        if "supervisor" in called and not watched & {station, None}:
            yield Asleep(_POLICIES, station, station, "no_supervisor")


def _stationless(settings: Settings, users: Iterable[SignIn]) -> Iterator[Asleep]:
    """Sign-ins of stations that are no more."""
    of: dict[str, list[str]] = {}
    for user in users:
        if user.station is not None and user.station not in settings.boundaries.stations and not user.disabled:
            of.setdefault(user.station, []).append(user.name)
    for station, names in sorted(of.items()):
        yield Asleep(_STATIONS, station, station, "no_station", tuple(names))


def _told(
    file: str, key: str, station: str | None, by_why: Mapping[Why, Sequence[str]], known: Mapping[str, SignIn]
) -> list[Asleep]:
    return [
        Asleep(file, key, station, why, tuple(names), _near(names, known) if why == "no_sign_in" else ())
        for why, names in by_why.items()
    ]


def _near(names: Iterable[str], known: Mapping[str, SignIn]) -> tuple[tuple[str, str], ...]:
    """Names of sign-ins that were meant, it seems: the same but for capitals or width."""
    same = {_plain(name): name for name in known}
    return tuple((name, same[_plain(name)]) for name in names if _plain(name) in same)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
