"""The words of the pages: one file for each page and language (`words/PAGE.LANG.json`), a file more is a language more.

What a file has under `later` is fetched after the rest: on a bad line the first words must not wait for it. A text that
counts something may have a form for each plural category of its language, by the number `{n}`. Never has a word of its
own. Field's terms: message catalogue, plural category (CLDR).
"""

from __future__ import annotations

import re
from pathlib import Path

import babel
import orjson
import structlog

from dispatch.built import LANGUAGES

log = structlog.get_logger()

_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # as browsers take it (BCP 47)
OTHER = "other"
"""The plural category that every language has."""


class Catalogues:
    """All catalogues of a folder.

    Args:
        folder: the web folder.
    """

    def __init__(self, folder: Path) -> None:
        self._words: dict[tuple[str, str], dict[str, str]] = {}
        self._forms: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
        self._parts: dict[str, bytes] = {}
        for file in sorted((folder / "words").glob("*.*.json")):
            page, lang, _ = file.name.split(".")
            words = orjson.loads(file.read_bytes())
            later = words.pop("later", {})
            self._parts |= {f"{page}.{lang}": orjson.dumps(words), f"{page}.{lang}.later": orjson.dumps(later)}
            self._forms[page, lang] = {key: text for key, text in (words | later).items() if isinstance(text, dict)}
            one = {key: forms[OTHER] for key, forms in self._forms[page, lang].items() if OTHER in forms}
            self._words[page, lang] = {
                key: text for key, text in (words | later).items() if isinstance(text, str)
            } | one

    def of(self, page: str, lang: str) -> dict[str, str]:
        """All words of the page, of a text with forms the one for most numbers; none for a page without a catalogue."""
        return self._words.get((page, lang), {})

    def counted(self, page: str, lang: str, key: str, n: int) -> str:
        """The words for `key` in the form that the number `n` takes, with it filled in."""
        words = self._words[page, lang][key]
        return self._forms[page, lang].get(key, {}).get(category(lang, n), words).replace("{n}", str(n))

    def part(self, name: str) -> bytes | None:
        """`PAGE.LANG`, what the page needs at first, or `PAGE.LANG.later`, as JSON; None when there is none."""
        return self._parts.get(name)

    def languages(self, page: str) -> tuple[str, ...]:
        """The languages in which the page is offered: one that lacks words is not shown to anybody."""
        keys = self.of(page, LANGUAGES[0]).keys()
        further = sorted(lang for of, lang in self._words if of == page and lang not in LANGUAGES)
        whole = []
        for lang in further:
            if not _TAG.fullmatch(lang):
                log.warning("language_unknown", page=page, language=lang, wanted="a tag such as ru or zh-Hant")
            elif missing := sorted(keys - self._words[page, lang].keys()):
                log.warning("words_missing", page=page, language=lang, words=missing)
            else:
                whole.append(lang)
        return (*LANGUAGES, *whole)


def category(lang: str, n: int) -> str:
    """The plural category of `n` in this language (`one`, `few`, `many` …); `other` in one that CLDR does not know."""
    try:
        return babel.Locale.parse(lang, sep="-").plural_form(n)
    except babel.UnknownLocaleError:
        return OTHER
