r"""Plants that change pixels, and plants that live in a run, through the whole program; the truth from the twin.

    python benchmarks/planted_pixels.py --world phantoms --seeds 30 --minutes 14   # and kermany; again to go on
    python benchmarks/planted_pixels.py --world kermany --plants unseen --medmnistc mc/bin/python   # not ours
    python benchmarks/planted_pixels.py table --world kermany
    python benchmarks/planted_pixels.py judge --world phantoms     # kept studies again, after a cause was changed

Every study goes the way that a person would go: images in a folder, `heldout run` with EfficientNet-Lite0 and fixed
features at 96 pixels, all experiments, `heldout diagnose`; 800 training, 400 validation and n_T test images. What a
plant truly costs is scored with the same trained network on the twin, the same set without the plant: what validation
loses without it, and what test gains. Where labels are planted an oracle reads the images that the diagnosis lists.

What studies have in common is computed once: the frozen trunk sees an image once, however many studies and
interventions hold it (`shared_passes.py`; `--alone` shares nothing). Rows are appended to a CSV file as they come, with
the seconds and processor seconds that each took.

Plants that live in a run have no twin: BatchNorm statistics that are corrupted after training, and a fine-tuning of 200
images over 40 epochs. They lower validation and test alike, so nothing must be claimed of the gap, and they must be
told. Plants named `unseen` are the corruptions of MedMNIST-C, made by its own code (`corrupt_medmnistc.py`) on the test
images: nobody here chose them or their strengths.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd
import torch

from benchmarks.pixel_worlds import SIZE, Set, maker, placed, write
from benchmarks.planted_pixels_tables import RUN_PLANTS, costs, summary, table
from benchmarks.rows import Deadline, append, read
from benchmarks.shared_passes import Passes, shared
from heldout.data.store import store_of_arrays
from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.until_told import run_until_told
from heldout.phantoms.plant import Plant
from heldout.phantoms.plants import parse_plants
from heldout.records import Diagnosis
from heldout.runs import fit
from heldout.runs.folder import read_study
from heldout.runs.predict import load_network
from heldout.study import Study
from heldout.training import machine
from heldout.training.scoring import Scorer

N_TEST = 624

PLANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "blur": (("blur:parts=test",), ("image-quality",)),
    "blur of one class": (("blur:classes={0},parts=test",), ("image-quality",)),
    "noise": (("noise:parts=test",), ("image-quality",)),
    "contrast": (("contrast:parts=test",), ("image-quality",)),
    "jpeg": (("jpeg:parts=test",), ("image-quality",)),
    "token": (("token",), ("shortcut",)),
    "prior": (("prior:label={0}",), ("prior",)),
    "flips": (("flips:parts=test",), ("labels",)),
    "common": (("common",), ("covariate-shift",)),
    "withheld": (("withheld",), ("covariate-shift",)),
    "hard": (("hard",), ("difficulty",)),
    "copies in validation": (("copies-in-val",), ("leakage",)),
    "patients in validation": (("patients-in-val",), ("leakage",)),
    "noise and prior": (("noise:parts=test", "prior:label={0}"), ("image-quality", "prior")),
    "blur and flips": (("blur:parts=test", "flips:parts=test"), ("image-quality", "labels")),
    "withheld and contrast": (("withheld", "contrast:parts=test"), ("covariate-shift", "image-quality")),
    "token and jpeg": (("token", "jpeg:parts=test"), ("shortcut", "image-quality")),
}
"""Name -> plants, whose severity is set by the level, and the causes that should be named."""

UNSEEN = (
    "pixelate",
    "jpeg_compression",
    "gaussian_noise",
    "speckle_noise",
    "impulse_noise",
    "shot_noise",
    "gaussian_blur",
    "brightness_up",
    "brightness_down",
    "contrast_up",
    "contrast_down",
    "gamma_corr_up",
    "gamma_corr_down",
)
"""Corruptions that MedMNIST-C has for chest X-rays (`pneumoniamnist`), all of them of image quality."""

UNSEEN_LEVELS = (0, 2, 4)
"""Of its five strengths those that stand for mild, medium and strong."""

PLANTS |= {f"unseen {name}": ((), ("image-quality",)) for name in UNSEEN}

CLASSES = {"phantoms": ("echinocyte", "discocyte"), "kermany": ("normal", "pneumonia")}


@dataclass(frozen=True)
class Cell:
    """One study to be made."""

    world: str
    plant: str
    severity: int
    n_test: int
    seed: int

    @property
    def folder(self) -> str:
        """Name of the folder that its study is kept in."""
        return f"{self.plant.replace(' ', '-')}-{self.severity}-{self.n_test}-{self.seed}"

    @property
    def key(self) -> tuple[str, int, int, int]:
        """What tells it from others of its world."""
        return self.plant, self.severity, self.n_test, self.seed

    def plants(self) -> tuple[Plant, ...]:
        """What is planted, each at the level of this cell's severity."""
        found = []
        for text in PLANTS[self.plant][0]:
            (made,) = parse_plants([text.format(*CLASSES[self.world])])
            found.append(replace(made, **{made.severity: type(made).levels[self.severity]}))
        return tuple(found)

    @property
    def corruption(self) -> str:
        """What MedMNIST-C calls the plant; empty for plants of ours."""
        return self.plant.removeprefix("unseen ") if self.plant.startswith("unseen ") else ""


