"""The copy that officers see has the picture or the sound, and not one byte of anything else."""

import io
import json
import shutil
import subprocess
import wave

import av
import pytest
from av.audio.frame import AudioFrame
from PIL import Image, ImageChops, ImageOps, ImageStat

from tests.media.conftest import House, Sent

PHOTOS = ["photo-gps-rotated.jpg", "photo-gps.heic", "photo.webp", "photo-text-chunk.png", "bad-truncated.jpg"]
VOICES = ["voice-zh.webm", "voice-en.m4a", "voice-zh.amr"]
TELLING = (
    b"Owner",
    b"SERIAL",
    b"Phone",
    b"Exif",
    b"GPS",
    b"http",
    b"words that",
    b"Lavf",
    b"Lavc",
    b"+41.8",
    b"ICC_PROF",
)


def markers(jpeg: bytes) -> list[int]:
    """The kinds of the segments of a JPEG before its scan, and that nothing follows its end."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        found.append(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    assert jpeg.endswith(b"\xff\xd9")
    return found


def boxes(mp4: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(mp4):
        found.append(mp4[at + 4 : at + 8])
        at += int.from_bytes(mp4[at : at + 4])
    return found


def exiftool(data: bytes) -> dict[str, object]:
    """What a tool that is not ours finds; nothing where there is no such tool (the bytes are searched anyway)."""
    tool = shutil.which("exiftool")
    if tool is None:
        return {}
    told = subprocess.run([tool, "-json", "-G1", "-a", "-u", "-"], input=data, capture_output=True, check=True)
    return dict(json.loads(told.stdout)[0])


def sound(data: bytes) -> list[AudioFrame]:
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(audio=0))


def loudness(data: bytes) -> list[float]:
    """The mean amplitude of each half second."""
    samples: list[float] = []
    rate = 0
    for frame in sound(data):
        rate = frame.sample_rate
        samples += memoryview(frame.planes[0]).cast("B").cast("f")[: frame.samples].tolist()
    half = rate // 2
    return [sum(map(abs, samples[at : at + half])) / half for at in range(0, len(samples) - half, half)]


@pytest.mark.parametrize("name", PHOTOS)
async def test_photos_have_no_metadata(house: House, copied: Sent, name: str) -> None:
    """A photo's copy is a JPEG of pixels: no EXIF, no position, no profile, no text, nothing after its end."""
    alarm = await copied(name)
    assert (await house.item(alarm))["state"] == "ready"
    copy = await house.copy(alarm)
    assert [telling for telling in TELLING if telling in copy] == []
    assert set(markers(copy)) <= {0xE0, 0xDB, 0xC0, 0xC4}  # JFIF, tables, the frame
    groups = {name.partition(":")[0] for name in exiftool(copy)}
    assert groups <= {"SourceFile", "ExifTool", "System", "File", "JFIF", "Composite"}


@pytest.mark.parametrize("name", PHOTOS)
async def test_the_small_photo(house: House, copied: Sent, name: str) -> None:
    """Every photo is there a second time: the same picture, 320 pixels long, some kilobytes, nothing but pixels."""
    alarm = await copied(name)
    item = await house.item(alarm)
    assert item["copies"] == ["large", "small"]
    assert await house.copy(alarm, which="large") == await house.copy(alarm)
    data = await house.copy(alarm, which="small")
    assert len(data) < 12_000
    assert [telling for telling in TELLING if telling in data] == []
    assert [data[at : at + 4] for at in (0, 8, 12)] == [b"RIFF", b"WEBP", b"VP8 "]  # one frame, no further parts
    assert int.from_bytes(data[16:20], "little") + 20 == len(data)
    small, large = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(await house.copy(alarm)))
    assert max(small.size) == min(320, max(large.size))
    assert max(ImageStat.Stat(ImageChops.difference(small, large.resize(small.size))).mean) < 6


