"""What plug-ins and tables of words declare is known to every language, also what no test study shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from heldout.diagnosis.causes import causes
from heldout.images.quality import PROPERTIES
from heldout.language import languages, translator
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from heldout.report.figures import figures
from heldout.report.first_screen import CautionKind
from heldout.report.sections import sections
from heldout.stresses import stresses
from heldout.web.pages import pages


def declared() -> Iterator[str]:
    """Titles, leads, remedies and words, as their plug-ins have them."""
    for cause in causes:
        yield from (cause.title, cause.remedy)
    for section in sections:
        yield from (section.title, section.lead)
    yield from (figure.title for figure in figures)
    yield from (page.title for page in pages)
    yield from (stress.title for stress in stresses)
    yield from (kind.value for kind in CautionKind)
    yield from (*TERM_TITLES.values(), *TERM_WORDS.values(), *VERDICT_SIGNS)
    for one in PROPERTIES:
        yield from (one.name, one.unit, one.words, one.more, one.less)


@pytest.mark.parametrize("lang", [lang for lang in languages() if lang != "en"])
def test_declared_words_are_translated(lang: str) -> None:
    made, texts = translator(lang), sorted({text for text in declared() if text})
    assert len(texts) > 120
    assert [text for text in texts if not all(piece.known for piece in made.pieces(text))] == []


CLASSES = (
    "ILL",
    "NORMAL",
    "OTHER",
    "a",
    "b",
    "c",
    "d",
    "bkl",
    "akiec",
    "df",
    "nv",
    "vasc",
    "basophil",
    "eosinophil",
    "monocyte",
)
CLASSES += (
    "neutrophil",
    "normal",
    "pneumonia",
    "class 0",
    "class 1",
    "class 2",
    "A",
    "B",
    "C",
    "w",
    "x",
    "y",
    "z",
    "Bethesda",
    "Guangzhou",
)
"""Names in the diagnoses of `diagnoses.txt`."""


@pytest.mark.parametrize("lang", [lang for lang in languages() if lang != "en"])
def test_what_diagnoses_said_is_translated(lang: str) -> None:
    """Texts that the diagnoses of tests/diagnosis left in their records, one of each form."""
    texts = (Path(__file__).parent / "diagnoses.txt").read_text(encoding="utf-8").splitlines()
    made = translator(lang, CLASSES)
    left = [piece.text for text in texts for piece in made.pieces(text) if not piece.known]
    assert len(texts) > 200
    assert left == []
