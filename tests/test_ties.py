"""Choices between equals do not hang on rounding: the rules of `heldout.ties`, and that what decides keeps to them."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.stats import rankdata
from threadpoolctl import threadpool_info

from heldout.backbones.neighbours import Neighbours
from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.effects import regains
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.diagnosis.verdict import weigh
from heldout.progress import Epoch
from heldout.records import Diagnosis
from heldout.records.predictions import Predictions
from heldout.records.tuning import Trial, Tuning
from heldout.stats.bootstrap import _blocks
from heldout.stats.curves import overfit_epoch
from heldout.stats.measured import Measured
from heldout.stats.scores import auc_binary
from heldout.stats.shift import DomainShift
from heldout.stats.suspects import Suspects, review_sample
from heldout.stats.thresholds import best_biases, tuned_accuracy
from heldout.ties import SAME_LOSS, first_best, first_of_largest, in_order, levels, midranks, settled
from heldout.training.state import better
from tests.worlds.tied_worlds import WORLDS

pytestmark = pytest.mark.numeric

NOISE = 1e-9
"""Relative: far above what another order of summation does to float64, below what tells float32 numbers apart."""

seeds = st.integers(0, 2**32 - 1)
grids = st.lists(st.integers(-4, 4), min_size=2, max_size=60)


@given(st.lists(st.sampled_from([-2.5, -0.0, 0.0, 1e-300, 0.5, 7.0, np.inf]), max_size=30))
def test_midranks_are_those_of_scipy(values: list[float]) -> None:
    assert np.array_equal(midranks(values), rankdata(values))


def jittered(values: np.ndarray, seed: int) -> np.ndarray:
    """Other last digits, as from another processor."""
    noise = np.random.default_rng(seed).uniform(-NOISE, NOISE, np.shape(values))
    return np.asarray(values * (1 + noise))


def test_the_libraries_run_what_was_asked_for() -> None:
    """Only then do the others of this marker say anything of a kernel."""
    asked, threads = os.environ.get("OPENBLAS_CORETYPE"), os.environ.get("OPENBLAS_NUM_THREADS")
    names = {"Prescott": {"Prescott", "Katmai"}}.get(asked or "", {asked})
    found = [one for one in threadpool_info() if one["internal_api"] == "openblas"]
    assert len(found) >= 2  # numpy's own and scipy's
    assert asked is None or {one["architecture"] for one in found} <= names
    assert threads is None or {one["num_threads"] for one in found} == {int(threads)}


@given(grids, seeds)
def test_the_first_of_equals_is_chosen_whatever_their_last_digits(values: list[int], seed: int) -> None:
    exact = np.array(values, dtype=np.float64)
    expected = values.index(max(values))
    noisy = jittered(exact, seed)
    assert first_of_largest(noisy) == expected
    assert first_of_largest(np.stack([noisy, exact]), axis=1).tolist() == [expected, expected]
    assert first_best(range(len(values)), lambda place: float(noisy[place])) == expected
    np.testing.assert_array_equal(levels(noisy), np.unique(exact, return_inverse=True)[1])
    np.testing.assert_array_equal(in_order(noisy), np.argsort(exact, kind="stable"))
    np.testing.assert_array_equal(in_order(noisy, descending=True), np.argsort(-exact, kind="stable"))


def test_what_differs_is_told_apart() -> None:
    assert first_of_largest([1.0, 1.0 + 1e-6]) == 1 and levels([1.0, 1.0 + 1e-6]).tolist() == [0, 1]
    assert first_of_largest([0.0, 1.0, 2.0], tolerance=1.0) == 1
    assert levels([0.0, 1.0, 2.5], tolerance=1.0).tolist() == [0, 0, 1]
    assert levels([0.0, 0.9, 1.8, 2.7], tolerance=1.0).tolist() == [0, 0, 1, 2]  # no level is wider than the tolerance
    dense = np.linspace(0.0, 1.0, 10_001)  # neighbours are equal, the ends are not
    assert levels(dense, tolerance=1e-3).max() >= 900 and (np.diff(levels(dense, tolerance=1e-3)) <= 1).all()
    near = np.float32(7.0)
    assert first_of_largest([near, np.nextafter(near, np.float32(8))]) == 1  # float32 logits: as a bare argmax


def test_holes_and_infinities_are_no_reason_to_fail() -> None:
    assert first_of_largest([np.nan, 1.0, 3.0, np.nan]) == 2 and first_of_largest([np.nan, np.nan]) == 0
    assert first_of_largest([1.0, np.inf, np.inf]) == 1 and first_of_largest([-np.inf, -np.inf]) == 0
    assert levels([np.inf, 1.0, -np.inf, np.inf]).tolist() == [2, 1, 0, 2] and not len(levels([]))
    assert str(settled(-1e-12)) == "0.0"
    with pytest.raises(ValueError, match="found none"):
        first_best([], float)


@given(grids, seeds)
def test_scores_that_are_equal_on_paper_share_a_rank(values: list[int], seed: int) -> None:
    scores = np.array(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    positive = rng.random(len(scores)) < 0.5
    order = rng.permutation(len(scores))
    exact, noisy = auc_binary(positive, scores), auc_binary(positive[order], jittered(scores, seed)[order])
    assert exact == noisy or (exact is not None and noisy == pytest.approx(exact, abs=1e-12))
    np.testing.assert_array_equal(_blocks(positive, scores), _blocks(positive, jittered(scores, seed)))


@examples(max_examples=30)
@given(seeds, st.integers(2, 3), st.booleans())
def test_the_best_cut_is_the_same_for_any_order_of_images(seed: int, k: int, whole: bool) -> None:
    """Weights that are no whole numbers too, whose sums in float32 hang on their order."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, 60)
    logits = rng.integers(-3, 4, (60, k)) / 2 + 0.0
    weights = rng.integers(0, 4, (5, 60)) / (1 if whole else 3)
    weights = weights.astype(np.float32)
    units, order = np.arange(60), rng.permutation(60)
    cuts = best_biases(labels, logits, weights)
    moved = best_biases(labels[order], jittered(logits, seed)[order], weights[:, order])
    np.testing.assert_allclose(moved, cuts, atol=1e-7)
    tuned = tuned_accuracy(labels, logits, units, weights + 1)
    again = tuned_accuracy(labels[order], jittered(logits, seed)[order], units[order], weights[:, order] + 1)
    np.testing.assert_allclose(again, tuned, atol=1e-9)


