"""What a file that a run was exported to holds, and how well it agrees with the run: the JSON file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heldout.records.estimate import Estimate
from heldout.records.input_map import InputMap
from heldout.records.labelling import LabellingName
from heldout.records.recipe import Fit

Inside = Literal["intensity", "channels", "resizing", "normalisation", "network", "calibration", "probabilities"]
"""A step between the pixels of a file and an answer."""

Window = Literal["", "dicom-window", "full-range", "per-image"]
"""Whose two values each image brings itself: `low` and `high` are then inputs of the file."""


@dataclass(frozen=True)
class Scaling:
    """Calibration of logits: z becomes scale · z + bias before the softmax (Guo et al. 2017: temperature, vector).

    Attributes:
        scale: One number for all classes (1 / temperature), or one a class.
        bias: Likewise.
    """

    scale: tuple[float, ...] = (1.0,)
    bias: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class ExportInput:
    """What the file takes.

    Attributes:
        type: `uint8`, or `float32` for values of any depth as the image file has them.
        channels: Numbers of channels that it takes: 1 and 3, or as many as the images of training have.
        window: Where not empty, `low` and `high` are inputs too, the values that become 0 and 1: those that the file's
            header asks for, those that its bits can hold, or the image's percentiles 0.5 and 99.5.
        size: Side in pixels of the square that the network sees.
        fit: How an image that is not square becomes square.
        interpolation: `bilinear` or `bicubic`, antialiased, as Pillow resizes.
        mean: A channel, subtracted on the scale 0 … 1.
        std: A channel, then divided by.
        values: The run's rule for values and channels; None for 8-bit grey and RGB as they are.
    """

    type: Literal["uint8", "float32"]
    channels: tuple[int, ...]
    window: Window
    size: int
    fit: Fit
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    values: InputMap | None = None


@dataclass(frozen=True)
class ExportCheck:
    """The written file, read back and asked about images, against the run.

    Attributes:
        images: How many.
        source: `val` or `val and train` for images of the study, else `given`.
        largest_difference: Largest difference of a probability from the run's network in float32 on the CPU.
        limit: Above which nothing is written. Of 8-bit whole numbers it is the float32 file they were made of that was
            checked.
        recorded_difference: The same from what the run recorded when it was made, on its device and in its precision,
            before calibration; None where it recorded nothing of these images.
    """

    images: int
    source: str
    largest_difference: float
    limit: float
    recorded_difference: float | None


@dataclass(frozen=True)
class EightBit:
    """What 8-bit whole numbers cost.

    Attributes:
        images: Training images that the ranges of activations were taken from.
        lost_points: Accuracy of the run minus that of the file on all validation images, paired, in points; of several
            labels the share of labels answered rightly.
        bytes_before: Size of the file in float32.
        bytes: Size of the file.
    """

    images: int
    lost_points: Estimate
    bytes_before: int
    bytes: int


@dataclass(frozen=True)
class ExportRecord:
    """`model.onnx.json` beside `model.onnx`: all that is needed to use the file, and what it was checked with.

    Attributes:
        file: Name of the file.
        sha256: Of the file.
        kind: Format of the file: `onnx`, `torch-export`, `state-dict`.
        classes: In the order of the answers.
        labels: Whether an image is of one class or has several labels.
        thresholds: Of several labels the logit of the file above which each is answered.
        model: Full name of the pretrained weights that the run began with.
        licence: Of these weights, as their catalogue states it; empty if it states none.
        strategy: How they were trained.
        study: Name of the study's folder.
        run: The run's id.
        run_sha256: SHA-256 of its `run.json`, which holds that of every other file of the run.
        networks: How many answer together: more than one of a cross-validated run.
        input: What the file takes.
        outputs: Names of what it answers, in order.
        inside: Steps that the file itself does; all others are for the caller.
        calibration: What is done to the logits before they become probabilities; None for nothing.
        constructor: Of a state dict the call whose network takes it strictly; else empty.
        runtime: What wrote and what checked it: name -> version; of ONNX the `opset` too.
        check: How well it agrees with the run.
        int8: What 8-bit whole numbers cost; None for float32.
        heldout: Version that wrote it.
        format: Version of this record.
    """

    file: str
    sha256: str
    kind: str
    classes: tuple[str, ...]
    labels: LabellingName
    thresholds: tuple[float, ...]
    model: str
    licence: str
    strategy: str
    study: str
    run: str
    run_sha256: str
    networks: int
    input: ExportInput
    outputs: tuple[str, ...]
    inside: tuple[Inside, ...]
    calibration: Scaling | None
    constructor: str
    runtime: dict[str, str]
    check: ExportCheck
    int8: EightBit | None
    heldout: str
    format: int = 1
