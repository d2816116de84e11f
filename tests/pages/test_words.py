"""Every visible word is in the catalogue, in every language."""

import re
from pathlib import Path

import pytest

from dispatch.catalogues import Catalogues

WORDS = Path(__file__).resolve().parents[2] / "clients" / "web" / "words"
LANGUAGES = ("zh", "en")
NAMES = re.compile(r"\{(\w+)\}")


def catalogue(root: Path, page: str, language: str) -> dict[str, str]:
    words = Catalogues(root / "clients" / "web").of(page, language)
    assert words
    return words


def languages(page: str) -> list[str]:
    """Every language that has a file for the page: one more is one file."""
    found = {path.name.split(".")[1] for path in WORDS.glob(f"{page}.*.json")}
    assert found >= set(LANGUAGES)
    return sorted(found)


@pytest.mark.parametrize("page", ["citizen", "common", "console", "sign-in", "supervisor"])
def test_the_same_keys_in_every_language(root: Path, page: str) -> None:
    """What can be said in one language can be said in the others."""
    first = catalogue(root, page, LANGUAGES[0])
    for language in languages(page):
        other = catalogue(root, page, language)
        assert first.keys() - other.keys() == set(), f"{page}.{language}.json lacks these"
        assert other.keys() - first.keys() == set(), f"{page}.{language}.json has these, which nothing says"
        assert [key for key, text in other.items() if not text.strip()] == []


@pytest.mark.parametrize("page", ["citizen", "sign-in"])
def test_the_same_values_in_every_language(root: Path, page: str) -> None:
    """No translation forgets a number or a time that another one tells."""
    first = catalogue(root, page, LANGUAGES[0])
    for language in languages(page):
        other = catalogue(root, page, language)
        for key, text in first.items():
            assert set(NAMES.findall(other[key])) == set(NAMES.findall(text)), f"{page}.{language}.json: {key}"


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
        used |= set(re.findall(r'\bword\("(\w+)"\)', source)) | set(re.findall(r'\bcounted\("(\w+)"', source))
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
