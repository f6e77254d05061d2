"""The pictures of `heldout serve` in docs/page.md: every page of a study, in a real browser.

heldout demo --out demo
python scripts/make_screenshots.py demo/study docs/page
"""

from __future__ import annotations

import io
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from heldout.report.material import gather
from heldout.web.app import build
from heldout.web.serving import listening

WIDTH, HEIGHT = 1280, 860
COLOURS = 64
"""A page has few; the files stay small."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a study's page while the block runs."""
    with listening(0) as listener:
        server = uvicorn.Server(uvicorn.Config(build(folder, "key"), log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/key"
        server.should_exit = True
        thread.join(timeout=10)


def addresses(folder: Path) -> dict[str, str]:
    """Name of a picture -> what is shown."""
    material = gather(folder)
    run = (material.featured or material.runs[0]).run if material.featured else material.runs[0].id
    answers = material.predictions(run, "test")
    wrong = next(id_ for id_, right in zip(answers.ids, answers.right, strict=True) if not right)
    return {
        "overview": "overview",
        "why": f"why?run={run}",
        "threshold": f"why/threshold?run={run}",
        "images": f"images?run={run}&part=test&outcome=wrong&sort=confidence&falling=1",
        "image": f"images/{wrong}?run={run}&part=test&outcome=wrong",
        "map": f"map?run={run}",
        "review": "review",
    }


def taken(page: Page, file: Path) -> None:
    """The page in view, in few colours."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def make(folder: Path, out: Path) -> list[Path]:
    """Write every picture; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    found = []
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with serving(folder) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name, place in addresses(folder).items():
            page.goto(f"{address}/{place}")
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(500)
            file = out / f"{name}.png"
            taken(page, file)
            found.append(file)
        browser.close()
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for one in make(Path(sys.argv[1]), Path(sys.argv[2])):
        print(f"{one}  {one.stat().st_size // 1000} kB")
