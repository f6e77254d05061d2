"""The corrected resampled t: by its formula, by laws, and the worked example of scikit-learn's user guide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from heldout.stats.folds import corrected_t

differences = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=30)


@given(differences, st.integers(10, 500), st.integers(1, 200))
def test_it_is_the_formula_of_nadeau_and_bengio(d: list[float], n_train: int, n_test: int) -> None:
    assume(len(set(d)) > 1)
    found = corrected_t(d, n_train, n_test)
    error = np.std(d, ddof=1) * np.sqrt(1 / len(d) + n_test / n_train)
    low, high = t.interval(0.95, len(d) - 1, loc=np.mean(d), scale=error)
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(d), low, high), abs=1e-12)
    assert found.p == pytest.approx(2 * t.sf(abs(np.mean(d)) / error, len(d) - 1))
    assert found.error == pytest.approx(error) and found.folds == len(d) and found.varies


def test_the_example_of_scikit_learn() -> None:
    """Statistical comparison of models using grid search: corrected t .750, p .227 one-sided; plain 2.611, .005."""
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), X, y, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    )
    n_train, n_test = (len(rows) for rows in next(iter(folds.split(X, y))))
    found = corrected_t(rbf - linear, n_train, n_test)
    assert round(found.value / found.error, 3) == 0.750
    assert round(found.p / 2, 3) == 0.227
    plain = ttest_1samp(rbf - linear, 0)
    assert (round(plain.statistic, 3), round(plain.pvalue / 2, 3)) == (2.611, 0.005), "the example is the one printed"


@given(differences)
def test_without_shared_training_images_it_is_the_plain_t(d: list[float]) -> None:
    """n_test/n_train towards 0 takes the correction away."""
    assume(len(set(d)) > 1 and abs(np.mean(d)) > 1e-6)
    assert corrected_t(d, 1e15, 1).p == pytest.approx(ttest_1samp(d, 0).pvalue, rel=1e-6)


@given(differences, st.integers(0, 10_000), st.floats(0.1, 50))
def test_laws(d: list[float], seed: int, scale: float) -> None:
    sizes = np.random.default_rng(seed).integers(5, 40, len(d))
    found = corrected_t(d, 100 - sizes, sizes, sizes)
    back = corrected_t(-np.array(d), 100 - sizes, sizes, sizes)
    order = np.random.default_rng(seed).permutation(len(d))
    shuffled = corrected_t(np.array(d)[order], (100 - sizes)[order], sizes[order], sizes[order])
    larger = corrected_t(scale * np.array(d), 100 - sizes, sizes, sizes)
    assert found.low <= found.value <= found.high and 0 < found.p <= 1
    assert (back.value, back.low, back.high, back.p) == pytest.approx(
        (-found.value, -found.high, -found.low, found.p), abs=1e-12
    )
    assert (shuffled.value, shuffled.low, shuffled.p) == pytest.approx((found.value, found.low, found.p), abs=1e-9)
    if found.varies and larger.varies:
        assert (larger.value, larger.high) == pytest.approx((scale * found.value, scale * found.high), abs=1e-9)
        assert larger.p == pytest.approx(found.p, abs=1e-6)
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0), "test and interval say the same"


@given(differences, st.integers(2, 20))
def test_repeats_of_the_same_answers_do_not_make_it_sure(d: list[float], repeats: int) -> None:
    """However many repeats: the error stays above s √(n_test/n_train); a plain t would shrink by √repeats."""
    assume(len(set(d)) > 1)
    spread = np.std(d)
    assert corrected_t(d * repeats, 80, 20).error > spread * np.sqrt(20 / 80)


@given(differences, st.integers(0, 10_000))
def test_weights_by_held_out_images_give_the_difference_over_all_of_them(d: list[float], seed: int) -> None:
    sizes = np.random.default_rng(seed).integers(1, 30, len(d))
    found = corrected_t(d, 100, sizes, sizes)
    assert found.value == pytest.approx(np.repeat(d, sizes).mean(), abs=1e-12)
    alike = corrected_t(d, 100, 20, np.full(len(d), 7))
    plain = corrected_t(d, 100, 20)
    assert (alike.value, alike.low, alike.p) == pytest.approx((plain.value, plain.low, plain.p), abs=1e-9)


def test_unequal_folds_count_by_their_sums() -> None:
    sizes = np.array([18, 22, 20, 25, 15])
    d = [0.1, 0.0, 0.2, 0.1, 0.05]
    assert corrected_t(d, 100 - sizes, sizes).error == pytest.approx(corrected_t(d, 4, 1).error)


def test_folds_that_do_not_differ_prove_nothing() -> None:
    found = corrected_t([0.05] * 5, 80, 20)
    assert (found.varies, found.p, found.low, found.high) == (False, 1.0, pytest.approx(0.05), pytest.approx(0.05))


@pytest.mark.parametrize(
    ("d", "n_train", "n_test", "weights"),
    [
        ([0.1], 80, 20, None),
        ([[0.1, 0.2]], 80, 20, None),
        ([0.1, float("nan")], 80, 20, None),
        ([0.1, 0.2], 0, 20, None),
        ([0.1, 0.2], 80, -1, None),
        ([0.1, 0.2], [80, 80, 80], 20, None),
        ([0.1, 0.2], 80, 20, [1, 0]),
    ],
)
def test_what_cannot_be_judged_is_an_error(d: object, n_train: object, n_test: object, weights: object) -> None:
    with pytest.raises(ValueError):
        corrected_t(d, n_train, n_test, weights)  # type: ignore[arg-type]
