"""A plan is nobody's but its citizen's: no reader of the hub finds anything of it, until it is an alarm (P10)."""

from dataclasses import dataclass
from typing import Any

import pytest
from starlette.routing import Route

from dispatch.alarm.messages import CONSOLE
from dispatch.alarm.sight import SEALED
from tests.flow.people import Answered, Citizen, Officer
from tests.flow.town import Town
from tests.nightly import mostly_by_night

PLAN_S = 600
WORDS, PLACE = "我在老槐树下等他", "老槐树街九号"
HERE, THERE = {"lat": 41.806512, "lon": 123.465543}, {"lat": 41.806487, "lon": 123.465491}
READERS = [("V01", "dadongmen", "officer"), ("S01", None, "supervisor"), ("S02", "dadongmen", "supervisor"),
           ("A01", None, "admin"), ("H01", "dadongmen", "helper")]  # fmt: skip
FORMS = ("application/json", "application/x-ndjson", "text/csv")


@dataclass
class Kept:
    """A plan, its code, and when its last check-in was."""

    citizen: Citizen
    code: str
    at: tuple[str, ...]

    @property
    def traces(self) -> tuple[str, ...]:
        """What would tell of it."""
        numbers = [str(n) for place in (HERE, THERE) for n in place.values()]
        return (self.citizen.id, self.code, WORDS, PLACE, *numbers, *self.at, *(f'"{kind}"' for kind in SEALED))

    def told_in(self, text: str) -> list[str]:
        plain = text.encode().decode("unicode_escape", "ignore") if "\\u" in text else text
        return [trace for trace in self.traces if trace in text or trace in plain]


@pytest.fixture(params=["running", "ended"])
async def kept(town: Town, request: pytest.FixtureRequest) -> Kept:
    """A plan with words, place, needs, a position and a check-in elsewhere, that runs or was ended with its number."""
    citizen = town.citizen()
    await citizen.raises(check_in_s=PLAN_S, text=WORDS, place=PLACE, needs=["deaf"], position=HERE)
    await town.clock.advance(100)
    answer = await citizen.does("check-in", ref="1", check_in_s=PLAN_S, position=THERE)
    code, until = (await citizen.sees())["code"], answer.json()["check_in_by"]
    if request.param == "ended":
        await citizen.does("end-plan", pin=citizen.pin)
    return Kept(citizen, code, (until,))


@pytest.fixture(params=mostly_by_night(READERS, READERS[:2]), ids=lambda reader: f"{reader[2]} of {reader[1] or 'all'}")
async def reader(town: Town, kept: Kept, request: pytest.FixtureRequest) -> Officer:
    name, station, role = request.param
    return await town.user(name, station, role)


def asked(town: Town, kept: Kept) -> list[tuple[str, str]]:
    """Each address of the hub that staff may ask, as it would be asked about this plan."""
    known: dict[str, Any] = {"alarm": kept.citizen.id, "media": "m1", "station": "dadongmen", "seq": "0"}
    found = []
    for route in town.dispatch.routes:
        if isinstance(route, Route) and not route.path.startswith("/alarms"):  # the citizen's, by their secret
            path = "/".join(
                str(known.get(part.strip("{}").split(":")[0], "x")) if part.startswith("{") else part
                for part in route.path.split("/")
            )
            found += [(method, path) for method in sorted((route.methods or set()) - {"HEAD", "DELETE"})]
    assert len(found) > 20
    queries = ["type=plan_made", "type=checked_in", "type=plan_ended", f"alarm={kept.citizen.id}", "station=dadongmen"]
    return found + [("GET", f"/log?{query}") for query in queries]


