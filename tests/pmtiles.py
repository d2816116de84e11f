"""A PMTiles file (version 3) in which every tile of every zoom level is the same picture."""

import io
import struct

from PIL import Image

LEVELS = 19
_PLAIN = 1


def picture() -> bytes:
    """A tile of 256 x 256 pixels, of one colour."""
    made = io.BytesIO()
    Image.new("RGB", (256, 256), (120, 150, 120)).save(made, "PNG")
    return made.getvalue()


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def archive(tile_type: int = 2, levels: int = LEVELS) -> bytes:
    """The file. `tile_type`: 1 says vector tiles, 2 PNG; zoom levels from 0 to `levels` - 1."""
    tile = picture()
    tiles = (4**levels - 1) // 3
    # One entry: from tile 0 on, so many in a row, all of them at one place.
    root = _varint(1) + _varint(0) + _varint(tiles) + _varint(len(tile)) + _varint(1)
    metadata = b"{}"
    at_metadata = 127 + len(root)
    at_tiles = at_metadata + len(metadata)
    head = b"PMTiles\x03" + struct.pack(
        "<11Q", 127, len(root), at_metadata, len(metadata), 0, 0, at_tiles, len(tile), tiles, 1, 1
    )
    head += struct.pack("<6B", 1, _PLAIN, _PLAIN, tile_type, 0, levels - 1)
    head += struct.pack("<4i", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    head += struct.pack("<B2i", 0, 0, 0)
    return head + root + metadata + tile
