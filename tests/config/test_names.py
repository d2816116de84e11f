"""No name in the configuration is silent by itself: whoever it calls can be woken, or it is said."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import resources
from dispatch.config.names import Asleep, asleep
from dispatch.settings import Settings, load
from dispatch.welcome import demo_users

Change = Callable[[str], str]
NONE = "messengers = []"
MESSENGER = 'messengers = [{ name = "phone", url = "json://example.org", officers = ["V01"] }]'


@dataclass(frozen=True)
class User:
    """A sign-in."""

    name: str
    role: str = "officer"
    station: str | None = "dadongmen"
    disabled: bool = False


EVERYBODY = tuple(User(u.name, u.role, u.station) for u in demo_users(load(resources.demo_config(), {})))
"""The demonstration's sign-ins, which are those of its rotas."""


def others(*names: str) -> tuple[User, ...]:
    return tuple(user for user in EVERYBODY if user.name not in names)


@pytest.fixture
def configured(root: Path, tmp_path: Path) -> Callable[..., Settings]:
    """The demonstration with one of its files changed."""

    def change(file: str = "", old: str = "", new: str = "") -> Settings:
        folder = tmp_path / "config"
        shutil.copytree(root / "config", folder, dirs_exist_ok=True)
        if file:
            text = (folder / file).read_text("utf-8")
            assert old in text
            (folder / file).write_text(text.replace(old, new), "utf-8")
        return load(folder, {})

    return change


def told(found: list[Asleep]) -> list[tuple[str | None, str, tuple[str, ...]]]:
    return [(one.station, one.why, one.names) for one in found]


def test_the_demonstration_has_nothing_to_say(configured: Callable[..., Settings]) -> None:
    """Every name of the demonstration is one of its sign-ins, and each of its stations has a supervisor."""
    assert asleep(configured(), EVERYBODY) == []


