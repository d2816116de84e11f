"""The tables of dispatch.toml, one class each: keys, defaults, ranges. The file itself explains every key.

Never reads the configuration: `dispatch.settings` does; only whether the icon is one is looked at here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from dispatch.alarm.faults import Table
from dispatch.notify.section import Notify
from dispatch.routing.boundaries import OtherWay, Words
from dispatch.store.embedded import MEMORY_SHARE


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", value):
        raise ValueError('must be an origin such as "https://dispatch.example.org": lower case, no path')
    return value


def _store(value: str) -> str:
    if value and not re.match(r"(unix|rediss?(\+sentinel|\+cluster)?)://.", value):
        raise ValueError(
            'must be "" for the embedded store, or redis://, rediss:// (TLS), unix://, redis+sentinel:// or'
            " redis+cluster:// and the address"
        )
    return value


def _holds_a_chunk(value: int, info: ValidationInfo) -> int:
    least = info.data.get("chunk_bytes", 0) + 4096
    if value < least:
        raise ValueError(f"must be at least {least}: a chunk (limits.chunk_bytes) and 4096 for what is around it")
    return value


def _holds_polls(value: float, info: ValidationInfo) -> float:
    least = 2 * info.data.get("poll_s", 0)
    if value < least:
        raise ValueError(f"must be at least {least:g}: two looks (timer.poll_s), or a hub loses its own lease")
    return value


def _not_above(value: int, info: ValidationInfo) -> int:
    most = info.data.get("more_than", value)
    if value > most:
        raise ValueError(f"must be at most {most} (flood.more_than), or a flood would end while it begins")
    return value


def _icon(value: str) -> str:
    try:
        head = Path(value).read_bytes()[:24] if value else b""
    except OSError as fault:
        raise ValueError(f"must be a file that can be read: {fault.strerror}") from None
    width, height = (int.from_bytes(head[i : i + 4]) for i in (16, 20))
    if value and (head[:8] != b"\x89PNG\r\n\x1a\n" or (width, height) != (512, 512)):
        raise ValueError('must be "" or the path of a PNG file of 512 x 512 pixels')
    return value


def _tiles(value: str) -> str:
    if re.match(r"https?://", value):
        origin = value.partition("//")[2].partition("/")[0]
        if not re.fullmatch(r"[a-z0-9.\-\[\]:]+", origin) or not all(part in value for part in ("{z}", "{x}", "{y}")):
            raise ValueError("must have a host in lower case and, after it, {z}, {x} and {y}")
        return value
    try:
        with Path(value or "/dev/null").open("rb") as file:
            head = file.read(127)
    except OSError as fault:
        raise ValueError(f"must be a file that can be read: {fault.strerror}") from None
    if value and (head[:8] != b"PMTiles\x03" or len(head) < 127):
        raise ValueError('must be "", an http(s):// address with {z}, {x} and {y}, or a PMTiles file of version 3')
    if value and head[99] not in _PICTURES:
        raise ValueError("must be a PMTiles file of pictures (PNG, JPEG, WebP or AVIF): vector tiles are not drawn")
    return value


_PICTURES = (2, 3, 4, 5)
"""The types of tiles in a PMTiles file that are pictures."""


class Serve(Table):
    host: str = Field(default="127.0.0.1", min_length=1, description="an address or a host name")
    port: int = Field(default=8787, ge=0, le=65535)
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(default=(), strict=False, description="a list")
    demo: bool = True
    shutdown_s: float = Field(default=5, ge=0, le=600)
    workers: int = Field(default=1, ge=1, le=256)
    head_bytes: int = Field(default=16_384, ge=8192, le=1_048_576)
    head_s: float = Field(default=10, ge=1, le=300)
    control_frames: int = Field(default=500, ge=100, le=100_000)
    fragments: int = Field(default=1024, ge=16, le=65_536)
    slow_bytes_s: int = Field(default=64, ge=1, le=65_536)
    slow_s: int = Field(default=30, ge=5, le=600)
    stalled_s: int = Field(default=120, ge=10, le=3600)
    held_bytes: int = Field(default=134_217_728, ge=16_777_216, le=107_374_182_400)
    connections: int = Field(default=0, ge=0, le=1_000_000)
    kept_files: int = Field(default=256, ge=32, le=100_000)


class Store(Table):
    url: Annotated[str, AfterValidator(_store)] = Field(default="", repr=False)
    allow: tuple[Literal["appendonly", "appendfsync", "maxmemory-policy", "version"], ...] = Field(
        default=(),
        strict=False,
        description="a list of settings of the store that are accepted though they can lose alarms",
    )

    prefix: str = Field(
        default="dispatch", pattern=r"^[a-z][a-z0-9-]{0,63}$", description="1 to 64 of a-z, 0-9 and -, a letter first"
    )
    partitions: int = Field(default=1, ge=1, le=1024)
    replicas: int = Field(default=0, ge=0, le=10)
    replica_sync: Literal["disk", "memory"] = Field(default="disk", description='"disk" or "memory"')
    replica_wait_ms: int = Field(default=1000, ge=10, le=10_000)
    check_s: float = Field(default=60, ge=1, le=60)
    memory_share: float = Field(default=MEMORY_SHARE, ge=0.05, le=0.95)
    warn_share: float = Field(default=0.7, ge=0.1, le=0.95)


class Media(Table):
    url: str = Field(
        default="", pattern=r"^((s3|gs|az)://.+)?$", description='"" for the data folder, or s3://, gs://, az://'
    )
    key: str = Field(default="", pattern=r"^([0-9a-fA-F]{64})?$", repr=False, description='64 hex digits, or ""')
    answer_s: float = Field(default=10, ge=1, le=300)
    workers: int = Field(default=1, ge=1, le=64)
    original_bytes: int = Field(default=134_217_728, ge=1_048_576, le=2_147_483_648)
    copy_bytes: int = Field(default=67_108_864, ge=1_048_576, le=1_073_741_824)
    memory_bytes: int = Field(default=1_073_741_824, ge=536_870_912, le=17_179_869_184)
    cpu_s: int = Field(default=180, ge=5, le=3600)
    wall_s: int = Field(default=300, ge=10, le=7200)
    pixels: int = Field(default=64_000_000, ge=1_000_000, le=1_000_000_000)
    audio_s: int = Field(default=3600, ge=60, le=86_400)
    cut_after_s: float = Field(default=120, ge=1, le=3600)
    live_workers: int = Field(default=16, ge=0, le=256)
    live_gap_s: float = Field(default=2, ge=0.1, le=60)
    live_linger_s: float = Field(default=30, ge=5, le=600)


class Limits(Table):
    text_chars: int = Field(default=4000, ge=100, le=100_000)
    say_per_alarm: int = Field(default=500, ge=10, le=100_000)
    say_bytes: int = Field(default=2_097_152, ge=65_536, le=1_073_741_824)
    questions_per_alarm: int = Field(default=200, ge=10, le=10_000)
    place_chars: int = Field(default=300, ge=50, le=10_000)
    name_chars: int = Field(default=64, ge=16, le=256)
    note_chars: int = Field(default=2000, ge=100, le=100_000)
    reason_chars: int = Field(default=500, ge=20, le=10_000)
    choices: int = Field(default=6, ge=4, le=20)
    track_positions: int = Field(default=100, ge=0, le=1000)
    needs: int = Field(default=8, ge=1, le=100)
    check_in_least_s: int = Field(default=60, ge=10, le=3600)
    check_in_most_s: int = Field(default=86_400, ge=3600, le=604_800)
    chunk_bytes: int = Field(default=262_144, ge=1024, le=262_144)
    chunks_per_media: int = Field(default=2400, ge=1, le=100_000)
    media_per_alarm: int = Field(default=40, ge=1, le=10_000)
    kept_disk_bytes: int = Field(default=536_870_912, ge=0, le=1_099_511_627_776)
    copies_waiting: int = Field(default=10_000, ge=1, le=1_000_000)
    media_bytes: int = Field(default=104_857_600, ge=1_048_576, le=10_737_418_240)
    form_bytes: int = Field(default=52_428_800, ge=1_048_576, le=1_073_741_824)
    spool_bytes: int = Field(default=268_435_456, ge=16_777_216, le=107_374_182_400)
    spool_forms: int = Field(default=64, ge=4, le=4096)
    frame_bytes: Annotated[int, AfterValidator(_holds_a_chunk)] = Field(default=1_048_576, ge=4096, le=16_777_216)
    console_buffer_bytes: int = Field(default=1_048_576, ge=65_536, le=268_435_456)
    ring_events: int = Field(default=2048, ge=16, le=1_000_000)
    sender_alarms: int = Field(default=10, ge=1, le=100_000)
    sender_every_s: float = Field(default=60, ge=0.01, le=86_400)
    all_alarms: int = Field(default=120, ge=1, le=1_000_000)
    all_every_s: float = Field(default=0.5, ge=0.0001, le=3600)
    marked_per_s: float = Field(default=20, ge=0.1, le=10_000)
    alarm_messages: int = Field(default=200, ge=10, le=100_000)
    alarm_every_s: float = Field(default=0.5, ge=0.0001, le=60)
    find_looks: int = Field(default=2000, ge=10, le=1_000_000)
    find_page: int = Field(default=50, ge=1, le=1000)
    find_chars: int = Field(default=200, ge=10, le=10_000)
    find_within_m: int = Field(default=20_000, ge=100, le=1_000_000)
    sign_in_attempts: int = Field(default=10, ge=1, le=1000)
    sign_in_window_s: float = Field(default=300, ge=1, le=86_400)


class Console(Table):
    beat_s: float = Field(default=5, ge=0.5, le=5)
    silent_after_s: float = Field(default=15, ge=11, le=300)
    ready_lapse_s: float = Field(default=15, ge=11, le=300)
    comeback_s: float = Field(default=5, ge=0, le=11)
    admission: int = Field(default=8, ge=1, le=128)
    owner_lost_s: float = Field(default=30, ge=20, le=600)
    grace_s: float = Field(default=20, ge=0, le=300)
    undo_close_s: float = Field(default=10, ge=0, le=120)


class Flood(Table):
    more_than: int = Field(default=10, ge=1, le=10_000)
    less_than: Annotated[int, AfterValidator(_not_above)] = Field(default=5, ge=1, le=10_000)
    window_s: float = Field(default=600, ge=10, le=86_400)


class Citizen(Table):
    exit_url: str = Field(
        default="https://www.baidu.com/", pattern=r"^https?://[^\s<>\"]+$", description="an https:// address"
    )
    title: Words = Words(zh="天气", en="Weather")
    other_ways: tuple[OtherWay, ...] = Field(
        default=(
            OtherWay(label=Words(zh="发短信到 12110", en="Text 12110"), href="sms:12110"),
            OtherWay(label=Words(zh="拨打 110", en="Call 110"), href="tel:110"),
        ),
        strict=False,
        description="a list of tables with label and href",
    )
    name_officers: bool = False
    install: bool = False
    icon: Annotated[str, AfterValidator(_icon)] = ""


class Map(Table):
    tiles: Annotated[str, AfterValidator(_tiles)] = Field(
        default="", repr=False, description='"", an address with {z}, {x} and {y}, or the path of a PMTiles file'
    )
    attribution: str = Field(default="", max_length=300)
    datum: Literal["wgs84", "gcj02"] = Field(default="wgs84", description='"wgs84" or "gcj02"')
    most_zoom: int = Field(default=18, ge=1, le=22)

    @property
    def remote(self) -> bool:
        """Whether the tiles are somebody else's to serve."""
        return self.tiles.startswith(("http://", "https://"))


