"""The page in a real browser: it fits, it draws, it saves, and it asks nobody for anything."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from heldout.report.bundle import TRACES
from heldout.report.material import Material
from heldout.report.page import render
from heldout.shown import cell
from tests.browsing import until
from tests.report.pages import composed
from tests.report.studies import EVIL, EVIL_CLASSES
from tests.report.test_page import charts, tables

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: looked for chromium and google-chrome"),
]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
SHOWN = "[...document.querySelectorAll('[data-figure]')].filter(box => box.checkVisibility())"
STATES = f"{SHOWN}.map(box => box.dataset.state)"
UNFOLD = """few => {
  const left = few ? [...document.querySelectorAll('#other-runs > details > .body > .fold')].slice(2) : [];
  for (const fold of document.querySelectorAll('details'))
    if (!fold.closest('.gallery') && !left.some(one => one.contains(fold))) fold.open = true;
}"""
DRAWN = "html[data-drawn]"


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def opened(
    browser: playwright.Browser, file: Path, width: int = 1280, scheme: str = "light"
) -> tuple[playwright.Page, list[str]]:
    """The page with everything drawn, and what went wrong meanwhile: console errors, exceptions, requests."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: None if r.url.startswith(("data:", "blob:", file.as_uri())) else trouble.append(r.url))
    page.goto(file.as_uri())
    page.wait_for_selector(DRAWN, state="attached", timeout=60_000)
    return page, trouble


@pytest.fixture(scope="module")
def wide(browser: playwright.Browser, evil_file: Path) -> tuple[playwright.Page, list[str]]:
    """One page for the tests that only look."""
    return opened(browser, evil_file)


DRAW = """async () => {
  for (const box of document.querySelectorAll('[data-figure]')) {
    if (!box.checkVisibility() || box.dataset.state) continue;
    box.scrollIntoView({ behavior: 'instant', block: 'center' });
    for (let tries = 0; !box.dataset.state && tries < 3000; tries++) await new Promise(next => setTimeout(next, 10));
  }
  scrollTo({ top: 0, behavior: 'instant' });
}"""


def unfold(page: playwright.Page, few: bool = True) -> None:
    """Open what is folded, pictures aside, and come by each figure; `few`: of other runs two, their parts are alike."""
    page.evaluate(UNFOLD, few)
    page.evaluate(DRAW)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_and_draws_without_a_word(
    browser: playwright.Browser, evil: Material, evil_file: Path, width: int, scheme: str
) -> None:
    page, trouble = opened(browser, evil_file, width, scheme)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate(f"{SHOWN}.length") < 5, "what is folded waits"
    unfold(page)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert set(page.evaluate(STATES)) == {"drawn"}
    names = page.evaluate(f"{SHOWN}.map(b => b.dataset.figure)")
    assert {chart.id for chart in charts(composed(evil))} <= set(names)
    assert any(name.startswith("gap-budget-") for name in names), "other runs have their figures"
    marks = page.evaluate(f"{SHOWN}.map(b => b.querySelectorAll('.point, .js-line, image').length)")
    assert all(count > 0 for count in marks), marks
    spill = page.evaluate(f"{SHOWN}.filter(b => b.scrollWidth > b.clientWidth + 1).length")
    assert spill == 0
    cut = page.evaluate(
        "[...document.querySelectorAll('.plot .scrollbar')].filter(b => b.getBoundingClientRect().height > 0)"
        ".map(b => b.closest('[data-figure]').dataset.figure)"
    )
    assert cut == [], "a legend is too long for its figure"
    assert trouble == []
    page.close()


def test_the_theme_follows_the_reader(browser: playwright.Browser, evil_file: Path) -> None:
    page, _ = opened(browser, evil_file)
    background = "document.querySelector('#figure-overview .main-svg').style.background"
    assert page.evaluate(background) in ("rgb(255, 255, 255)", "white")
    page.emulate_media(color_scheme="dark")
    until(page, f"{background} === 'rgb(18, 21, 26)'")
    page.set_viewport_size({"width": 390, "height": 900})
    until(page, "document.querySelector('[data-figure]').dataset.width < 390")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.close()


def test_the_bundle_draws_what_it_says(wide: tuple[playwright.Page, list[str]]) -> None:
    """`bundle.TRACES` is what the library itself has registered."""
    page, _ = wide
    kinds = page.evaluate("Object.keys(Plotly.PlotSchema.get().traces)")
    assert sorted(kinds) == sorted(TRACES)


