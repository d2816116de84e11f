"""Where a photo or recording says that it was made, from its own metadata. Pure; runs in the worker only.

Officers are told it as what it is, "from the photo": not where the citizen is now. It is in no copy and in no log.
Field's terms: EXIF GPS, geotag, ISO 6709.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_NORTH, _LATITUDE, _EAST, _LONGITUDE, _TIME, _DATE, _ERROR_M = 1, 2, 3, 4, 7, 29, 31
"""Numbers of the tags in the EXIF GPS directory."""
_ISO_6709 = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?(?:CRS\w+)?/?")
_TAGS = ("location", "com.apple.quicktime.location.iso6709", "location-eng")
_DIGITS = 7  # a centimetre


def of_exif(gps: Mapping[int, Any]) -> dict[str, Any] | None:
    """The position in an EXIF GPS directory; None when it has none that can be one."""
    try:
        lat = _degrees(gps[_LATITUDE]) * (-1 if _first(gps.get(_NORTH)) == "S" else 1)
        lon = _degrees(gps[_LONGITUDE]) * (-1 if _first(gps.get(_EAST)) == "W" else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    found = _position(lat, lon, "photo")
    if found is None:
        return None
    about = {"accuracy_m": _metres(gps.get(_ERROR_M)), "at": _instant(gps.get(_DATE), gps.get(_TIME))}
    return found | {name: value for name, value in about.items() if value is not None}


def of_tags(tags: Mapping[str, str]) -> dict[str, Any] | None:
    """The position among the tags of a recording (ISO 6709: `+41.8031+123.4659/`)."""
    lower = {name.lower(): value for name, value in tags.items()}
    for name in _TAGS:
        if part := _ISO_6709.fullmatch(lower.get(name, "").strip()):
            return _position(float(part[1]), float(part[2]), "recording")
    return None


def _position(lat: float, lon: float, source: str) -> dict[str, Any] | None:
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    if lat == lon == 0:
        return None  # what a camera writes that does not know
    return {"lat": round(lat, _DIGITS), "lon": round(lon, _DIGITS), "datum": "wgs84", "source": source}


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _first(text: Any) -> str:
    return text.decode("ascii", "replace")[:1] if isinstance(text, bytes) else str(text or "")[:1]


def _metres(value: Any) -> float | None:
    try:
        metres = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return round(metres, 1) if math.isfinite(metres) and 0 < metres <= 1e6 else None


def _instant(date: Any, time: Any) -> str | None:
    """RFC 3339, from `YYYY:MM:DD` and (hours, minutes, seconds), both in UTC."""
    try:
        year, month, day = (int(part) for part in str(date).strip("\0 ").split(":"))
        hours, minutes, seconds = (float(part) for part in time)
        moment = datetime(year, month, day, int(hours), int(minutes), int(seconds), tzinfo=UTC)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
