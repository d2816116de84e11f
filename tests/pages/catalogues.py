"""All that the catalogues say, for tests that read the whole of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORDS = Path(__file__).resolve().parents[2] / "clients" / "web" / "words"
PAGES = sorted({path.name.split(".")[0] for path in WORDS.glob("*.json")})


def entries(page: str, lang: str) -> dict[str, Any]:
    """Key -> its text, or its plural forms."""
    words = json.loads((WORDS / f"{page}.{lang}.json").read_text(encoding="utf-8"))
    return dict(words | words.pop("later", {}))


def forms(entry: Any) -> dict[str, str]:
    """Plural category -> text; a text that has one form has it for every number."""
    return dict(entry) if isinstance(entry, dict) else {"other": entry}


def texts(page: str, lang: str) -> Iterator[tuple[str, str]]:
    """(key, text), each plural form by itself."""
    for key, entry in entries(page, lang).items():
        for text in forms(entry).values():
            yield key, text
