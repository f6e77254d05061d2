"""Terms of the gap budget and verdicts in words and signs: one wording for terminal and report."""

from __future__ import annotations

from heldout.records.diagnosis import Term, Verdict

TERM_TITLES: dict[Term, str] = {
    "chosen-on-test": "chosen on test",
    "averaging": "mean of the folds' networks",
    "absent": "classes absent from validation",
    "selection": "chosen on validation",
    "leakage": "validation not independent",
    "prior": "other mix of classes",
    "labels": "wrong test labels",
    "threshold": "decision threshold",
    "ranking": "not separable",
}
"""Short names, for rows of a figure and of a text bar chart."""

TERM_WORDS: dict[Term, str] = {
    "chosen-on-test": "a model or an epoch was chosen by its score on these very test images, which flatters test",
    "averaging": "test was answered by the mean of all folds' networks, each validation image by one of them",
    "absent": "test images of classes of which validation has none",
    "selection": "an epoch or a setting was chosen on the very validation images that are reported",
    "leakage": "validation images share patients or near-copies with the training images",
    "prior": "the classes are mixed differently in test, and not all are equally hard",
    "labels": "test images whose label is wrong count as mistakes although they are none",
    "threshold": "the line between the classes lies in the wrong place for the test images",
    "ranking": "what remains: test images that no shift of the line between the classes puts right",
}
"""What a term means, for a person who knows no statistics."""

VERDICT_SIGNS: dict[Verdict, str] = {
    "established": "●",
    "suggested": "◐",
    "excluded": "○",
    "not identifiable": "?",
    "not applicable": "–",
    "failed": "!",
}
"""A sign a verdict, so that none is told by colour alone."""
