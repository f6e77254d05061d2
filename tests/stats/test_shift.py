"""The domain classifier: against truth in closed form, blind to patients, silent where there is no shift."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from heldout.stats.shift import (
    DomainShift,
    domain_auc,
    domain_probabilities,
    null_domain_aucs,
    unit_numbers,
)


def names(n: int, each: int = 1, prefix: str = "p") -> list[str]:
    return [f"{prefix}{i // each}" for i in range(n)]


def test_units_are_names_and_an_empty_name_is_one_of_its_own() -> None:
    first, second = unit_numbers(["x", "", "y"], ["y", "", "x"])
    assert first[0] == second[2] and first[2] == second[0]
    assert len(set(first.tolist() + second.tolist())) == 4
    assert [len(numbers) for numbers in unit_numbers([], ["a"])] == [0, 1]


@pytest.mark.parametrize("difference", [0.5, 1.5])
def test_two_normal_clouds_have_the_auc_that_they_must_have(difference: float) -> None:
    rng = np.random.default_rng(0)
    P, Q = rng.standard_normal((700, 4)), rng.standard_normal((500, 4))
    Q[:, 2] += difference
    pi = domain_probabilities(P, Q, names(700), names(500, prefix="q"))
    assert domain_auc(*pi) == pytest.approx(norm.cdf(difference / np.sqrt(2)), abs=0.035)
    truth = 1 / (1 + 700 / 500 * np.exp(-difference * (P[:, 2] - difference / 2)))
    assert np.abs(pi[0] - truth).mean() < 0.05, "the probabilities themselves, at the sizes of the two sets"
    assert np.concatenate(pi).mean() == pytest.approx(500 / 1200, abs=0.02)


def test_the_auc_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(40).round(1), rng.random(30).round(1)
    assert domain_auc(a, b) == pytest.approx(roc_auc_score([0] * 40 + [1] * 30, np.r_[a, b]))
    with pytest.raises(ValueError, match="both sides"):
        domain_auc(a, b[:0])


def test_patients_are_never_recognised() -> None:
    """Every patient has a look of their own and no set differs: by image the two are told apart, by patient not."""
    rng = np.random.default_rng(2)
    looks = np.repeat(rng.standard_normal((30, 40)), 10, axis=0)  # 30 patients of 10 images
    X = looks + 0.1 * rng.standard_normal(looks.shape)
    P, Q = X[:150], X[150:]
    by_patient = domain_auc(*domain_probabilities(P, Q, names(150, 10), names(150, 10, "q")))
    by_image = domain_auc(*domain_probabilities(P, Q, [""] * 150, [""] * 150))
    assert by_image > 0.95 and by_patient < 0.7


def test_wide_features_are_reduced_and_a_shift_among_them_is_found() -> None:
    rng = np.random.default_rng(3)
    axes = rng.standard_normal((10, 400))
    P, Q = rng.standard_normal((300, 10)), rng.standard_normal((300, 10))
    Q[:, 0] += 1.0
    P, Q = (x @ axes + 0.5 * rng.standard_normal((300, 400)) for x in (P, Q))
    pi = domain_probabilities(P.astype(np.float32), Q.astype(np.float32), names(300), names(300, prefix="q"))
    assert 0.68 < domain_auc(*pi) < 0.84  # truth: Φ(1/√2) = .76


def test_the_null_is_what_chance_gives_and_a_shift_stands_out_from_it() -> None:
    rng = np.random.default_rng(4)
    train = rng.standard_normal((400, 6))
    null = null_domain_aucs(train, names(400, 2), 180, 120, seed=1, draws=12)
    assert null.shape == (12,) and abs(null.mean() - 0.5) < 0.04 and 0.01 < null.std() < 0.08
    same, shifted = rng.standard_normal((120, 6)), rng.standard_normal((120, 6)) + 0.6
    for Q, real in ((same, False), (shifted, True)):
        found = DomainShift(domain_auc(*domain_probabilities(train[:180], Q, names(180, 2), names(120, 2, "q"))), null)
        assert found.real(3.0) is real
    assert found.p == pytest.approx(1 / 13) and found.excess == pytest.approx(found.auc - null.mean())


def test_halves_share_no_patient_and_have_the_sizes_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import heldout.stats.shift as module

    seen = []

    def spy(P: np.ndarray, Q: np.ndarray, groups_P: list[str], groups_Q: list[str], seed: int) -> tuple:
        seen.append((P, Q, set(groups_P), set(groups_Q)))
        return np.full(len(P), 0.4), np.full(len(Q), 0.6)

    monkeypatch.setattr(module, "domain_probabilities", spy)
    X = np.arange(300.0)[:, None]
    module.null_domain_aucs(X, names(300, 3), 120, 60, draws=4)
    module.null_domain_aucs(X, names(300, 3), 400, 200, draws=4)  # more than there are: scaled down alike
    for i, (P, Q, groups_P, groups_Q) in enumerate(seen):
        assert not groups_P & groups_Q
        assert (len(P), len(Q)) == ((120, 60) if i < 4 else (201, 99))
    assert len({tuple(P[:, 0]) for P, *_ in seen}) == 8


def test_what_is_wrong_is_said() -> None:
    X = np.zeros((4, 2))
    with pytest.raises(ValueError, match="shapes"):
        domain_probabilities(X, np.zeros((4, 3)), names(4), names(4))
    with pytest.raises(ValueError, match="4 and 4 patients, found 3"):
        domain_probabilities(X, X, names(3), names(4))
    with pytest.raises(ValueError, match="two or more patients"):
        domain_probabilities(X, X, ["a"] * 4, names(4))
    with pytest.raises(ValueError, match="finite"):
        domain_probabilities(X, X + np.nan, names(4), names(4))
    with pytest.raises(ValueError, match="four or more patients"):
        null_domain_aucs(X, ["a", "b", "c", "c"], 2, 2)


def test_four_patients_are_enough_for_the_null() -> None:
    X = np.random.default_rng(0).normal(size=(8, 2))
    null = null_domain_aucs(X, names(8, 2), 4, 4, draws=3)
    assert null.shape == (3,) and ((null >= 0) & (null <= 1)).all()


def test_tiny_and_constant_sets_give_an_answer() -> None:
    pi = domain_probabilities(np.zeros((2, 3)), np.zeros((2, 3)), ["a", "b"], ["a", "b"])
    assert all(np.isfinite(side).all() and ((side > 0) & (side < 1)).all() for side in pi)


def test_a_null_of_smaller_sets_is_held_to_the_size_of_those_that_are_judged() -> None:
    null = np.array([0.44, 0.50, 0.56] * 4)
    far = 0.5 + 2.5 * float(null.std(ddof=1))
    assert not DomainShift(far, null).real(3.0)  # 2.5 standard deviations of sets as large
    assert DomainShift(far, null, share=0.5).real(3.0)  # 3.5 of sets twice as large
    assert not DomainShift(0.55, null, share=0.01).real(3.0)  # never within what chance gave