def rearranged(made: RunData, seed: int, *, noisy: bool = True) -> RunData:
    """The same run: images in another order, experiments' rows too, all logits with other last digits."""
    rng = np.random.default_rng(seed)
    changed: dict[str, Predictions] = {}
    orders = {}
    for part in ("train", "val", "test"):
        one = made.part(part)
        assert one is not None
        orders[part] = rng.permutation(len(one))
        changed[part] = one.take(orders[part])
        if noisy:
            changed[part] = changed[part].with_logits(jittered(changed[part].logits, seed))

    def table(scored: VariantLogits) -> VariantLogits:
        drawn = scored.table.iloc[rng.permutation(len(scored.table))]
        drawn = drawn.sort_values("variant", key=lambda names: names.map(scored.variants.index), kind="stable")
        columns = [name for name in drawn if name.startswith("logit_")]
        values = drawn[columns].to_numpy()
        return VariantLogits(
            drawn.assign(**dict(zip(columns, (jittered(values, seed) if noisy else values).T, strict=True)))
        )

    return replace(
        made,
        train=changed["train"],
        val=changed["val"],
        test=changed["test"],
        scored={name: table(scored) for name, scored in made.scored.items()},
        choices={name: table(kept) for name, kept in made.choices.items()},
        val_epochs=None if made.val_epochs is None else made.val_epochs[:, orders["val"]],
        features={part: features[orders[part]] for part, features in made.features.items()},
    )


def decided(found: Diagnosis) -> list[tuple[str, str]]:
    """Codes and verdicts in their order."""
    return [(finding.code, finding.verdict) for finding in found.findings]


@pytest.mark.parametrize("name", ["strengths of a probe", "a search for settings", "the best epoch"])
@pytest.mark.parametrize("seed", range(2))
def test_a_choice_among_equals_is_made_again_alike(name: str, seed: int) -> None:
    made = WORLDS[name]()
    term, again = (measure_budget(one).terms["selection"] for one in (made, rearranged(made, seed)))
    assert again.value == pytest.approx(term.value, abs=1e-9)
    np.testing.assert_allclose(again.replicates, term.replicates, atol=1e-9)


