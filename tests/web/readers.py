"""People who read through the page in a real browser, and a server that is called as a person calls it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from heldout.review.of_study import review_of
from heldout.runs.folder import StudyFiles
from tests.report.test_browser import ARGUMENTS, CHROMIUM

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the checks of accessibility need axe")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")


@contextmanager
def called(study: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`heldout serve` as a person calls it."""
    words = ["serve", str(study), "--port", "0", "--no-browser"]
    call = [sys.executable, "-c", "from heldout.cli import entry; entry()", *words]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address + process.stdout.read()
        yield address, process
    finally:
        process.kill()
        process.communicate()


def sit_down(
    browser: playwright.Browser, address: str, name: str, role: str = "Read"
) -> tuple[playwright.Page, list[str]]:
    """A person opens the page and enters their name; what goes wrong meanwhile is listed."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    trouble: list[str] = []
    page.on("console", lambda one: trouble.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(f"{address}review")
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name=role, exact=True).click()
    page.wait_for_selector("#reading")
    return page, trouble


def read_on(page: playwright.Page, key: Callable[[str], str], most: int = 1000) -> int:
    """Press a key an image, once it is to be seen; returns how many."""
    for count in range(most):
        page.wait_for_selector('#image[data-token]:not([data-token=""]):not([hidden]), #done:not([hidden])')
        token = page.get_attribute("#image:not([hidden])", "data-token") if page.is_hidden("#done") else None
        if not token:
            return count
        page.keyboard.press(key(token))
        page.wait_for_selector(f'#image:not([data-token="{token}"])', state="attached")
    return most


def keys(study: StudyFiles, answers: Mapping[str, str | None]) -> Callable[[str], str]:
    """Token -> the key that a reader with these answers presses."""
    ids = {image.token: image.id for image in review_of(study).snapshot().images}
    number = {name: str(k + 1) for k, name in enumerate(study.cohort.classes)}
    return lambda token: number.get(answers[ids[token]] or "", "?")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()
