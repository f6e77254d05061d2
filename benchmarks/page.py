"""How fast `heldout serve` is with ten thousand images.

    python benchmarks/page.py [--images 10000]

A made study of two runs, with pixels, diagnosed; the server is a process of its own, asked by a real browser on the
same machine. Told are the seconds until the server answers; from asking for the first page until the browser paints it
(First Contentful Paint), until its runs can be clicked, and until its first figure is drawn; until the gallery shows
its first images; the longest script task while the gallery is scrolled from end to end (Long Tasks API, which counts
tasks over 50 ms); and the seconds of fifty pictures asked for at once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright
from tests.report.made_diagnosis import diagnose_study
from tests.worlds.made_study import RUNS, make_study

from heldout.runs.folder import read_study

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

OBSERVE = """() => { window.longest = 0; window.tasks = 0; new PerformanceObserver((list) => { for (const one of
list.getEntries()) { window.tasks += 1; window.longest = Math.max(window.longest, one.duration); } })
.observe({ type: "longtask" }); }"""


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds and milliseconds, medians over `rounds` but for the longest task."""
    command = [sys.executable, "-c", "from heldout.cli import entry; entry()", "serve", str(folder)]
    started = time.perf_counter()
    server = subprocess.Popen([*command, "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        address = server.stdout.readline().strip()
        found = {"server answers, s": time.perf_counter() - started}
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            first: list[float] = []
            painted: list[float] = []
            drawn: list[float] = []
            gallery: list[float] = []
            for _ in range(rounds):
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                before = time.perf_counter()
                page.goto(f"{address}overview", wait_until="commit")
                page.wait_for_selector("#runs tbody tr")
                first.append(time.perf_counter() - before)
                page.wait_for_selector("[data-state=drawn]")
                drawn.append(time.perf_counter() - before)
                painted.append(page.evaluate(PAINTED) / 1000)
                before = time.perf_counter()
                page.goto(f"{address}images?sort=confidence")
                page.wait_for_selector(".tiles img")
                gallery.append(time.perf_counter() - before)
                page.close()
            for name, seconds in (("painted", painted), ("its runs in it", first), ("its figures drawn", drawn)):
                found |= {f"first page, {name}, first time, s": seconds[0]}
                found |= {f"first page, {name}, then, s": statistics.median(seconds[1:])}
            found |= {"gallery, first time, s": gallery[0], "gallery, then, s": statistics.median(gallery[1:])}
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{address}images?sort=confidence")
            page.wait_for_selector(".tiles img")
            page.evaluate(OBSERVE)
            height = page.evaluate("document.documentElement.scrollHeight")
            for at in range(0, height, 2500):
                page.mouse.wheel(0, 2500)
                page.wait_for_timeout(20)
                if at > 300_000:
                    break
            page.wait_for_timeout(500)
            found["longest script task, ms"] = page.evaluate("window.longest")
            found["script tasks over 50 ms"] = page.evaluate("window.tasks")
            browser.close()
        ids = read_study(folder).split.test[:50]
        with ThreadPoolExecutor(50) as pool:
            before = time.perf_counter()
            states = list(pool.map(lambda id_: urlopen(f"{address}picture/{id_}").status, ids))
            found["fifty pictures at once, s"] = time.perf_counter() - before
        assert set(states) == {200}
        return found
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "study"
        make_study(folder, runs=RUNS[:2], n_train=200, n_val=200, n_test=options.images - 400)
        diagnose_study(folder)
        for name, value in measure(folder, options.rounds).items():
            print(f"{name:45s} {value:.2f}")


if __name__ == "__main__":
    main()
