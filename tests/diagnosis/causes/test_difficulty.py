from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.difficulty import CAUSE
from heldout.diagnosis.causes.labels import CAUSE as LABELS
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.lenses.learnable import LENS
from heldout.diagnosis.pooled import INTERVENTION
from heldout.diagnosis.run_data import RunData
from tests.worlds.made_runs import CLASSES, Reals, judged, listed, made_run, margin, parts, read, with_scored

N = 400


def learned(*, test_noise: float, val_noise: float = 0.5, unbalanced_noise: float | None = None) -> RunData:
    """A pooled classifier: the margins of the run's own, unshifted, with noise of a part; test NORMAL are shifted."""
    made = made_run(N, N, shift=2.0)
    rng = np.random.default_rng(2)

    def seen(part: str, noise: float) -> Reals:
        one = parts(made)[part]
        back = -2.0 * (one.labels == 0) * (part == "test")
        return np.asarray(margin(one) + back + noise * rng.standard_normal(N))

    variants = {}
    for name, noise in (("balanced", test_noise), ("unbalanced", unbalanced_noise or test_noise)):
        variants[name, "val"] = seen("val", val_noise)
        variants[name, "test"] = seen("test", noise)
    return with_scored(made, INTERVENTION, variants)


def read_as_given(made: RunData, count: int | None = None) -> RunData:
    """The first `count` images of the proposed sample were read, and their labels found right."""
    return read(made, parts(made)["test"].labels, dict(list(listed(made).items())[:count]))


def test_images_that_are_harder_for_anyone_are_established_once_their_labels_were_read() -> None:
    finding = judged(CAUSE, read_as_given(learned(test_noise=3.0)))
    assert finding.verdict == "established" and finding.alternatives == () and "to_review" not in finding.numbers
    assert finding.images and all(id_.startswith("test") for id_ in finding.images)


def test_until_then_wrong_labels_would_look_the_same() -> None:
    """Neither without a review nor with a part of it; the number is that of the images still to be read."""
    made = learned(test_noise=3.0)
    sample = listed(made)
    assert len(sample) > 50
    for number, one in ((0, made), (10, read_as_given(made, 10)), (len(sample) - 1, read_as_given(made, -1))):
        finding = judged(CAUSE, one)
        assert finding.verdict == "suggested" and finding.alternatives == ("labels",)
        assert finding.numbers["to_review"] == len(sample) - number
        labels = LABELS.judge(cause_data(one))
        assert labels.alternatives == ("difficulty",)
    assert LABELS.judge(cause_data(read_as_given(made))).alternatives == ()


def test_a_diagnosis_asks_for_what_is_still_to_be_read_and_calls_nothing_established() -> None:
    made = learned(test_noise=3.0)
    found = diagnose_run(made)
    assert found.review == listed(made)
    (finding,) = (item for item in found.findings if item.code == "difficulty")
    assert finding.verdict == "suggested" and finding.numbers["to_review"] == len(found.review)
    part = diagnose_run(read_as_given(made, 10))
    assert part.review == dict(list(found.review.items())[10:])
    assert diagnose_run(read_as_given(made)).review == {}


def test_what_can_be_learned_is_not_called_difficulty() -> None:
    one = cause_data(learned(test_noise=0.5))
    finding = CAUSE.judge(one)
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0
    (lens,) = LENS.views(one)
    parts = lens.parts["learnable from target data"], lens.parts["harder on test for anyone"]
    rest = one.gap.terms["threshold"].value + one.gap.terms["ranking"].value
    assert parts[0].value + parts[1].value == pytest.approx(rest)
    assert parts[0].low > 5


def test_a_poor_yardstick_establishes_nothing() -> None:
    finding = judged(CAUSE, read_as_given(learned(test_noise=9.0, val_noise=3.0)))
    assert finding.verdict == "suggested"
    fair = judged(CAUSE, read_as_given(learned(test_noise=9.0, val_noise=0.5)))
    assert fair.verdict == "established"  # by the same readers, with as bad a test set


def test_without_the_experiment_there_is_no_lens() -> None:
    one = cause_data(made_run(N, N))
    assert LENS.views(one) == () and CAUSE.judge(one).verdict == "not identifiable"


def test_a_pool_that_never_errs_on_thirty_images_does_not_exclude_difficulty() -> None:
    made = made_run(200, 30)
    perfect = {("balanced", part): np.where(parts(made)[part].labels == 1, 5.0, -5.0) for part in ("val", "test")}
    assert judged(CAUSE, with_scored(made, INTERVENTION, perfect)).verdict == "not identifiable"


def test_wrong_labels_that_readers_found_are_not_harder_images() -> None:
    made = learned(test_noise=0.5)
    test = parts(made)["test"]
    turned = np.arange(len(test)) % 5 == 0
    made = replace(made, test=replace(test, labels=np.where(turned, 1 - test.labels, test.labels)))
    blind = judged(CAUSE, made)
    assert blind.verdict == "suggested" and blind.alternatives == ("labels",)
    assert blind.points is not None and blind.points.value > 10
    review = pd.DataFrame({"id": test.ids, "label": [CLASSES[k] for k in test.labels], "probability": 1.0})
    seen, plain = (
        judged(CAUSE, replace(made, review=review)),
        judged(CAUSE, learned(test_noise=0.5)),
    )
    assert seen.verdict == plain.verdict and seen.alternatives == ()
    assert seen.points is not None and plain.points is not None
    assert seen.points.value == pytest.approx(plain.points.value, abs=0.1)