async def test_orientation_is_applied(house: House, copied: Sent) -> None:
    """A photo taken with the phone held upright stands upright, by its pixels."""
    alarm = await copied("photo-gps-rotated.jpg")
    copy = Image.open(io.BytesIO(await house.copy(alarm)))
    upright = ImageOps.exif_transpose(Image.open(house.fixtures / "photo-gps-rotated.jpg"))
    assert copy.size == upright.size == (1600, 1066)
    assert max(ImageStat.Stat(ImageChops.difference(copy, upright)).mean) < 3
    item = await house.item(alarm)
    assert (item["copy"], item["width"], item["height"]) == ("image/jpeg", 1600, 1066)


async def test_large_photos_are_made_smaller(house: House) -> None:
    """The long edge of a copy is 1600 pixels."""
    data = io.BytesIO()
    Image.linear_gradient("L").resize((4000, 1000)).save(data, "PNG")
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, data.getvalue(), "photo", "image/png")
    await house.chunks.end(alarm, "m1", 1)
    assert await house.copies.step()
    assert Image.open(io.BytesIO(await house.copy(alarm))).size == (1600, 400)


@pytest.mark.parametrize(
    ("name", "size"), [("photo-gps.heic", (640, 427)), ("photo.webp", (451, 300)), ("photo-text-chunk.png", (300, 200))]
)
async def test_every_phone_can_be_read(house: House, copied: Sent, name: str, size: tuple[int, int]) -> None:
    """What an iPhone or an Android phone sends becomes a JPEG that every console can show."""
    alarm = await copied(name)
    copy = Image.open(io.BytesIO(await house.copy(alarm)))
    assert (copy.format, copy.size) == ("JPEG", size)
    assert max(ImageStat.Stat(copy).stddev) > 10  # a picture, not a plane


async def test_a_truncated_photo_is_shown_as_far_as_it_goes(house: House, copied: Sent) -> None:
    """What arrived of a photo that was cut off is there, in its right place."""
    part = Image.open(io.BytesIO(await house.copy(await copied("bad-truncated.jpg"))))
    whole = ImageOps.exif_transpose(Image.open(house.fixtures / "photo-gps-rotated.jpg"))
    assert part.size == whole.size
    arrived = (1600 - 300, 0, 1600, 1066)  # the first rows of a picture that is turned right lie at its right side
    assert max(ImageStat.Stat(ImageChops.difference(part.crop(arrived), whole.crop(arrived))).mean) < 4


@pytest.mark.parametrize(
    ("name", "seconds"), [("voice-zh.webm", 10.37), ("voice-en.m4a", 4.18), ("voice-zh.amr", 10.38)]
)
async def test_every_recording_can_be_played(house: House, copied: Sent, name: str, seconds: float) -> None:
    """A recording of any phone becomes AAC in MP4: one channel, at most 48 kHz, its index first, its length right."""
    alarm = await copied(name)
    item = await house.item(alarm)
    assert (item["state"], item["copy"], item["copies"]) == ("ready", "audio/mp4", ["mp4", "webm"])
    assert item["duration_s"] == pytest.approx(seconds, abs=0.05)
    with av.open(io.BytesIO(await house.copy(alarm, which="webm")), "r", format="matroska") as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.layout.name) == ("opus", "mono")  # type: ignore[attr-defined]
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(seconds, abs=0.1)
    copy = await house.copy(alarm)
    assert boxes(copy).index(b"moov") < boxes(copy).index(b"mdat")
    with av.open(io.BytesIO(copy), "r") as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.layout.name) == ("aac", "mono")  # type: ignore[attr-defined]
        assert stream.codec_context.sample_rate <= 48000  # type: ignore[attr-defined]
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("name", VOICES)
async def test_recordings_have_no_tags(house: House, copied: Sent, name: str) -> None:
    """A recording's copies have no place, no program's name, no tag."""
    alarm = await copied(name)
    opus = await house.copy(alarm, which="webm")
    assert [telling for telling in TELLING if telling in opus] == []
    assert not [name for name in exiftool(opus) if "GPS" in name or "Location" in name or "Encoder" in name]
    copy = await house.copy(alarm)
    assert [telling for telling in TELLING if telling in copy] == []
    assert copy[copy.index(b"ilst") - 4 :].startswith(b"\x00\x00\x00\x08ilst")  # the list of tags is empty
    assert b"\xa9xyz" not in copy
    assert not [name for name in exiftool(copy) if "GPS" in name or "Location" in name or "Encoder" in name]
    with av.open(io.BytesIO(copy), "r") as container:
        assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands"}


