"""Clustered DeLong: the published example, formulas by brute force over pairs, the cluster bootstrap, laws."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from heldout.stats.bootstrap import draw, resampled_auc
from heldout.stats.delong import AreaDifference, area_of, difference_of, spread_of
from heldout.stats.estimates import auc_difference
from heldout.stats.scores import auc
from heldout.stats.units import Units

OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
"""DeLong, DeLong & Clarke-Pearson (1988): albumin, total protein, K-G score, and who benefits from surgery, of patients
with ovarian cancer; printed in the SAS/STAT User's Guide (LOGISTIC, Comparing Receiver Operating Characteristic
Curves)."""


def logits(*columns: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.zeros_like(columns[0], dtype=float), *columns], axis=1)


def alone(labels: NDArray[np.int64]) -> Units:
    return units_of(labels, None)


def units_of(labels: NDArray[np.int64], patient: NDArray[np.int64] | None) -> Units:
    names = [""] * len(labels) if patient is None else [f"p{i}" for i in patient]
    return Units.of(labels, [str(i) for i in range(len(labels))], names)


def test_the_published_example_of_delong_1988() -> None:
    """Areas, errors, differences and p (by the normal distribution) as the SAS/STAT User's Guide prints them."""
    table = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    labels = table[:, 3].astype(int)
    tests = {"albumin": table[:, 0], "protein": table[:, 1], "K-G": 10 - table[:, 2]}
    areas = {name: area_of(labels, logits(column)) for name, column in tests.items()}
    found = {
        name: (round(area.value, 4), round(spread_of(area.parts, labels, alone(labels))[0], 4))  # type: ignore[union-attr,index]
        for name, area in areas.items()
    }
    assert found == {"albumin": (0.7366, 0.0927), "protein": (0.6478, 0.1000), "K-G": (0.7258, 0.1028)}
    for name, value, error, p in (("albumin", 0.0108, 0.0953, 0.9102), ("protein", -0.0780, 0.1046, 0.4561)):
        one = difference_of(areas[name], areas["K-G"], labels, alone(labels))  # type: ignore[arg-type]
        assert one is not None
        assert (round(one.value, 4), round(one.error, 4)) == (value, error)
        assert round(2 * norm.sf(abs(one.value) / one.error), 4) == p
        assert p < one.p < p + 0.02, "Student's t is a little more cautious than the normal distribution"


def kernel(x: float, y: float) -> float:
    return 1.0 if x > y else 0.5 if x == y else 0.0


def obuchowski(
    labels: NDArray[np.int64], patient: NDArray[np.int64], scores: list[NDArray[np.int64]]
) -> list[list[float]]:
    """Covariances of areas as Obuchowski (1997) writes them, by loops over all pairs of images."""
    patients = sorted(set(patient.tolist()))
    sick, well = (np.flatnonzero(labels == c) for c in (1, 0))
    M, N = len(sick), len(well)
    v10, v01, theta = [], [], []
    for score in scores:
        v10.append({i: sum(kernel(score[i], score[j]) for j in well) / N for i in sick})
        v01.append({j: sum(kernel(score[i], score[j]) for i in sick) / M for j in well})
        theta.append(sum(kernel(score[i], score[j]) for i, j in product(sick, well)) / M / N)
    sums10 = [{p: sum(v[i] for i in sick if patient[i] == p) for p in patients} for v in v10]
    sums01 = [{p: sum(v[j] for j in well if patient[j] == p) for p in patients} for v in v01]
    m = {p: sum(patient[i] == p for i in sick) for p in patients}
    n = {p: sum(patient[j] == p for j in well) for p in patients}
    i10, i01, i = sum(m[p] > 0 for p in patients), sum(n[p] > 0 for p in patients), len(patients)

    def left10(r: int, p: int) -> float:
        return float(sums10[r][p] - m[p] * theta[r])

    def left01(r: int, p: int) -> float:
        return float(sums01[r][p] - n[p] * theta[r])

    def covariance(r: int, s: int) -> float:
        s10 = i10 / ((i10 - 1) * M) * sum(left10(r, p) * left10(s, p) for p in patients)
        s01 = i01 / ((i01 - 1) * N) * sum(left01(r, p) * left01(s, p) for p in patients)
        s11 = i / (i - 1) * sum(left10(r, p) * left01(s, p) for p in patients)
        s11_back = i / (i - 1) * sum(left10(s, p) * left01(r, p) for p in patients)
        return s10 / M + s01 / N + (s11 + s11_back) / (M * N)

    return [[covariance(r, s) for s in range(len(scores))] for r in range(len(scores))]


rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 5), st.integers(0, 5)), min_size=6, max_size=40
)


def taken(drawn: list[tuple[int, ...]]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray[np.int64]]]:
    labels, patient, a, b = np.array(drawn).T
    assume(all(len(set(patient[labels == c])) > 1 for c in (0, 1)))
    return labels, patient, [a, b]


@settings(deadline=None)
@given(rows)
def test_it_is_obuchowskis_formula(drawn: list[tuple[int, ...]]) -> None:
    labels, patient, scores = taken(drawn)
    expected = obuchowski(labels, patient, scores)
    a, b = (area_of(labels, logits(score)) for score in scores)
    assert a is not None and b is not None
    units = units_of(labels, patient)
    found = [spread_of(one.parts, labels, units)[0] ** 2 for one in (a, b)]  # type: ignore[index]
    assert found == pytest.approx([expected[0][0], expected[1][1]], abs=1e-12)
    apart = difference_of(a, b, labels, units)
    assert apart is not None
    assert apart.error**2 == pytest.approx(expected[0][0] + expected[1][1] - 2 * expected[0][1], abs=1e-12)


@settings(deadline=None)
@given(rows)
def test_of_single_images_it_is_that_of_delong_1988(drawn: list[tuple[int, ...]]) -> None:
    labels, _, scores = taken(drawn)
    sick, well = (np.flatnonzero(labels == c) for c in (1, 0))
    v10 = np.array([[np.mean([kernel(s[i], s[j]) for j in well]) for i in sick] for s in scores])
    v01 = np.array([[np.mean([kernel(s[i], s[j]) for i in sick]) for j in well] for s in scores])
    covariances = np.cov(v10) / len(sick) + np.cov(v01) / len(well)
    a, b = (area_of(labels, logits(score)) for score in scores)
    assert a is not None and b is not None
    apart = difference_of(a, b, labels, alone(labels))
    assert apart is not None
    contrast = np.array([1, -1])
    assert apart.error**2 == pytest.approx(contrast @ covariances @ contrast, abs=1e-12)
    assert apart.value == pytest.approx(v10[0].mean() - v10[1].mean(), abs=1e-12)


