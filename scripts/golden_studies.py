"""The four studies of the golden record: their images, their trainings, their interventions."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL = "efficientnet_lite0"


@dataclass(frozen=True)
class Study:
    """One study: how its runs are made, and how it is diagnosed.

    Attributes:
        runs: Options of each `heldout run`, one after the other on the same folder.
        images: Images a part that interventions are tried on.
    """

    runs: tuple[str, ...]
    images: int = 150


PATIENT = r"--patient ((?:NORMAL2-)?IM-\d+|person\d+_(?:bacteria|virus))"

# Only one white blood cell to train on is a basophil, so that `wbc` is a study that cannot be taken apart; without that
# type it can.
STUDIES = {
    "phantom": Study(("--image-size 96 --strategies probe,frozen --epochs 8 --set frozen.keep=best",)),
    "xray": Study(
        (
            f"--image-size 128 --strategies probe --val-fraction 0.25 {PATIENT}",
            f"--image-size 128 --strategies finetune --val-fraction 0.25 {PATIENT} --epochs 3 --seeds 3"
            " --set finetune.keep=best",
        ),
        images=80,
    ),
    "wbc": Study(("--image-size 96 --strategies probe,knn",)),
    "wbc-four-types": Study(("--image-size 96 --strategies probe --val-fraction 0.3",), images=60),
    "mhsma": Study(
        (
            "--image-size 64 --strategies frozen --epochs 6 --set frozen.keep=best --tune 3",
            "--image-size 64 --strategies wise --epochs 2",
        ),
        images=80,
    ),
}

PHANTOM = (
    "--n 1600 --patients 320 --image-size 96 --seed 3 --val --plant blur=3:classes=echinocyte --plant copies-in-val=0.3"
)


def make(out: Path, shared: Path) -> None:
    """All studies with their interventions; what is there is not made again."""
    for name, study in STUDIES.items():
        started = time.perf_counter()
        data, place = make_data(name, shared, out), out / name
        for words in study.runs:
            command(["run", str(data), "--models", MODEL, *words.split(), "--device", "cpu", "--out", str(place)])
            print(f"{name}: trained after {time.perf_counter() - started:.0f} s", flush=True)
        command(["diagnose", str(place), "--sample", str(study.images), "--bootstrap", "100", "--device", "cpu"])
        if name == "xray":
            make_review(place, out / "review.csv")
        print(f"{name}: whole after {time.perf_counter() - started:.0f} s", flush=True)


def make_data(name: str, shared: Path, out: Path) -> Path:
    """What `heldout run` is given as DATA, under `out`; made where it is missing."""
    if name == "wbc":
        return (shared / "wbc_two_labs" / "manifest.csv").resolve()
    place = out / "data" / name
    source = place / "manifest.csv" if name in ("mhsma", "wbc-four-types") else place
    if source.exists():
        return source
    if name == "phantom":
        command(["phantom", str(place), *PHANTOM.split()])
    else:
        {"xray": make_xray, "wbc-four-types": make_four_types, "mhsma": make_mhsma}[name](shared, place)
    return source


XRAY_COUNTS = {
    ("train", "NORMAL"): 240,
    ("train", "PNEUMONIA"): 400,
    ("test", "NORMAL"): 150,
    ("test", "PNEUMONIA"): 150,
}
TURNED = 0.08
"""Share of the X-rays' test labels that is turned round, so that the review has something to find."""


def make_xray(shared: Path, place: Path) -> None:
    """Whole patients of the X-rays by lot, more pneumonias in train than in test, and some test labels turned."""
    lots = random.Random(0)
    with tempfile.TemporaryDirectory(dir=place.parent if place.parent.is_dir() else None) as temporary:
        for (part, label), number in XRAY_COUNTS.items():
            files = sorted((shared / "kermany224" / part / label).glob("*.jpeg"))
            patients: dict[str, list[Path]] = {}
            for file in files:
                match = re.match(PATIENT.split(maxsplit=1)[1], file.name)
                patients.setdefault(match.group(1) if match else file.name, []).append(file)
            names = sorted(patients)
            lots.shuffle(names)
            for file in [file for name in names for file in patients[name]][:number]:
                turned = part == "test" and lots.random() < TURNED
                shown = ({"NORMAL": "PNEUMONIA", "PNEUMONIA": "NORMAL"}[label]) if turned else label
                folder = Path(temporary) / "xray" / part / shown
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, folder / file.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(Path(temporary) / "xray", place)


def make_four_types(shared: Path, place: Path) -> None:
    """The white blood cells without the basophils."""
    place.mkdir(parents=True)
    folder = (shared / "wbc_two_labs").resolve()
    with (folder / "manifest.csv").open(encoding="utf-8") as given, (place / "manifest.csv").open("w") as kept:
        rows = csv.DictReader(given)
        table = csv.DictWriter(kept, rows.fieldnames or ())
        table.writeheader()
        table.writerows({**row, "path": str(folder / row["path"])} for row in rows if row["label"] != "basophil")


def make_mhsma(shared: Path, place: Path) -> None:
    """The manifest of docs/data.md: is the head of a sperm cell abnormal?"""
    import numpy as np

    place.mkdir(parents=True)
    with (place / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "row", "label", "split"])
        for part in ("train", "valid", "test"):
            images = (shared / "mhsma64" / f"x_64_{part}.npy").resolve()
            for row, value in enumerate(np.load(shared / "mhsma64" / f"y_head_{part}.npy").tolist()):
                table.writerow([images, row, ("normal", "abnormal")[value], part])


def make_review(study: Path, file: Path) -> None:
    """Two readers who read every X-ray that is to be read as its file name says, but differ on every tenth."""
    import pandas as pd

    cohort = pd.read_parquet(study / "cohort.parquet").set_index("id")
    said = answer(["diagnose", str(study), "--no-experiments", "--bootstrap", "100"])
    ids = sorted({id_ for run in runs_of(said) for id_ in run["review"]})
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "label", "reader"])
        for number, id_ in enumerate(ids):
            pneumonia = "person" in Path(str(cohort.loc[id_, "source"])).name
            classes = ("NORMAL", "PNEUMONIA")
            table.writerow([id_, classes[pneumonia], "first"])
            table.writerow([id_, classes[pneumonia ^ (number % 10 == 9)], "second"])


class CommandError(Exception):
    """A command did not end well."""


def command(words: list[str]) -> str:
    """Run one command line in this process and give what it answered.

    Raises:
        CommandError: It returned another status than 0.
    """
    from heldout.cli import main

    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        status = int(main(words))
    if status:
        raise CommandError(f"heldout {' '.join(words)}\nended with status {status}:\n{stderr.getvalue()[-3000:]}")
    return stdout.getvalue()


def answer(words: list[str]) -> Any:
    """The JSON that a command answers."""
    text = command([*words, "--json"])
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"heldout {' '.join(words)} --json\nanswered no JSON: {error}: {text[:300]}") from error


def runs_of(said: Any) -> list[Any]:
    """The diagnoses of all runs; a study with one run answers without a list."""
    return list(said["runs"]) if "runs" in said else [said]