async def test_no_address_tells_of_it(town: Town, kept: Kept, reader: Officer) -> None:
    """Whoever of the staff asks whatever address in whatever form is told nothing: no word, place, code or time."""
    for method, path in asked(town, kept):
        for accept in FORMS if path.startswith("/log") else FORMS[:1]:
            answer = await reader.http.request(method, path, headers={"accept": accept})
            own = path if answer.status_code == 404 else ""  # a body may repeat what was asked
            assert kept.told_in(answer.text.replace(own, "")) == [], (method, path, accept)
    timeline = await reader.http.get(f"/log/alarms/{kept.citizen.id}")
    nothing = await reader.http.get("/log/alarms/3f0f6f5c-0000-4000-8000-000000000000")
    assert (timeline.status_code, timeline.content) == (nothing.status_code, nothing.content)


@pytest.mark.parametrize(("name", "station", "role"), READERS[:4])
async def test_no_console_hears_of_it(town: Town, name: str, station: str | None, role: str) -> None:
    """A console that is there from the start, one that comes back and one that comes late get not a trace of it."""
    there, away = await town.officer(name, station, role), await town.officer(f"{name}b", station, role)
    await away.is_cut()
    citizen = town.citizen()
    await citizen.raises(check_in_s=PLAN_S, text=WORDS, place=PLACE, needs=["deaf"], position=HERE)
    await town.clock.advance(5)
    await there.is_awake()
    await citizen.does("check-in", ref="1", check_in_s=PLAN_S, position=THERE)
    kept = Kept(citizen, (await citizen.sees())["code"], ())
    late = await town.officer(f"{name}c", station, role)
    await away.opens_console()
    assert set(away.recovered.values()) == {True}
    for console in (there, away, late):
        assert kept.told_in(str([console.every, console.alarms, console.duty, console.notices])) == []
    await citizen.raises()
    for console in (there, away, late):
        assert console.alarms[citizen.id]["text"] == WORDS
    await town.forgets(there, away, late)


async def test_no_command_tells_of_it(town: Town, kept: Kept) -> None:
    """Every command of a console about it is answered as one about an alarm that is not there."""
    officer = await town.officer("V01")
    commands = {kind: model for kind, model in CONSOLE.items() if "alarm" in model.model_fields}
    assert len(commands) > 15
    members: dict[str, Any] = {
        "reason": "x", "text": "x", "question": "x", "choices": ["x"], "to": "V02", "summary": "x", "nearest": 1,
        "disposition": "handled", "station": "xiaodong", "tasks": ["guide_police"], "helpers": ["H01"], "upto": 1,
        "until": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    for kind, model in commands.items():
        said = {name: value for name, value in members.items() if name in model.model_fields}
        if "helpers" in said:
            said.pop("nearest", None)
        answers = []
        for alarm in (kept.citizen.id, "3f0f6f5c-0000-4000-8000-000000000000"):
            try:
                answers.append(await officer.asks(kind, alarm=alarm, ref="1", **said))
            except Answered as refused:
                answers.append(refused.body)
        assert answers[0] == answers[1], kind
        assert answers[0]["code"] == "not_found", (kind, answers[0])


async def test_it_is_all_there_once_it_is_an_alarm(town: Town) -> None:
    """The plan that was missed is an alarm like any other: its log begins with the plan, and its timeline is open."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    await citizen.raises(check_in_s=PLAN_S, text=WORDS)
    await citizen.does("check-in", ref="1", check_in_s=PLAN_S, position=THERE)
    await town.fast_forward(PLAN_S)
    await officer.hears(citizen.id, "alarm_raised", "step_run")
    body = (await officer.http.get(f"/log/alarms/{citizen.id}")).json()
    kinds = [event["event"]["type"] for event in body["events"]]
    assert kinds[:3] == ["plan_made", "checked_in", "alarm_raised"]
    assert body["alarm"]["text"] == WORDS
    assert (await officer.http.get("/log?type=plan_made")).json()["events"] == body["events"][:1]
    other = await town.user("X01", "xiaodong")
    assert (await other.http.get(f"/log/alarms/{citizen.id}")).status_code == 404
    await town.forgets(officer)
