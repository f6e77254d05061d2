"""A run with a row a patient: the one place where images become decisions, before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records.logit_table import logit_columns, logits_in
from heldout.records.metric import By, Unit
from heldout.records.predictions import Predictions
from heldout.stats.decisions import check_patients, merged, merged_classes, merged_logits, numbered, unit_ids
from heldout.stats.scores import Reals


def by_unit(run: RunData, unit: Unit) -> RunData:
    """The run as it decides on units: itself where these are images.

    Everything that speaks of images then speaks of patients: answers (`stats.decisions.merged_logits`), those of every
    intervention and candidate likewise, classes answered after each epoch (majority), measured properties and features
    (mean), relatives in other parts (a patient has one if any image has). Where an intervention scored some of a
    patient's images only, before and after are both decided on these (`VariantLogits.own`).

    Args:
        run: Rows are images.
        unit: Who one decision is made on.

    Raises:
        InputError: Patients with images of several classes, all of them; or no image that names its patient.
    """
    if unit.name == "image" or run.images is not None:
        return run
    sides = {name: side for name in ("train", "val", "test") if (side := run.part(name)) is not None and len(side)}
    check_patients(sides, run.classes)
    return _by_patient(run, unit, _Images.of(sides))


def images_of(run: RunData, ids: Iterable[str]) -> tuple[str, ...]:
    """Ids of the images behind rows of a run, in the order of the rows; the rows themselves where they are images."""
    if run.images is None:
        return tuple(ids)
    members: dict[str, list[str]] = {}
    for name in ("train", "val", "test"):
        side = run.images.part(name)
        if side is not None:
            for id_, unit in zip(side.ids, unit_ids(side), strict=True):
                members.setdefault(unit, []).append(id_)
    return tuple(image for id_ in ids for image in members.get(id_, [id_]))


def reviewed_rows(run: RunData, review: pd.DataFrame, sample: Mapping[str, float]) -> pd.DataFrame:
    """Labels that readers gave images, as labels of the rows of a run.

    A patient's is the one that most of its images were given, of equals the label it has.

    Args:
        run: Its rows may be patients.
        review: Columns `id`, `label` and `probability`, a row an image.
        sample: Row -> probability with which it was chosen for review.
    """
    if run.images is None or run.test is None or run.images.test is None:
        return review
    own = dict(zip(run.images.test.ids, unit_ids(run.images.test), strict=True))
    given = {id_: run.classes[k] for id_, k in zip(run.test.ids, run.test.labels.tolist(), strict=True)}
    rows = []
    for unit, some in review.groupby(review["id"].map(own), sort=False):
        votes = some["label"].value_counts()
        best = [label for label in votes.index if votes[label] == votes.max()]
        label = given[unit] if given[unit] in best else best[0]
        rows.append({"id": unit, "label": label, "probability": sample.get(str(unit), 1.0)})
    return pd.DataFrame(rows, columns=["id", "label", "probability"])


@dataclass(frozen=True)
class _Images:
    """Which unit every image belongs to.

    Attributes:
        unit: Image -> its unit: part and patient, or itself without a patient.
        patient: Image -> its patient.
        part: Image, and unit, -> its part.
        whole: Unit -> number of its images.
        logits: Image -> the run's own logits, (k,).
    """

    unit: Mapping[str, str]
    patient: Mapping[str, str]
    part: Mapping[str, str]
    whole: Mapping[str, int]
    logits: Mapping[str, Reals]

    @classmethod
    def of(cls, sides: Mapping[str, Predictions]) -> _Images:
        unit: dict[str, str] = {}
        patient: dict[str, str] = {}
        part: dict[str, str] = {}
        whole: dict[str, int] = {}
        logits: dict[str, Reals] = {}
        for name, side in sides.items():
            units = unit_ids(side)
            unit.update(zip(side.ids, units, strict=True))
            patient.update(zip(side.ids, side.patients, strict=True))
            part.update(dict.fromkeys((*side.ids, *units), name))
            logits.update(zip(side.ids, side.logits, strict=True))
            for one in units:
                whole[one] = whole.get(one, 0) + 1
        return cls(unit, patient, part, whole, logits)

    def within(self, image: str, part: str) -> str:
        """The unit of an image that stands in a part, which another draw of the split may have put it in."""
        here = f"{part} {self.patient.get(image, '')}"
        return here if self.patient.get(image) and here in self.whole else self.unit.get(image, image)


def _by_patient(run: RunData, unit: Unit, images: _Images) -> RunData:
    by = unit.by
    sides = {name: _merged(run.part(name), by) for name in ("train", "val", "test")}
    return replace(
        run,
        train=sides["train"],
        val=sides["val"],
        test=sides["test"],
        val_epochs=_epochs(run),
        choices={choice: _variants(kept, images, by) for choice, kept in run.choices.items()},
        candidates=None if run.candidates is None else _variants(run.candidates, images, by),
        folds=None if run.folds is None else _variants(run.folds, images, by),
        quality=_quality(run, images),
        features=_features(run),
        scored={name: _variants(kept, images, by) for name, kept in run.scored.items()},
        leaked=_any(run.leaked, images),
        changes=_any(run.changes, images),
        crossing=_any(run.crossing, images),
        review=None,
        places=_first(run.places, images),
        sites=_first(run.sites, images),
        siblings=tuple(by_unit(other, unit) for other in run.siblings),
        unit=unit,
        images=replace(run, siblings=()),
    )


def _merged(side: Predictions | None, by: By) -> Predictions | None:
    return None if side is None else merged(side, by) if len(side) else side


def _epochs(run: RunData) -> NDArray[np.int64] | None:
    """(e, u) class that most of a patient's validation images were given after each epoch."""
    if run.val_epochs is None or run.val is None or run.val_epochs.shape[1] != len(run.val):
        return run.val_epochs
    _, unit = numbered(unit_ids(run.val))
    return merged_classes(run.val_epochs, unit, run.k)


