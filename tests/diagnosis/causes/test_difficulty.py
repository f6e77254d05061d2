from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes._learnable import learnable_lens
from heldout.diagnosis.causes.difficulty import CAUSE, INTERVENTION
from heldout.diagnosis.run_data import RunData
from tests.diagnosis.causes.made_evidence import CLASSES, Reals, case, evidence, margin, sides, with_scored

N = 400


def learned(*, test_noise: float, val_noise: float = 0.5, unbalanced_noise: float | None = None) -> RunData:
    """A pooled classifier: the margins of the run's own, unshifted, with noise of a part; test NORMAL are shifted."""
    made = evidence(N, N, shift=2.0)
    rng = np.random.default_rng(2)

    def seen(part: str, noise: float) -> Reals:
        one = sides(made)[part]
        back = -2.0 * (one.labels == 0) * (part == "test")
        return np.asarray(margin(one) + back + noise * rng.standard_normal(N))

    variants = {}
    for name, noise in (("balanced", test_noise), ("unbalanced", unbalanced_noise or test_noise)):
        variants[name, "val"] = seen("val", val_noise)
        variants[name, "test"] = seen("test", noise)
    return with_scored(made, INTERVENTION, variants)


def test_images_that_are_harder_for_anyone_are_established() -> None:
    finding = CAUSE.judge(case(learned(test_noise=3.0)))
    assert finding.verdict == "established" and "harder" in finding.sentence
    assert finding.images and all(id_.startswith("test") for id_ in finding.images)


def test_what_can_be_learned_is_not_called_difficulty() -> None:
    one = case(learned(test_noise=0.5))
    finding = CAUSE.judge(one)
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0
    lens = learnable_lens(one)
    assert lens is not None
    parts = lens.parts["learnable from target data"], lens.parts["harder on test for anyone"]
    rest = one.budget.terms["threshold"].value + one.budget.terms["ranking"].value
    assert parts[0].value + parts[1].value == pytest.approx(rest)
    assert parts[0].low > 5


def test_a_poor_yardstick_establishes_nothing() -> None:
    finding = CAUSE.judge(case(learned(test_noise=9.0, val_noise=3.0)))
    assert finding.verdict == "suggested" and "poor yardstick" in finding.sentence


def test_without_the_experiment_there_is_no_lens() -> None:
    one = case(evidence(N, N))
    assert learnable_lens(one) is None and CAUSE.judge(one).verdict == "not identifiable"


def test_a_pool_that_never_errs_on_thirty_images_does_not_exclude_difficulty() -> None:
    made = evidence(200, 30)
    perfect = {("balanced", part): np.where(sides(made)[part].labels == 1, 5.0, -5.0) for part in ("val", "test")}
    assert CAUSE.judge(case(with_scored(made, INTERVENTION, perfect))).verdict == "not identifiable"


def test_wrong_labels_that_readers_found_are_not_harder_images() -> None:
    made = learned(test_noise=0.5)
    test = sides(made)["test"]
    turned = np.arange(len(test)) % 5 == 0
    made = replace(made, test=replace(test, labels=np.where(turned, 1 - test.labels, test.labels)))
    blind = CAUSE.judge(case(made))
    assert blind.verdict == "established" and blind.points is not None and blind.points.value > 10
    review = pd.DataFrame({"id": test.ids, "label": [CLASSES[k] for k in test.labels], "probability": 1.0})
    read, plain = CAUSE.judge(case(replace(made, review=review))), CAUSE.judge(case(learned(test_noise=0.5)))
    assert read.verdict == plain.verdict and read.points is not None and plain.points is not None
    assert read.points.value == pytest.approx(plain.points.value, abs=0.1)