Make = Callable[[int, int, Sequence[Plant]], tuple[Set, Set]]


def corrupted(made: Set, cell: Cell, medmnistc: str) -> Set:
    """The set with its test images as MedMNIST-C's own code changes them, in an environment of its own.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    here = np.flatnonzero(made.table["split"] == "test")
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "in.npy", Path(scratch) / "out.npy"
        np.save(source, made.images[here])
        script = Path(__file__).with_name("corrupt_medmnistc.py")
        level = str(UNSEEN_LEVELS[cell.severity])
        words = [medmnistc, str(script), "pneumoniamnist", cell.corruption, level, str(cell.seed)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run([*words, str(source), str(target)], check=True, env=environment)
        images = made.images.copy()
        images[here] = np.load(target)
    return Set(images, made.table)


def study_row(
    cell: Cell, make: Make, folder: Path, medmnistc: str = "", limit: int = RULES.max_sampled
) -> dict[str, object]:
    """One study from pixels to findings."""
    started, processor = time.perf_counter(), time.process_time()
    made, twin = make(cell.seed, cell.n_test, cell.plants())
    if cell.corruption:
        made = corrupted(made, cell, medmnistc)
    study, found = run_and_diagnose(made, folder, "frozen", 20, limit)
    causes = PLANTS[cell.plant][1]
    row = row_of(cell, found, causes)
    row["truth"] = cost(made, twin, study) if causes else 0.0
    return row | {"seconds": time.perf_counter() - started, "processor": time.process_time() - processor}


def run_and_diagnose(
    made: Set, folder: Path, strategy: str, epochs: int, limit: int = RULES.max_sampled
) -> tuple[Study, Diagnosis]:
    """The study of one run, and what the diagnosis says of it; interventions are made on `limit` images a part."""
    shutil.rmtree(folder, ignore_errors=True)
    write(made, folder / "data")
    made.table.to_parquet(folder / "table.parquet")
    study = Study(
        str(folder / "data"),
        ["efficientnet_lite0"],
        [strategy],
        folder / "study",
        epochs=epochs,
        image_size=SIZE,
        device="cpu",
    )
    study.run()
    return study, judged(made.table, folder, limit)


def judged(table: pd.DataFrame, folder: Path, limit: int = RULES.max_sampled) -> Diagnosis:
    """What the diagnosis says of the study in a folder; experiments that are not there are done."""
    study = read_study(folder / "study")
    run_until_told(study, device="cpu", limit=limit)
    (found,) = diagnose(study)
    if "true_label" in table and (table["true_label"] != table["label"]).any():
        (found,) = diagnose(study, review=read_by_oracle(table, folder, found))
    return found


def read_by_oracle(table: pd.DataFrame, folder: Path, found: Diagnosis) -> Path:
    """A file with the true labels of the images that the diagnosis asks to review."""
    known = pd.read_parquet(folder / "study" / "cohort.parquet").rename(columns={"source": "file"})
    labels = known.merge(placed(table)[["file", "row", "true_label"]], on=["file", "row"]).set_index("id")["true_label"]
    file = folder / "review.csv"
    labels.loc[list(found.review)].rename("label").rename_axis("id").to_csv(file)
    return file


def row_of(cell: Cell, found: Diagnosis, causes: tuple[str, ...]) -> dict[str, object]:
    """What was found, beside what was planted."""
    row: dict[str, object] = {
        "plant": cell.plant,
        "severity": cell.severity,
        "n_test": cell.n_test,
        "seed": cell.seed,
        "causes": ",".join(causes),
        "explained": found.explained,
    }
    row |= {"low": np.nan, "high": np.nan}
    row["gap"] = found.gap_points.value if found.gap_points else np.nan
    told = [item for item in found.findings if item.verdict in ("established", "suggested") and item.priority > 0]
    told = [item for item in told if item.code != "chance"]
    row["faults"] = ",".join(item.code for item in found.findings if item.fault)
    row["named"] = ",".join(item.code for item in told)
    row["established"] = ",".join(item.code for item in told if item.verdict == "established")
    row["verdicts"] = ";".join(f"{item.code}={item.verdict}" for item in found.findings)
    row["sentences"] = " | ".join(item.sentence for item in found.findings if item.code in causes)
    mine = [item.points for item in found.findings if item.code in causes and item.points]
    row["points"] = sum(points.value for points in mine) if mine else np.nan
    if len(causes) == 1 and mine:
        row |= {"low": mine[0].low, "high": mine[0].high}
    return row


def cost(made: Set, twin: Set, study: Study) -> float:
    """Points that validation gains and test loses by the plant, with the study's own network on both sets."""
    (record,) = study.records()
    network, recipe = load_network(study.folder / "runs" / record.id)
    place = machine("cpu")
    place.hold(network)
    total, scorer = 0.0, Scorer(place)
    for part, sign in (("val", 1), ("test", -1)):
        for one, side in ((made, 1), (twin, -1)):
            images, truth = one.part(part)
            names = [str(i) for i in range(len(images))]
            store = store_of_arrays(images, names, recipe.image_size, recipe.fit, recipe.interpolation)
            answers = np.array(recipe.classes)[scorer.logits(network, store.pixels).argmax(axis=1)]
            total += sign * side * 100 * float((answers == truth).mean())
    return total


