"""An exported file put to use: classes and probabilities for new images, as `runs.predict.Classifier` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.computing import Device
from heldout.data.squaring import Fitting, square_alone
from heldout.errors import InputError, Problem, UsageError
from heldout.exporting.export import beside
from heldout.exporting.feeding import feed_of
from heldout.exporting.formats.onnx_ import session_of
from heldout.files import sha256_of
from heldout.images import ImageError, decode
from heldout.progress import Reporter, Silent
from heldout.records.calibration import Unlike
from heldout.records.codec import read_record
from heldout.records.export import ExportRecord
from heldout.records.labelling import LabellingName
from heldout.runs.calibrated import Calibrated
from heldout.runs.predict import TOLD, Scored
from heldout.structured_reports import Algorithm

SILENT = Silent()


class ExportedClassifier:
    """A file in ONNX that classifies image files, by onnxruntime on the CPU, one at a time.

    Args:
        path: The `.onnx` file; its JSON file lies beside it.
        device: `auto` or `cpu`.
        calibration: What `heldout calibrate` found of the run that was exported with it.

    Attributes:
        classes: In the order of the answers.
        record: What the JSON file says.
        calibration: When it answers, and what new images are held against; None where nothing but the file is there:
            how logits are scaled is inside it.

    Raises:
        InputError: A file is missing, or the two do not belong together.
        UsageError: Another device than the CPU.
        HeldoutError: onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, device: Device = "auto", calibration: Calibrated | None = None) -> None:
        file, self.calibration = Path(path), calibration
        self._seen: list[NDArray[np.float64]] = []
        if device == "cuda":
            raise UsageError(
                "Found --device cuda with a file in ONNX, which heldout runs on the CPU; expected auto or cpu."
            )
        if not file.is_file():
            raise InputError(
                [Problem(str(file), "no such file", "a file that heldout export wrote", "Check the path.")]
            )
        remedy = "Keep the file that heldout export wrote beside it, or export the run again."
        self.record = read_record(ExportRecord, beside(file), remedy)
        if (found := sha256_of(file)) != self.record.sha256:
            wanted = f"{self.record.sha256[:12]}…, as {beside(file).name} says"
            raise InputError(
                [Problem(str(file), f"SHA-256 {found[:12]}…", wanted, remedy)], title="The file was changed"
            )
        self._session = session_of(file)
        self.classes = self.record.classes

    def each(self, files: Sequence[Path], reporter: Reporter = SILENT) -> Iterator[Scored | Problem]:
        """Classify files in their order; those that cannot be read come out as problems.

        Args:
            files: Image files.
            reporter: Is told of every file.
        """
        reporter.begin("Classifying", len(files))
        for file in files:
            try:
                yield self._scored(file)
            except ImageError as error:
                yield error.problem(str(file))
            reporter.step()
        reporter.end()

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities are calibrated."""
        return self.record.calibration is not None

    @property
    def labels(self) -> LabellingName:
        """Whether an image is of one class or has several labels."""
        return self.record.labels

    @property
    def algorithm(self) -> Algorithm:
        """What answers, for reports."""
        record = self.record
        return Algorithm(record.run, record.model, self.classes, record.run_sha256, self.calibrated)

    def likeness(self) -> Unlike | None:
        """Whether all images classified so far look like those that the run was calibrated on.

        Returns:
            None without a calibration, and of fewer than 20 images.
        """
        if self.calibration is None or not self._seen:
            return None
        return self.calibration.likeness(np.concatenate(self._seen))

    def _scored(self, file: Path) -> Scored:
        image, wanted = decode(file), self.record.input
        logits = self._session.run(["logits"], feed_of(image, wanted, str(file)))[0].astype(np.float64)
        predicted, probabilities = TOLD[self.record.labels](logits, self.classes, self.record.thresholds)
        if self.calibration is None:
            return Scored((str(file),), tuple(predicted), probabilities)
        fitting = Fitting(wanted.size, wanted.fit, wanted.interpolation, wanted.values)
        self._seen.append(self.calibration.numbers(self._unscaled(logits), square_alone(image, fitting, str(file))))
        answers = tuple(self.calibration.answers(probabilities)) if self.calibration.answering else ()
        return Scored((str(file),), tuple(predicted), probabilities, answers)

    def _unscaled(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, k) as the network gives them, of those that the file gives."""
        scaling = self.record.calibration
        if scaling is None:
            return logits
        plain: NDArray[np.float64] = (logits - np.asarray(scaling.bias)) / np.asarray(scaling.scale)
        return plain
