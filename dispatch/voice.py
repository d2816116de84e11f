"""Makes the clips that consoles play: "Silent alarm. Dadongmen station.", in Chinese and English, as WAV files.

For browsers without a voice of their own. Speaks with espeak-ng's library in a process of its own, because that library
holds one state for the whole process. Never plays a sound, and never speaks anything but the names of stations.
Field's term: voice prompt.

Raises, all kinds of VoiceError:
    VoiceMissing: the library or its data is not there.
    VoiceFailed: the library is there and did not speak.
"""

import ctypes
import hashlib
import json
import os
import subprocess
import sys
import wave
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

RATE_HZ = 22_050
# Far more than it takes; only so that a library that hangs is noticed.
TIMEOUT_S = 60.0
TIMEOUT_PER_CLIP_S = 2.0
MANIFEST = "manifest.json"
# Clips are made anew when this changes: language -> (espeak-ng's voice, words a minute, what is said).
PROMPTS = {
    "zh": ("cmn", 165, "静默报警，{name}"),
    "en": ("en", 150, "Silent alarm. {name}."),
}

# From espeak-ng's speak_lib.h.
SYNCHRONOUS = 2
DO_NOT_EXIT = 0x8000
PARAMETER_WORDS_A_MINUTE = 1
TEXT_IS_UTF8 = 1
POSITION_IS_CHARACTER = 1
HEAR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

# Exit statuses of the process that speaks.
MISSING = 3
FAILED = 4


class VoiceError(Exception):
    """No clip could be made; consoles have their tone only."""


class VoiceMissing(VoiceError):
    """espeak-ng's library or its data is not there."""


class VoiceFailed(VoiceError):
    """The library is there and did not speak."""


class Clip(NamedTuple):
    """One thing to say, and the file it goes to."""

    file: str
    voice: str
    words_a_minute: int
    text: str

    @property
    def mark(self) -> str:
        """Changes whenever the file would sound different."""
        return hashlib.sha256(repr(self[1:]).encode()).hexdigest()


def make_clips(out: Path, stations: Mapping[str, Mapping[str, str]]) -> None:
    """Write `{station}.{zh|en}.wav` (16-bit mono, 22,050 Hz) for each station, skipping those already there.

    Blocks for about a tenth of a second for each clip that is made, so call it in a thread.

    Args:
        out: the folder, made when missing.
        stations: id -> {"zh": name, "en": name}; a language without a name is left out.

    Raises:
        VoiceError: see the module; clips made before stay.
        OSError: the folder can't be written.
    """
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    made = _read_manifest(out)
    wanted = list(_clips(stations))
    todo = [clip for clip in wanted if made.get(clip.file) != clip.mark or not (out / clip.file).is_file()]
    if not todo:
        return
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and no shell
            [sys.executable, "-m", "dispatch.voice", str(out)],
            input=json.dumps(todo),
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S + TIMEOUT_PER_CLIP_S * len(todo),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VoiceFailed(f"espeak-ng did not end within {error.timeout:.0f} s") from error
    if done.returncode:
        kind = VoiceMissing if done.returncode == MISSING else VoiceFailed
        raise kind(done.stderr.strip() or f"the speaking process ended with status {done.returncode}")
    _replace(out / MANIFEST, json.dumps({**made, **{clip.file: clip.mark for clip in todo}}, indent=1).encode())


def _clips(stations: Mapping[str, Mapping[str, str]]) -> Iterable[Clip]:
    for station, names in stations.items():
        if not station or Path(station).name != station:
            raise ValueError(f"a station's id names its file, and this can't: {station!r}")
        for language, (voice, words_a_minute, text) in PROMPTS.items():
            if name := names.get(language):
                yield Clip(f"{station}.{language}.wav", voice, words_a_minute, text.format(name=name))


def _read_manifest(out: Path) -> dict[str, str]:
    """What was made before; nothing when that cannot be read, and then all is made again."""
    try:
        made = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}


def _replace(path: Path, content: bytes) -> None:
    """Write the file whole or not at all; two hubs may do so at once."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)


class Speaker:
    """espeak-ng in this process. Not for threads, and only one at a time: the library's state is global."""

    def __init__(self) -> None:
        try:
            import espeakng_loader  # here, so that a hub without it starts

            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (ImportError, OSError, RuntimeError) as error:
            raise VoiceMissing(f"espeak-ng is not there: {error}") from error
        rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), DO_NOT_EXIT)
        if rate != RATE_HZ:
            raise VoiceMissing(f"espeak-ng did not start (it answered {rate})")
        self._heard = bytearray()
        self._hear = HEAR(self._take)  # kept: the library holds only a bare pointer to it
        self._library.espeak_SetSynthCallback(self._hear)

    def _take(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._heard += ctypes.string_at(samples, 2 * count)
        return 0

    def say(self, clip: Clip) -> bytes:
        """The clip's samples: 16 bits, one channel, RATE_HZ."""
        self._heard.clear()
        if self._library.espeak_SetVoiceByName(clip.voice.encode()):
            raise VoiceFailed(f"espeak-ng has no voice {clip.voice!r}")
        self._library.espeak_SetParameter(PARAMETER_WORDS_A_MINUTE, clip.words_a_minute, 0)
        text = clip.text.encode()
        refused = self._library.espeak_Synth(
            text, ctypes.c_size_t(len(text) + 1), 0, POSITION_IS_CHARACTER, 0, TEXT_IS_UTF8, None, None
        )
        if refused or not any(self._heard):
            raise VoiceFailed(f"espeak-ng said nothing for {clip.file}")
        return bytes(self._heard)


def main() -> int:
    """Make the clips that standard input lists, in the folder that the first argument names."""
    out = Path(sys.argv[1])
    try:
        speaker = Speaker()
        for clip in (Clip(*each) for each in json.load(sys.stdin)):
            # Written beside and moved, so that no console ever gets half a clip.
            new = out / f".{clip.file}.{os.getpid()}"
            with wave.open(str(new), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE_HZ)
                file.writeframes(speaker.say(clip))
            new.replace(out / clip.file)
    except VoiceError as error:
        sys.stderr.write(f"{error}\n")
        return MISSING if isinstance(error, VoiceMissing) else FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