@pytest.mark.parametrize("name", ["interventions", "a review", "three classes"])
def test_verdicts_and_their_order_outlive_another_order_of_images(name: str) -> None:
    made = WORLDS[name]()
    plain, again = diagnose_run(made), diagnose_run(rearranged(made, 1))
    assert decided(again) == decided(plain)
    for one, other in zip(plain.findings, again.findings, strict=True):
        if one.points is not None and other.points is not None:
            assert other.points.value == pytest.approx(one.points.value, abs=1e-6)


def points(value: float, replicates: list[float]) -> Measured:
    return Measured(value, np.array(replicates * 100), 400, "made")


@pytest.mark.parametrize("hair", [0.0, 1e-13, -1e-13])
def test_an_end_that_lies_on_a_limit_is_judged_alike_with_any_last_digits(hair: float) -> None:
    touches_zero = points(1.0 + hair, [hair, 1.0, 2.0])
    assert touches_zero.low == pytest.approx(0.0, abs=1e-9) and not touches_zero.low > 0
    assert weigh(touches_zero, True, RULES).verdict == "not identifiable"
    assert weigh(points(hair, [-RULES.margin - hair, 0.0, RULES.margin + hair]), True, RULES).verdict == "excluded"
    assert weigh(points(-1.0, [-2.0, -1.0, hair]), True, RULES).verdict == "not identifiable"
    assert regains(points(3.0, [3.0]), points(1.0 + hair, [1.0 + hair]), RULES.agreement)  # a third of it
    assert regains(points(1.0, [1.0]), points(3.0 + hair, [3.0 + hair]), RULES.agreement)  # three times as much
    null = np.linspace(0.4, 0.6, 20)
    assert not DomainShift(0.6 + hair, null).real(RULES.null_deviations) and DomainShift(0.6 + hair, null).p == 2 / 21


def epoch(number: int, accuracy: float, loss: float) -> Epoch:
    return Epoch(number, "all", 1.0, 0.1, 0.5, 0.8, loss, accuracy)


@pytest.mark.parametrize("hair", [0.0, 1e-9, -1e-9])
def test_trainings_keep_the_earlier_of_equals(hair: float) -> None:
    assert not better(epoch(2, 0.9 + hair, 0.3), epoch(1, 0.9, 0.3 + hair))
    assert better(epoch(2, 0.9 + hair, 0.3 - 2 * SAME_LOSS), epoch(1, 0.9, 0.3))
    assert better(epoch(2, 0.91, 0.9), epoch(1, 0.9, 0.3)) and not better(epoch(2, 0.89, 0.1), epoch(1, 0.9, 0.3))
    trials = (Trial({"lr": 1.0}, 0.9, 0.3 + hair, 1.0), Trial({"lr": 2.0}, 0.9 + hair, 0.3, 1.0))
    assert Tuning("net", "finetune", 0, trials).best is trials[0]
    falling, valley = np.array([0.7, 0.5, 0.4, 0.3, 0.2, 0.1]), np.array([0.6, 0.5, 0.5 + hair, 0.7, 0.8, 0.9])
    assert overfit_epoch(falling, valley) == 2


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 3, 1, 4]])
def test_neighbours_that_are_equally_near_share_the_vote(order: list[int]) -> None:
    """Two copies of one picture, one in each class, for one place: neither class wins by accident."""
    x = torch.tensor([[1.0, 0.2], [1.0, 0.2], [-1.0, 0.5], [-1.0, -0.5], [0.0, -1.0]])[order]
    y = torch.tensor([0, 1, 0, 0, 1])[order]
    z = Neighbours.of(x, y, 1, 2)(torch.tensor([[0.9, 0.35], [-0.9, 0.4]]))
    assert z[0, 0] == pytest.approx(float(z[0, 1]), abs=1e-6)
    assert z[1, 0] > z[1, 1]  # its nearest neighbour is alone
    three = Neighbours.of(x, y, 2, 2)(torch.tensor([[0.9, 0.35]]))  # room for both: nothing to share
    assert three[0, 0] == pytest.approx(float(three[0, 1]), abs=1e-6)


def test_the_images_to_be_read_again_are_the_same_with_other_last_digits() -> None:
    rng = np.random.default_rng(0)
    quality = rng.integers(1, 9, 200) / 9.0
    other = quality + rng.uniform(-1e-15, 1e-15, 200)
    ids = tuple(f"i{number}" for number in range(200))
    plain, again = (
        review_sample(ids, Suspects(one, one < 0.3), 0, RULES.review_top, RULES.review_rest, RULES.min_doubt)
        for one in (quality, other)
    )
    assert list(plain) == list(again)
