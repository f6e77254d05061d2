"""Did the forecast and the ranking of `heldout stress` agree with real sites? The tables of docs/stress.md.

    python benchmarks/stress_forecast.py studies --out sites     # trains: 15 minutes on 2 cores
    python benchmarks/stress_forecast.py anchors --out sites     # what differs between the two sites of each pair
    python benchmarks/stress_forecast.py agree --out sites       # forecast and ranking against the real test sites

Four pairs of sites, training and validation from one, test from the other:

* X-rays: the Kermany set's official train and test parts, drawn from other blocks of patients.
* WBC: white blood cells of two laboratories, other microscope, stain and camera.
* Head: skin lesions of one clinic; trunk and limbs, then face, scalp, ear and neck.
* Limbs: the same clinic; trunk, head and neck, then arms and legs.

The last two differ in where on the body a lesion is, not in who took the picture, and are told apart in the tables.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.planted_tables import markdown
from benchmarks.pools import KERMANY
from benchmarks.strategies import PATIENT
from benchmarks.stress_forecast_tables import Outcome, pairs_table, runs_table
from heldout.cli import main as heldout
from heldout.diagnosis.tables import part_pixels
from heldout.progress import Silent
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.stress import score_stresses
from heldout.runs.stressed import Asked, read_scored, rows_of
from heldout.stats.bootstrap import draw
from heldout.stats.decisions import unit_ids
from heldout.stats.metric import plain
from heldout.stats.property_shift import mean_variance
from heldout.stats.stressed import changed_scores, next_site, standings
from heldout.stresses import Stress, stresses
from heldout.stresses.ground import spread_within
from heldout.stresses.plan import CLEAN, TOGETHER
from heldout.stresses.sites import TABLE, DrawnSites, Sites, measured_sites

Reals = NDArray[np.float64]

DATA = KERMANY.parent
SKIN = DATA / "ham_vienna"
HEAD = ("face", "scalp", "ear", "neck")
LIMBS = ("lower extremity", "upper extremity", "foot", "hand", "acral")
PAIRS = ("xrays", "wbc", "head", "limbs")
IMAGES = {"xrays": "xrays", "wbc": "wbc", "head": "skin", "limbs": "skin"}
"""Pairs of the same images may not forecast each other."""

SAMPLE, DRAWN = 120, 12
"""Validation images that are changed, and sites that are drawn: fewer than `heldout stress` takes, for time. A drop is
then known to some four points; the sites lie farther apart than that."""

FIXED = "efficientnet_lite0,efficientnet_lite1,efficientnet_lite2", "probe,knn,frozen"
TRAINED = "efficientnet_lite0", "norm,last-block,finetune"


def body(out: Path, name: str, there: tuple[str, ...]) -> Path:
    """The skin lesions with those of some places of the body as test; classes that are rare on a side left out."""
    table = pd.read_csv(SKIN / "manifest.csv", dtype=str)
    table = table[table["label"].isin(["nv", "mel", "bkl", "bcc"]) & (table["localization"] != "unknown")]
    table["split"] = table["localization"].isin(there).map({True: "test", False: "train"})
    table["path"] = [str(SKIN / path) for path in table["path"]]
    file = out / f"{name}.csv"
    table[["path", "label", "split", "patient"]].to_csv(file, index=False)
    return file


def cells(out: Path) -> Path:
    """The white blood cells without the type of which one laboratory has a single image."""
    table = pd.read_csv(DATA / "wbc_two_labs" / "manifest.csv", dtype=str)
    table = table[table["label"] != "basophil"]
    table["path"] = [str(DATA / "wbc_two_labs" / path) for path in table["path"]]
    file = out / "wbc.csv"
    table.to_csv(file, index=False)
    return file


def words(out: Path, name: str) -> list[str]:
    """The words after `heldout run` that say which images."""
    if name == "xrays":
        return [str(KERMANY), "--per-class", "400", "--patient", PATIENT]
    if name == "wbc":
        return [str(cells(out)), "--val-fraction", "0.4"]
    return [str(body(out, name, HEAD if name == "head" else LIMBS)), "--per-class", "300"]


def studies(out: Path, names: list[str]) -> None:
    """Train the runs of every pair; what is finished is not done again."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        for models, strategies in (FIXED, TRAINED):
            command = ["run", *words(out, name), "--models", models, "--strategies", strategies, "--epochs", "5"]
            command += ["--image-size", "96", "--out", str(out / name)]
            print("heldout " + " ".join(command), flush=True)
            heldout(command)


