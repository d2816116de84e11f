"""How well words can be read, taken from a picture: no engine but Chromium says how it draws a placeholder."""

import asyncio
from pathlib import Path

from PIL import Image

from tests.engines.screen import Screen

BOX = """(what) => {
  const one = document.querySelector(what);
  one.scrollIntoView({ block: "nearest" });
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x + 4, y + 4, x + width - 20, y + height - 4]; // without its frame, and the corner that makes it larger
}"""


async def contrast(screen: Screen, what: str, file: Path) -> float:
    """The greatest of what is drawn inside the element (WCAG 2.2, from relative luminance)."""
    box = await screen.runs(BOX, what)
    await screen.picture(file)
    return await asyncio.to_thread(_greatest, file, tuple(map(round, box)))


def _greatest(file: Path, box: tuple[int, int, int, int]) -> float:
    with Image.open(file) as picture:
        colours = picture.convert("RGB").crop(box).getcolors(1_000_000)
    lights = sorted(_luminance(colour) for _, colour in colours or () if isinstance(colour, tuple))
    return (lights[-1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    red, green, blue = (
        part / 12.92 if (part := value / 255) <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
