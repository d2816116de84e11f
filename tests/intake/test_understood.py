"""What is wrong in a part of a raise costs that part, never the alarm (P1), and never what was pressed."""

import json
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.alarm import wellformed
from dispatch.alarm.codec import decode
from dispatch.alarm.messages import Raise, RaiseBody
from dispatch.intake.admission import to_command
from dispatch.intake.understand import understand
from dispatch.sections import Limits
from tests.flow.town import Town
from tests.intake.link import CODECS, Link

LIMITS = Limits().model_dump()
SECRET = "0123456789abcdefghijklmn"
HERE = {"lat": 41.8, "lon": 123.4}


def names(**more: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "secret": SECRET, **more}


# (what was sent, what the alarm has of it, which part is told as wrong)
PARTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"txet": "x"}, {}, "txet: unknown field"),
    ({"text": 7}, {"text": "7"}, "text: "),
    ({"text": ["门外", "有人"]}, {"text": "门外\n有人"}, "text: "),
    ({"text": {"a": "x"}}, {"text": None}, "text: "),
    ({"text": "长" * 4000 + "完"}, {"text": "长" * 3999 + "…"}, "text: 4001 characters; at most 4000 (text_chars)"),
    ({"text": "😀" * 2001}, {"text": "😀" * 1999 + "…"}, "text: 4002 characters"),
    ({"kind": "war"}, {"kind": "alarm"}, "kind: "),
    ({"kind": None}, {"kind": "alarm"}, "kind: "),
    ({"kind": "Practice "}, {"kind": "practice"}, "kind: "),
    ({"kind": "practice", "lang": "C", "place": 3}, {"kind": "practice", "lang": "zh", "place": "3"}, "lang: "),
    ({"lang": ""}, {"lang": "zh"}, "lang: "),
    ({"lang": "中文"}, {"lang": "zh"}, "lang: "),
    ({"lang": "en_US.UTF-8"}, {"lang": "en-US"}, "lang: "),
    ({"lang": "zh_CN"}, {"lang": "zh-CN"}, "lang: "),
    ({"lang": "zh_"}, {"lang": "zh"}, "lang: "),
    ({"lang": "en-abcdefghijk"}, {"lang": "zh"}, "lang: "),
    ({"lang": "--"}, {"lang": "zh"}, "lang: "),
    ({"pin": "123456789"}, {"pin": None}, "pin: "),
    ({"pin": "one"}, {"pin": None}, "pin: "),
    ({"pin": 4821}, {"pin": "4821"}, "pin: "),
    ({"needs": "deaf"}, {"needs": ["deaf"]}, "needs: "),
    ({"needs": [3, "deaf", None]}, {"needs": ["3", "deaf"]}, "needs.0: "),
    ({"needs": ["x"] * 9}, {"needs": ["x"] * 8}, "needs: 9 entries; at most 8 (needs)"),
    ({"place": "x" * 301}, {"place": "x" * 299 + "…"}, "place: 301 characters; at most 300 (place_chars)"),
    ({"category": "x" * 65}, {"category": "x" * 63 + "…"}, "category: "),
    ({"category": ""}, {"category": None}, "category: "),
    ({"position": "here"}, {"position": None}, "position: "),
    ({"position": {"lat": "north", "lon": 1}}, {"position": None}, "position.lat: "),
    ({"position": {"lat": 1}}, {"position": None}, "position.lon: "),
    ({"position": {"lat": None, "lon": None}}, {"position": None}, "position.lat: "),
    ({"position": {"lat": math.nan, "lon": 1}}, {"position": None}, "position.lat: "),
    ({"position": {"lat": 10**400, "lon": 1}}, {"position": None}, "position.lat: "),
    ({"check_in_s": 1, "text": 7}, {"check_in_s": 60, "text": "7"}, "check_in_s: "),
    ({"check_in_s": 10**400}, {"check_in_s": LIMITS["check_in_most_s"]}, "check_in_s: "),
    ({"check_in_s": math.nan}, {"check_in_s": 60}, "check_in_s: "),
    ({"check_in_s": "soon"}, {"check_in_s": 60}, "check_in_s: "),
    ({"": 1}, {}, "message: unknown field"),
    ({"check_in_s": "900"}, {"check_in_s": 900}, "check_in_s: "),
]  # fmt: skip


