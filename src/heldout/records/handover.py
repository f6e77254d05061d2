"""What a folder that is handed over holds besides the model and its JSON file, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heldout.records.export import ExportRecord

AnswerKind = Literal["class", "sure", "sets", "labels"]
"""How probabilities become an answer."""


@dataclass(frozen=True)
class Thresholds:
    """`thresholds.json`: from which probability on a class is answered.

    Attributes:
        kind: `class`: the likeliest class, whatever its probability. `sure`: the likeliest class, where it reaches its
            threshold; else none. `sets`: all classes that reach theirs, and the likeliest. `labels`: all labels whose
            logit lies above theirs.
        thresholds: Class -> its threshold, in the order of the model's answers: a probability, of `labels` a logit;
            None where it is never answered.
        source: What they come from, and what is promised of them, a sentence each.
        columns: Of a table of answers, after the name of the image.
        depths: Kinds of depth that images may have (`images.prepare`).
        format: Version of this record.
    """

    kind: AnswerKind
    thresholds: dict[str, float | None]
    source: tuple[str, ...]
    columns: tuple[str, ...]
    depths: tuple[str, ...]
    format: int = 1


@dataclass(frozen=True)
class Handover:
    """A folder that was written: the JSON of `heldout handover`.

    Attributes:
        folder: Where.
        files: Paths within it, in order.
        model: What stands beside the exported file.
        thresholds: How probabilities become answers.
        calibrated: Whether the probabilities are calibrated.
        self_test: Images of the self-test; 0 without `predict.py`.
        no_script: Why there is no `predict.py`; empty where there is.
        to_fill: Gaps of the card that only people can fill.
        diagnosed: Whether the card tells why test is lower.
        format: Version of this record.
    """

    folder: str
    files: tuple[str, ...]
    model: ExportRecord
    thresholds: Thresholds
    calibrated: bool
    self_test: int
    no_script: str
    to_fill: int
    diagnosed: bool
    format: int = 1