SHOWN = ("plant", "severity", "n_test", "seed", "gap", "truth", "points", "named", "seconds", "processor")

WORDS = ("plant", "causes", "faults", "named", "established", "verdicts", "sentences")
COLUMNS = ("plant", "severity", "n_test", "seed", "causes", "explained", "low", "high", "gap", "faults", "named")
COLUMNS += ("established", "verdicts", "sentences", "points", "truth", "seconds", "processor")
"""Columns of the CSV file; those of `WORDS` are text."""


def run_plant_row(cell: Cell, make: Make, folder: Path) -> dict[str, object]:
    """A study whose fault lies in its run; nothing shifts between validation and test."""
    started, processor = time.perf_counter(), time.process_time()
    made, _ = make(cell.seed, cell.n_test, ())
    if cell.plant == "trained too long":
        train = np.flatnonzero(made.table["split"] == "train")
        too_many = np.random.default_rng((cell.seed, 32)).permutation(train)[200:]
        left = np.delete(np.arange(len(made.table)), too_many)
        made = Set(made.images[left], made.table.iloc[left].reset_index(drop=True))
        _, found = run_and_diagnose(made, folder, strategy="finetune", epochs=(10, 20, 40)[cell.severity])
    else:
        with mock.patch.object(fit, "learn_strategy", _corrupting(cell)):
            _, found = run_and_diagnose(made, folder, strategy="frozen", epochs=20)
    row = row_of(cell, found, (RUN_PLANTS[cell.plant],)) | {"truth": 0.0}
    return row | {"seconds": time.perf_counter() - started, "processor": time.process_time() - processor}


def _corrupting(cell: Cell) -> Callable[..., fit.Learned]:
    """`learn_strategy`, after which every running mean is off by a part of its standard deviation."""
    plain = fit.learn_strategy
    strength = (0.1, 0.2, 0.4)[cell.severity]

    def learn(*args: object, **settings: object) -> fit.Learned:
        learned = plain(*args, **settings)  # type: ignore[arg-type]
        generator = torch.Generator().manual_seed(cell.seed)
        for module in learned.network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                wobble = torch.randn(module.running_mean.shape, generator=generator)
                module.running_mean += strength * wobble * module.running_var.sqrt()
        return replace(learned, fixed=False)

    return learn


