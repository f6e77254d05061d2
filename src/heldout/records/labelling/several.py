"""Any number of labels an image: one yes-or-no answer a label, each with a threshold of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from heldout.records.labelling.labelling import Indices, Labelling, LabellingName
from heldout.records.metric import MetricName

BAR = "|"
"""Between names in `Cohort.table.label`; an image without any label has an empty cell there."""

NONE_OF_THEM = "none of them"
"""What images without any label are called where they are counted."""


class Several(Labelling):
    """Every image has any number of labels, none included."""

    name: ClassVar[LabellingName] = "several"
    noun: ClassVar[str] = "label"
    nouns: ClassVar[str] = "labels"
    metric: ClassVar[MetricName] = "mean-auc"
    metrics: ClassVar[tuple[MetricName, ...]] = ("mean-auc", "mean-average-precision", "mean-f1")

    def names_in(self, text: str) -> tuple[str, ...]:
        """The names between the bars.

        >>> Several().names_in("A|B"), Several().names_in("")
        (('A', 'B'), ())
        """
        return tuple(text.split(BAR)) if text else ()

    def truth(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """(n, k), 1 where an image has the label.

        >>> Several().truth(["b", "", "a|b"], ("a", "b")).tolist()
        [[0, 1], [0, 0], [1, 1]]
        """
        return self.members(texts, classes)

    def strata(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """Every label, and none of them, (n, k + 1): so each part gets its share of every label.

        A draw that brings all columns to their shares at once is the iterative stratification of Sechidis, Tsoumakas &
        Vlahavas (ECML PKDD 2011), label by label and not label set by label set, of which most have few images.
        """
        own = self.members(texts, classes)
        none = (own.sum(axis=1) == 0).astype(np.int64)
        if none.sum() < 2:  # a single such image cannot stand on both sides, and need not
            return own
        return np.concatenate([own, none[:, None]], axis=1)

    def strata_names(self, classes: Sequence[str]) -> tuple[str, ...]:
        """The labels, and what images without any are called."""
        return (*classes, NONE_OF_THEM)


def question_classes(name: str) -> tuple[str, str]:
    """What the two classes of one label are called: absent and present.

    >>> question_classes("hernia")
    ('no hernia', 'hernia')
    """
    return f"no {name}", name


def joined(names: Sequence[str]) -> str:
    """Names as a cell of `Cohort.table.label`: `A|B`."""
    return BAR.join(names)


SEVERAL = Several()
