"""Test labels ranked by how doubtful they are, once a run: the bound on wrong labels, and what to have reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.stats.scores import Reals, softmax
from heldout.stats.suspects import Suspects, review_sample, suspects
from heldout.stats.weighted import weighted_mean


def doubtful_labels(run: RunData, rules: Rules) -> Suspects | None:
    """How doubtful each test label is; None where cleanlab cannot judge."""
    if run.test is None:
        return None
    return suspects(run.test.labels, _probabilities(run), rules.min_suspect_class)


def label_bound(run: RunData, found: Suspects | None) -> float | None:
    """Points that wrong test labels may account for at most: mistakes that are flagged, or of a class not judged."""
    if found is None or run.test is None:
        return None
    return _points_of(run, found.flagged) + unjudged_points(run, found)


def unjudged_points(run: RunData, found: Suspects) -> float:
    """Points that wrong labels may account for at most among the classes that have too few images to be judged."""
    return 0.0 if run.test is None else _points_of(run, np.isin(run.test.labels, found.left))


def _points_of(run: RunData, images: NDArray[np.bool_]) -> float:
    """Points that test would gain if the mistakes among these images were none, n_T booleans."""
    assert run.test is not None
    test, wrong = run.test, images & ~run.test.right
    if run.weights.plain:
        return 100 * float(wrong.mean())
    # With the answer as their label they would be right, and their class would have lost a mistake.
    turned = np.where(wrong, test.predicted, test.labels)
    once = np.ones((1, len(test)), dtype=np.float32)
    before, after = (
        weighted_mean(test.predicted == labels, run.weights.weigh(labels, once))[0] for labels in (test.labels, turned)
    )
    return 100 * max(0.0, float(after - before))


def to_review(run: RunData, found: Suspects | None, rules: Rules) -> dict[str, float]:
    """Test images to have read by two blind readers -> probability with which each was chosen; none if not ranked."""
    if found is None or run.test is None:
        return {}
    return review_sample(run.test.ids, found, run.bootstrap_seed, rules.review_top, rules.review_rest, rules.min_doubt)


def beyond_the_sample(review: pd.DataFrame, sample: Mapping[str, float], ids: Sequence[str]) -> pd.DataFrame:
    """The review with probabilities that know of images which were read although nobody asked for them.

    An image of the sample stands for itself and for 1/p − 1 of those that were not drawn. Of these the ones that were
    read stand for themselves, and the sample for the others only: f (1/p − 1), f being the share that nobody read. With
    none of them read f is 1, with all of them 0, and the sum is exact.

    Args:
        review: Columns `id`, `label` and `probability`, a row an image, or a patient where that is the unit.
        sample: What was to be read -> probability with which it was chosen.
        ids: All test images, or patients.
    """
    others = set(ids) - set(sample)
    unread = others - set(review["id"])
    share = len(unread) / max(1, len(others))
    drawn = review["id"].isin(set(sample))
    adjusted = 1 / (1 + share * (1 / review["probability"] - 1))
    return review.assign(probability=review["probability"].where(~drawn, adjusted))


def still_to_review(run: RunData, sample: Mapping[str, float]) -> dict[str, float]:
    """Test images that people must still read before wrong labels and harder images can be told apart.

    Args:
        run: With test images, and with the review if there is one.
        sample: The images that were to be read (`to_review`).

    Returns:
        What no review holds of the sample, likewise with probabilities; of all test images if it is empty.
    """
    assert run.test is not None
    read = set() if run.review is None else set(run.review["id"])
    wanted = sample or dict.fromkeys(run.test.ids, 1.0)
    return {id_: probability for id_, probability in wanted.items() if id_ not in read}


def _probabilities(run: RunData) -> Reals:
    """(n_T, k): out-of-fold on both parts where the intervention `pooled` is there, else the run's own softmax."""
    assert run.test is not None
    logits = run.test.logits
    pooled = run.scored.get("pooled")
    if pooled is not None and pooled.has("balanced", "test"):
        found = pooled.logits("balanced", "test", run.test.ids)
        logits = np.where(np.isfinite(found), found, logits)
    return softmax(logits)
