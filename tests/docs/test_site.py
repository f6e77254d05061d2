"""The site of the documentation: built without a warning, it shows what the repository does and loads nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.html",
    "CONTRIBUTING.md": "contributing.html",
    "SECURITY.md": "security.html",
    "CHANGELOG.md": "changelog.html",
}
COUNTED = {"li", "table", "tr", "td", "th", "h1", "h2", "h3", "h4", "code", "img", "pre", "em", "strong", "ol", "ul"}
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
"""Elements for which a browser asks something, unless a `link` only says where the page belongs."""

pytest.importorskip("material", reason="needs the package mkdocs-material (extra `docs`)")

pytestmark = pytest.mark.slow  # `make docs` builds it first


class Read(HTMLParser):
    """Elements of a page's article (or of all), and what its elements load."""

    def __init__(self, article: bool) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.loads: list[str] = []
        self.article, self.within = article, not article

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.within |= tag == "article"
        self.counts[tag] += tag in COUNTED and self.within
        if tag in LOADED and named.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(named.get(LOADED[tag]) or "")

    def handle_endtag(self, tag: str) -> None:
        self.within &= not (self.article and tag == "article")


def build(folder: Path, config: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    """`mkdocs build`; not with --quiet, which counts no warnings, so that none would be an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config), "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    return folder


def read(html: str, article: bool = False) -> Read:
    reader = Read(article)
    reader.feed(html)
    return reader


def sources() -> dict[str, str]:
    """File of the repository -> page of the site."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    names = [str(path.relative_to(ROOT / "docs")).replace("README.md", "index.md") for path in docs]
    made = {str(path.relative_to(ROOT)): f"{name[:-3]}.html" for path, name in zip(docs, names, strict=True)}
    return {**PAGES, **made}


def test_every_page_has_what_the_repository_shows(site: Path) -> None:
    """As many lists, tables, cells, headings, words in code: a list without an empty line before it is none here."""
    renderer = MarkdownIt("commonmark").enable("table")
    differ = {}
    for source, page in sources().items():
        there = read(renderer.render((ROOT / source).read_text(encoding="utf-8"))).counts
        here = read((site / page).read_text(encoding="utf-8"), article=True).counts
        found = {tag: (there[tag], here[tag]) for tag in COUNTED if there[tag] != here[tag]}
        differ |= {source: found} if found else {}
    assert differ == {}


def test_links_out_of_docs_lead_to_pages_or_to_the_repository(site: Path) -> None:
    html = (site / "scikit-learn.html").read_text(encoding="utf-8")
    assert 'href="index.html"' in html and "../README.md" not in html
    html = (site / "contributing.html").read_text(encoding="utf-8")
    assert "/blob/main/tests/contract/elsewhere/a_cause.py" in html and 'href="architecture.html"' in html
    html = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="causes/index.html"' in html and "/tree/main/examples/any_model" in html and 'src="report.png"' in html


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    found = {
        str(page.relative_to(site)): [load for load in read(page.read_text(encoding="utf-8")).loads if "//" in load]
        for page in site.rglob("*.html")
    }
    assert len(found) > 40 and {page: loads for page, loads in found.items() if loads} == {}
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style


NOWHERE = {
    "[a page](nowhere.md)": "'nowhere.md'",
    "[a heading](data.md#no-such-heading)": "'#no-such-heading'",
    "[a file](../src/heldout/no_such_file.py)": "no_such_file.py",
}


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "glossary.md").write_text("# Glossary\n\n" + "\n\n".join(NOWHERE) + "\n")
    (tmp_path / "docs" / "data.md").write_text("# Data\n")
    lines = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").replace("scripts/", f"{ROOT}/scripts/")
    lines = re.sub(r"^nav:\n.*", "nav: [glossary.md, data.md]\n", lines, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "mkdocs.yml").write_text(lines)
    done = build(tmp_path / "made", tmp_path / "mkdocs.yml")
    assert done.returncode and all(told in done.stderr for told in NOWHERE.values()), done.stderr


class Tolerant(yaml.SafeLoader):
    """Reads tags of Python as nothing."""


Tolerant.add_multi_constructor("", lambda *_: None)  # type: ignore[no-untyped-call]


def test_a_newcomer_s_page_stands_first() -> None:
    nav: list[dict[str, Any]] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Tolerant)["nav"]
    assert nav[0]["Start"][0] == "index.md" and "changelog.md" in next(iter(nav[-1].values()))


@pytest.mark.browser
def test_it_opens_from_a_folder_and_is_searched_there(site: Path) -> None:
    """In Chromium, from file://: no request leaves the folder, the search answers, light and dark differ."""
    playwright = pytest.importorskip("playwright.sync_api", reason="opening pages needs the package playwright")
    from shutil import which

    if which("chromium") is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(color_scheme="dark")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.keyboard.press("s")
        page.keyboard.type("leakage")
        page.wait_for_selector(".md-search-result__item", timeout=60_000)
        assert "leakage" in page.inner_text(".md-search-result__list").lower()
        page.emulate_media(color_scheme="light")
        page.wait_for_function("dark => getComputedStyle(document.body).backgroundColor != dark", arg=dark)
        browser.close()
    assert asked and [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
