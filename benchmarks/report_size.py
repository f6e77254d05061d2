"""How large a report is, how soon it is open, how much a reader has to scroll, and whether a sheet of A4 holds it.

    python benchmarks/report_size.py                        # a table; needs playwright and a Chromium on the PATH
    python benchmarks/report_size.py --repeats 9 --out pages

Studies are made up (`tests/worlds/made_study.py`, with a diagnosis of every run and pictures of noise, which compress
worse than photographs), opened in a browser window of 1280 × 900 and of 390 × 844:

* **MB**: the file, 10⁶ bytes.
* **open**: seconds from asking for the file until the figures in view are drawn, median of the repeats; **processor**:
  seconds of the page's main thread until then, which other work on the machine touches less.
* **height**: of the page as it opens, and down to the end of the causes of the gap, CSS pixels.
* **cut on A4**: figures that reach beyond the margins of a sheet when the page is printed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, sync_playwright
from tests.report.made_diagnosis import diagnose_study
from tests.worlds.made_study import RUNS, Planted, make_study

from heldout.report import write_report

TWO = ("normal", "pneumonia")
SEVEN = ("nv", "mel", "bkl", "bcc", "vasc", "df", "akiec")
WINDOWS = ((1280, 900), (390, 844))
SHEET = {"width": 794, "height": 1123}
"""A4 at 96 pixels an inch."""

HEADINGS = (
    "study",
    "runs",
    "test images",
    "MB",
    "open, s",
    "processor, s",
    "height at 1280 (end of causes)",
    "height at 390 (end of causes)",
    "cut on A4",
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DRAWN = "html[data-drawn]"
END = "(document.querySelector('#why .causes') || document.querySelector('#why')).getBoundingClientRect().bottom"
CUT = """[...document.querySelectorAll('[data-figure]')].filter(box =>
  [...box.querySelectorAll('.main-svg')].some(one => one.getBoundingClientRect().right
    > document.body.getBoundingClientRect().right + 1)).length"""


@dataclass(frozen=True)
class Study:
    """A study to make."""

    name: str
    classes: tuple[str, ...]
    runs: tuple[Planted, ...]
    test: int


@dataclass(frozen=True)
class Opened:
    """A report as a browser had it."""

    seconds: float
    processor: float
    height: int
    end: int


def many(n: int) -> tuple[Planted, ...]:
    """Runs of two models and two strategies, each with a gap."""
    return tuple(
        Planted(f"efficientnet_lite{i % 2}", ("finetune", "frozen")[i // 2 % 2], i // 4, 0.99, 0.95, 0.8 - 0.01 * i)
        for i in range(n)
    )


STUDIES = (
    Study("two classes", TWO, RUNS[:1], 1000),
    Study("seven classes", SEVEN, RUNS[:3], 1000),
    Study("seven classes, twelve runs", SEVEN, many(12), 1000),
    Study("two classes, many images", TWO, RUNS[:3], 10_000),
)


def made(study: Study, folder: Path) -> Path:
    """The report of a study made in a folder."""
    make_study(
        folder, classes=study.classes, runs=study.runs, n_train=600, n_val=max(500, study.test // 5), n_test=study.test
    )
    diagnose_study(folder)
    return write_report(folder, folder / "report.html", overwrite=True)


def opened(browser: Browser, file: Path, window: tuple[int, int]) -> Opened:
    """Open a report once."""
    page = browser.new_page(viewport={"width": window[0], "height": window[1]})
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    started = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_selector(DRAWN, state="attached", timeout=120_000)
    seconds = time.perf_counter() - started
    metrics: list[dict[str, Any]] = devtools.send("Performance.getMetrics")["metrics"]
    processor = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
    height, end = page.evaluate("document.scrollingElement.scrollHeight"), page.evaluate(END)
    page.close()
    return Opened(seconds, processor, int(height), int(end))


def cut_on_paper(browser: Browser, file: Path) -> tuple[int, int]:
    """(figures cut, figures) on a sheet of A4, as the page lays itself out for print."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_selector(DRAWN, state="attached", timeout=120_000)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size(SHEET)
    page.wait_for_timeout(300)
    found = page.evaluate(CUT), page.evaluate("document.querySelectorAll('[data-figure]').length")
    page.close()
    return found


def row(browser: Browser, study: Study, file: Path, repeats: int) -> str:
    """A row of the table."""
    wide = [opened(browser, file, WINDOWS[0]) for _ in range(repeats)]
    narrow = opened(browser, file, WINDOWS[1])
    cut, figures = cut_on_paper(browser, file)
    seconds = statistics.median(one.seconds for one in wide)
    processor = statistics.median(one.processor for one in wide)
    cells = (
        study.name,
        len(study.runs),
        f"{study.test:,}",
        f"{file.stat().st_size / 1e6:.2f}",
        f"{seconds:.2f}",
        f"{processor:.2f}",
        f"{wide[0].height:,} ({wide[0].end:,})",
        f"{narrow.height:,} ({narrow.end:,})",
        f"{cut} of {figures}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Make the studies, open their reports, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder that keeps the studies and their pages")
    asked = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        print(f"| {' | '.join(HEADINGS)} |\n|---|{'---:|' * (len(HEADINGS) - 1)}")
        for place, study in enumerate(STUDIES):
            folder = (asked.out or Path(scratch)) / f"study-{place}"
            file = folder / "report.html"
            if not file.is_file():
                made(study, folder)
            print(row(browser, study, file, asked.repeats), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