class Session(Table):
    hours: float = Field(default=12, ge=0.25, le=720)
    device_days: int = Field(default=180, ge=0, le=400)
    hash_threads: int = Field(default=2, ge=1, le=64)
    hash_waiting: int = Field(default=64, ge=4, le=10_000)


class Log(Table):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description='"debug", "info", "warning" or "error"'
    )


class Nearby(Table):
    lapse_s: float = Field(default=120, ge=30, le=3600)
    coarse_m: float = Field(default=300, ge=100, le=5000)
    listed: int = Field(default=50, ge=1, le=1000)
    nearest: int = Field(default=3, ge=1, le=100)
    most_nearest: int = Field(default=10, ge=1, le=100)
    helpers_per_alarm: int = Field(default=30, ge=1, le=1000)


class Retention(Table):
    alarm_days: int = Field(default=365, ge=0, le=36_500)
    tip_days: int = Field(default=180, ge=0, le=36_500)
    practice_days: int = Field(default=1, ge=0, le=36_500)
    rewrite_every_s: float = Field(default=3600, ge=60, le=604_800)


class Timer(Table):
    poll_s: float = Field(default=0.5, ge=0.05, le=1)
    lease_s: Annotated[float, AfterValidator(_holds_polls)] = Field(default=1.5, ge=0.2, le=2)


class Dispatch(Table):
    """All of dispatch.toml; what is left out has its default."""

    serve: Serve = Serve()
    store: Store = Store()
    media: Media = Media()
    limits: Limits = Limits()
    console: Console = Console()
    flood: Flood = Flood()
    citizen: Citizen = Citizen()
    map: Map = Map()
    session: Session = Session()
    log: Log = Log()
    timer: Timer = Timer()
    retention: Retention = Retention()
    notify: Notify = Notify()
    nearby: Nearby = Nearby()
