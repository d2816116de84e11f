"""A browser without a voice can still say whose alarm it is."""

import array
import math
import os
import sys
import wave
from pathlib import Path

import pytest

from dispatch import voice

STATIONS = {
    "dadongmen": {"zh": "大东门派出所", "en": "Dadongmen station"},
    "wanquan": {"zh": "万泉派出所", "en": "Wanquan station"},
}
FILES = [f"{station}.{language}.wav" for station in STATIONS for language in ("zh", "en")]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("voice")
    voice.make_clips(out, STATIONS)
    return out


def samples(path: Path) -> "array.array[int]":
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
        return array.array("h", file.readframes(file.getnframes()))


@pytest.mark.parametrize("name", FILES)
def test_clip_is_spoken(clips: Path, name: str) -> None:
    """Every station has a clip in each language: 1 to 5 seconds, clearly audible, not cut off by overload."""
    heard = samples(clips / name)
    assert 1 <= len(heard) / 22_050 <= 5
    assert math.sqrt(sum(x * x for x in heard) / len(heard)) > 1_000
    assert sum(abs(x) >= 32_767 for x in heard) < len(heard) / 1_000


def test_clips_differ(clips: Path) -> None:
    """Stations and languages can be told apart."""
    assert len({(clips / name).read_bytes() for name in FILES}) == len(FILES)


def test_clips_that_are_there_stay(tmp_path: Path) -> None:
    """A second start makes nothing; a changed name, or a lost file, is made anew, and only that."""
    voice.make_clips(tmp_path, STATIONS)
    before = {name: (tmp_path / name).stat().st_ino for name in FILES}
    voice.make_clips(tmp_path, STATIONS)
    assert {name: (tmp_path / name).stat().st_ino for name in FILES} == before
    old = (tmp_path / "wanquan.en.wav").read_bytes()
    (tmp_path / "dadongmen.en.wav").unlink()
    voice.make_clips(tmp_path, {**STATIONS, "wanquan": {"zh": "万泉派出所", "en": "Ten Thousand Springs station"}})
    assert (tmp_path / "wanquan.en.wav").read_bytes() != old
    assert (tmp_path / "dadongmen.en.wav").is_file()
    assert (tmp_path / "dadongmen.zh.wav").stat().st_ino == before["dadongmen.zh.wav"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_broken_manifest_is_no_obstacle(tmp_path: Path) -> None:
    """A manifest that can't be read costs only the time to speak again."""
    (tmp_path / voice.MANIFEST).write_text("{", encoding="utf-8")
    voice.make_clips(tmp_path, {"dadongmen": {"en": "Dadongmen station"}})
    assert samples(tmp_path / "dadongmen.en.wav")
    assert not (tmp_path / "dadongmen.zh.wav").exists()


def test_missing_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without espeak-ng the caller learns it in words, can log them, and goes on."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "espeakng_loader.py").write_text('raise ImportError("hidden for this test")\n', encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(hidden), *filter(None, sys.path)]))
    with pytest.raises(voice.VoiceMissing, match="espeak-ng is not there: hidden for this test"):
        voice.make_clips(tmp_path / "out", STATIONS)


@pytest.mark.parametrize("station", ["../up", "a/b", ""])
def test_odd_station_is_refused(tmp_path: Path, station: str) -> None:
    """A station's id never leads out of the folder."""
    with pytest.raises(ValueError, match="names its file"):
        voice.make_clips(tmp_path / "out", {station: {"en": "Up"}})
