"""One class an image: softmax and cross-entropy, the class with the largest logit is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from heldout.records.labelling.labelling import Indices, Labelling, LabellingName
from heldout.records.metric import MetricName


class Single(Labelling):
    """Every image is of exactly one class."""

    name: ClassVar[LabellingName] = "single"
    noun: ClassVar[str] = "class"
    nouns: ClassVar[str] = "classes"
    metric: ClassVar[MetricName] = "accuracy"
    metrics: ClassVar[tuple[MetricName, ...]] = ("accuracy", "balanced-accuracy", "cost")

    def names_in(self, text: str) -> tuple[str, ...]:
        """The text itself, whatever it holds.

        >>> Single().names_in("A|B")
        ('A|B',)
        """
        return (text,)

    def truth(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """(n,) class indices.

        >>> Single().truth(["b", "a"], ("a", "b")).tolist()
        [1, 0]
        """
        index = {name: k for k, name in enumerate(classes)}
        return np.array([index[text] for text in texts], dtype=np.int64)

    def strata(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """The classes, (n, k)."""
        return self.members(texts, classes)

    def strata_names(self, classes: Sequence[str]) -> tuple[str, ...]:
        """The classes."""
        return tuple(classes)


SINGLE = Single()