ROTA_V01 = '["V01", "V02"'
CASES = {
    "no sign-in": (others("V01"), "", "", ("dadongmen", "no_sign_in", ("V01",))),
    "other capitals in the sign-in": ((*others("V01"), User("v01")), "", "", ("dadongmen", "no_sign_in", ("V01",))),
    "other capitals in the rota": (EVERYBODY, ROTA_V01, '["v01", "V02"', ("dadongmen", "no_sign_in", ("v01",))),
    "wide letters": (EVERYBODY, ROTA_V01, '["Ｖ０１", "V02"', ("dadongmen", "no_sign_in", ("Ｖ０１",))),
    "two without": (others("V01", "V02"), "", "", ("dadongmen", "no_sign_in", ("V01", "V02"))),
    "disabled": ((*others("V01"), User("V01", disabled=True)), "", "", ("dadongmen", "disabled", ("V01",))),
    "a helper": ((*others("V01"), User("V01", "helper")), "", "", ("dadongmen", "helper", ("V01",))),
    "of another station": (
        (*others("V01"), User("V01", station="dongta")), "", "", ("dadongmen", "elsewhere", ("V01",)),
    ),
    "a supervisor of another": (
        (*others("V01"), User("V01", "supervisor", "dongta")), "", "", ("dadongmen", "elsewhere", ("V01",)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("users", "old", "new", "wanted"), CASES.values(), ids=CASES)
def test_a_name_that_wakes_nobody(
    configured: Callable[..., Settings], users: tuple[User, ...], old: str, new: str,
    wanted: tuple[str, str, tuple[str, ...]],
) -> None:  # fmt: skip
    """Whatever keeps an officer of the rota from being woken is said, once, with station, reason and names."""
    settings = configured("rota.toml", old, new) if old else configured()
    assert told(asleep(settings, users)) == [wanted]


@pytest.mark.parametrize(
    ("meant", "written"), [("V01", "v01"), ("v01", "V01"), ("V01", "Ｖ０１"), ("ß", "ẞ"), ("Ё", "ё")]
)
def test_the_name_that_was_meant(configured: Callable[..., Settings], meant: str, written: str) -> None:
    """A name that differs only in capitals or width is said together with the sign-in that is there."""
    settings = configured("rota.toml", '"V01"', f'"{written}"')
    [found] = asleep(settings, (*others("V01"), User(meant)))
    assert found.near == ((written, meant),)
    assert f'{written} (there is "{meant}")' in str(found)


def test_one_call_sign_in_two_stations(configured: Callable[..., Settings]) -> None:
    """It is said of both, whichever has the sign-in, also before there is any; one of all stations hears both."""
    settings = configured("rota.toml", '["X01", "X02"', '["V01", "X02"')
    for users in (others("X01"), ()):
        assert told(asleep(settings, users)) == [("dadongmen", "twice", ("V01",)), ("xiaodong", "twice", ("V01",))]
    assert told(asleep(settings, (*others("V01"), User("V01", "supervisor", None)))) == []


def test_the_demonstrations_sign_ins_of_such_a_rota(configured: Callable[..., Settings]) -> None:
    """The demonstration makes each sign-in once, also where the rota has a name twice or one of its own names."""
    settings = configured("rota.toml", '["X01", "X02", "X03"', '["V01", "S01", "H01"')
    names = [user.name for user in demo_users(settings)]
    assert len(names) == len(set(names))
    assert {"V01", "S01", "H01", "X04"} <= set(names)


@pytest.mark.parametrize(
    ("users", "why"),
    [
        (others("V01"), "no_sign_in"),
        ((*others("V01"), User("V01", disabled=True)), "disabled"),
        ((*others("V01"), User("V01", "helper")), "helper"),
    ],
)
def test_an_address_of_nobody(configured: Callable[..., Settings], users: tuple[User, ...], why: str) -> None:
    """So are the officers of a messenger: its address would never be told of anything."""
    found = asleep(configured("dispatch.toml", NONE, MESSENGER), users)
    assert told(found)[1:] == [(None, why, ("V01",))]
    assert found[1].key == "notify.messengers[0].officers"


@pytest.mark.parametrize(
    ("users", "stations"),
    [
        ((), 7),
        ((User("S02", "supervisor", None, disabled=True),), 7),
        ((User("S02", "officer", "dongta"),), 7),
        ((User("S02", "supervisor", "dongta"),), 6),
        ((User("S02", "admin", None),), 0),
    ],
)
def test_a_supervisor_who_is_called(
    configured: Callable[..., Settings], users: tuple[User, ...], stations: int
) -> None:
    """A station whose escalation calls the supervisor has one who can sign in, its own or of all; else it is said."""
    found = told(asleep(configured(), (*others("S01"), *users)))
    assert [why for _, why, _ in found] == ["no_supervisor"] * stations
    quiet = configured("policies.toml", '"supervisor"', '"station"')
    assert told(asleep(quiet, others("S01"))) == []


def test_sign_ins_of_a_station_that_is_no_more(configured: Callable[..., Settings]) -> None:
    """They are said, of whatever role, unless they are disabled: no alarm reaches them."""
    gone = (User("V01", station="old"), User("H01", "helper", "old"), User("S02", "supervisor", "old"))
    found = asleep(configured(), (*others("V01", "H01"), *gone, User("V99", station="old", disabled=True)))
    assert told(found) == [("dadongmen", "elsewhere", ("V01",)), ("old", "no_station", ("V01", "H01", "S02"))]


def test_a_new_store_has_nothing_to_say(configured: Callable[..., Settings]) -> None:
    """Before the first sign-in is made nobody is told that all are missing."""
    assert asleep(configured("dispatch.toml", NONE, MESSENGER), ()) == []


SIGN_INS = st.lists(
    st.builds(
        User,
        st.sampled_from(["V01", "v01", "V02", "X01", "S01"]),
        st.sampled_from(["officer", "supervisor", "admin", "helper"]),
        st.sampled_from([None, "dadongmen", "xiaodong", "renamed"]),
        st.booleans(),
    ),
    unique_by=lambda user: user.name,
    min_size=1,
)


@given(SIGN_INS)
def test_who_is_not_named_hears_the_station(users: list[User]) -> None:
    """An officer of the rota of whom nothing is said has a sign-in of just that name that hears the station."""
    settings = load(resources.demo_config(), {})
    found = [one for one in asleep(settings, users) if one.why != "no_station"]
    said = {(one.station, name) for one in found for name in one.names}
    known = {user.name: user for user in users}
    for station, name in itertools.chain.from_iterable(
        ((station, name) for name in rota.officers) for station, rota in settings.rotas.items()
    ):
        user = known.get(name)
        hears = user is not None and not user.disabled and user.role != "helper" and user.station in (None, station)
        assert ((station, name) in said) is not hears
