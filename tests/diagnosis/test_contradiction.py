from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis import diagnose
from heldout.diagnosis.causes.difficulty import CAUSE as DIFFICULTY
from heldout.diagnosis.causes.labels import CAUSE as LABELS
from heldout.diagnosis.causes.prior import CAUSE as PRIOR
from heldout.diagnosis.contradiction import Contradiction
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import Diagnosis, Finding, ReasonKind
from tests.worlds.made_runs import listed, logits, made_run, margin, part, parts, read, with_scored

N = 700


def pooled(made: RunData, *, noise: float = 0.8, back: float = 0.0) -> RunData:
    """Two classifiers that learned from both parts: the run's margins with noise of their own.

    On test NORMAL images margins are moved `back`, where only the run was led astray.
    """
    variants = {}
    for seed, name in enumerate(("balanced", "neighbours")):
        for side, one in parts(made).items():
            if side != "train":
                rng = np.random.default_rng((seed, len(side)))
                own = margin(one) - back * ((one.labels == 0) & (side == "test"))
                variants[name, side] = own + noise * rng.standard_normal(len(one))
    return with_scored(made, "pooled", variants)


def turned(made: RunData, rates: tuple[float, float], seed: int = 0) -> tuple[RunData, float, frozenset[str]]:
    """Test labels turned, a share of each class; the points that costs, and which."""
    test = parts(made)["test"]
    wrong = np.random.default_rng((seed, 5)).random(len(test)) < np.array(rates)[test.labels]
    given = replace(test, labels=np.where(wrong, 1 - test.labels, test.labels))
    ids = frozenset(test.ids[i] for i in np.flatnonzero(wrong))
    return replace(made, test=given), 100 * float(test.right.mean() - given.right.mean()), ids


def hard(made: RunData, factor: float = 0.35) -> RunData:
    """Test images that show less: all margins shrink, and the noise about them stays."""
    test = parts(made)["test"]
    rng = np.random.default_rng(9)
    shrunk = factor * margin(test) + 0.6 * rng.standard_normal(len(test))
    return replace(made, test=replace(test, logits=logits(shrunk)))


def seen(made: RunData) -> Contradiction:
    found = cause_data(made).contradiction
    assert found is not None
    return found


def finding(found: Diagnosis, code: str) -> Finding:
    (one,) = (item for item in found.findings if item.code == code)
    return one


@pytest.mark.parametrize("rates", [(0.12, 0.12), (0.25, 0.0), (0.0, 0.25)], ids=["both classes", "NORMAL", "ILL"])
def test_turned_labels_are_suggested_with_what_they_cost(rates: tuple[float, float]) -> None:
    errors, covered = [], 0
    for seed in range(4):
        made, cost, wrong = turned(made_run(N, N, seed=seed), rates, seed)
        found = seen(pooled(made))
        assert found.tells(RULES) and not found.too_few(RULES)
        errors.append(found.points.value - cost)
        covered += found.points.low <= cost <= found.points.high
        assert len(wrong & set(found.turned)) > 0.85 * len(found.turned) > 0.5 * len(wrong)
        assert found.sure_test > found.sure_val + 0.05
    assert np.mean(errors) == pytest.approx(0, abs=1.5) and covered >= 3


def test_then_labels_come_first_and_nothing_that_rests_on_them_is_established() -> None:
    made, cost, wrong = turned(made_run(N, N), (0.0, 0.25))
    found = diagnose_run(pooled(made))
    labels, difficulty = finding(found, "labels"), finding(found, "difficulty")
    assert found.findings[0] is labels and labels.verdict == "suggested" and labels.alternatives == ("difficulty",)
    assert labels.points is not None and labels.points.low <= cost <= labels.points.high
    assert set(labels.images) & wrong and found.review
    assert difficulty.verdict != "established" and difficulty.priority < labels.priority / 2
    assert "labels" in difficulty.alternatives
    assert not [item.code for item in found.findings if item.verdict == "established" and item.code != "chance"]
    (term,) = (term for term in found.budget if term.term == "labels")
    assert (
        term.points.value == 0 and term.points.high >= labels.points.value
    )  # a bound still: a suggestion is no measure


def test_class_shares_that_turned_labels_made_differ_are_not_established() -> None:
    """40 % of ILL are labelled NORMAL, which is the class that is recognised less often."""
    made = made_run(N, N)
    val, test = (part(name, N, seed=1, shift=0.5) for name in ("val", "test"))
    clean = pooled(replace(made, val=val, test=test))
    found = finding(diagnose_run(turned(clean, (0.0, 0.4))[0]), "prior")
    assert found.verdict == "suggested" and found.kind is ReasonKind.REVIEW and found.alternatives == ("labels",)
    real = replace(test, labels=test.labels).take((test.labels == 0) | (np.arange(N) % 3 == 0))
    assert PRIOR.judge(cause_data(replace(clean, test=real))).verdict == "established"


@pytest.mark.parametrize("flagged", [0.1, 99.0])
def test_the_bound_on_labels_is_no_less_than_what_contradictions_leave_open(
    flagged: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnose, "label_bound", lambda run, suspects: flagged)
    data = cause_data(pooled(turned(made_run(N, N), (0.12, 0.12))[0]))
    assert data.contradiction is not None and 5 < data.contradiction.points.high < 99
    assert data.gap.label_bound == max(flagged, data.contradiction.points.high)


