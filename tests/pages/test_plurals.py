"""What counts something says it as people do: "1 alarm", "2 alarms", in each language by its own rules."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import babel
import orjson
import pytest
import structlog

from dispatch.catalogues import OTHER, Catalogues
from tests.pages.catalogues import PAGES, WORDS, entries

COUNTS = re.compile(r"\{n\} (?!(?:s|ms|m|km|min)\b)\w")
"""A number with a word after it that is no sign for a unit."""
MANY = re.compile(r"\{\w+\} (?:\w+ )?(\w+s)\b")
"""Whatever is filled in, with what may be a plural after it."""
NO_PLURAL = {"answers", "has", "is", "its", "ms", "others", "this", "was"}
A_MARK = {"unread.row"}
"""“3 new”: of words, photos and recordings alike."""
BY_CLDR = {
    "ar": {0: "zero", 1: "one", 2: "two", 3: "few", 11: "many", 100: OTHER},
    "ru": {1: "one", 2: "few", 5: "many", 21: "one"},
    "en": {0: OTHER, 1: "one", 2: OTHER, 21: OTHER},
    "zh": {0: OTHER, 1: OTHER, 2: OTHER},
}
SPOKEN = """
import { register } from "node:module";
import { readFile } from "node:fs/promises";
const [web, lang, numbers] = process.argv.slice(1);
const hook = `export const resolve = (name, context, next) =>
  next(name.startsWith("/static/") ? ${JSON.stringify(web)} + name.slice(8) : name, context);`;
register("data:text/javascript," + encodeURIComponent(hook));
const forms = Object.fromEntries(["zero", "one", "two", "few", "many", "other"].map((name) => [name, `${name} {n}`]));
globalThis.document = { documentElement: { lang }, querySelector: () => null, querySelectorAll: () => [] };
globalThis.fetch = async () => ({ ok: true, json: async () => ({ shown: forms, plain: "{n}" }) });
const citizen = await import(web + "citizen/words.js");
await citizen.load(lang);
const told = (say) => JSON.parse(numbers).map((n) => [say("shown", { n }), say("plain", { n })]);
const heard = told(citizen.word);
const staff = await import(web + "shared/words.js");
await staff.loadWords("common");
await staff.wordsOf(lang);
console.log(JSON.stringify({ citizen: heard, staff: told((key, values) => staff.t(key, values, lang)) }));
"""


@pytest.mark.parametrize("page", PAGES)
def test_every_count_has_its_plural(page: str) -> None:
    """No English text says "1 alarms": whatever counts has its forms, and counts by `{n}`."""
    one = {key: text for key, text in entries(page, "en").items() if isinstance(text, str) and key not in A_MARK}
    counts = {key for key, text in one.items() if COUNTS.search(text)}
    counts |= {key for key, text in one.items() if (said := MANY.search(text)) and said[1] not in NO_PLURAL}
    wrong = [f"{page}.en.json: {key}: counts without plural forms, or not by {{n}} ({one[key]})" for key in counts]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES)
def test_forms_are_those_of_the_language(page: str) -> None:
    """A text with forms has each that its language tells apart by whole numbers, no other, and each differs."""
    for path in WORDS.glob(f"{page}.*.json"):
        lang = path.name.split(".")[1]
        rule = babel.Locale.parse(lang, sep="-").plural_form
        wanted = {rule(n) for n in range(1000)}
        for key, entry in entries(page, lang).items():
            if isinstance(entry, dict):
                assert entry.keys() == wanted, f"{path.name}: {key}"
                assert len(set(entry.values())) == len(entry), (
                    f"{path.name}: {key}: the same words for one and for more"
                )
                names = {form: set(re.findall(r"\{(\w+)\}", text)) | {"n"} for form, text in entry.items()}
                assert all(of == names[OTHER] for of in names.values()), f"{path.name}: {key}: a form forgets a value"
                assert "{n}" in entry[OTHER], f"{path.name}: {key}"


@pytest.mark.parametrize("lang", BY_CLDR)
def test_the_form_that_a_number_takes(root: Path, tmp_path: Path, program: Callable[..., str], lang: str) -> None:
    """Both kinds of pages and the hub choose the same form, which is the language's own."""
    wanted = BY_CLDR[lang]
    told = [f"{name} {n}" for n, name in wanted.items()]
    web = f"{(root / 'clients' / 'web').resolve().as_uri()}/"
    command = [program("node"), "--input-type=module", "--no-warnings", "-e", SPOKEN, web, lang]
    done = subprocess.run(
        [*command, json.dumps(list(wanted))], capture_output=True, text=True, encoding="utf-8", check=True
    )
    said = json.loads(done.stdout)
    assert [text for text, _ in said["citizen"]] == told
    assert said["staff"] == said["citizen"]
    assert [plain for _, plain in said["citizen"]] == [str(n) for n in wanted]
    catalogues = written(
        tmp_path,
        {lang: {"shown": {name: f"{name} {{n}}" for name in ("one", OTHER, *wanted.values())}, "plain": "{n}"}},
    )
    assert [catalogues.counted("citizen", lang, "shown", n) for n in wanted] == told
    assert catalogues.counted("citizen", lang, "plain", 3) == "3"


def test_a_language_without_rules_or_without_a_form(tmp_path: Path) -> None:
    """Where CLDR has no rule, or a file not that form, what is said is the form for most numbers."""
    shown = {"one": "one {n}", OTHER: "other {n}"}
    catalogues = written(tmp_path, {"xx": {"shown": shown}, "ru": {"shown": shown}})
    assert catalogues.counted("citizen", "xx", "shown", 1) == "other 1"
    assert [catalogues.counted("citizen", "ru", "shown", n) for n in (1, 2)] == ["one 1", "other 2"]


def test_a_file_that_cannot_be_spoken(tmp_path: Path) -> None:
    """A file whose forms lack the one for most numbers, or named by no language, is offered to nobody, and logged."""
    whole = {"shown": {"one": "1", OTHER: "{n}"}}
    with structlog.testing.capture_logs() as said:
        catalogues = written(
            tmp_path, {"zh": whole, "en": whole, "ru": {"shown": {"one": "1"}}, "zh_TW": whole, "fr": {"shown": "{n}"}}
        )
        assert catalogues.languages("citizen") == ("zh", "en", "fr")
    assert [(one["event"], one["language"]) for one in said] == [("words_missing", "ru"), ("language_unknown", "zh_TW")]


def written(folder: Path, languages: dict[str, dict[str, Any]]) -> Catalogues:
    """Catalogues of the citizen's page with these words."""
    (folder / "words").mkdir()
    for lang, words in languages.items():
        (folder / "words" / f"citizen.{lang}.json").write_bytes(orjson.dumps(words))
    return Catalogues(folder)
