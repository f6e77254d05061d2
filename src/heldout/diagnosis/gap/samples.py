"""The two samples that terms compare: validation images independent of train, and test as reviewers have it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.gap.absent import absent_classes
from heldout.diagnosis.gap.review import reviewed_test
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records.metric import Metric
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw
from heldout.stats.scores import Indices, Reals
from heldout.stats.weighted import shares
from heldout.stats.weights import ByClass, Weights


@dataclass(frozen=True)
class Samples:
    """The two samples that prior, threshold and ranking compare, of the classes that validation has.

    Attributes:
        val: Validation images that are independent of train (V′); of a class in `dependent` all of them.
        val_images: (n_V′,) id of the image behind each: where the run was trained anew with several seeds, an image
            stands once a seed.
        val_weights: (B + 1, n_V′), row 0 the sample.
        test: Test images with their given labels, without those of a class in `absent`.
        test_weights: (B + 1, n_T).
        true_test: Test images as reviewers have them: equal to `test` where nobody reviewed (see `reviewed_test`).
        true_weights: (B + 1, n_T + 2r) for r images found mislabelled; may be negative, since one reviewed image stands
            for many.
        true_rows: (n_T + 2r,) the row of `test` that each of them is.
        val_prior: (B + 1, k) what each recall counts on the validation images as reported (π; for accuracy their class
            shares).
        test_prior: (B + 1, k) likewise on these test images, by the reviewers' labels.
        val_shares: (k,) class shares of the validation images, whatever the metric.
        test_shares: (k,) likewise of these test images, by the reviewers' labels.
        absent: Classes that have test images and not one validation image, ascending.
        dependent: Classes of which too few validation images without a relative in train are left.
        networks: Number of images of V′ that each network trained anew answered, one after another and before those of
            classes in `dependent`; empty where the run itself answered all.
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
    absent: tuple[int, ...] = ()
    dependent: tuple[int, ...] = ()
    networks: tuple[int, ...] = ()

    def by_network(self) -> list[tuple[Indices, Reals]]:
        """Rows of V′ that each network trained anew answered, and how often each counts to weigh as much as all.

        Those of a class in `dependent` stand beside the images of every network.
        """
        n, ends = len(self.val), np.cumsum(self.networks)
        rest = np.arange(ends[-1], n)
        times = np.where(np.arange(n) < ends[-1], float(len(ends)), 1.0)
        rows = [
            np.concatenate([np.arange(end - size, end), rest]) for size, end in zip(self.networks, ends, strict=True)
        ]
        return [(some, times[some]) for some in rows]

    @cached_property
    def val_counts(self) -> Indices:
        """Different images of each class in V′, (k,): one that stands once a seed counts once."""
        _, first = np.unique(np.array(self.val_images, dtype=np.str_), return_index=True)
        counts: Indices = np.bincount(self.val.labels[first], minlength=self.val_prior.shape[1])
        return counts

    def search_shares(self) -> tuple[Reals, Reals]:
        """Share of each class's images of V′ and of test, (k,) each, of which either side has as many; 1 if none."""
        counts = np.stack([self.val_counts, self.test.counts()])
        with np.errstate(invalid="ignore", divide="ignore"):
            val, test = np.where((counts > 0).all(axis=0), counts.min(axis=0) / counts, 1.0)
        return val, test

    def val_at_test_prior(self, rows: slice = slice(None)) -> ByClass:
        """Weights of V′ that give its classes what they count on test, in some of the B + 1 replicates."""
        weights, test_prior = self.val_weights[rows], self.test_prior[rows]
        own = shares(self.val.labels, weights, test_prior.shape[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(own > 0, test_prior / own, 0.0)
        return ByClass(weights, ratio, self.val.labels)


def samples_of(run: RunData, rules: Rules) -> tuple[Samples, str]:
    """V′ and test, and how V′ came about; no words where V′ is validation as it is.

    V′ is, in this order: the validation images without a relative in train, if they are most of them and enough of each
    class; those of a grouped split on which the run was trained anew (experiment `grouped`); those without a relative
    if they are fewer, but enough; else validation as it is. The first asks this very network, which the few relatives
    hardly made; the second asks others, whose luck is told as leakage as well. A class of which V′ would hold too few
    images is taken as it is reported.
    """
    val = run.val
    assert val is not None
    own = _Independent(val, val.ids, run.draws.val)
    found, words = own, ""
    if run.leaked:
        clean = _clean(run, own, rules)
        most = clean is not None and not clean[0].dependent and 2 * len(clean[0].images) > len(val)
        found, words = (clean if most else None) or _retrained(run, own) or clean or (own, "")
    return _with_test(run, found), words


@dataclass(frozen=True)
class _Independent:
    """V′: images, the id of the image behind each, weights, classes taken as they are reported, and `networks`."""

    images: Predictions
    ids: tuple[str, ...]
    weights: Weights
    dependent: tuple[int, ...] = ()
    networks: tuple[int, ...] = ()


def _with_test(run: RunData, found: _Independent) -> Samples:
    """V′ beside the test images of the classes that validation has."""
    val, test, draws = run.val, run.test, run.draws
    assert val is not None and test is not None
    true_test, true_weights, true_rows = reviewed_test(run)
    test_weights, absent = draws.test, absent_classes(run)
    if len(absent):
        here = ~np.isin(test.labels, absent)
        place = np.cumsum(here) - 1
        kept = here[true_rows]
        test, test_weights = test.take(here), test_weights[:, here]
        true_test, true_weights = true_test.take(kept), true_weights[:, kept]
        true_rows = place[true_rows[kept]]
    test_prior = np.clip(shares(true_test.labels, true_weights, run.k), 0.0, None)
    test_prior /= test_prior.sum(axis=1, keepdims=True)
    val_prior = shares(val.labels, draws.val, run.k)
    val_shares, test_shares = val_prior[0], test_prior[0]
    if not draws.plain:
        val_shares = shares(val.labels, draws.drawn_val[:1], run.k)[0]
        test_shares = _true_shares(run, absent)
    return Samples(
        found.images,
        found.ids,
        found.weights,
        test,
        test_weights,
        true_test,
        true_weights,
        true_rows,
        val_prior,
        test_prior,
        val_shares,
        test_shares,
        tuple(absent.tolist()),
        found.dependent,
        found.networks,
    )


def _retrained(run: RunData, own: _Independent) -> tuple[_Independent, str] | None:
    """V′ of the grouped retrainings; None without any."""
    grouped, images = _grouped(run)
    if grouped is None:
        return None
    drawn = draw(
        grouped.labels,
        grouped.ids,
        grouped.patients,
        replicates=run.bootstrap,
        seed=(run.bootstrap_seed, 4),
    )
    once = np.ones((1, len(grouped)), dtype=np.float32)
    weights = run.draws.weigh(grouped.labels, np.concatenate([once, drawn.weights()]))
    seeds = run.scored["grouped"].variants
    sizes = tuple(len(run.scored["grouped"].ids(seed, "val")) for seed in seeds)
    which = f"{len(seeds)} seeds, {len(set(images))} {run.unit.words}"
    words = f"trained anew on a split that keeps patients and copies together ({which})"
    found = _Independent(grouped, images, weights, networks=sizes)
    return _completed(found, own, (grouped.counts() == 0) & (own.images.counts() > 0)), words


def _clean(run: RunData, own: _Independent, rules: Rules) -> tuple[_Independent, str] | None:
    """V′ of the validation images without a relative in train; None where too few are left."""
    val = own.images
    clean = np.array([id_ not in run.leaked for id_ in val.ids])
    few = (val.take(clean).counts() < rules.min_independent_class) & (val.counts() > 0)
    clean &= ~few[val.labels]
    kept = val.take(clean)
    if len(kept) < rules.min_independent:
        return None
    words = f"scored on the {len(kept)} validation {run.unit.words} that have no relative in train"
    return _completed(_Independent(kept, kept.ids, own.weights[:, clean]), own, few), words


def _completed(found: _Independent, own: _Independent, few: NDArray[np.bool_]) -> _Independent:
    """V′ with the images of some classes as they are reported."""
    if not few.any():
        return found
    rows = few[own.images.labels]
    added = own.images.take(rows)
    parts = (found.images, added)
    images = Predictions(
        "val",
        tuple(id_ for part in parts for id_ in part.ids),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.logits for part in parts]),
        tuple(patient for part in parts for patient in part.patients),
    )
    ids = (*found.ids, *added.ids)
    weights = np.concatenate([found.weights, own.weights[:, rows]], axis=1)
    return _Independent(images, ids, weights, tuple(np.flatnonzero(few).tolist()), found.networks)


def _true_shares(run: RunData, absent: Indices) -> Reals:
    """Class shares of test by the reviewers' labels, (k,), every image counting alike; none of `absent` classes."""
    plain = replace(run, metric=Metric(), siblings=())
    true, weights, _ = reviewed_test(plain)
    found = np.clip(shares(true.labels, weights[:1], run.k)[0], 0.0, None)
    found[absent] = 0.0
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


def shares_of_test(run: RunData, samples: Samples) -> Reals:
    """Share of each class in all of test, (k,), by the reviewers' labels; classes that validation lacks included."""
    test = run.test
    assert test is not None
    if not samples.absent:
        return samples.test_shares
    given = shares(test.labels, run.draws.drawn_test[:1], run.k)[0]
    absent = np.isin(np.arange(run.k), samples.absent)
    result: Reals = np.where(absent, given, samples.test_shares * (1 - given[absent].sum()))
    return result
