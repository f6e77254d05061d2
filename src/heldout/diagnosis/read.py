"""A run's evidence from the study's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.array_files import open_array_file
from heldout.data.readers.tables import MISSING, scan_table
from heldout.diagnosis.absence import Absence
from heldout.diagnosis.looks import looks
from heldout.diagnosis.relatives import between_folds, changes_of, crossing_ids, leaked_ids
from heldout.diagnosis.results import read_about, read_result
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.tables import near_copies, quality_table
from heldout.diagnosis.variants import VariantLogits
from heldout.errors import InputError, Problem
from heldout.progress import Reporter, Silent
from heldout.records import ReasonKind
from heldout.records.codec import read_record
from heldout.records.label_predictions import LabelQuestion
from heldout.records.logit_table import VARIANT_KEYS, variants_table
from heldout.records.run import Choice
from heldout.records.table_file import load_table
from heldout.records.tuning import Tuning
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.selections import answers_of, ended_selections
from heldout.stats.bootstrap import REPLICATES


def read_run_data(
    study: StudyFiles,
    runs: Sequence[RunFiles] | None = None,
    *,
    experiments: bool = True,
    bootstrap: int = REPLICATES,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> Iterator[RunData]:
    """Everything the causes may judge runs from, one run after another.

    What runs have in common is made once: each is the others' sibling, and images that were prepared alike share
    their measured properties and near-copies.

    Args:
        study: The study.
        runs: Some of its runs; None for all.
        experiments: Whether to use what experiments left behind.
        bootstrap: Replicates B.
        seed: Their seed.
        reporter: Told of progress where images have to be measured.
    """
    reporter = reporter or Silent()
    columns = study.cohort.table
    places, sites = (dict(zip(columns["id"], columns[name], strict=True)) for name in ("source", "site"))
    differs = study.differs
    own = {
        run.record.id: replace(
            _of_run(study, run, bootstrap, seed), places=places, sites=sites, differs=differs[run.record.id]
        )
        for run in study.runs
    }
    prepared: dict[tuple[object, ...], _Images] = {}
    searches = _searches(study, reporter)
    for run in study.runs if runs is None else runs:
        drawn = run.record.seed if study.split.folds else None  # each repeat has folds of its own
        key = (run.recipe.image_size, run.recipe.fit, run.recipe.interpolation, drawn)
        if key not in prepared:
            prepared[key] = _images(study, run, reporter)
        images = prepared[key]
        scored, absent = _experiments(run) if experiments else ({}, {})
        yield replace(
            own[run.record.id],
            choices=_choices(run, searches, reporter),
            quality=images.quality,
            features=features_of(study, run) if experiments else {},
            scored=scored,
            absent=absent,
            leaked=images.leaked,
            changes=images.changes,
            copies_looked_for=images.copies_looked_for,
            crossing=images.crossing,
            siblings=tuple(other for id_, other in own.items() if id_ != run.record.id),
        )


@dataclass(frozen=True)
class _Images:
    """What is known of a study's images: the same for all runs that prepare them alike."""

    quality: pd.DataFrame | None
    leaked: Mapping[str, str]
    crossing: Mapping[str, str]
    changes: Mapping[str, str]
    copies_looked_for: bool


def _images(study: StudyFiles, run: RunFiles, reporter: Reporter) -> _Images:
    quality = quality_table(study, run.recipe, reporter)
    pairs = near_copies(study, run.recipe, reporter)
    known, crossing = pairs or (), crossing_ids(study, pairs or ())
    if run.folds is not None:
        leaked, changes = between_folds(study, parts_of_folds(run.folds), known)
        return _Images(quality, leaked, crossing, changes, pairs is not None)
    looked_for = pairs is not None and bool(study.split.train)  # of a given model nobody may have told the others
    return _Images(quality, leaked_ids(study, known), crossing, changes_of(study, known), looked_for)


def parts_of_folds(folds: pd.DataFrame) -> list[tuple[str, ...]]:
    """Ids of each fold, from what the folds' networks answered (`records.run.FOLDS`)."""
    own = folds[folds["split"] == "val"]
    return [tuple(rows["id"]) for _, rows in own.groupby("variant", sort=False)]