def world(k: int, patients: int, mixed: bool, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray]]:
    """Images of patients, with correlated logits of two runs."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    n = len(patient)
    labels = rng.integers(0, k, n) if mixed else patient % k
    alike = rng.normal(size=(patients, k))[patient] + rng.normal(size=(n, k))
    own = [
        0.7 * rng.normal(size=(patients, k))[patient] + 0.7 * rng.normal(size=(n, k)) + gain * np.eye(k)[labels]
        for gain in (1.6, 1.3)
    ]
    return labels, patient, [alike + one for one in own]


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("mixed", [False, True])
def test_the_error_is_that_of_the_cluster_bootstrap(k: int, mixed: bool) -> None:
    """Many patients, so that both have their limit; 4000 replicates know a standard deviation to 1.1 %."""
    labels, patient, runs = world(k, 250, mixed, 7)
    units = units_of(labels, patient)
    names = [f"p{i}" for i in patient]
    drawn = draw(labels, [str(i) for i in range(len(labels))], names, replicates=4000)
    areas = [area_of(labels, one) for one in runs]
    assert areas[0] is not None and areas[1] is not None
    found = difference_of(areas[0], areas[1], labels, units)
    assert found is not None
    replicates = np.subtract(*(resampled_auc(labels, one, drawn) for one in runs))
    assert found.error == pytest.approx(replicates.std(ddof=1), rel=0.06)
    plain = difference_of(areas[0], areas[1], labels, alone(labels))
    assert plain is not None
    if not mixed:  # images of both classes of a patient share what moves them, and their order keeps
        assert plain.error < 0.85 * found.error, "images of a patient are alike, and it counts them so"


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_area_is_that_of_scikit_learn(k: int) -> None:
    labels, _, (logit, _) = world(k, 40, True, 3)
    found = area_of(labels, logit)
    score = logit[:, 1] - logit[:, 0] if k == 2 else logit
    assert found is not None
    if k == 2:
        assert found.value == pytest.approx(roc_auc_score(labels, score))
    assert found.value == pytest.approx(auc(labels, logit))


@settings(deadline=None)
@given(rows, st.integers(2, 3), st.integers(0, 1000))
def test_laws(drawn: list[tuple[int, ...]], k: int, seed: int) -> None:
    labels, patient, (a, b) = taken(drawn)
    rng = np.random.default_rng(seed)
    if k == 3:
        labels = np.where((labels == 1) & (rng.random(len(labels)) < 0.5), 2, labels)
        assume(all(len(set(patient[labels == c])) > 1 for c in range(3)))
    first, second = (np.stack([np.roll(one, shift) for shift in range(k)], axis=1).astype(float) for one in (a, b))

    def apart(x: NDArray, y: NDArray, order: NDArray | slice = slice(None)) -> tuple[float, float, float, float]:
        own = [area_of(labels[order], one[order]) for one in (x, y)]
        assert own[0] is not None and own[1] is not None
        found = auc_difference(own[0], own[1], labels[order], units_of(labels[order], patient[order]))
        assert found is not None
        return found[0].value, found[0].low, found[0].high, found[1]

    value, low, high, p = apart(first, second)
    assert low <= value <= high and 0 < p <= 1
    assert apart(second, first) == pytest.approx((-value, -high, -low, p), abs=1e-9), "swapping the runs flips the sign"
    assert apart(first, second, rng.permutation(len(labels))) == pytest.approx((value, low, high, p), abs=1e-9)
    if k == 2:
        assert apart(logits(np.exp(a / 2)), logits(a.astype(float) ** 3)) == pytest.approx(
            (0, *apart(logits(a), logits(a))[1:]), abs=1e-9
        ), "order alone"
    assert (p < 0.05) == (low > 0 or high < 0) or high == 1 or low == -1, "test and interval say the same"


@given(st.integers(1, 6), st.integers(0, 1000))
def test_more_images_of_the_same_patients_change_nothing(times: int, seed: int) -> None:
    labels, patient, runs = world(2, 12, False, seed)
    errors = []
    for repeat in (1, times):
        areas = [area_of(np.repeat(labels, repeat), np.repeat(one, repeat, axis=0)) for one in runs]
        units = units_of(np.repeat(labels, repeat), np.repeat(patient, repeat))
        found = difference_of(areas[0], areas[1], np.repeat(labels, repeat), units)  # type: ignore[arg-type]
        assert found is not None
        errors.append((found.value, found.error))
    assert errors[0] == pytest.approx(errors[1], abs=1e-12)


@pytest.mark.parametrize("patients", [True, False])
def test_the_interval_of_a_difference_is_as_wide_as_its_error_says(patients: bool) -> None:
    labels, patient, runs = world(2, 40, False, 3)
    areas = [area_of(labels, one) for one in runs]
    assert areas[0] is not None and areas[1] is not None
    units = units_of(labels, patient) if patients else alone(labels)
    found, estimate = (of(areas[0], areas[1], labels, units) for of in (difference_of, auc_difference))
    assert found is not None and estimate is not None and 0 < found.error < 1
    reach = found.quantile * found.error
    assert (estimate[0].low, estimate[0].high) == pytest.approx((found.value - reach, found.value + reach))
    assert estimate[1] == found.p and estimate[0].method.startswith("DeLong")


def test_runs_that_separate_the_classes_may_still_differ_elsewhere() -> None:
    """No image tells them apart; what 20 positives do not show may be as frequent as 0 of 20 leaves possible."""
    labels = np.repeat([0, 1], [30, 20])
    area = area_of(labels, logits(labels.astype(float)))
    assert area is not None and area.value == 1
    found = auc_difference(area, area, labels, alone(labels))
    assert found is not None
    assert found[0].value == 0 and found[1] == 1
    assert found[0].high == -found[0].low == pytest.approx(1.959963984540054**2 / (20 + 1.959963984540054**2))
    constant = area_of(labels, np.zeros((50, 2)))
    assert constant is not None
    against = auc_difference(area, constant, labels, alone(labels))
    assert against is not None
    assert against[0].value == 0.5 and against[0].low > 0 and against[1] < 1e-6, "sure all the same"


def test_a_class_of_one_patient_leaves_the_error_unknown() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    patient = np.array([0, 1, 2, 3, 3, 3])
    area = area_of(labels, logits(np.arange(6.0)))
    assert area is not None
    assert difference_of(area, area, labels, units_of(labels, patient)) is None
    assert auc_difference(area, area, labels, units_of(labels, patient)) is None
    assert area_of(np.zeros(6, dtype=int), logits(np.arange(6.0))) is None, "an absent class has no area"


def test_a_class_of_few_patients_decides_the_degrees_of_freedom() -> None:
    labels, patient, runs = world(2, 200, False, 5)
    few = (labels == 0) | (patient < 8)
    areas = [area_of(labels[few], one[few]) for one in runs]
    found = difference_of(areas[0], areas[1], labels[few], units_of(labels[few], patient[few]))  # type: ignore[arg-type]
    assert isinstance(found, AreaDifference) and 3 <= found.df < 8