def judged_again(
    rows: list[dict[str, object]], world: str, plants: Sequence[str], kept: Path
) -> Iterator[dict[str, object]]:
    """The rows, those of some plants whose study was kept with what today's diagnosis says of it."""
    for row in rows:
        cell = Cell(world, str(row["plant"]), *(int(str(row[name])) for name in ("severity", "n_test", "seed")))
        folder = kept / cell.folder
        if cell.plant in plants and (folder / "table.parquet").is_file():
            found = judged(pd.read_parquet(folder / "table.parquet"), folder)
            causes = tuple(code for code in str(row["causes"]).split(",") if code)
            row = row | row_of(cell, found, causes)
            print({key: row[key] for key in SHOWN}, flush=True)
        yield row


def cells_of(options: argparse.Namespace) -> Iterator[Cell]:
    """Seed by seed, so that whatever time there is gives whole seeds."""
    for seed in range(options.first_seed, options.seeds):
        for n_test in options.tests:
            for name in chosen(options.plants, options.medmnistc):
                for severity in of_seed(options, seed) if name != "none" else (0,):
                    yield Cell(options.world, name, severity, n_test, seed)


def of_seed(options: argparse.Namespace, seed: int) -> tuple[int, ...]:
    """Severities of a seed's plants: studies of a seed share their images, so that more seeds tell more."""
    levels: tuple[int, ...] = options.severities
    return (levels[seed % len(levels)],) if options.in_turn else levels


def chosen(plants: str, medmnistc: str) -> list[str]:
    """Names of plants; `ours`, `unseen` and `runs` stand for many, and nothing for all that can be made here."""
    ours = [name for name in PLANTS if not name.startswith("unseen ")]
    many = {"ours": ours, "unseen": [f"unseen {name}" for name in UNSEEN], "runs": list(RUN_PLANTS)}
    wanted = plants.split(",") if plants else ["ours", *(["unseen"] if medmnistc else []), "runs"]
    return [name for word in wanted for name in many.get(word, [word])]


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them."""
    return tuple(map(int, text.split(",")))


def main() -> None:
    """The command line; goes on where the last call stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["run", "judge", "table"], default="run")
    parser.add_argument("--world", choices=list(CLASSES), default="phantoms")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--severities", type=numbers, default=(0, 1, 2))
    parser.add_argument("--in-turn", action="store_true", help="one severity a seed, in turn")
    parser.add_argument("--tests", type=numbers, default=(N_TEST,))
    parser.add_argument("--plants", default="", help="names with commas between; ours, unseen, runs; all of them")
    parser.add_argument("--medmnistc", default="", help="a Python that has medmnistc, for the plants unseen")
    parser.add_argument("--minutes", type=float, help="begin no study that would end later")
    parser.add_argument("--images", type=int, default=RULES.max_sampled, help="images a part that are scored again")
    parser.add_argument("--alone", action="store_true", help="share nothing between studies")
    parser.add_argument("--out", type=Path, default=Path("planted"))
    parser.add_argument("--keep", action="store_true", help="keep every study (35 MB each), so that judge can read it")
    options = parser.parse_args()
    file = options.out / f"pixels-{options.world}.csv"
    frame = read(file, COLUMNS, WORDS)
    if options.what == "table":
        print(f"{summary(frame)}\n\n{table(frame)}\n\n{costs(frame)}")
        return
    make = maker(options.world, options.out / "pools")
    kept = options.out / f"kept-{options.world}"
    if options.what == "judge":
        rows = frame.to_dict("records")
        again = list(judged_again(rows, options.world, chosen(options.plants, options.medmnistc), kept))
        pd.DataFrame(again, columns=list(COLUMNS)).to_csv(file, index=False)
        return
    run(options, make, file, kept)


def run(options: argparse.Namespace, make: Make, file: Path, kept: Path) -> None:
    """Make the studies that are missing, as far as there is time."""
    frame = read(file, COLUMNS, WORDS)
    done = set(frame[["plant", "severity", "n_test", "seed"]].itertuples(index=False, name=None))
    deadline = Deadline(options.minutes)
    with nullcontext() if options.alone else shared(Passes()):
        for cell in cells_of(options):
            if cell.key in done:
                continue
            if not deadline.time_for_one_more():
                return
            folder = kept / f"{cell.folder}-{os.getpid()}" if not options.keep else kept / cell.folder
            if cell.plant in RUN_PLANTS:
                row = run_plant_row(cell, make, folder)
            else:
                row = study_row(cell, make, folder, options.medmnistc, options.images)
            if not options.keep:
                shutil.rmtree(folder)
            append(file, COLUMNS, row)
            print({key: row[key] for key in SHOWN}, flush=True)


if __name__ == "__main__":
    main()