def _of_run(study: StudyFiles, run: RunFiles, bootstrap: int, seed: int) -> RunData:
    """What the run's own files say."""
    return RunData(
        run=run.record.id,
        model=run.record.backbone,
        strategy=run.record.strategy,
        seed=run.record.seed,
        classes=run.record.classes,
        train=run.predictions.get("train"),
        val=run.predictions.get("val"),
        test=run.predictions.get("test"),
        learning=run.record.learning,
        history=run.history,
        val_epochs=_val_epochs(run, len(study.split.val)),
        train_patients=tuple(study.patients("train")) if study.split.train or run.folds is not None else None,
        train_labels=_train_labels(study, run),
        candidates=_candidates(run),
        folds=None if run.folds is None else VariantLogits(run.folds),
        pictured=study.cohort.pictured,
        grouped=study.split.grouped,
        notes=(*study.cohort.notes, *run.record.notes),
        bootstrap=bootstrap,
        bootstrap_seed=seed,
    )


def _train_labels(study: StudyFiles, run: RunFiles) -> tuple[int, ...]:
    """Class of each training image by index; empty where its answers have it besides, or any is not known."""
    if "train" in run.predictions or run.question is not None:
        return ()
    index = {name: k for k, name in enumerate(run.record.classes)}
    own = dict(zip(study.cohort.table["id"], study.cohort.table["label"], strict=True))
    found = [index.get(own.get(id_, "")) for id_ in study.split.train]
    return tuple(k for k in found if k is not None) if None not in found else ()


def _val_epochs(run: RunFiles, n: int) -> NDArray[np.int64] | None:
    """(e, n) predicted classes; rows of the table are ordered by epoch, then as the split's validation ids."""
    values = run.val_epochs["predicted"].to_numpy(dtype=np.int64)
    return values.reshape(-1, n) if n and len(values) else None


def _choices(run: RunFiles, searches: Mapping[Path, Tuning], reporter: Reporter) -> dict[Choice, VariantLogits]:
    """What was chosen on validation -> the answers of all candidates, where they were kept."""
    if run.question is not None:
        return {"threshold": _cuts(run, run.question)}
    found: dict[Choice, VariantLogits] = {}
    own = run.folder / "choices.parquet"
    if own.is_file():  # its checksum was held against `run.json`
        of_strategy = [choice for choice in run.record.learning.chosen if choice not in ("settings", "epoch")]
        found[of_strategy[0] if of_strategy else "blend"] = VariantLogits(load_table(own))
    searched = _search(run, searches, reporter) or _selected(run)
    return found if searched is None else {**found, "settings": searched}


def _cuts(run: RunFiles, question: LabelQuestion) -> VariantLogits:
    """Answers of one of several labels at every threshold that its own stands among."""
    val = run.predictions["val"]
    shifts = {f"threshold={cut:g}": cut - question.threshold for cut in question.candidates}
    moved = {name: val.logits - np.array([0.0, shift]) for name, shift in shifts.items()}
    return VariantLogits(variants_table("val", val.ids, moved))


def _candidates(run: RunFiles) -> VariantLogits | None:
    """Answers of everything that a given model was chosen among."""
    file = run.folder / "candidates.parquet"
    return VariantLogits(load_table(file)) if file.is_file() else None


def _searches(study: StudyFiles, reporter: Reporter) -> dict[Path, Tuning]:
    """The study's searches for settings by their files; of one that is damaged nothing is known, which is said."""
    found = {}
    for file in sorted((study.folder / "tuning").glob("[!.]*.json")):
        try:
            found[file] = read_record(Tuning, file)
        except InputError as error:
            reporter.note(f"What was searched is not known, since a record is damaged. {error.problems[0]}")
    return found


def _search(run: RunFiles, searches: Mapping[Path, Tuning], reporter: Reporter) -> VariantLogits | None:
    """Answers of the trials whose best settings the run has; None without a search, or where some were not kept."""
    for file, search in searches.items():
        same = (search.backbone, search.strategy) == (run.record.backbone, run.record.strategy)
        answers = file.with_suffix(".parquet")
        if not same or len(search.trials) < 2 or not answers.exists():
            continue
        if all(run.recipe.settings.get(name) == value for name, value in search.best.settings.items()):
            try:
                kept = load_table(answers)
            except InputError as error:
                reporter.note(
                    f"What the search chose from is not known, since its answers are damaged. {error.problems[0]}"
                )
                continue
            if kept["variant"].nunique() == len(search.trials):
                return VariantLogits(kept)
    return None


