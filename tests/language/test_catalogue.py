"""Laws of every catalogue: places, templates, the compiled file, languages that are not there."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.diagnosis.causes import causes
from heldout.errors import UsageError
from heldout.language import languages, translator
from heldout.language.languages import FOLDER
from heldout.language.templates import Template, kind_of, places
from heldout.language.translator import catalogue, small

pofile = pytest.importorskip("babel.messages.pofile", reason="reads the catalogues")

SOURCES = sorted(FOLDER.glob("*/LC_MESSAGES/heldout.po"))
FURTHER = [lang for lang in languages() if lang != "en"]


def test_there_is_traditional_chinese_and_each_language_is_a_folder() -> None:
    assert "zh-TW" in FURTHER and len(FURTHER) == len(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parts[-3])
def test_the_compiled_catalogue_is_that_of_the_text(source: Path) -> None:
    with source.open("rb") as text, source.with_suffix(".mo").open("rb") as compiled:
        read, kept = pofile.read_po(text, abort_invalid=True), gettext.GNUTranslations(compiled)
    said = {entry.id: entry.string for entry in read if entry.id}
    held = {msgid: kept.gettext(msgid) for msgid in said}
    assert held == said, "run scripts/make_language.py"
    assert sum(map(bool, getattr(kept, "_catalog"))) == len(said)  # noqa: B009


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parts[-3])
def test_translations_keep_the_places_and_repeat_no_sentence(source: Path) -> None:
    with source.open("rb") as stream:
        read = [entry for entry in pofile.read_po(stream) if entry.id]
    assert all(entry.string for entry in read)
    assert [entry.id for entry in read if places(entry.id) != places(entry.string)] == []
    assert len({small(entry.id) for entry in read}) == len(read)


def values(template: Template) -> st.SearchStrategy[dict[str, str]]:
    """Something for each place of a template."""
    number = st.integers(-99, 99).map(str) | st.floats(0, 99).map(lambda value: f"{value:.1f} %")
    word = st.sampled_from(["Zürich", "x-ray", "β", "Ω7"])
    return st.fixed_dictionaries({place: number if kind_of(place) == "n" else word for place in places(template.msgid)})


@pytest.mark.parametrize("lang", FURTHER)
@given(data=st.data())
def test_a_template_matches_its_own_text_and_gives_the_values_back(lang: str, data: st.DataObject) -> None:
    template = data.draw(st.sampled_from(catalogue(languages()[lang]).templates))
    given_ = data.draw(values(template))
    text = template.msgid.format(**given_) if "{}" not in template.msgid else template.msgid
    found = template.pattern.fullmatch(text)
    assert found is not None
    assert template.msgid.format(**found.groupdict()) == text
    if len(given_) == 1:
        assert found.groupdict() == given_
    assert all(value in template.filled(given_) for value in given_.values())


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"Found the language 'tlh'; expected one of: en, .*zh-TW"):
        translator("tlh")


@pytest.mark.parametrize("lang", FURTHER)
def test_names_that_are_words_of_ours_stay(lang: str) -> None:
    ours = ["Test", "Validation", "test images", "3 runs"]
    plain, named = translator(lang), translator(lang, ours)
    for word in ours:
        assert plain.translate(word) != word and named.translate(word) == word
    sentence = "truth Test, predicted test images"
    assert all(word in named.translate(sentence) for word in ("Test", "test images"))
    assert named.translate(sentence) != sentence


@pytest.mark.parametrize("lang", FURTHER)
def test_what_is_not_known_stays_as_it_is(lang: str) -> None:
    made = translator(lang)
    nonsense = "The quick brown fox jumps over the lazy dog."
    assert made.translate(nonsense) == nonsense
    assert [piece.known for piece in made.pieces(f"There is no test set. {nonsense}")] == [True, False]
    assert translator("en").translate("There is no test set.") == "There is no test set."


@pytest.mark.parametrize("lang", FURTHER)
def test_the_sign_before_a_remedy_stays_and_the_remedy_is_translated(lang: str) -> None:
    made = translator(lang)
    remedy = next(one.remedy for one in causes if one.remedy)
    assert made.translate(f"→ {remedy}") == f"→ {made.translate(remedy)}" != f"→ {remedy}"