@pytest.mark.parametrize("model", [RaiseBody, Raise])
def test_a_part_that_is_wrong_costs_that_part(model: type[RaiseBody]) -> None:
    """Everything beside it is as it was sent, and the part is told."""
    way = {"type": "raise", "ref": "1"} if model is Raise else {}
    beside = {"text": "门外有人", "place": "三楼", "category": "break_in", "needs": ["deaf"], "pin": "4821"}
    for sent, has, told in PARTS:
        said = understand(model, names(**way, **{**beside, **sent}), LIMITS)
        for name, value in {**beside, **has}.items():
            assert getattr(said.body, name) == value, (sent, name)
        assert any(fault.startswith(told) for fault in said.faults), (sent, said.faults)


TIMES = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday", "2026-11-22T02:00:00", 7, None, ""]


@pytest.mark.parametrize("at", TIMES)
def test_a_time_that_is_wrong_costs_the_time(at: Any) -> None:
    """A place is a place without it, and so with whatever else devices tell beside one."""
    odd = {"accuracy_m": "good", "datum": "bd09", "source": 3, "height": 44, "speed": None}
    for more in ({"at": at}, {"at": at, **odd}):
        said = understand(RaiseBody, names(position={**HERE, **more}), LIMITS)
        assert said.body.position is not None
        assert said.body.position.model_dump(exclude_none=True) == {**HERE, "datum": "wgs84"}


@pytest.mark.parametrize("at", ["2026-11-22T02:00:00.123456Z", "2038-01-19T03:14:08Z", "1970-01-01T00:00:00+14:00"])
def test_a_time_that_is_odd_is_kept(at: str) -> None:
    """Microseconds, and years that a device without a clock has, are shown as they were sent."""
    said = understand(RaiseBody, names(position={**HERE, "at": at}), LIMITS)
    assert said.body.position is not None
    assert (said.body.position.at, said.faults) == (at, ())


def test_the_rest_of_a_text_is_kept() -> None:
    """What is cut begins the talk; of a plan, which has no talk, nothing is. Of a huge text four times the limit."""
    text = "长" * 5000
    said = understand(RaiseBody, names(text=text), LIMITS)
    assert (said.body.text or "").removesuffix("…") + said.rest.removeprefix("…") == text
    plan = understand(RaiseBody, names(text=text, check_in_s=900), LIMITS)
    assert to_command(plan.body, "dadongmen", (), "in_area", "http", plan.rest).text == text
    huge = understand(RaiseBody, names(text="长" * 10**6), LIMITS)
    assert len(huge.rest) == 12_001


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(RaiseBody.model_fields)), _ANY))
def test_any_raise_with_its_names_is_stored(parts: dict[str, Any]) -> None:
    """Whatever stands in it: no fault but about a name, practice stays practice, a plan stays a plan."""
    kept = {"id": str(uuid.UUID(int=7)), "secret": SECRET}
    said = understand(RaiseBody, {**parts, **kept}, LIMITS)
    assert (said.body.check_in_s is None) == (parts.get("check_in_s") is None)
    if parts.get("kind") in ("tip", "practice"):
        assert said.body.kind == parts["kind"]
    to_command(said.body, "dadongmen", (), "in_area", "http", said.rest)


# -- what is no text -----------------------------------------------------------------------------------------------

NOT_QUITE_JSON: dict[bytes, Any] = {
    b"\xef\xbb\xbf" + '{"text":"喂"}'.encode(): {"text": "喂"},
    '{"text":"喂"}'.encode("utf-16"): {"text": "喂"},
    b'{"text":"x\\ud83d"}': {"text": "x\ufffd"},
    b'{"text":"\\ud83d\\ude00"}': {"text": "😀"},
    b'{"text":"\\ude00\\ud83d"}': {"text": "\ufffd\ufffd"},
    b'{"text":"a\\u0000b\\u001b[2Jc\\u0085"}': {"text": "a\ufffdb\ufffd[2Jc\ufffd"},
    b'{"text":"a\x00b\x07"}': {"text": "a\ufffdb\ufffd"},
    b'{"text":"a\nb"}': {"text": "a\nb"},
    b'{"text":"a\\r\\nb\\rc\\td"}': {"text": "a\nb\nc\td"},
    b'{"text":"\xc3("}': {"text": "\ufffd("},
    b'{"x\\ud800":["\\ud800",{"y":"\\u0000"}]}': {"x\ufffd": ["\ufffd", {"y": "\ufffd"}]},
}


