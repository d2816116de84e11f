"""Every visible word is in the catalogue, in every language."""

import json
import re
from pathlib import Path

import pytest

LANGUAGES = ("zh", "en")
NAMES = re.compile(r"\{(\w+)\}")


def catalogue(root: Path, page: str, language: str) -> dict[str, str]:
    path = root / "clients" / "web" / "words" / f"{page}.{language}.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(words, dict)
    return words


@pytest.mark.parametrize("page", ["citizen", "common", "console", "sign-in", "supervisor"])
def test_the_same_keys_in_every_language(root: Path, page: str) -> None:
    """What can be said in one language can be said in the others."""
    first, *others = (catalogue(root, page, language) for language in LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        assert all(text.strip() for text in (*first.values(), *other.values()))


@pytest.mark.parametrize("page", ["citizen", "sign-in"])
def test_the_same_values_in_every_language(root: Path, page: str) -> None:
    """No translation forgets a number or a time that another one tells."""
    first, *others = (catalogue(root, page, language) for language in LANGUAGES)
    for key, text in first.items():
        assert {frozenset(NAMES.findall(other[key])) for other in others} == {frozenset(NAMES.findall(text))}, key


@pytest.mark.parametrize("page", ["citizen", "sign-in"])
def test_every_key_that_the_page_uses_is_there(root: Path, page: str) -> None:
    """No template and no module names a word that the catalogue lacks."""
    known = catalogue(root, page, "zh").keys()
    folder = root / "clients" / "web" / page
    used: set[str] = set()
    for path in folder.glob("*.html"):
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'data-word(?:-label|-placeholder)?="(\w+)"', source))
        used |= set(re.findall(r"\bwords\.(?!get\b|js\b)(\w+)", source))
        used |= set(re.findall(r'\bword\("(\w+)"\)', source))
    for path in folder.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'\bword\(\s*"(\w+)"', source))
        used |= set(re.findall(r'\btell\([^;]*?"(\w+)"\)', source))
        used |= set(re.findall(r'\bcomplain\("(\w+)"', source))
    assert used
    assert used <= known, used - known


def test_every_step_has_its_words(root: Path) -> None:
    """The page has words for every step and status that an alarm can have."""
    known = catalogue(root, "citizen", "zh").keys()
    for status in ("stored", "delivered", "seen", "unanswered", "acknowledged", "en_route", "on_scene", "closed"):
        assert {f"step_{status}", f"now_{status}", f"now_{status}_note"} <= known
    for wait in ("waiting", "waiting_offline", "waiting_unstored"):
        assert {wait, f"{wait}_note"} <= known
    for choice in ("yes", "no", "cannot_say", "danger_now"):
        assert f"choice_{choice}" in known
