"""The pages of the test studies, as a reader of another language sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.testclient import TestClient

from heldout.language import Translator, translated_page, translator
from heldout.language.translator import Piece
from heldout.report.material import Material, gather
from heldout.report.page import compose, render, said_by_report
from heldout.report.proper_names import proper_names
from heldout.web.app import said_by_pages
from tests.report.conftest import as_crossed, make_calibrated, make_stressed, make_told
from tests.web.conftest import ORIGIN, TOKEN, client_of, give_features
from tests.worlds.made_study import make_study

LANG = "zh-TW"


FOREIGN = re.compile(
    r"https://\S+|heldout( report STUDY/folds/0-1\.)?|Apache-2\.0|ImageNet-1K|acc@[15](, acc@[15])?|~?[\d.]+ MB"
    r"|python|cpu|bn|eval|p|\w+Error:|[a-z]+-[a-z]+|[\da-f]{16}( · \w+)?"
    r"|.*%\{(customdata|text)\b.*"  # what plotly.js puts in
    r"|xrays .*"  # names of the published collections, with numbers
)
"""What stays as it is in any language: addresses, names of programs and licences, options, codes of causes, ids."""


def foreign(text: str) -> bool:
    """Whether a text is no word of ours."""
    return FOREIGN.fullmatch(text.strip()) is not None


@dataclass(frozen=True)
class Shown:
    """A page in English, with the names in it and what its scripts say."""

    page: str
    names: frozenset[str]
    said: tuple[str, ...]

    def translated(self, lang: str = LANG, missing: set[str] | None = None, asked: set[str] | None = None) -> str:
        """The page in a language; texts without a translation, and all that were translated, are put into the sets."""
        made = Recorded(translator(lang, self.names).language, translator(lang, self.names).names)
        page = translated_page(self.page, made, self.said, (set() if missing is None else missing).add)
        if asked is not None:
            asked |= made.asked
        return page


@dataclass
class Recorded(Translator):
    """A translator that keeps what it was asked to say in other words."""

    asked: set[str] = field(default_factory=set)

    def pieces(self, text: str) -> tuple[Piece, ...]:
        found = super().pieces(text)
        self.asked |= {text} if any(not piece.known or piece.text != text for piece in found) else set()
        return found


def reports(folder: Path) -> Iterator[tuple[str, Material]]:
    """Name -> study: of few runs, cross-validated, stressed, calibrated, diagnosed."""
    four = gather(make_study(folder / "four"))
    yield "four", four
    yield "crossed", as_crossed(four)
    yield "stressed", gather(make_stressed(folder / "stressed"))
    yield "calibrated", make_calibrated(folder / "calibrated")
    yield "told", make_told(folder / "told")


def addresses(material: Material) -> Iterator[str]:
    """Every kind of page of the local server."""
    run, image = material.runs[0].id, material.split.test[0]
    yield from ("/overview", f"/why?run={run}", "/images", f"/images/{image}?run={run}", "/map", "/review")
    yield from ("/review/result", "/review/result?shown=1", "/images?part=nothing", "/nowhere")
    terms = ("gap", "selection", "leakage", "prior", "labels", "threshold", "ranking")
    yield from (f"/why/{term}?run={run}" for term in terms)


def reading(client: TestClient) -> str:
    """The page on which images are read."""
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    reader = client.post(f"/{TOKEN}/review/join", json={"name": "Ada", "role": "reader"}, headers=headers).json()
    return f"/review/reading?reader={reader['reader']}"


def all_shown(folder: Path) -> Iterator[tuple[str, Shown]]:
    """Every page of every test study."""
    for name, material in reports(folder):
        yield f"report {name}", Shown(render(compose(material)), proper_names(material), said_by_report())
        if name != "told":
            continue
        give_features(material.folder)
        client, names = client_of(material.folder), proper_names(material) | {"Ada"}
        for place in (*addresses(material), reading(client), "/review"):
            yield place, Shown(client.get(f"/{TOKEN}{place}").text, names, said_by_pages())
