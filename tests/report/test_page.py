"""The file: offline, escaped, whole, complete, and none of its parts able to sink it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from heldout.errors import InputError
from heldout.report import build_report, write_report
from heldout.report.blocks import (
    Chart,
    Fault,
)
from heldout.report.bundle import plotly_js
from heldout.report.definitions import DEFINITIONS
from heldout.report.figures import Figure, figures
from heldout.report.material import Material, gather
from heldout.report.page import STYLES, TEMPLATES, compose, render
from tests.report.pages import (
    charts,
    composed,
    elements,
    tables,
)
from tests.report.studies import EVIL, drop_run, embedded
from tests.worlds.made_study import RUNS, make_study

LOADS = {"src", "href", "srcset", "data", "poster", "action", "background"}


def test_the_page_loads_nothing_from_anywhere(evil_page: str) -> None:
    parsed = elements(evil_page)
    for tag, attributes in parsed.tags:
        for name in LOADS & set(attributes):
            value = attributes[name] or ""
            if tag == "a":
                assert value.startswith(("#", "https://")), value  # a link is followed by the reader, not loaded
            else:
                assert value.startswith(("#", "data:")), (tag, name, value)
    ours = "".join(parsed.texts["style"]) + (TEMPLATES / "figures.js").read_text()
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttp|import\(", ours)
    policy = next(a["content"] or "" for tag, a in parsed.tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy and "connect-src" not in policy and "unsafe-eval" not in policy


def test_the_policy_lets_its_own_scripts_run_and_no_other(evil_page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', evil_page)
    assert policy is not None
    allowed = re.search(r"script-src ([^;]*);", policy[1])
    assert allowed is not None and "unsafe" not in allowed[1]
    scripts = re.findall(r"<script>(.*?)</script>", evil_page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 2 and allowed[1].split() == [f"'sha256-{digest}'" for digest in hashes]


def test_plotly_stands_in_it_once_and_whole(evil_page: str) -> None:
    assert evil_page.count("plotly.js v") == plotly_js().count("plotly.js v")
    assert plotly_js() in evil_page


def test_names_cannot_become_markup(evil_page: str) -> None:
    parsed = elements(evil_page)
    assert EVIL not in evil_page.replace(plotly_js(), "")
    assert not [a for tag, a in parsed.tags if tag == "img" or any(name.startswith("on") for name in a)]
    types = [a.get("type") for tag, a in parsed.tags if tag == "script"]
    assert types.count(None) == 2  # plotly.js and ours
    assert set(types) == {None, "application/json"}
    assert "&lt;script&gt;alert(1)" in evil_page  # and they are there, as text


def test_names_cannot_become_markup_inside_figures(evil: Material) -> None:
    for chart in charts(composed(evil)):
        text = str(chart.spec)
        assert "<script" not in text and "<img" not in text and "<b>bold" not in text
        assert "%{x} &" not in text


def test_our_own_files_cannot_end_their_element() -> None:
    for text in [plotly_js(), *((TEMPLATES / name).read_text() for name in (*STYLES, "figures.js"))]:
        assert "</script" not in text.lower() and "</style" not in text.lower() and "<!--" not in text


def test_every_figure_and_table_has_its_buttons_and_data(evil: Material, evil_page: str) -> None:
    page = composed(evil)
    assert len(charts(page)) >= 20  # 12 confusion matrices among them
    for chart in charts(page):
        assert f'data-svg="{chart.id}"' in evil_page and f'data-csv="{chart.id}"' in evil_page
        data = embedded(evil_page, chart.id)
        assert data["csv"] == chart.sheet.csv() and data["figure"]
        assert chart.sheet.rows and chart.description
    for table in tables(page).values():
        assert f'data-csv="{table.id}"' in evil_page
        assert embedded(evil_page, table.id)["csv"] == table.sheet.csv()
    identities = re.findall(r'\sid="([^"]+)"', evil_page.replace(plotly_js(), ""))
    assert len(identities) == len(set(identities))


def test_links_within_the_page_arrive(four_page: str) -> None:
    parsed = elements(four_page)
    identities = {a["id"] for _, a in parsed.tags if "id" in a}
    targets = {(a["href"] or "")[1:] for tag, a in parsed.tags if tag == "a" and (a["href"] or "").startswith("#")}
    assert targets <= identities
    assert len([t for t in targets if t.startswith("def-")]) > 10
    assert {term.id for term in DEFINITIONS} <= identities


def test_tables_are_made_of_headings_with_scope(four_page: str) -> None:
    for tag, attributes in elements(four_page).tags:
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if "data-figure" in attributes:
            assert attributes["role"] == "img" and attributes["aria-label"]


def broken(material: Material) -> Sequence[Chart]:
    raise ZeroDivisionError(f"planted {EVIL}")


def test_one_broken_figure_does_not_sink_the_page(four: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    assert figures.names()
    monkeypatch.setitem(figures._found, "gap", Figure("gap", "The gap", "comparison", 0, broken))
    page = compose(four)
    faults = [b for s in page.sections for b in s.blocks if isinstance(b, Fault)]
    assert [fault.title for fault in faults] == ["Figure «The gap»"]
    html = render(page)
    assert "ZeroDivisionError: planted &lt;script&gt;" in html
    assert 'id="figure-pairs"' in html and 'id="scores"' in html


def test_one_broken_section_does_not_sink_the_page(four: Material) -> None:
    page = compose(dataclasses.replace(four, catalogue={"torchvision:gone": 3}))  # type: ignore[dict-item]
    assert [b.title for s in page.sections for b in s.blocks if isinstance(b, Fault)] == ["The models"]
    assert tables(page)["scores"]


def test_a_figure_of_another_package_in_an_unknown_section_is_still_shown(
    four: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert figures.names()
    monkeypatch.setitem(figures._found, "new", Figure("new", "New", "no-such-section", 0, broken))
    page = compose(four)
    assert any(isinstance(b, Fault) and "New" in b.title for b in page.sections[-1].blocks)


def test_one_run_without_test_makes_a_page(tmp_path: Path) -> None:
    page = compose(gather(make_study(tmp_path / "s", runs=RUNS[:1], n_test=0)))
    assert not [b for s in page.sections for b in s.blocks if isinstance(b, Fault)]
    assert {chart.id for chart in charts(page)} >= {"overview", "accuracy-curves", "loss-curves"}
    assert not page.answer.facts
    assert render(page)


def test_equal_studies_give_equal_files(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:2])
    assert build_report(folder) == build_report(folder)


def test_the_file_is_written_whole_where_asked(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    assert write_report(folder) == folder / "report.html"
    out = write_report(folder, tmp_path / "deep" / "mine.html")
    assert out.read_text(encoding="utf-8") == (folder / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in out.parent.iterdir()] == ["mine.html"]


def test_what_is_no_study_or_has_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_report(tmp_path)
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    drop_run(folder, 0)
    with pytest.raises(InputError):
        write_report(folder)
    assert not (folder / "report.html").exists()
