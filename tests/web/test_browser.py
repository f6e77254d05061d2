"""The page in a real browser, as a person uses it: sort, filter, open, draw a line, walk through images by keys."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image

from heldout.report.material import gather
from tests.browsing import until
from tests.report.made_diagnosis import diagnose_study
from tests.web.conftest import Served, serving
from tests.worlds.made_study import RUNS, make_study

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the checks of accessibility need axe")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: looked for chromium and google-chrome"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: playwright.Browser) -> Iterator[playwright.Page]:
    """A page on which nothing may go wrong: no error in the console, no request to another place."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    trouble: list[str] = []
    opened.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith(LOCAL) else trouble.append(asked.url))
    yield opened
    opened.close()
    assert not trouble


LOCAL = ("http://127.0.0.1:", "data:", "blob:")


def test_runs_are_sorted_filtered_and_drawn(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/overview")
    page.wait_for_selector("html[data-drawn]", state="attached")
    names = [name.label for name in gather(served.folder).names.values()]

    def shown() -> list[str]:
        rows = page.locator("#runs tbody tr")
        return [str(row.get_attribute("data-name")) for row in rows.all() if row.is_visible()]

    page.get_by_role("button", name="Run", exact=True).click()
    assert shown() == sorted(names)
    page.get_by_role("button", name="Run", exact=True).click()
    assert shown() == sorted(names, reverse=True)
    page.get_by_role("button", name="Test accuracy").click()
    tested = {row.id: row.test for row in gather(served.folder).runs}
    order = page.locator("#runs tbody tr").evaluate_all("rows => rows.map(row => row.dataset.run)")
    values = [one.accuracy.value for id_ in order if (one := tested[id_]) is not None]
    assert values == sorted(values, reverse=True) and len(values) == len(names)

    page.fill("#filter", "finetune")
    assert shown() and all("finetune" in name for name in shown())
    hidden = "[...document.querySelectorAll('[data-figure]')][0].data.filter(t => t.visible === false).length"
    assert page.evaluate(hidden) > 0
    page.fill("#filter", "")
    assert page.evaluate(hidden) == 0 and len(shown()) == len(names)
    page.locator(".chosen").first.uncheck()
    assert page.evaluate(hidden) > 0


def test_why_leads_down_to_the_images(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/overview")
    page.locator("#runs tbody th a").first.click()
    page.wait_for_url("**/why?run=*")
    page.get_by_role("link", name=re.compile("decision threshold")).first.click()
    page.wait_for_url("**/why/threshold?*")
    missed = page.locator("tbody tr").nth(1).locator("td").nth(4).get_by_role("link")
    missed.click()
    page.wait_for_url("**/images?*outcome=wrong*")
    page.wait_for_selector(".tiles a")
    assert page.locator(".tiles .right").count() == 0
    page.locator(".tiles a").first.click()
    page.wait_for_selector("h2:has-text('What every run says')")


def test_the_gallery_is_filtered_and_walked_by_keys(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/images")
    page.wait_for_selector(".tiles a")
    split = gather(served.folder).split
    page.select_option("select[name=part]", "test")
    until(page, f"document.getElementById('told').textContent === '{len(split.test)} images'")
    page.select_option("select[name=sort]", "confidence")
    page.check("input[name=falling]")
    page.wait_for_url("**falling=1*")
    page.wait_for_selector(".tiles a")
    page.locator(".tiles a").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    place = int(page.evaluate("document.activeElement.dataset.place"))
    assert place > 1
    page.keyboard.press("Enter")
    page.wait_for_selector(".steps")
    page.wait_for_load_state("load")  # the script that listens to keys is there
    assert f"{place + 1} of {len(split.test)}" in page.inner_text(".steps")
    page.keyboard.press("ArrowRight")
    page.get_by_text(f"{place + 2} of {len(split.test)}").wait_for()


def test_a_line_on_the_map_opens_the_gallery(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/map")
    page.wait_for_selector("html[data-drawn]", state="attached")
    box = page.locator("#map").bounding_box()
    assert box is not None
    left, top, right, low = box["x"] + 2, box["y"] + 2, box["x"] + box["width"] / 2, box["y"] + box["height"] - 2
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, low), (left, low), (left, top + 5)):
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
    page.wait_for_url("**lasso=*")
    page.wait_for_selector(".tiles a")
    shown = int(re.sub(r"\D", "", page.inner_text("#told")))
    assert 0 < shown < len(gather(served.folder).cohort)
    page.get_by_role("button", name="Drop this condition").click()
    until(page, f"document.getElementById('told').textContent === '{len(gather(served.folder).cohort)} images'")


@pytest.mark.parametrize("name", ["overview", "why", "why/threshold", "images", "images/ONE", "map"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_fit_and_can_be_read_by_everyone(
    browser: playwright.Browser, served: Served, name: str, width: int, scheme: str
) -> None:
    one = gather(served.folder).split.test[0]
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(f"{served.address}/{name.replace('ONE', one)}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # The figures' labels are pictures to a reader, which their description stands for.
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found if one["impact"] in BAD]
    page.close()
    assert not serious


BAD = ("serious", "critical")

SHEET = {"width": 794, "height": 1123}
"""A4 in CSS pixels, 96 an inch, of which 14 mm on either side are margin."""


@pytest.mark.parametrize("name", ["overview", "why", "why/threshold", "images/ONE"])
def test_a_sheet_of_a4_cuts_nothing_and_shows_no_buttons(page: playwright.Page, served: Served, name: str) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"{served.address}/{name.replace('ONE', gather(served.folder).split.test[0])}")
    if name == "overview":
        page.wait_for_selector("[data-state=drawn]")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({**SHEET, "width": SHEET["width"] - 2 * 53})
    page.wait_for_load_state("networkidle")
    outside = (
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.draglayer, .hidden'))"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert page.evaluate(outside) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    states = page.evaluate("[...document.querySelectorAll('[data-figure]')].map(box => box.dataset.state)")
    assert set(states) == ({"drawn"} if name == "overview" else set())
    pressed = page.locator("main button:not(.sort), main input, .bar nav").all()
    assert not any(one.is_visible() for one in pressed) and page.locator("main h1, main h2").first.is_visible()


def test_the_runs_are_read_before_the_figures_are_loaded(page: playwright.Page, served: Served) -> None:
    page.goto(f"{served.address}/overview")
    page.wait_for_selector("[data-state=drawn]")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    asked = page.evaluate("performance.getEntriesByType('resource').find(r => r.name.includes('plotly')).startTime")
    assert painted < asked


@pytest.mark.slow
def test_ten_thousand_images_scroll_and_fifty_requests_are_answered(page: playwright.Page, tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:1], n_train=200, n_val=200, n_test=9600)
    diagnose_study(folder)
    with serving(folder) as served:
        page.goto(f"{served.address}/images?sort=confidence")
        page.wait_for_selector(".tiles a")
        for _ in range(40):
            page.mouse.wheel(0, 4000)
            page.wait_for_timeout(20)
        until(page, "document.querySelectorAll('.tiles a').length > 0")
        assert page.locator(".tiles a").count() < 200  # only what is in view
        ids = gather(folder).split.test[:50]

        def ask(id_: str) -> int:
            with urlopen(f"{served.address}/picture/{id_}") as answer:
                return int(answer.status)

        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(ask, ids)) == {200}


@pytest.mark.slow
def test_the_pictures_of_the_manual_are_made_by_its_script(served: Served, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    made = tmp_path / "page"
    command = [sys.executable, str(root / "scripts" / "make_screenshots.py"), str(served.folder), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    assert {file.name for file in made.iterdir()} == {file.name for file in (root / "docs" / "page").iterdir()}
    assert all(len(Image.open(file).getcolors() or ()) > 8 for file in made.iterdir())  # none is blank
