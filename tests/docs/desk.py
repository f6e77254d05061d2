"""A folder in which the pages' commands and code find what they name: one small study, tables, images."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from tests.worlds.bright_cells import bright_cells
from tests.worlds.given_tables import made_table

PLACED = {
    "STUDY": "study",
    "DATA": "images",
    "images/": "images",
    "chest.csv": "images",
    "kermany224": "images",
    "OUT": "out",
    "DIR": "out",
    "IMAGES": "images",
    "NAME": "probe",
    "CODE": "leakage",
    "new_scans/": "new/",
    "scans/": "new/",
    "full": "study",
    "founding/study": "study",
    "founding/arrays": "images",
    "/scratch/$USER/study": "study",
    "/scratch/$USER/images": "images",
}
"""What the pages call something -> what it is called here; anything else goes by the name it has there."""

HUB = re.compile(r"hub:[\w.-]+/[\w.-]+(:(cls|mean)(\+(cls|mean))?)?")
"""A repository of the model hub, which no test asks for."""

SMALL: dict[str, dict[str, str]] = {
    "run": {
        "--models": "efficientnet_lite0",
        "--strategies": "probe,frozen",
        "--seeds": "1",
        "--epochs": "1",
        "--image-size": "32",
    },
    "phantom": {"--n": "120", "--patients": "30", "--image-size": "32"},
    "diagnose": {"--bootstrap": "100"},
    "stress": {"--bootstrap": "100", "--sites": "2", "--only": "defocus,noise"},
}
"""Values with which a command takes seconds; they stand in for those of the page, and beside its other options."""


def placed(words: tuple[str, ...], run: str = "RUN") -> list[str]:
    """The words of a page as they are said here.

    Args:
        words: The words after `heldout`.
        run: Name of a finished run.
    """
    words = tuple(word.replace("STUDY/", "study/").replace("/scratch/$USER/", "") for word in words)
    told = [HUB.sub("efficientnet_lite1", PLACED.get(word, word)) for word in words]
    return [word.replace("study/runs/RUN", f"study/runs/{run}").replace("ID", run) for word in told]


def small(words: list[str]) -> list[str]:
    """The same command, small."""
    done = list(words)
    for option, value in SMALL.get(words[0], {}).items():
        if option in done:
            done[done.index(option) + 1] = value
        elif not (words[0] == "diagnose" and "val.csv" in words and option == "--only"):
            done += [option, value]
    return done


def lay_out(folder: Path) -> None:
    """Images of two classes by patient, tables of predictions, images to predict; no study yet."""
    bright_cells(folder / "images", train=32, test=16)  # one class a patient, so that a patient can be judged
    for part in ("val", "test"):
        made_table(part, 60).drop(columns="split").to_csv(folder / f"{part}.csv", index=False)
    rng = np.random.default_rng(0)
    for name in ("new/a.png", "new/b.png", "inbox/deep/c.png", "more.jpg", "new.png"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(file)
