"""The picture of the README: the first two screens of the demo's report.

Made by `heldout demo --out demo`, then `python scripts/make_report_picture.py demo docs/report.png`; needs playwright
and a Chromium on the PATH.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from heldout.report import write_report

WIDTH = 1280
END = "document.querySelector('#why .causes').getBoundingClientRect().bottom"


def main(study: Path, out: Path) -> None:
    """Write the picture, from the top of the page to the end of the causes."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as play:
        file = write_report(study, Path(scratch) / "report.html")
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached")
        height = int(page.evaluate(END)) + 12
        page.set_viewport_size({"width": WIDTH, "height": height})
        for _ in range(200):
            if page.evaluate("document.querySelector('#why [data-figure]').dataset.state === 'drawn'"):
                break
            page.wait_for_timeout(50)
        page.screenshot(path=out, timeout=120_000)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
