"""The pages of the test studies, as a reader of another language sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.testclient import TestClient

from heldout.language import Translator, translated_page, translator
from heldout.report.material import Material, gather
from heldout.report.page import compose, render, said_by_report
from heldout.report.proper_names import proper_names
from heldout.web.app import said_by_pages
from tests.report.conftest import as_crossed, make_stressed, make_told
from tests.report.studies import make_evil
from tests.web.conftest import ORIGIN, TOKEN, client_of, give_features
from tests.worlds.made_study import make_study

LANG = "zh-TW"


@dataclass(frozen=True)
class Shown:
    """A page in English, with the names in it and what its scripts say."""

    page: str
    names: frozenset[str]
    said: tuple[str, ...]

    def translated(self, missing: set[str], seen: set[str] | None = None, lang: str = LANG) -> str:
        made = Recorded(translator(lang, self.names).language, translator(lang, self.names).names)
        page = translated_page(self.page, made, self.said, missing.add)
        if seen is not None:
            seen |= made.asked
        return page


class Recorded(Translator):
    """A translator that keeps what it was asked."""

    @property
    def asked(self) -> set[str]:
        return self.__dict__.setdefault("heard", set())

    def pieces(self, text: str) -> tuple:  # type: ignore[type-arg]
        found = super().pieces(text)
        if len(found) > 1 or not found[0].known or found[0].text != text:
            self.asked.add(text)
        return found


def reports(folder: Path) -> Iterator[tuple[str, Material]]:
    """Name -> study: of few runs, cross-validated, diagnosed, stressed, and one of hostile names."""
    four = gather(make_study(folder / "four"))
    yield "four", four
    yield "crossed", as_crossed(four)
    yield "stressed", gather(make_stressed(folder / "stressed"))
    yield "told", make_told(folder / "told")
    yield "evil", gather(make_evil(folder / "evil"))


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


@cache
def spoken(folder: Path) -> dict[str, Shown]:
    return dict(all_shown(folder))