def anchors(out: Path, names: list[str]) -> None:
    """What differs between the two sites of each pair, class by class: the table that comes with the package."""
    table = pd.concat([shifts(out, name) for name in names], ignore_index=True)
    table.round(3).to_csv(TABLE, index=False)
    print(f"wrote {TABLE}: {len(table)} shifts", "", anchors_table(table), sep="\n")


def anchors_table(table: pd.DataFrame) -> str:
    """A row a stress: in every pair the class that differs least and the one that differs most, with its interval."""
    pairs = list(dict.fromkeys(table["pair"]))
    rows = []
    for stress in dict.fromkeys(table["stress"]):
        cells = []
        for pair in pairs:
            own = table[(table["stress"] == stress) & (table["pair"] == pair)]
            order = own.iloc[own["shift"].abs().argsort()]
            if own.empty:
                cells.append("–")
                continue
            least, most = order.iloc[0], order.iloc[-1]
            cells.append(f"{least['shift']:+.2f} … {most['shift']:+.2f} [{most['low']:.2f}, {most['high']:.2f}]")
        near, middle, far = Sites(table).sizes(stress)
        rows.append([f"`{stress}`", *cells, f"{near:.2f}, {middle:.2f}, {far:.2f}"])
    return markdown(["stress", *pairs, "near, middle, far"], rows)


def shifts(out: Path, name: str) -> pd.DataFrame:
    """Shifts of one pair: the second site's test images against the training and validation images of the first.

    In standard deviations of the first site's images of a class; the interval takes patients as units. Shares of the
    classes are those of all images of the two sites, of which no class was cut down, as logarithms about their mean.
    """
    study = read_study(out / name)
    here = [np.asarray(part_pixels(study, part, study.runs[0].recipe, Silent())) for part in ("train", "val")]
    sides = np.concatenate(here), np.asarray(part_pixels(study, "test", study.runs[0].recipe, Silent()))
    labels = tuple(np.concatenate([classes_of(study, part) for part in side]) for side in (("train", "val"), ("test",)))
    patients = tuple([name for part in side for name in study.patients(part)] for side in (("train", "val"), ("test",)))
    rows = []
    for stress in stresses:
        if not isinstance(stress, Stress) or stress.measure(sides[0][:1]) is None:
            continue
        if stress.colour and (sides[0] == sides[0][..., :1]).all():
            continue
        values = tuple(np.asarray(stress.measure(side)) for side in sides)
        spread = spread_within(values[0], labels[0])
        for k, label in enumerate(study.cohort.classes):
            own = tuple(side == k for side in labels)
            means = [side[chosen].mean() for side, chosen in zip(values, own, strict=True)]
            errors = [error(*side) ** 2 for side in zip(values, own, patients, strict=True)]
            shift, reach = (means[1] - means[0]) / spread, 1.96 * np.sqrt(sum(errors)) / spread
            rows.append((name, label, stress.name, shift, shift - reach, shift + reach, *map(int, map(sum, own))))
    n = tuple(counted(out, name, study.cohort.classes, part) for part in ("train", "test"))
    logs = np.log(n[1] / n[0])
    for k, label in enumerate(study.cohort.classes):
        shift, reach = logs[k] - logs.mean(), 1.96 * np.sqrt(1 / n[0][k] + 1 / n[1][k])
        rows.append((name, label, "class-shares", shift, shift - reach, shift + reach, int(n[0][k]), int(n[1][k])))
    return pd.DataFrame(rows, columns=["pair", "class", "stress", "shift", "low", "high", "here", "there"])


def counted(out: Path, name: str, classes: Sequence[str], part: str) -> NDArray[np.int64]:
    """(k,) images of each class of a whole site, those that a study leaves out too."""
    if name == "xrays":
        return np.array([sum(1 for _ in (KERMANY / part / label).iterdir()) for label in classes])
    table = pd.read_csv(out / f"{name}.csv", dtype=str)
    return np.array([((table["split"] == part) & (table["label"] == label)).sum() for label in classes])


def classes_of(study: StudyFiles, part: str) -> NDArray[np.int64]:
    """(n,) class of each image of a part."""
    named = study.cohort.table.set_index("id")["label"].loc[list(study.split.part(part))]
    return np.array([study.cohort.classes.index(name) for name in named], dtype=np.int64)


def error(values: NDArray[np.float64], own: NDArray[np.bool_], patients: list[str]) -> float:
    """Standard error of the mean of a class, patients being the units."""
    named = [patients[i] or f"image {i}" for i in np.flatnonzero(own)]
    units = np.unique(named, return_inverse=True)[1]
    return float(np.sqrt(mean_variance(values[own], units)[0]))