@pytest.mark.slow
def test_both_buttons_of_every_figure_save(
    browser: playwright.Browser, evil: Material, evil_file: Path, tmp_path: Path
) -> None:
    page, trouble = opened(browser, evil_file, scheme="dark")
    unfold(page)
    drawn = charts(composed(evil))
    some = [c for c in drawn if not c.id.startswith("confusion")] + [c for c in drawn if "confusion" in c.id][:1]
    for chart in some:
        page.wait_for_timeout(220)  # Chromium drops downloads beyond ten a second
        with page.expect_download() as saving:
            page.locator(f'[data-svg="{chart.id}"]').click()
        assert saving.value.suggested_filename == f"{chart.id}.svg"
        saving.value.save_as(tmp_path / "figure.svg")
        root = ElementTree.parse(tmp_path / "figure.svg").getroot()
        assert root.tag.endswith("svg")
        text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
        assert "rgb(255, 255, 255)" in text, "saved pictures are on white whatever the theme"
        assert len(list(root.iter())) > 40
        with page.expect_download() as saving:
            page.locator(f'[data-csv="{chart.id}"]').click()
        assert saving.value.suggested_filename == f"{chart.id}.csv"
        saving.value.save_as(tmp_path / "figure.csv")
        rows = list(csv.reader(io.StringIO((tmp_path / "figure.csv").read_bytes().decode("utf-8-sig"), newline="")))
        assert tuple(rows[0]) == chart.sheet.header
        assert len(rows) == 1 + len(chart.sheet.rows)
        for read, meant in zip(rows[1:], chart.sheet.rows, strict=True):
            for text, value in zip(read, meant, strict=True):
                assert (float(text) if isinstance(value, float) else text) == (
                    value if isinstance(value, float) else "" if value is None else cell(str(value))
                )
    assert trouble == []
    page.close()


def test_tables_save_their_data(wide: tuple[playwright.Page, list[str]], evil: Material, tmp_path: Path) -> None:
    page, trouble = wide
    page.evaluate(UNFOLD, True)
    table = tables(composed(evil))["recalls-table"]
    with page.expect_download() as saving:
        page.locator('[data-csv="recalls-table"]').click()
    saving.value.save_as(tmp_path / "table.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert [row["run"] for row in rows] == [row[0] for row in table.sheet.rows]
    test = evil.row(rows[0]["run"]).test
    assert test is not None
    recall = test.recall[EVIL]
    assert recall is not None
    assert float(rows[0][f"recall_{EVIL}"]) == recall.value
    assert trouble == []


def test_names_are_shown_as_they_are(wide: tuple[playwright.Page, list[str]]) -> None:
    page, trouble = wide
    unfold(page)
    assert EVIL in page.locator("h1").inner_text()
    headings = page.locator("#recalls-table thead th").all_inner_texts()
    assert [heading.split("\n")[0] for heading in headings[1:]] == list(EVIL_CLASSES)
    ticks = page.evaluate("[...document.querySelectorAll('#figure-class-shares .ytick text')].map(t => t.textContent)")
    assert "%{x} & <b>bold</b>" in ticks
    assert trouble == []


def test_a_figure_that_cannot_be_drawn_says_so_and_the_others_stand(
    browser: playwright.Browser, four: Material, tmp_path: Path
) -> None:
    html = render(composed(four)).replace('"legend": [', '"legend": 7, "was": [', 1)
    (tmp_path / "spoiled.html").write_text(html, encoding="utf-8")
    page, _ = opened(browser, tmp_path / "spoiled.html")
    unfold(page)
    states = page.evaluate(STATES)
    assert states.count("failed") == 1
    assert set(states) == {"failed", "drawn"}
    assert "could not be drawn" in page.locator("[data-state=failed]").inner_text()
    page.close()


def test_wide_tables_scroll_in_their_own_box(browser: playwright.Browser, evil_file: Path) -> None:
    page, _ = opened(browser, evil_file, 390)
    page.evaluate(UNFOLD, True)
    box = "document.querySelector('#learning .scroll')"
    assert page.evaluate(f"{box}.scrollWidth > {box}.clientWidth")
    page.evaluate(f"{box}.scrollLeft = 200")
    left = page.evaluate(f"{box}.querySelector('tbody th').getBoundingClientRect().left")
    assert 0 <= left < 40, "the run's name stays in view"
    page.close()


@pytest.fixture(scope="module")
def told_file(told_page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("told") / "report.html"
    path.write_text(told_page, encoding="utf-8")
    return path


A4 = {"width": 794, "height": 1123}
"""A sheet in CSS pixels, 96 an inch; its margins are 14 mm, 53 pixels."""


def test_a_sheet_of_a4_cuts_no_figure_and_no_table(browser: playwright.Browser, told_file: Path) -> None:
    page, trouble = opened(browser, told_file, scheme="dark")
    closed = page.evaluate("document.querySelectorAll('details:not([open])').length")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    states = page.evaluate("[...document.querySelectorAll('[data-figure]')].map(b => b.dataset.state)")
    assert len(states) > 20 and not set(states) - {"drawn"}, "all is drawn before the browser prints"
    page.set_viewport_size(A4)
    page.wait_for_timeout(200)
    right = "document.body.getBoundingClientRect().right"
    assert page.evaluate(right) <= 794 - 2 * 52
    outside = page.evaluate(
        f"[...document.querySelectorAll('main *')].filter(e => !e.closest('.draglayer, .hidden'))"
        f".filter(e => e.getBoundingClientRect().right > {right} + 1)"
        ".map(e => `${e.tagName} in ${e.closest('[id]').id}`)"
    )
    assert outside == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (
        page.evaluate("document.querySelector('#figure-overview .main-svg').style.background") == "rgb(255, 255, 255)"
    )
    assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    assert not page.locator(".save").first.is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == closed, "as it was before"
    assert trouble == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.slow)])
