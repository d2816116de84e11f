"""One word for one thing, on every page and in both languages: the list is `terms.toml`."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.pages.catalogues import PAGES, texts

TERMS = tomllib.loads((Path(__file__).parent / "terms.toml").read_text(encoding="utf-8"))


def slips(page: str, lang: str, text: str) -> list[str]:
    """What the text calls by another word than the list's, with the right one."""
    found = []
    text = re.sub(r"\{\w+\}", "{}", text)  # what is filled in is not the text's own word
    for term in TERMS[lang]:
        if page not in term.get("pages", PAGES):
            continue
        for wrong in term["wrong"]:
            # Chinese has no spaces between words; an English word counts only as a whole.
            pattern = wrong if lang == "zh" else rf"(?<!\w)(?:{wrong})(?!\w)"
            if (said := re.search(pattern, text, re.IGNORECASE)) is not None:
                found.append(f"“{said[0]}”: say “{term['right']}”")
    return found


@pytest.mark.parametrize("lang", TERMS)
@pytest.mark.parametrize("page", PAGES)
def test_one_word_for_one_thing(page: str, lang: str) -> None:
    """No text calls a thing by another word than all others do; what breaks this is named, with the right word."""
    wrong = [
        f"{page}.{lang}.json: {key}: {one} ({text})"
        for key, text in texts(page, lang)
        for one in slips(page, lang, text)
    ]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    ("page", "lang", "text", "right"),
    [
        ("console", "zh", "本控制台响不了", "接警台"),
        ("console", "zh", "这个警情", "起（"),
        ("citizen", "zh", "发出文件", "发送"),
        ("citizen", "zh", "请您核对", "你（"),
        ("console", "en", "Owner lost", "officer"),
        ("console", "en", "The incident is closed", "alarm"),
        ("citizen", "en", "Officers' consoles", "’"),
    ],
)
def test_a_synonym_is_found(page: str, lang: str, text: str, right: str) -> None:
    """The list finds a synonym wherever it stands in a text, and names the right word."""
    assert any(f"say “{right}" in one for one in slips(page, lang, text))


@pytest.mark.parametrize(
    ("page", "lang", "text"),
    [
        ("citizen", "zh", "发出求助"),
        ("citizen", "zh", "你在哪里"),
        ("console", "zh", "一起警情"),
        ("common", "en", "Spinning"),
    ],
)
def test_what_is_right_is_left_alone(page: str, lang: str, text: str) -> None:
    """A right word, or one that only holds a wrong one, is not found."""
    assert slips(page, lang, text) == []
