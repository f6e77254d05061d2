"""The widgets' modules in a real browser, answered by the Python that answers them in a notebook."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import heldout.notebook
from heldout.notebook.album import PAGE, Album, read_album
from heldout.notebook.blind import BlindReading, begin_reading
from heldout.records import Diagnoses
from tests.report.studies import EVIL, EVIL_CLASSES

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: looked for chromium and google-chrome"),
]
MODULES = Path(heldout.notebook.__file__).parent / "templates"

MODEL = """
async ([source, css, about]) => {
  document.head.append(Object.assign(document.createElement('style'), {textContent: css}));
  const module = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
  const heard = new Set();
  window.sent = [];
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const model = {
    get: (name) => ({about})[name],
    on: (event, callback) => event === 'msg:custom' && heard.add(callback),
    off: (event, callback) => heard.delete(callback),
    send: async (message) => {
      window.sent.push(message);
      const [content, buffers] = await window.answer(JSON.stringify(message));
      for (const callback of heard) callback(content, buffers.map(bytes));
    },
  };
  const el = Object.assign(document.createElement('div'), {id: 'cell'});
  document.body.append(el);
  window.leave = module.default.render({model, el});
}
"""
"""A notebook's side of a widget: the model of anywidget, whose messages are answered by the Python under test."""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


def opened(browser: playwright.Browser, name: str, python: Album | BlindReading) -> tuple[playwright.Page, list[str]]:
    """A widget in a page, and what went wrong: console errors, exceptions, dialogs, requests."""
    page = browser.new_page(viewport={"width": 800, "height": 900})
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: None if r.url.startswith(("data:", "blob:", "about:")) else trouble.append(r.url))

    def answer(message: str) -> tuple[dict[str, Any], list[str]]:
        content, pictures = python.answer(json.loads(message))
        return content, [base64.b64encode(picture).decode() for picture in pictures]

    page.expose_function("answer", answer)
    source, css = ((MODULES / f"{name}.{end}").read_text(encoding="utf-8") for end in ("js", "css"))
    page.evaluate(MODEL, [source, css, python.about()])
    return page, trouble


def tiles(page: playwright.Page) -> list[str]:
    labels: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-place]')].map(t => t.getAttribute('aria-label'))"
    )
    return labels


@pytest.fixture(scope="module")
def album(told_folder: Path, told: Diagnoses) -> Album:
    return read_album(told_folder)


def test_only_what_is_in_sight_is_asked_for(browser: playwright.Browser, album: Album) -> None:
    page, trouble = opened(browser, "gallery", album)
    page.select_option("select >> nth=0", "train")
    page.wait_for_selector(".heldout-gallery-tile img")
    assert page.inner_text("[role=status]") == "300 images"
    assert len(tiles(page)) <= 7 * 5, "of 300 images those in sight are in the page"
    assert max(message["start"] for message in page.evaluate("sent")) == 0
    page.evaluate("document.querySelector('.heldout-gallery-view').scrollTop = 1e6")
    page.wait_for_selector("[aria-label^='300 of 300']")
    asked = [message["start"] for message in page.evaluate("sent") if message["part"] == "train"]
    assert set(asked) <= {0, 240, 288}, "the pages between were never sent"
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth === 64)")
    assert trouble == []
    page.close()


def test_it_is_filtered_and_sorted(browser: playwright.Browser, album: Album) -> None:
    page, trouble = opened(browser, "gallery", album)
    page.get_by_label("Outcome").select_option("wrong")
    page.get_by_label("Labelled").select_option("1")
    page.get_by_label("Order").select_option("surest")
    wanted = album.answer(
        {
            "kind": "page",
            "start": 0,
            "count": PAGE,
            "part": "test",
            "label": 1,
            "outcome": "wrong",
            "order": "surest",
        }
    )[0]
    page.wait_for_function(f"document.querySelector('[role=status]').textContent === '{wanted['total']} images'")
    said = tiles(page)
    assert len(said) == wanted["total"] and all("wrong: normal" in one and "label pneumonia" in one for one in said)
    sure = [int(one.split(" %")[0].split()[-1]) for one in said]
    assert sure == sorted(sure, reverse=True)
    assert trouble == []
    page.close()


