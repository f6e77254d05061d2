"""The report and the local page in other languages: how much of them is, and that nothing else of them changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from heldout.errors import UsageError
from heldout.language import languages, translator
from heldout.report import write_report
from heldout.report.material import Material
from heldout.report.page import compose, in_language, render
from heldout.study import Study
from heldout.web.app import build
from tests.language.shown import LANG, Shown, foreign
from tests.report.pages import elements
from tests.report.studies import EVIL_CLASSES, embedded
from tests.web.conftest import ORIGIN, TOKEN

LEAST = 0.99
"""Of the texts that are ours, the share that has a translation."""

FURTHER = [lang for lang in languages() if lang != "en"]


@pytest.mark.parametrize("lang", FURTHER)
def test_nearly_everything_is_translated(pages: dict[str, Shown], lang: str) -> None:
    left: set[str] = set()
    asked: set[str] = set()
    for shown in pages.values():
        shown.translated(lang, left, asked)
    ours = sorted(text for text in left if not foreign(text))
    assert len(asked) > 900
    assert len(ours) <= (1 - LEAST) * len(asked), ours


def test_a_text_that_nobody_translated_is_noticed_and_marked(pages: dict[str, Shown]) -> None:
    left: set[str] = set()
    said = "Nobody has put this into other words."
    page = Shown(f'<html lang="en"><body><p>{said}</p></body></html>', frozenset(), ()).translated(LANG, left)
    assert left == {said} and f'<p><span lang="en">{said}</span></p>' in page


@pytest.mark.parametrize("lang", FURTHER)
def test_only_words_change(pages: dict[str, Shown], lang: str) -> None:
    """Elements, ids, addresses, classes and the data behind figures are those of the English page."""
    spoken = {"lang", "aria-label", "title", "alt", "placeholder", "data-heading", "data-words"}
    for name, shown in pages.items():
        plain, other = elements(shown.page), elements(shown.translated(lang))

        def kept(tags: list[tuple[str, dict[str, str | None]]]) -> list[tuple[str, dict[str, str | None]]]:
            left = [one for one in tags if one[0] not in ("wbr", "style") and one != ("span", {"lang": "en"})]
            return [(tag, {key: value for key, value in of.items() if key not in spoken}) for tag, of in left]

        assert kept(plain.tags) == kept(other.tags), name
        sheets = [
            [json.loads(text)["csv"] for text in one.texts["script"] if text[:1] == "{"] for one in (plain, other)
        ]
        assert sheets[0] == sheets[1], name


def test_english_is_the_page_as_it_was(four: Material) -> None:
    assert in_language(four, "") == in_language(four, "en") == render(compose(four))


def test_the_page_says_its_language_and_has_fonts_for_it(four: Material) -> None:
    page = in_language(four, LANG)
    assert page.startswith('<!doctype html>\n<html lang="zh-Hant-TW">')
    assert '"Noto Sans TC", "PingFang TC", "Microsoft JhengHei"' in page
    assert "測試分數為什麼較低？" in page and "Why is the test score lower?" not in page


def test_hostile_names_stay_as_they_are_and_break_nothing(evil: Material) -> None:
    page, plain = in_language(evil, LANG), in_language(evil, "")
    assert "<script>alert(1)" not in page
    assert len(elements(page).texts["script"]) == len(elements(plain).texts["script"])
    figure = embedded(page, "shares") if 'id="data-shares"' in page else None
    assert figure is None or figure["csv"] == embedded(plain, "shares")["csv"]
    for name in EVIL_CLASSES[-1:]:
        assert name in page


def test_a_report_is_written_in_the_language_that_was_asked(four: Material, tmp_path: Path) -> None:
    study = Study("nothing", models=["efficientnet_lite0"], out=four.folder)
    written = study.report(tmp_path / "report.html", lang=LANG)
    assert 'lang="zh-Hant-TW"' in written.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="expected one of: en"):
        write_report(four.folder, tmp_path / "other.html", lang="tlh")
    assert not (tmp_path / "other.html").exists()


def client(folder: Path, lang: str = "") -> TestClient:
    return TestClient(build(folder, TOKEN, lang=lang), base_url=ORIGIN, follow_redirects=False)


def test_the_page_opens_in_a_language_and_the_reader_may_choose_another(four: Material) -> None:
    asked = client(four.folder, LANG)
    page = asked.get(f"/{TOKEN}/overview").text
    assert '<html lang="zh-Hant-TW">' in page and ">總覽</a>" in page and ">English</a>" in page
    chosen = asked.get(f"/{TOKEN}/language?to=en&back=/overview%3Fa%3Db")
    assert chosen.status_code == 303 and chosen.headers["location"] == f"/{TOKEN}/overview?a=b"
    assert '<html lang="en">' in asked.get(f"/{TOKEN}/overview").text
    asked.get(f"/{TOKEN}/language?to={LANG}&back=/overview")
    fault = asked.get(f"/{TOKEN}/nowhere")
    assert fault.status_code == 404 and "無法顯示" in fault.text


def test_the_map_speaks_the_language_too(study: Path) -> None:
    asked = client(study, LANG).get(f"/{TOKEN}/map/points.json")
    found = asked.json()
    assert asked.status_code == 200 and found["ids"] == client(study).get(f"/{TOKEN}/map/points.json").json()["ids"]
    assert all("實為" in label and " is " not in label for label in found["labels"])
    assert set(found["colours"]["part"]["names"]) == {"訓練", "驗證", "測試"}
    assert set(found["colours"]["class"]["names"]) == {"normal", "pneumonia"}


@pytest.mark.parametrize("back", ["//elsewhere.example", "https://elsewhere.example", "\\\\elsewhere.example"])
def test_the_switch_leads_nowhere_else(four: Material, back: str) -> None:
    answer = client(four.folder).get(f"/{TOKEN}/language", params={"to": LANG, "back": back})
    assert answer.headers["location"].startswith(f"/{TOKEN}/")


def test_scripts_are_given_what_they_say(pages: dict[str, Shown]) -> None:
    page = pages["/images"].translated()
    found = re.search(r'data-words="([^"]*)"', page)
    assert found is not None
    words = json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&").replace("&#x27;", "'"))
    assert words["{n} images"] == "{n} 張影像"
    assert translator(LANG).entry("{n} images") == "{n} 張影像"
