"""The words of the pages: one file for each page and language (`words/PAGE.LANG.json`), a file more is a language more.

What a file has under `later` is fetched after the rest: on a bad line the first words must not wait for it. Never has a
word of its own. Field's term: message catalogue.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import structlog

from dispatch.built import LANGUAGES

log = structlog.get_logger()


class Catalogues:
    """All catalogues of a folder.

    Args:
        folder: the web folder.
    """

    def __init__(self, folder: Path) -> None:
        self._words: dict[tuple[str, str], dict[str, str]] = {}
        self._parts: dict[str, bytes] = {}
        for file in sorted((folder / "words").glob("*.*.json")):
            page, lang, _ = file.name.split(".")
            words = orjson.loads(file.read_bytes())
            later = words.pop("later", {})
            self._words[page, lang] = words | later
            self._parts |= {f"{page}.{lang}": orjson.dumps(words), f"{page}.{lang}.later": orjson.dumps(later)}

    def of(self, page: str, lang: str) -> dict[str, str]:
        """All words of the page; none for a page that has no catalogue."""
        return self._words.get((page, lang), {})

    def part(self, name: str) -> bytes | None:
        """`PAGE.LANG`, what the page needs at first, or `PAGE.LANG.later`, as JSON; None when there is none."""
        return self._parts.get(name)

    def languages(self, page: str) -> tuple[str, ...]:
        """The languages in which the page is offered: one that lacks words is not shown to anybody."""
        keys = self.of(page, LANGUAGES[0]).keys()
        further = sorted(lang for of, lang in self._words if of == page and lang not in LANGUAGES)
        whole = []
        for lang in further:
            if missing := sorted(keys - self._words[page, lang].keys()):
                log.warning("words_missing", page=page, language=lang, words=missing)
            else:
                whole.append(lang)
        return (*LANGUAGES, *whole)
