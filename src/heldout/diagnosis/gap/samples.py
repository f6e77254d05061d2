"""The two samples that terms compare: validation images independent of train, and test as reviewers have it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heldout.diagnosis.gap.review import reviewed_test
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records.metric import Metric
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw
from heldout.stats.scores import Indices, Reals
from heldout.stats.thresholds import Weights
from heldout.stats.weighted import shares


@dataclass(frozen=True)
class Samples:
    """The two samples that prior, threshold and ranking compare.

    Attributes:
        val: Validation images that are independent of train (V′).
        val_images: (n_V′,) id of the image behind each: where the run was trained anew with several seeds, an image
            stands once a seed.
        val_weights: (B + 1, n_V′), row 0 the sample.
        test: Test images with their given labels.
        test_weights: (B + 1, n_T).
        true_test: Test images as reviewers have them: equal to `test` where nobody reviewed (see `reviewed_test`).
        true_weights: (B + 1, n_T + 2r) for r images found mislabelled; may be negative, since one reviewed image stands
            for many.
        true_rows: (n_T + 2r,) the row of `test` that each of them is.
        val_prior: (B + 1, k) what each recall counts on the validation images as reported (π; for accuracy their class
            shares).
        test_prior: (B + 1, k) likewise on test, by the reviewers' labels.
        val_shares: (k,) class shares of the validation images, whatever the metric.
        test_shares: (k,) likewise of test, by the reviewers' labels.
    """

    val: Predictions
    val_images: tuple[str, ...]
    val_weights: Weights
    test: Predictions
    test_weights: Weights
    true_test: Predictions
    true_weights: Weights
    true_rows: Indices
    val_prior: Reals
    test_prior: Reals
    val_shares: Reals
    test_shares: Reals

    def val_at_test_prior(self) -> Weights:
        """Weights of V′ that give its classes what they count on test."""
        own = shares(self.val.labels, self.val_weights, self.val_prior.shape[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(own > 0, self.test_prior / own, 0.0)
        weighted: Weights = (self.val_weights * ratio[:, self.val.labels]).astype(self.val_weights.dtype)
        return weighted


def samples_of(run: RunData, rules: Rules) -> tuple[Samples, str]:
    """V′ and test, and how V′ came about; no words where V′ is validation as it is.

    V′ is, in this order: the validation images of a grouped split on which the run was trained anew (experiment
    `grouped`); else the validation images without a relative in train, if there are enough of them and of each
    class; else validation as it is.
    """
    val, test = run.val, run.test
    assert val is not None and test is not None
    draws = run.draws
    val_prior = shares(val.labels, draws.val, run.k)
    true_test, true_weights, true_rows = reviewed_test(run)
    test_prior = np.clip(shares(true_test.labels, true_weights, run.k), 0.0, None)
    test_prior /= test_prior.sum(axis=1, keepdims=True)
    val_shares, test_shares = val_prior[0], test_prior[0]
    if not draws.plain:
        val_shares = shares(val.labels, draws.drawn_val[:1], run.k)[0]
        test_shares = _true_shares(run)

    def samples(images: Predictions, ids: tuple[str, ...], weights: Weights) -> Samples:
        return Samples(
            images,
            ids,
            weights,
            test,
            draws.test,
            true_test,
            true_weights,
            true_rows,
            val_prior,
            test_prior,
            val_shares,
            test_shares,
        )

    if not run.leaked:
        return samples(val, val.ids, draws.val), ""
    grouped, images = _grouped(run)
    if grouped is not None and not ((grouped.counts() == 0) & (val.counts() > 0)).any():
        drawn = draw(
            grouped.labels,
            grouped.ids,
            grouped.patients,
            replicates=run.bootstrap,
            seed=(run.bootstrap_seed, 4),
        )
        once = np.ones((1, len(grouped)), dtype=np.float32)
        weights = draws.weigh(grouped.labels, np.concatenate([once, drawn.weights()]))
        runs = len(run.scored["grouped"].variants)
        number = f"{runs} seeds, {len(grouped)} {run.unit.words}"
        words = f"trained anew on a split that keeps patients and copies together ({number})"
        return samples(grouped, images, weights), words
    clean = np.array([id_ not in run.leaked for id_ in val.ids])
    kept = val.take(clean)
    too_few = (kept.counts() < rules.min_independent_class) & (val.counts() > 0)
    if len(kept) >= rules.min_independent and not too_few.any():
        words = f"scored on the {len(kept)} validation {run.unit.words} that have no relative in train"
        return samples(kept, kept.ids, draws.val[:, clean]), words
    return samples(val, val.ids, draws.val), ""


def _true_shares(run: RunData) -> Reals:
    """Class shares of test by the reviewers' labels, (k,), every image counting alike."""
    plain = replace(run, metric=Metric(), siblings=())
    true, weights, _ = reviewed_test(plain)
    found = np.clip(shares(true.labels, weights[:1], run.k)[0], 0.0, None)
    result: Reals = found / found.sum()
    return result


def _grouped(run: RunData) -> tuple[Predictions | None, tuple[str, ...]]:
    """The validation images of the grouped retrainings, all seeds side by side, and the image behind each."""
    scored = run.scored.get("grouped")
    if scored is None:
        return None, ()
    known: dict[str, tuple[int, str]] = {}
    for part in (run.train, run.val):
        if part is not None:
            known.update(zip(part.ids, zip(part.labels.tolist(), part.patients, strict=True), strict=True))
    ids: list[str] = []
    images: list[str] = []
    labels: list[int] = []
    patients: list[str] = []
    logits: list[Reals] = []
    for variant in scored.variants:
        here = scored.ids(variant, "val")
        if any(id_ not in known for id_ in here):
            return None, ()
        ids += [f"{id_} {variant}" for id_ in here]
        images += here
        labels += [known[id_][0] for id_ in here]
        # The same image under two seeds is one unit: without a patient it is its own.
        patients += [known[id_][1] or f"image {id_}" for id_ in here]
        logits.append(scored.logits(variant, "val", here))
    if not ids:
        return None, ()
    found = Predictions("val", tuple(ids), np.array(labels, dtype=np.int64), np.concatenate(logits), tuple(patients))
    return found, tuple(images)
