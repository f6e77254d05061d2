"""What a way of labelling answers, so that nobody else asks which one it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from heldout.records.metric import MetricName

LabellingName = Literal["single", "several"]

Indices = NDArray[np.int64]


class Labelling(ABC):
    """How labels of images are written, counted and asked for.

    Attributes:
        name: As records hold it, and as `--labels` takes it.
        noun: What one of `Cohort.classes` is called in a sentence.
        nouns: What many are called.
        metric: By what runs are judged unless asked otherwise.
        metrics: By what they can be judged.
    """

    name: ClassVar[LabellingName]
    noun: ClassVar[str]
    nouns: ClassVar[str]
    metric: ClassVar[MetricName]
    metrics: ClassVar[tuple[MetricName, ...]]

    @abstractmethod
    def names_in(self, text: str) -> tuple[str, ...]:
        """Names in a cell of `Cohort.table.label`."""

    @abstractmethod
    def truth(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """What the network learns of images: (n,) class indices, or (n, k) of 0 and 1.

        Args:
            texts: (n,) cells of `Cohort.table.label`.
            classes: Names in the order of their indices.
        """

    @abstractmethod
    def strata(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """Of what a split gives every part its share, (n, s) of 0 and 1: the classes; every label, and none of them.

        Args:
            texts: (n,) cells of `Cohort.table.label`.
            classes: Names in the order of their indices.
        """

    @abstractmethod
    def strata_names(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Names of the columns of `strata`."""

    def members(self, texts: Sequence[str], classes: Sequence[str]) -> Indices:
        """Which names each image has, (n, k) of 0 and 1."""
        index = {name: k for k, name in enumerate(classes)}
        found: Indices = np.zeros((len(texts), len(classes)), dtype=np.int64)
        for row, text in enumerate(texts):
            for name in self.names_in(text):
                if name in index:
                    found[row, index[name]] = 1
        return found