def test_it_is_used_by_keys(browser: playwright.Browser, album: Album) -> None:
    page, trouble = opened(browser, "gallery", album)
    page.wait_for_selector(".heldout-gallery-tile img")
    page.focus("[data-place='0']")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    across = page.evaluate("Math.floor(document.querySelector('.heldout-gallery-view').clientWidth / 112)")
    assert page.evaluate("document.activeElement.dataset.place") == str(across)
    id_ = album.answer({"kind": "page", "start": across, "count": 1, "part": "test"})[0]["items"][0]["id"]
    page.keyboard.press("Enter")
    page.wait_for_selector(".heldout-gallery-detail img")
    assert f"id: {id_}" in page.inner_text(".heldout-gallery-detail")
    assert f"file: {album.sources[id_]}" in page.inner_text(".heldout-gallery-detail")
    page.keyboard.press("Escape")
    assert page.locator(".heldout-gallery-detail").is_hidden()
    assert page.evaluate("document.activeElement.dataset.place") == str(across), "where it was before"
    page.keyboard.press("End")
    page.wait_for_selector("[aria-label^='120 of 120']")
    assert page.evaluate("document.activeElement.dataset.place") == "119"
    assert trouble == []
    page.close()


def test_names_are_text(browser: playwright.Browser, evil_folder: Path) -> None:
    page, trouble = opened(browser, "gallery", read_album(evil_folder))
    page.wait_for_selector(".heldout-gallery-right")
    options = page.get_by_label("Labelled").locator("option").all_text_contents()
    assert options[1:] == list(EVIL_CLASSES)
    assert any(EVIL in one for one in tiles(page))
    page.click("[data-place='0']")
    page.wait_for_selector(".heldout-gallery-detail li")
    assert EVIL in page.inner_text(".heldout-gallery-detail")
    assert trouble == []
    page.close()


def test_it_leaves_nothing_behind(browser: playwright.Browser, album: Album) -> None:
    page, _ = opened(browser, "gallery", album)
    page.wait_for_selector(".heldout-gallery-tile img")
    page.evaluate("made = document.querySelector('.heldout-gallery-tile img').src; leave()")
    assert page.evaluate("fetch(made).then(() => 'kept', () => 'freed')") == "freed"
    page.close()


@pytest.fixture
def reading(told_folder: Path, told: Diagnoses, tmp_path: Path) -> BlindReading:
    return begin_reading(Path(shutil.copytree(told_folder, tmp_path / "study")), "Ada <b>")


def test_it_is_read_by_keys_and_buttons(browser: playwright.Browser, reading: BlindReading) -> None:
    page, trouble = opened(browser, "review", reading)
    total = len(reading.store.snapshot().images)

    def wait_for(read: int) -> None:
        told = f": {read} of {total} read"
        page.wait_for_function(f"document.querySelector('[role=status]').textContent.includes('{told}')")

    wait_for(0)
    assert "Ada <b>" in page.inner_text("[role=status]")
    page.get_by_role("button", name="pneumonia").click()
    wait_for(1)
    page.keyboard.press("1")
    wait_for(2)
    page.keyboard.press("0")
    wait_for(3)
    page.keyboard.press("u")
    wait_for(2)
    page.keyboard.press("2")
    wait_for(3)
    seen = [one.label for one in reading.store.snapshot().readings]
    assert seen == ["pneumonia", "normal", "pneumonia"] and reading.store.snapshot().withdrawn == 1
    assert page.evaluate("document.images.length") == 1
    html = page.evaluate("document.getElementById('cell').outerHTML")
    for id_ in reading.squares.places:
        assert id_ not in html
    assert trouble == []
    page.close()


def test_a_second_key_press_is_not_taken_for_the_next_image(browser: playwright.Browser, reading: BlindReading) -> None:
    page, _ = opened(browser, "review", reading)
    page.wait_for_selector("img")
    page.evaluate(
        "for (const key of ['1', '2', 'u']) document.querySelector('.heldout-review')"
        ".dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))"
    )
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('1 of')")
    assert [message["kind"] for message in page.evaluate("sent")] == ["next", "read"]
    assert [one.label for one in reading.store.snapshot().readings] == ["normal"]
    page.close()