def test_shares_that_turned_labels_made_up_do_not_hide_what_is_lost() -> None:
    """The answers follow real shares, at which the loss is taken; else it is taken at those of validation."""
    made = made_run(N, N)
    val, test = (part(name, N, seed=1, shift=0.5) for name in ("val", "test"))
    clean = pooled(replace(made, val=val, test=test))
    real = replace(clean, test=test.take((test.labels == 0) | (np.arange(N) % 3 == 0)))
    for run, own_shares in ((turned(clean, (0.0, 0.4))[0], True), (real, False)):
        assert run.test is not None
        right = {
            side.part: run.scored["pooled"].logits("balanced", side.part, side.ids).argmax(axis=1) == side.labels
            for side in (val, run.test)
        }
        shares = np.bincount((val if own_shares else run.test).labels) / len(val if own_shares else run.test)
        expected = sum(shares[k] * right["val"][val.labels == k].mean() for k in (0, 1)) - right["test"].mean()
        assert seen(run).lost.value == pytest.approx(100 * expected, abs=1e-3)


def test_hard_images_are_suggested_first_and_no_labels() -> None:
    for seed in range(3):
        found = diagnose_run(pooled(hard(made_run(N, N, seed=seed))))
        labels, difficulty = finding(found, "labels"), finding(found, "difficulty")
        assert labels.verdict == "not identifiable" and labels.points is not None
        assert difficulty.verdict == "suggested" and difficulty.points is not None and difficulty.points.value > 8
        assert labels.points.value < difficulty.points.value / 3
        assert difficulty.alternatives == ("labels",)  # labels of unclear images may be wrong: only people can tell


def test_both_at_once_are_both_named() -> None:
    made, cost, _ = turned(hard(made_run(1000, 1000), 0.5), (0.15, 0.15))
    found = diagnose_run(pooled(made))
    labels, difficulty = finding(found, "labels"), finding(found, "difficulty")
    assert labels.points is not None and labels.points.value == pytest.approx(cost, abs=4)
    assert {labels.verdict, difficulty.verdict} & {"suggested"} and "established" not in (
        labels.verdict,
        difficulty.verdict,
    )


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param(lambda made: made, id="nothing"),
        pytest.param(lambda made: replace(made, test=parts(made_run(N, N, shift=2.5))["test"]), id="a shift"),
    ],
)
def test_where_only_the_run_is_surely_wrong_no_label_is_blamed(plant: Callable[[RunData], RunData]) -> None:
    """A token, a threshold, another site: the run was never shown such images, and the others were."""
    made = plant(made_run(N, N))
    astray = float(100 * (parts(made)["val"].right.mean() - parts(made)["test"].right.mean())) > 10
    found = seen(pooled(made, back=2.5 if astray else 0.0))
    assert not found.tells(RULES) and found.points.value < 1.5


def test_a_run_alone_is_no_witness_and_a_review_tells_more() -> None:
    made, _, _ = turned(made_run(N, N), (0.12, 0.12))
    assert cause_data(made).contradiction is None
    half = pooled(made).scored["pooled"].table
    one = {"pooled": VariantLogits(half[half["variant"] == "balanced"])}
    assert cause_data(replace(made, scored=one)).contradiction is None  # the nearest images have not been asked
    assert LABELS.judge(cause_data(made)).verdict == "not identifiable"
    asked = pooled(made)
    assert cause_data(read(asked, parts(made_run(N, N))["test"].labels, listed(asked))).contradiction is None


def test_other_runs_are_asked_too_one_of_a_recipe_and_only_such_as_are_as_good() -> None:
    made, _, _ = turned(made_run(N, N), (0.12, 0.12))
    made = pooled(made)
    assert len(seen(made).models) == 3

    def other(model: str, seed: int, worse: float = 0.0) -> RunData:
        rng = np.random.default_rng((seed, 3))
        changed = {
            side: replace(one, logits=logits(margin(one) * (1 - worse) + (0.5 + 4 * worse) * rng.standard_normal(N)))
            for side, one in parts(made).items()
            if side != "train"
        }
        return replace(made, model=model, seed=seed, val=changed["val"], test=changed["test"], scored={})

    with_others = replace(made, siblings=(other("offline:b", 0), other("offline:b", 1), other("offline:c", 0, 0.5)))
    found = seen(with_others)
    assert found.models[-1] == "1 other run" and found.tells(RULES)
    assert replace(found, models=()).points.value == pytest.approx(seen(made).points.value, abs=2)


def test_a_class_that_is_hardly_answered_is_left_out_by_name() -> None:
    made = made_run(N, N)
    test = parts(made)["test"]
    rare = test.take((test.labels == 0) | (np.arange(N) % 90 == 0))
    found = seen(pooled(replace(made, test=rare)))
    assert found.left == (1,) and 0 <= found.undecided < 10


def test_difficulty_takes_off_what_looks_like_wrong_labels() -> None:
    made, _, _ = turned(hard(made_run(1000, 1000), 0.6), (0.2, 0.2))
    data = cause_data(pooled(made))
    assert data.contradiction is not None and data.contradiction.tells(RULES)
    left = DIFFICULTY.judge(data)
    assert left.points is not None
    assert left.points.value == pytest.approx(data.contradiction.lost.value - data.contradiction.points.value, abs=0.5)