def test_axe_has_nothing_to_say(browser: playwright.Browser, told_file: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python")
    page, _ = opened(browser, told_file, width, scheme)
    unfold(page)
    # A drawing is an image with a description to those who do not see it; of parts that are alike one is enough.
    left = {"exclude": [[".main-svg"], ["tbody tr + tr"], [".gallery li + li"], [".terms > div + div"]]}
    found = axe.Axe().run(page, context=left).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), "no level is left out"
    page.close()


def test_the_answer_and_the_causes_stand_on_two_screens(browser: playwright.Browser, told_file: Path) -> None:
    page, _ = opened(browser, told_file)  # 1280 × 900
    ends = page.evaluate(
        "['#answer', '#why .causes'].map(s => document.querySelector(s).getBoundingClientRect().bottom)"
    )
    assert ends[0] < 900 and ends[1] < 2 * 900
    assert page.evaluate("document.scrollingElement.scrollHeight") < 4 * 900
    page.close()


def test_a_link_opens_what_it_leads_to(browser: playwright.Browser, told_file: Path) -> None:
    page, trouble = opened(browser, told_file)
    image = page.locator("#evidence .gallery img").first
    assert not image.is_visible()
    page.locator("#why .causes .cause a").first.click()
    until(page, "document.querySelector('#evidence details').open")
    assert image.is_visible()
    page.locator("#why .causes .all a").click()
    until(page, "document.querySelector('#why-findings').checkVisibility()")
    assert trouble == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_why_the_test_score_is_lower_fits_and_shows_its_pictures(
    browser: playwright.Browser, told: Material, told_file: Path, width: int, scheme: str
) -> None:
    page, trouble = opened(browser, told_file, width, scheme)
    unfold(page)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert set(page.evaluate(STATES)) == {"drawn"}
    sizes = page.evaluate("[...document.querySelectorAll('.gallery img')].map(i => i.complete && i.naturalWidth)")
    assert len(sizes) == 34 + 2 * 22 and all(size == 64 for size in sizes)
    spill = "[...document.querySelectorAll('.prose .scroll')].filter(b => b.scrollWidth > b.clientWidth + 1).length"
    assert page.evaluate(spill) == 0, "tables of sentences fit their width"
    bars = page.locator("#figure-gap-budget .bars .point path").count()
    assert bars == 6
    assert trouble == []
    page.close()


def test_a_click_on_a_picture_shows_its_id_and_file(
    browser: playwright.Browser, told: Material, told_file: Path
) -> None:
    page, trouble = opened(browser, told_file)
    page.evaluate(UNFOLD, True)
    first = page.locator(".gallery li").first
    id_ = (first.get_attribute("title") or "").split(",")[0]
    file = told.cohort.table.set_index("id")["source"][id_]
    assert not first.locator("p").is_visible()
    first.locator("summary").click()
    assert first.locator("p").is_visible()
    assert id_ in first.inner_text() and file in first.inner_text()
    assert trouble == []
    page.close()


def test_the_review_list_is_saved_for_readers(
    browser: playwright.Browser, told: Material, told_file: Path, tmp_path: Path
) -> None:
    page, trouble = opened(browser, told_file)
    page.locator("#advice > details > summary").click()
    page.get_by_text("Review these 62 images: the list").click()
    with page.expect_download() as saving:
        page.locator('[data-csv="why-review"]').click()
    saving.value.save_as(tmp_path / "review.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "review.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert len(rows) == 62 and set(rows[0]) == {"id", "file", "label", "probability"}
    assert trouble == []
    page.close()


def test_verdicts_are_told_apart_without_colour(browser: playwright.Browser, told_file: Path) -> None:
    page, _ = opened(browser, told_file)
    page.evaluate(UNFOLD, True)
    signs = page.locator("#why-findings .tone").all_inner_texts()
    assert [sign.split()[0] for sign in signs] == ["●", "◐", "◐", "?", "○", "–", "!"]
    page.close()