def _selected(run: RunFiles) -> VariantLogits | None:
    """Answers of all recipes that the run's was chosen among (`--strategies auto`); None where it was named."""
    for file, found in ended_selections(run.folder.parents[1]):
        assert found.chosen is not None
        chosen = found.candidates[found.chosen]
        own = (run.record.backbone, run.record.strategy, run.recipe.settings)
        if len(found.candidates) > 1 and own == (chosen.backbone, chosen.strategy, chosen.settings):
            with suppress(InputError):  # answers that are damaged: nothing is known of what it was chosen among
                return VariantLogits(load_table(answers_of(file)))
    return None


def _experiments(run: RunFiles) -> tuple[Mapping[str, VariantLogits], Mapping[str, Absence]]:
    """Name -> logits, and name -> why there are none."""
    scored: dict[str, VariantLogits] = {}
    absent: dict[str, Absence] = {}
    for file in sorted((run.folder / "experiments").glob("[!.]*.json")):
        try:
            about, frame = read_result(file)
        except InputError as error:
            absent[file.stem] = Absence(ReasonKind.INTERVENTION_FAILED, f"what it left is damaged: {error.problems[0]}")
            continue
        if about.get("absent"):
            absent[file.stem] = _absence(about)
        elif frame is not None and len(frame) and set(VARIANT_KEYS) <= set(frame.columns):
            scored[file.stem] = VariantLogits(frame, looks=_looks(about))
    return scored, absent


def _looks(about: Mapping[str, Any]) -> int:
    """How many looks there may be; of what 0.2.0 made, how many there were."""
    if "looks" in about:
        return int(about["looks"])
    first, reached = (about.get("settings") or {}).get("limit"), about.get("reached")
    return looks(first, reached) if isinstance(first, int) and isinstance(reached, int) and first > 0 else 1


def _absence(about: Mapping[str, Any]) -> Absence:
    """Why an intervention left nothing; one that 0.1.0 left out does not say of what kind the reason is."""
    text = str(about["absent"])
    kinds = {str(kind): kind for kind in ReasonKind}
    otherwise = ReasonKind.INTERVENTION_FAILED if about.get("failed") else ReasonKind.NOT_RUN
    return Absence(kinds.get(str(about.get("kind")), otherwise), text)


def features_of(study: StudyFiles, run: RunFiles) -> dict[str, NDArray[np.float32]]:
    """Part -> (n, d) features of the pretrained network, memory-mapped, where the experiment `features` made them."""
    about = read_about(run.folder / "experiments" / "features.json")
    found: dict[str, NDArray[np.float32]] = {}
    for part in ("train", "val", "test"):
        place = about.get(part)
        array = open_array_file(study.folder / place) if isinstance(place, str) else None
        if array is not None and len(array) == len(study.split.part(part)):
            found[part] = array
    return found


def read_review(path: Path, study: StudyFiles, sample: Mapping[str, float]) -> pd.DataFrame:
    """A file of reviewed labels: columns `id` and `label`, one or more readers.

    Args:
        path: CSV with the columns `id`, `label` (the class that the image truly shows) and, with several readers,
            `reader`. An image on which readers differ keeps its given label.
        study: Cohort and split.
        sample: Id -> probability with which it was to be reviewed; an image that is not in it counts for itself only.

    Raises:
        InputError: Columns missing, ids that are not in test, labels that are no class; all problems at once.
    """
    known, classes = set(study.split.test), set(study.cohort.classes)
    table, problems = scan_table(path, ("id", "label"), (), MISSING - classes)
    if problems:
        raise InputError(problems, title="The review cannot be used")
    answered = [(line, cells["id"], cells["label"]) for line, cells in table if cells["label"]]
    for line, image, answer in answered:
        if image not in known:
            problems.append(Problem(f"{path} line {line}", f"id {image}", "an id of the test part", "Copy it anew."))
        if answer not in classes:
            expected = f"one of {', '.join(sorted(classes))}"
            problems.append(Problem(f"{path} line {line}", f"label '{answer}'", expected, "Correct it."))
    if problems:
        raise InputError(problems, title="The review cannot be used")
    frame = pd.DataFrame(answered, columns=["line", "id", "label"])
    given = study.cohort.table.set_index("id")["label"]
    rows = []
    for id_, group in frame.groupby("id", sort=False):
        agreed = group["label"].nunique() == 1
        label = group["label"].iloc[0] if agreed else given[id_]
        rows.append({"id": id_, "label": label, "probability": float(sample.get(str(id_), 1.0))})
    return pd.DataFrame(rows, columns=["id", "label", "probability"])