def _variants(kept: VariantLogits, images: _Images, by: By) -> VariantLogits:
    """Answers of every variant with a row a patient; beside them the run's own on the same images, where these are few.

    An intervention may have seen some of a patient's images only. What it did is then held against what the run itself
    decides on those.
    """
    scored = np.isfinite(logits_in(kept.table)).all(axis=1)
    table = kept.table.iloc[np.flatnonzero(scored)].reset_index(drop=True)
    if not len(table):
        return kept
    here = list(zip(table["id"], table["split"], strict=True))
    names = [images.within(id_, part) for id_, part in here]
    keys, rows = numbered(list(zip(table["variant"], table["split"], names, strict=True)))
    answers = pd.DataFrame(keys, columns=["variant", "split", "id"])
    values = merged_logits(logits_in(table), rows, by)
    inside = np.array([images.part.get(id_) == part for id_, part in here])
    seen = np.bincount(rows[inside], minlength=len(keys))
    partly = (seen > 0) & (seen < np.array([images.whole.get(name, 1) for _, _, name in keys]))
    some = np.flatnonzero(inside & partly[rows])
    own = None
    if len(some):
        units, number = np.unique(rows[some], return_inverse=True)
        decided = merged_logits(np.stack([images.logits[here[i][0]] for i in some]), number, by)
        own = _exact(answers.iloc[units].reset_index(drop=True), decided)
    return VariantLogits(_exact(answers, values), own, kept.looks)


def _exact(answers: pd.DataFrame, values: Reals) -> pd.DataFrame:
    """With logit columns in float64, so that an image that is alone with its patient keeps its own."""
    return answers.assign(**dict(zip(logit_columns(values.shape[1]), values.T, strict=True)))


def _quality(run: RunData, images: _Images) -> pd.DataFrame | None:
    """Mean of each property over a patient's images."""
    if run.quality is None:
        return None
    names = [images.unit.get(str(id_), str(id_)) for id_ in run.quality.index]
    return run.quality.groupby(pd.Index(names, name="id"), sort=False).mean(numeric_only=True)


def _features(run: RunData) -> dict[str, NDArray[np.float32]]:
    """Mean of the features over a patient's images, in the order of the part's patients."""
    found = {}
    for part, features in run.features.items():
        side = run.part(part)
        if side is not None and len(side) == len(features):
            _, unit = numbered(unit_ids(side))
            order = np.argsort(unit, kind="stable")
            starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
            sums = np.add.reduceat(np.asarray(features)[order], starts, axis=0)
            found[part] = (sums / np.diff(np.append(starts, len(order)))[:, None]).astype(np.float32)
    return found


def _any(reasons: Mapping[str, str], images: _Images) -> dict[str, str]:
    """A patient has a relative elsewhere if any image has; the reason is the first one's."""
    found: dict[str, str] = {}
    for id_, why in reasons.items():
        found.setdefault(images.unit.get(id_, id_), why)
    return found


def _first(texts: Mapping[str, str], images: _Images) -> dict[str, str]:
    """Of each patient the text of the first image that has one."""
    found: dict[str, str] = {}
    for id_, text in texts.items():
        unit = images.unit.get(id_, id_)
        found[unit] = found.get(unit) or text
    return found


def expanded(run: RunData, chosen: Mapping[str, float]) -> dict[str, float]:
    """Rows with a probability -> their images with the same."""
    return {image: p for id_, p in chosen.items() for image in images_of(run, [id_])}
