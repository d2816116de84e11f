"""A photo as its sterile copies, one to look at (JPEG) and a small one for lists and slow lines (WebP). In a worker.

Upright, and nothing but pixels: never a byte of the original, each copy is encoded from pixels moved to a new picture.
Field's term: sanitisation, content disarm and reconstruction.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import pillow_heif
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from dispatch.media import places
from dispatch.media.unreadable import Unreadable

# Every decoder that is needed is imported before the process is shut in.
PLUGINS = (
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF")
"""AVIF before HEIF: both may call themselves `mif1`, and the second would take what it cannot decode."""
LONG_EDGE, QUALITY = 1600, 82
SMALL_EDGE, SMALL_QUALITY = 320, 60
_DRAFTED = 4
"""How many more pixels a JPEG may have (phones send 200 million): it is decoded at a fraction of its size."""
_GPS = 0x8825
_SRGB = ImageCms.createProfile("sRGB")


def warm_up() -> None:
    """Load what would be loaded late, by copying one pixel."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.register_heif_opener()
    Image.preinit()
    warnings.simplefilter("ignore")
    tiny = io.BytesIO()
    Image.new("RGB", (1, 1)).save(tiny, "PNG")
    copy(tiny.getvalue(), most_pixels=1)


def copy(original: bytes, most_pixels: int) -> tuple[dict[str, bytes], dict[str, Any]]:
    """({"large", "small"}, {"width", "height", "position"?}) of the photo in `original`.

    Raises:
        Unreadable: `unknown_format`, `too_many_pixels`, `truncated`, `broken`.
    """
    Image.MAX_IMAGE_PIXELS = None  # the check below stands for it: an exact bound, and an error
    try:
        image: Image.Image = Image.open(io.BytesIO(original), formats=FORMATS)
    except UnidentifiedImageError:
        raise Unreadable("unknown_format") from None
    position = _position(image)
    try:
        clean = _clean(image, original, most_pixels)
    except Unreadable as reason:
        reason.position = position
        raise
    small = clean.copy()
    small.thumbnail((SMALL_EDGE, SMALL_EDGE), Image.Resampling.LANCZOS)
    made = {
        "large": _encoded(clean, "JPEG", quality=QUALITY, optimize=True),
        "small": _encoded(small, "WEBP", quality=SMALL_QUALITY, method=4),
    }
    about = {"width": clean.width, "height": clean.height}
    return made, about | ({"position": position} if position else {})


def _encoded(image: Image.Image, form: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def _clean(image: Image.Image, original: bytes, most_pixels: int) -> Image.Image:
    """The picture as it is to be looked at: RGB, upright, at most `LONG_EDGE` long."""
    if image.width * image.height > most_pixels * (_DRAFTED if image.format in ("JPEG", "MPO") else 1):
        raise Unreadable("too_many_pixels")
    profile = image.info.get("icc_profile")
    turn = _orientation(image)
    image.draft("RGB", (LONG_EDGE, LONG_EDGE))  # a JPEG is decoded at a fraction of its size when that is enough
    image = _scalable(_pixels(image, original))
    image.thumbnail((LONG_EDGE, LONG_EDGE), Image.Resampling.LANCZOS)
    image = _upright(_plain_colours(image, profile), turn)
    clean = Image.new("RGB", image.size)  # a new picture has no comment, no profile, no text
    clean.paste(image)
    return clean


def _pixels(image: Image.Image, original: bytes) -> Image.Image:
    """The decoded picture; of a truncated one as much as there is."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        pass
    else:
        return image
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    image = Image.open(io.BytesIO(original), formats=FORMATS)
    image.draft("RGB", (LONG_EDGE, LONG_EDGE))
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        raise Unreadable("broken") from None
    if all(low == high for low, high in _extrema(image.convert("RGB"))):
        raise Unreadable("truncated")  # cut before its first pixels
    return image


def _extrema(image: Image.Image) -> Any:
    return image.getextrema()


def _position(image: Image.Image) -> dict[str, Any] | None:
    try:
        return places.of_exif(image.getexif().get_ifd(_GPS))
    except Exception:  # as below
        return None


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; a camera's nonsense counts as upright."""
    try:
        found = image.getexif().get(0x0112, 1)
    except Exception:  # EXIF is a format of its own, with faults of many types; none may cost the picture
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _scalable(image: Image.Image) -> Image.Image:
    """The same picture in a mode that can be made smaller smoothly."""
    if image.mode.startswith("I;16"):  # 16 bits of grey: the upper 8 are the picture
        return image.point(lambda value: value / 256).convert("L")
    if "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("1", "P") else image


def _plain_colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in the web's colours; what is transparent becomes white."""
    if image.mode in ("RGBA", "LA", "PA"):
        clear = image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear.getchannel("A"))
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            turned = ImageCms.profileToProfile(image, io.BytesIO(profile), _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            turned = None
        image = turned or image
    return image.convert("RGB")


def _upright(image: Image.Image, turn: int) -> Image.Image:
    exif = Image.Exif()
    exif[0x0112] = turn
    image.info.clear()
    image.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(image)
