"""Classes with too few images to be judged by: who they are, in words, and what leaving them out leaves undecided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.words import listed
from heldout.stats.scores import Indices
from heldout.stats.thresholds import FOLDS
from heldout.stats.weighted import recalls, weighted_mean


def too_small(samples: Samples, least: int, patients: int = 1) -> NDArray[np.bool_]:
    """Which classes of test, (k,), are too few on either side; without those that V′ lacks.

    Args:
        samples: V′ and test.
        least: Fewer images are too few.
        patients: Fewer patients are too few (an image without one counts as its own).
    """
    counts = np.minimum(samples.val_counts, samples.test.counts())
    few = counts < least
    for side in (samples.val, samples.test) if patients > 1 else ():
        few |= np.array([len(np.unique(side.units[side.labels == k])) < patients for k in range(len(counts))])
    result: NDArray[np.bool_] = (samples.test.counts() > 0) & few
    return result


def without_threshold(samples: Samples, rules: Rules) -> NDArray[np.bool_]:
    """Which classes of test, (k,), are too few to look for a best threshold: images, or patients.

    The search is cross-fitted by patient: a class whose patients fill fewer than all folds is answered in some of them
    by a threshold that never saw it, which loses its images.
    """
    return too_small(samples, rules.min_threshold_class, FOLDS)


def bearing_classes(samples: Samples, rules: Rules) -> Indices | None:
    """Classes among which a best threshold may be looked for, ascending; None for all of them.

    One that is too small on either side (`without_threshold`) is left out, and so is one that validation lacks. Classes
    without a test image do no harm: nothing is lost by answering them less.
    """
    held = without_threshold(samples, rules)
    held[list(samples.absent)] = True
    return np.flatnonzero(~held) if held.any() else None


def smallest_bearing(samples: Samples, rules: Rules) -> tuple[int, int]:
    """The class with the fewest images on either side among those that have a threshold, and how many it has."""
    counts = np.minimum(samples.val_counts, samples.test.counts())
    bearing = (samples.test.counts() > 0) & (samples.val_counts > 0) & ~without_threshold(samples, rules)
    smallest = int(np.argmin(np.where(bearing, counts, counts.max() + 1)))
    return smallest, int(counts[smallest])


def named_classes(samples: Samples, names: Sequence[str], chosen: NDArray[np.bool_]) -> str:
    """One or more classes with their numbers of images: `'df' (6 validation and 12 test images), 'vasc' (2 and 3)`.

    Of a class of fewer than `FOLDS` patients on a side, who have more images, the patients follow: `of 3 and 4
    patients`.
    """
    words: list[str] = []
    for k in np.flatnonzero(chosen):
        images = [int(samples.val_counts[k]), int(samples.test.counts()[k])]
        patients = [len(np.unique(side.units[side.labels == k])) for side in (samples.val, samples.test)]
        count = f"{images[0]} and {images[1]}" if words else f"{images[0]} validation and {images[1]} test images"
        if min(patients) < FOLDS and patients != images:
            count += f" of {patients[0]} and {patients[1]} patients"
        words.append(f"'{names[int(k)]}' ({count})")
    return listed(words)


def left_out_words(samples: Samples, names: Sequence[str], chosen: NDArray[np.bool_], undecided: float) -> str:
    """`left out for want of images or patients: 'df' (…), which leaves at most 1.2 points undecided`; empty if none."""
    if not chosen.any():
        return ""
    few = named_classes(samples, names, chosen)
    return f"left out for want of images or patients: {few}, which leaves at most {undecided:.1f} points undecided"


def test_mistakes(samples: Samples, chosen: NDArray[np.bool_]) -> float:
    """Points that mistakes on test images of these classes take from test."""
    images = samples.true_test
    wrong = ~images.right & chosen[images.labels]
    return max(0.0, 100 * float(weighted_mean(wrong, samples.true_weights[:1])[0]))


def held_mistakes(samples: Samples, classes: Indices) -> float:
    """Points of mistakes that moving the decision among these classes alone cannot mend, on test or on V′.

    What the term could be more, or less, if the others could be judged too: mistakes on their images, or that answer
    them. V′ at the class shares of test; the larger of the two.
    """
    points = []
    for images, weights in (
        (samples.true_test, samples.true_weights[:1]),
        (samples.val, samples.val_at_test_prior(slice(1))),
    ):
        inside = np.isin(images.labels, classes) & np.isin(images.predicted, classes)
        points.append(100 * float(weighted_mean(~images.right & ~inside, weights)[0]))
    return max(0.0, *points)


def val_right(samples: Samples, chosen: NDArray[np.bool_]) -> float:
    """Points that V′ has by being right on these classes, at the class shares of test: all that could be lost there."""
    each = recalls(samples.val.right, samples.val.labels, samples.val_weights[:1], len(chosen))[0]
    return max(0.0, 100 * float(np.nansum(np.where(chosen, samples.test_prior[0] * each, 0.0))))


def rarely_seen(train_counts: Indices, rules: Rules) -> Indices:
    """Classes with few training images, in number and beside the others, ascending: `rare_images` and `rare_share`.

    >>> rarely_seen(np.array([400, 300, 26, 0]), Rules()).tolist()
    [2, 3]
    """
    equal = train_counts.sum() / max(len(train_counts), 1)
    few = (train_counts < rules.rare_images) & (train_counts < rules.rare_share * equal)
    return np.flatnonzero(few)


def images_to_collect(train_counts: Indices, k: int, rules: Rules) -> int:
    """Training images of a class that it lacks to be seen as often as a class that is not rare."""
    wanted = min(rules.rare_images, train_counts.sum() / max(len(train_counts), 1))
    return max(0, int(np.ceil(wanted)) - int(train_counts[k]))
