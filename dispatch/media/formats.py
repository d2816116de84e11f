"""What a photo or recording is, by its first bytes: never by its name, nor by the type that its sender says. Pure.

Decodes nothing, so the hub may ask it: what a worker is to make of a file follows from it. What is not known here is
what its sender says, and kept all the same. Field's terms: magic number, content sniffing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_BYTES = 16
_MIME = re.compile(r"(?:image|audio|video|application)/[a-z0-9][a-z0-9.+-]{0,63}")
_PHOTO_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
    **dict.fromkeys((b"mif1", b"mif2", b"msf1"), "image/heif"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
}
_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"mdat", b"wide", b"free", b"skip")
"""What a file of the MP4 family may begin with; QuickTime's older ones have no `ftyp`."""
_ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"


@dataclass(frozen=True, slots=True)
class Form:
    """`kind` is photo or audio; `reader` the one that sound is read with, nothing is probed; empty for photos."""

    kind: str
    mime: str
    reader: str = ""


def _sound(reader: str, mime: str) -> Form:
    return Form("audio", mime, reader)


_STARTS = (
    (b"\xff\xd8\xff", Form("photo", "image/jpeg")),
    (b"\x89PNG\r\n\x1a\n", Form("photo", "image/png")),
    (b"GIF8", Form("photo", "image/gif")),
    (b"\x1aE\xdf\xa3", _sound("matroska", "audio/webm")),
    (b"OggS", _sound("ogg", "audio/ogg")),
    (b"#!AMR-WB", _sound("amr", "audio/amr-wb")),
    (b"#!AMR", _sound("amr", "audio/amr")),
    (b"fLaC", _sound("flac", "audio/flac")),
    (b"caff", _sound("caf", "audio/x-caf")),
    (_ASF, _sound("asf", "audio/x-ms-wma")),
)


def form_of(data: bytes) -> Form | None:
    """What begins with `data`, of which `HEAD_BYTES` are enough; None for what is not known."""
    head = data[:HEAD_BYTES]
    for start, form in _STARTS:
        if head.startswith(start):
            return form
    if head[4:8] == b"ftyp" and (mime := _PHOTO_BRANDS.get(head[8:12])):
        return Form("photo", mime)
    if head[4:8] in _BOXES:
        return _sound("mp4", "audio/3gpp" if head[8:10] == b"3g" else "audio/mp4")
    if head.startswith((b"RIFF", b"RF64")):
        forms = {b"WEBP": Form("photo", "image/webp"), b"WAVE": _sound("wav", "audio/wav")}
        return forms.get(head[8:12])
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return _sound("aiff", "audio/aiff")
    if head.startswith(b"ID3"):
        return _after_tag(data) or _sound("mp3", "audio/mpeg")
    return _stream(head)


def _after_tag(data: bytes) -> Form | None:
    """What follows an ID3 tag, where that far is known: mostly MP3, and sometimes FLAC or AAC."""
    if len(data) < 10:
        return None
    size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    rest = data[10 + size : 10 + size + HEAD_BYTES]
    return None if rest.startswith(b"ID3") else form_of(rest)


def _stream(head: bytes) -> Form | None:
    """Sound without a container: frames that begin with eleven or twelve bits set."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    return _sound("aac", "audio/aac") if head[1] & 0xF6 == 0xF0 else _sound("mp3", "audio/mpeg")


def kind_said(mime: str) -> str | None:
    """`photo` or `audio` by the content type that its sender says; None for what is neither."""
    main = mime.partition("/")[0].strip().lower()
    return "photo" if main == "image" else "audio" if main in ("audio", "video") else None


def bare(mime: str) -> str:
    """The content type without its parameters; `application/octet-stream` for what is none, or no medium's."""
    essence = mime.partition(";")[0].strip().lower()
    return essence if _MIME.fullmatch(essence) else "application/octet-stream"