def test_what_a_device_sends_can_be_decoded() -> None:
    """A byte order mark, UTF-16, half an emoji, NUL and control characters, raw or escaped; line ends become one."""
    for sent, understood in NOT_QUITE_JSON.items():
        assert decode(sent, packed=False) == understood, sent
    assert math.isnan(decode(b'{"lat":NaN}', packed=False)["lat"])
    assert decode(b"\x81\xa4text\xa4x\xed\xa0\xbd", packed=True) == {"text": "x" + "\ufffd" * 3}
    assert decode(b"\x81\xa4text\xa3a\x00b", packed=True) == {"text": "a\ufffdb"}


@given(st.text(st.characters(), max_size=60))
def test_any_text_becomes_one(given: str) -> None:
    """Of any characters, halves of pairs too: what comes out can be sent, and stays as it is from then on."""
    shown = wellformed.text(given)
    shown.encode()
    assert wellformed.text(shown) == shown
    assert decode(json.dumps(given).encode(), packed=False) == shown


@given(st.text(max_size=40), st.integers(0, 50))
def test_no_character_is_halved(given: str, most: int) -> None:
    """Cut where a browser would cut at the latest; both parts are text, and together the whole."""
    first, rest = wellformed.cut(given, most)
    assert first + rest == given
    assert wellformed.length(first) == len(first.encode("utf-16-le")) // 2 <= most
    assert not rest or wellformed.length(first) + wellformed.length(rest[0]) > most


# -- to the officer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
async def test_it_is_raised_and_told(town: Town, codec: str) -> None:
    """Over HTTP and both codecs: the officer has what was understood, the receipt says what was not; repeated alike."""
    officer = await town.officer("V01")
    link = await Link.open(town.url, codec=codec)
    place = {**HERE, "at": "0001-01-01T00:00:00+23:59"}
    sent = {"text": "救" * 4100, "lang": "zh_CN", "position": place}
    for over in ("http", "socket"):
        body = names(**sent)
        for _ in range(2):
            if over == "http":
                receipt = (await town.citizen().http.post("/alarms", json=body)).json()
            else:
                receipt = await link.asks("raise", **body)
            assert [fault.split(":")[0] for fault in receipt["faults"]] == ["lang", "text"], receipt
        await officer.hears(body["id"], "alarm_raised", "citizen_said", "step_run")
        shown = officer.alarms[body["id"]]
        assert (shown["kind"], shown["lang"], shown["text"]) == ("alarm", "zh-CN", "救" * 3999 + "…")
        assert [said["text"] for said in shown["talk"].values()] == ["…" + "救" * 101]
        assert shown["position"] == {**HERE, "datum": "wgs84", "received": shown["raised_at"]}
    await link.closes()


async def test_half_an_emoji_reaches_the_officer(town: Town) -> None:
    """As some keyboards' backspace leaves it, in the alarm and in what is said later."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    body = names(text="x")
    raised = await citizen.http.post("/alarms", content=json.dumps({**body, "text": "x\ud83d"}).encode())
    assert raised.status_code == 201
    await officer.hears(body["id"], "alarm_raised", "step_run")
    assert officer.alarms[body["id"]]["text"] == "x\ufffd"
    said = await citizen.http.post(
        f"/alarms/{body['id']}/say",
        content=json.dumps({"ref": "1", "text": "\x00他\udc00"}).encode(),
        headers={"authorization": f"Bearer {SECRET}"},
    )
    assert said.status_code == 200
    await officer.hears(body["id"], "citizen_said")
    assert [one["text"] for one in officer.alarms[body["id"]]["talk"].values()] == ["\ufffd他\ufffd"]


async def test_a_check_in_without_a_place_is_one(town: Town) -> None:
    """A place that is wrong must not raise the alarm of somebody who has just said that all is well."""
    citizen = town.citizen()
    body = names(check_in_s=60)
    assert (await citizen.http.post("/alarms", json=body)).status_code == 201
    checked = await citizen.http.post(
        f"/alarms/{body['id']}/check-in",
        json={"ref": "1", "check_in_s": 900, "position": {"lat": None, "lon": 3}},
        headers={"authorization": f"Bearer {SECRET}"},
    )
    assert checked.status_code == 200