async def test_a_wav(house: House) -> None:
    """Sound that was never encoded is read too: half a second of silence, then half a second that is loud."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(bytes(88200) + b"\x00\x40" * 44100)
    alarm = await house.raises()
    parts = [data.getvalue()[at : at + 65_536] for at in range(0, len(data.getvalue()), 65_536)]
    for seq, part in enumerate(parts):
        await house.chunks.put(alarm, "m1", seq, part, "audio", "audio/wav")
    await house.chunks.end(alarm, "m1", len(parts))
    assert await house.copies.step()
    item = await house.item(alarm)
    assert (item["state"], item["duration_s"]) == ("ready", pytest.approx(1, abs=0.02))
    peaks = (await house.found(alarm))["peaks"]
    assert max(peaks[: len(peaks) // 3]) <= 1
    assert min(peaks[2 * len(peaks) // 3 :]) > 20


async def test_wechat_voice_is_heard_to_its_end(house: House, copied: Sent) -> None:
    """The pauses that WeChat's AMR leaves out are pauses in the copy, and what is said after them is there, in time."""
    amr = loudness(await house.copy(await copied("voice-zh.amr")))
    webm = loudness(await house.copy(await copied("voice-zh.webm")))
    assert abs(len(amr) - len(webm)) <= 1
    opus = loudness(await house.copy(await copied("voice-zh.amr"), which="webm"))
    assert max(abs(a - b) for a, b in zip(amr, opus, strict=False)) < 0.02
    spoken = [half for half, level in enumerate(webm) if level > 0.02]
    assert spoken[-1] > 14
    assert [half for half in spoken if half < len(amr) and amr[half] < 0.005] == []


async def test_peaks(house: House, copied: Sent) -> None:
    """A recording's loudness comes with it, in a hundred numbers: high where there is speech, none in its pauses."""
    alarm = await copied("voice-zh.webm")
    peaks = (await house.found(alarm))["peaks"]
    assert len(peaks) == 100
    assert max(peaks) > 50
    levels = loudness(await house.copy(alarm))
    for half, level in enumerate(levels):
        part = peaks[round(half * 100 / 20.74) : round((half + 1) * 100 / 20.74)]
        assert max(part) > 100 * level
        assert level > 0.005 or max(part) < 30


async def test_a_cut_recording_is_whole_up_to_the_cut(house: House) -> None:
    """A recording whose page died is a recording up to there."""
    data = house.bytes_of("voice-zh.webm")[:12_000]
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, data, "audio", "audio/webm")
    await house.chunks.end(alarm, "m1", 1)
    assert await house.copies.step()
    item = await house.item(alarm)
    assert item["state"] == "ready"
    assert 3 < item["duration_s"] < 8


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad-html.jpg", "unknown_format"),
        ("bad-script.svg", "unknown_format"),
        ("bad-bomb.png", "too_many_pixels"),
        ("bad-truncated.webm", "broken"),
    ],
)
async def test_unreadable_is_said_and_kept(house: House, copied: Sent, name: str, reason: str) -> None:
    """What cannot be shown is marked so with the reason, has no copy, and its original stays as it came."""
    alarm = await copied(name)
    item = await house.item(alarm)
    assert (item["state"], item["reason"]) == ("unreadable", reason)
    assert await house.original(alarm) == house.bytes_of(name)
    assert not await house.copies.step()
    assert all("copy-" not in str(file) for file in house.files())


async def test_a_photo_cut_before_its_pixels(house: House) -> None:
    """A photo of which only the head arrived is not shown as a plane of one colour."""
    png = house.bytes_of("photo-text-chunk.png")
    head = png[: png.index(b"IDAT") + 12]
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, head, "photo", "image/png")
    await house.chunks.end(alarm, "m1", 1)
    assert await house.copies.step()
    assert (await house.item(alarm))["reason"] == "truncated"
