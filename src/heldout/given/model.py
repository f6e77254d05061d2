"""A model that answers images, whatever framework made it: the one thing interventions need of a given model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.errors import HeldoutError
from heldout.given.answers import Answers, Logits, faults, to_logits
from heldout.progress import Reporter, Silent

Pixels = NDArray[np.uint8]

Predict = Callable[[Pixels], object]
"""Images (n, s, s, 3) uint8, RGB -> answers (n, k), something that numpy makes an array of."""

BATCH = 64
"""Images handed to a model at a time."""


@dataclass(frozen=True)
class GivenModel:
    """A model that was given.

    Attributes:
        predict: Answers images (n, s, s, 3) uint8 with (n, k) numbers, a column a class of `classes`.
        answers: What the numbers are.
        classes: Class of each column of the answers.
        order: Classes in the order of the study's indices.
        key: What its answers depend on: results made with another key are made anew.
        crop: Side of the middle of the image that the model is shown; 0 for all of it.
    """

    predict: Predict
    answers: Answers
    classes: tuple[str, ...]
    order: tuple[str, ...]
    key: str
    crop: int = 0

    def logits(self, pixels: Pixels, reporter: Reporter | None = None) -> Logits:
        """Logits (n, k) of images, columns in the order of the study's classes.

        Args:
            pixels: (n, s, s, c) uint8, c = 1 or 3; grey is shown as three equal channels.
            reporter: Told of every batch.

        Raises:
            HeldoutError: The model fails, or answers with something else than it should.
        """
        reporter = reporter or Silent()
        columns = [self.classes.index(name) for name in self.order]
        found = np.empty((len(pixels), len(columns)), dtype=np.float32)
        for start in range(0, len(pixels), BATCH):
            some = slice(start, start + BATCH)
            found[some] = to_logits(self._answers(self._shown(pixels[some]))[:, columns], self.answers)
            reporter.step()
        return found

    def _shown(self, pixels: Pixels) -> Pixels:
        """Colour, the middle only where the model is shown no more, and a copy: what is given is not the model's."""
        size = pixels.shape[1]
        first = (size - self.crop) // 2 if self.crop else 0
        middle = slice(first, first + self.crop) if self.crop else slice(None)
        cut = pixels[:, middle, middle]
        shown: Pixels = np.repeat(cut, 3, axis=3) if cut.shape[3] == 1 else np.array(cut)
        return shown

    def _answers(self, pixels: Pixels) -> NDArray[np.float64]:
        """(n, k) checked."""
        try:
            values = np.asarray(self.predict(pixels), dtype=np.float64)
        except Exception as error:
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise HeldoutError(
                f"The model failed on images of shape {pixels.shape}, {pixels.dtype}: {words}"
            ) from error
        expected = (len(pixels), len(self.classes))
        if values.shape != expected:
            raise HeldoutError(
                f"The model answered images of shape {pixels.shape} with an array of shape {values.shape}; expected "
                f"{expected}: a row an image, a column a class of {', '.join(self.classes)}."
            )
        wrong = [name for name, rows in faults(values, self.answers).items() if rows.any()]
        if wrong:
            raise HeldoutError(
                f"The model's answers are no {self.answers} ({', '.join(wrong)}); the first row is "
                f"{np.round(values[0], 4).tolist()}. Say what they are, or pass them through softmax."
            )
        return values


def batches(n: int) -> int:
    """How many batches n images are."""
    return math.ceil(n / BATCH)