@dataclass(frozen=True, eq=False)
class OwnShifts(Sites):
    """One pair alone, its shifts given to the classes in which they were measured: what changes of images can hold.

    Attributes:
        study: The pair's own study, whose validation and test parts say how the shares of the classes moved.
    """

    study: StudyFiles | None = None

    def drawn(self, names: Sequence[str], classes: int, number: int, seed: int) -> DrawnSites:
        """One site, which is that of the pair."""
        assert self.study is not None
        table = self.table.pivot(index="class", columns="stress", values="shift").reindex(columns=list(names)).fillna(0)
        val, test = (np.bincount(classes_of(self.study, part), minlength=classes) for part in ("val", "test"))
        table = table.loc[list(self.study.cohort.classes)].assign(**{"class-shares": np.log(test / val)})
        return DrawnSites(self.pairs, table[list(names)].to_numpy(dtype=np.float64).T[None])


def agree(out: Path, names: list[str]) -> None:
    """Forecast and ranking against what the second sites brought."""
    found = [outcome for name in names for outcome in outcomes(read_study(out / name), name)]
    pd.DataFrame([vars(one) for one in found]).to_csv(out / "agreement.csv", index=False)
    print(pairs_table(found), "", runs_table(found), sep="\n")


def outcomes(study: StudyFiles, name: str) -> list[Outcome]:
    """Every run of a pair. The sites are drawn from pairs of other images: those of the skin know nothing of skin."""
    others = [one for one in PAIRS if IMAGES[one] == IMAGES[name]]
    sites = measured_sites()
    alone = sites.without([one for one in PAIRS if one != name]).table
    foreign = Asked(limit=SAMPLE, sites=DRAWN, pairs=sites.without(others))
    own = Asked(limit=SAMPLE, sites=1, pairs=OwnShifts(alone, study))
    lost: dict[Asked, list[tuple[Reals, Reals]]] = {}
    beside = replace(study, folder=study.folder / "own")  # so that one does not take the other's place
    for asked, place in ((own, beside), (foreign, study)):
        score_stresses(place, asked, Silent(), only=(CLEAN, TOGETHER))
        lost[asked] = scores(place, asked)
        print(f"{name}: {len(study.runs)} runs under {asked.sites} sites", flush=True)
    first = study.runs[0]
    of_row = unit_ids(first.predictions["val"])
    units = len({of_row[row] for row in rows_of(study, first, foreign)})
    ranked = standings(np.stack([at for _, at in lost[foreign]]), seed=0, units=units)
    found = []
    for place, run in enumerate(study.runs):
        (clean, at), (_, at_own) = lost[foreign][place], lost[own][place]
        val, test = (float(run.predictions[part].right.mean()) for part in ("val", "test"))
        title = f"{run.record.backbone.removeprefix('offline:efficientnet_')} {run.record.strategy}"
        found.append(
            Outcome(
                pair=name,
                run=title,
                val=val,
                expected=float(ranked.score[place, 0]),
                test=test,
                real=100 * (val - test),
                forecast=next_site(100 * (clean - at), units),
                own=float(100 * (clean - at_own)[0, 0]),
                first=float(ranked.first[place]),
            )
        )
    return found


def scores(study: StudyFiles, asked: Asked) -> list[tuple[Reals, Reals]]:
    """Each run's accuracy on the images as they are, (B + 1,), and at the drawn sites, (J, B + 1)."""
    plan, found = asked.plan(study), []
    for run in study.runs:
        side, rows = run.predictions["val"], rows_of(study, run, asked)
        ids, labels = [side.ids[row] for row in rows], side.labels[rows]
        drawn = draw(labels, ids, [side.patients[row] for row in rows])
        answers = [read_scored(study, run, name, ids).answers for name in (CLEAN, TOGETHER)]
        right = [np.stack([one.argmax(axis=1) == labels for one in own.values()]) for own in answers]
        metric = plain(len(study.cohort.classes))
        clean = changed_scores(right[0], labels, drawn, metric)[0]
        found.append((clean, changed_scores(right[1], labels, drawn, metric, plan.factors)))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["studies", "anchors", "agree"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", default=",".join(PAIRS))
    asked = parser.parse_args()
    names = asked.pairs.split(",")
    if asked.what == "studies":
        studies(asked.out, names)
    elif asked.what == "anchors":
        anchors(asked.out, names)
    else:
        agree(asked.out, names)


if __name__ == "__main__":
    main()
