"""`dispatch send`: an alarm from the command line, as a citizen would raise it.

Here its arguments are checked, before anything is sent; `raising` sends. Exit status 0, or 2 with the reason.
"""

from __future__ import annotations

import asyncio
import math
import sys
from pathlib import Path

import click


class LatLon(click.ParamType[tuple[float, float]]):
    """Two numbers with a comma: latitude, longitude."""

    name = "lat,lon"

    def convert(
        self, value: str | tuple[float, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        if not isinstance(value, str):
            return value
        try:
            lat, lon = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} must be LAT,LON, such as 41.797,123.462", param, ctx)
        if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            hint = "; latitude comes first" if abs(lat) > 90 >= abs(lon) else ""
            self.fail(f"{value!r} must be a latitude of -90 to 90 and a longitude of -180 to 180{hint}", param, ctx)
        return lat, lon


class MediaFile(click.Path):
    """A photo or a recording. Whatever it holds is sent: what nobody can open is kept all the same."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, readable=True, path_type=Path)
        self.name = "file"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)  # type: ignore[arg-type]
        assert isinstance(path, Path)  # noqa: S101 - said by path_type
        if not path.stat().st_size:
            self.fail(f"{path}: it is empty; there is nothing to send", param, ctx)
        return path


@click.command()
@click.option("--url", envvar="DISPATCH_URL", default="http://127.0.0.1:8787", show_default=True, help="The server.")
@click.option("--text", help="What happens.")
@click.option("--photo", "photos", type=MediaFile(), multiple=True, help="A photo; may be given several times.")
@click.option("--audio", type=MediaFile(), help="A recording.")
@click.option("--at", type=LatLon(), metavar="LAT,LON", help="Where, in degrees (WGS 84).")
@click.option("--needs", multiple=True, metavar="NEED", help="Such as deaf, blind, signs, text_only; several times.")
@click.option("--lang", metavar="LANG", help="The citizen's language, such as zh or en.")
@click.option("--practice", is_flag=True, help="A practice alarm: stored, and nobody is called.")
@click.option("--follow", is_flag=True, help="Tell what becomes of it, until it is closed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.option("--wait", "wait_s", type=click.FloatRange(0.1, 3600), default=30, show_default=True, metavar="SECONDS",
              help="How long to try while the server does not answer.")  # fmt: skip
def send(url: str, text: str | None, photos: tuple[Path, ...], audio: Path | None, at: tuple[float, float] | None,
         needs: tuple[str, ...], lang: str | None, practice: bool, follow: bool, as_json: bool,
         wait_s: float) -> None:  # fmt: skip
    """Raise an alarm. It needs nothing: an empty alarm is an alarm.

    Returns when it is stored, and with --follow when it is closed. Ctrl-C ends the following, not the alarm.
    """
    from dispatch.cli import raising  # here, because a hub needs none of the client

    wanted = raising.Wanted(
        url=url, text=text, position=at, needs=needs, lang=lang, kind="practice" if practice else "alarm",
        photos=photos, audio=audio, follow=follow and not practice, wait_s=wait_s,
    )  # fmt: skip
    show = raising.Json() if as_json else raising.Lines(url)
    try:
        reasons = asyncio.run(raising.send(wanted, show))
    except KeyboardInterrupt:
        reasons = ["Stopped by Ctrl-C. An alarm that is stored stays as it is; it is not cancelled."]
    if reasons:
        click.echo("\n".join(reasons), err=True)
        sys.exit(2)
