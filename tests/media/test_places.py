"""Where a photo says that it was made reaches the officers as that, and nobody else."""

import json
from fractions import Fraction
from typing import Any

import pytest
import structlog
from PIL import Image

from dispatch.alarm.views import citizen_view
from dispatch.media.places import of_exif, of_tags
from tests.media.conftest import House, Sent

NUMBERS = (b"41.80", b"123.46", b"41.79", b"123.47")


@pytest.mark.parametrize(
    ("name", "lat", "lon", "source"),
    [("photo-gps-rotated.jpg", 41.80312, 123.46587, "photo"), ("photo-gps.heic", 41.7921, 123.4712, "photo"),
     ("voice-en.m4a", 41.8031, 123.4659, "recording")],
)  # fmt: skip
async def test_only_officers_are_told(
    house: House, copied: Sent, name: str, lat: float, lon: float, source: str
) -> None:
    """The position is in the alarm as "from the photo"; not in its position, the citizen's view, a copy, a log."""
    with structlog.testing.capture_logs() as logs:
        alarm = await copied(name)
    assert (await house.found(alarm))["position"] == {"lat": lat, "lon": lon, "datum": "wgs84", "source": source}
    loaded = await house.alarms.load(alarm)
    assert loaded is not None
    assert loaded.alarm.position is None
    seen = json.dumps(citizen_view(loaded.alarm, "", officers_named=True)).encode()
    copies = [await house.copy(alarm, which=which) for which in (await house.item(alarm))["copies"]]
    for told in (seen, *copies, repr(logs).encode()):
        assert [number for number in NUMBERS if number in told] == []


async def test_it_can_be_wiped(house: House, copied: Sent) -> None:
    """Like all that tells of a citizen it is kept beside the record, which does not change when it goes."""
    alarm = await copied("photo-gps-rotated.jpg")
    [record] = [
        entry for entry in await house.alarms.stream.read("dadongmen", 0)
        if entry.members["alarm"] == alarm and entry.members["event"]["type"] == "media_ready"
    ]  # fmt: skip
    assert record.members["event"]["position"]["lat"] == 41.80312
    assert [number for number in NUMBERS if number in record.body] == []


async def test_an_unreadable_photo_still_tells(house: House) -> None:
    """A photo that cannot be shown but says where it was made: officers are told where."""
    data = house.bytes_of("photo-gps-rotated.jpg")
    head = data[: data.index(b"\xff\xda")]  # cut before its pixels
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, head, "photo", "image/jpeg")
    await house.chunks.end(alarm, "m1", 1)
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "unreadable"
    assert (await house.found(alarm))["position"]["lon"] == 123.46587


def gps(**changed: Any) -> dict[int, Any]:
    tags = {"north": "N", "lat": (41, 48, Fraction(11232, 1000)), "east": "E", "lon": (123, 27, 57.132)}
    numbers = {"north": 1, "lat": 2, "east": 3, "lon": 4, "time": 7, "date": 29, "error": 31}
    return {numbers[name]: value for name, value in (tags | changed).items()}


def test_south_and_west() -> None:
    """Hemispheres are letters."""
    found = of_exif(gps(north="S", east=b"W\0"))
    assert found is not None
    assert (found["lat"], found["lon"]) == (-41.80312, -123.46587)


def test_when_and_how_exactly() -> None:
    """Time and accuracy are told when they are there and make sense."""
    found = of_exif(gps(date="2026:11:22", time=(2, 15, 3.9), error=Fraction(25, 2)))
    assert found is not None
    assert (found["at"], found["accuracy_m"]) == ("2026-11-22T02:15:03.000Z", 12.5)
    for wrong in ({"date": "yesterday", "time": (2, 15, 3)}, {"date": "2026:13:22", "time": (2, 15, 3)}, {"error": -1},
                  {"date": "2026:11:22", "time": None}, {"error": float("inf")}):  # fmt: skip
        told = of_exif(gps(**wrong))
        assert told is not None
        assert set(told) == {"lat", "lon", "datum", "source"}


@pytest.mark.parametrize(
    "tags",
    [{}, gps(lat=(0, 0, 0), lon=(0, 0, 0)), gps(lat=(91, 0, 0)), gps(lat=41.8), gps(lon="east"), gps(lat=(1, 2)),
     gps(lat=(float("nan"), 0, 0)), gps(lon=(None, 0, 0)), gps(lat=(10**400, 0, 0))],
)  # fmt: skip
def test_what_is_no_position(tags: dict[int, Any]) -> None:
    """What cannot be a position is none, without a fault."""
    assert of_exif(tags) is None


@pytest.mark.parametrize(
    ("tags", "lat_lon"),
    [({"location": "+41.8031+123.4659/"}, (41.8031, 123.4659)),
     ({"LOCATION-eng": "-33.5-070.6+012.3/"}, (-33.5, -70.6)),
     ({"com.apple.quicktime.location.ISO6709": "+41.8031+123.4659+050.1CRSWGS_84/"}, (41.8031, 123.4659)),
     ({"location": "my home"}, None), ({"location": "+95.0+123.0/"}, None), ({"title": "+41.8031+123.4659/"}, None)],
)  # fmt: skip
def test_tags_of_recordings(tags: dict[str, str], lat_lon: tuple[float, float] | None) -> None:
    """Recordings say it in one line (ISO 6709)."""
    found = of_tags(tags)
    assert (found and (found["lat"], found["lon"])) == lat_lon


def test_no_exif_at_all() -> None:
    """A picture without metadata has no position."""
    assert of_exif(Image.new("RGB", (1, 1)).getexif().get_ifd(0x8825)) is None
