"""A network in ONNX, run by onnxruntime (extra `onnx`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from heldout.errors import HeldoutError, InputError, Problem
from heldout.files import hash_of, sha256_of
from heldout.given.model import GivenModel, Pixels
from heldout.given.preprocessing import Preprocessing
from heldout.optional import require
from heldout.records.codec import to_data


def onnx_model(path: Path, preprocessing: Preprocessing, classes: tuple[str, ...]) -> GivenModel:
    """The network of a file.

    Args:
        path: An `.onnx` file with one input of images and, as its first output, one number a class.
        preprocessing: How images become its input.
        classes: Classes of the study, in the order of their indices.

    Raises:
        HeldoutError: onnxruntime is not installed, or cannot run the file.
        InputError: There is no such file, it takes several inputs, or the preprocessing names other classes.
    """
    runtime = require("onnxruntime", "onnx")
    if not path.is_file():
        raise InputError([Problem(str(path), "no such file", "a network in ONNX", "Check the path.")])
    named = preprocessing.classes or classes
    if set(named) != set(classes) or len(named) != len(classes):
        raise InputError(
            [
                Problem(
                    "classes of the preprocessing",
                    ", ".join(named),
                    f"the study's: {', '.join(classes)}, in the order of the network's outputs",
                    "Correct `classes`, or leave it out if the outputs stand in that order.",
                )
            ]
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0") or 0)
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no ancestor
        raise HeldoutError(f"onnxruntime cannot read {path.name}: {' '.join(str(error).split())[:300]}") from error
    names = [put.name for put in session.get_inputs()]
    if len(names) != 1:
        raise InputError(
            [Problem(path.name, f"the inputs {', '.join(names)}", "one input, of images", "Export it with one input.")]
        )
    key = hash_of([sha256_of(path), to_data(preprocessing)])
    predict = _Session(session, names[0], preprocessing)
    return GivenModel(predict, preprocessing.output, tuple(named), classes, key, preprocessing.crop)


class _Session:
    """Prepares images and runs them through a session; one by one where the network was exported for one image."""

    def __init__(self, session: Any, name: str, preprocessing: Preprocessing) -> None:
        self._session, self._name, self._preprocessing = session, name, preprocessing
        size = session.get_inputs()[0].shape[0]
        self._fixed = size if isinstance(size, int) and size > 0 else 0

    def __call__(self, pixels: Pixels) -> np.ndarray:
        x = self._preprocessing.prepared(pixels)
        step = self._fixed or len(x)
        found = []
        for start in range(0, len(x), step):
            some = x[start : start + step]
            padded = np.concatenate([some, np.repeat(some[-1:], step - len(some), axis=0)])  # a fixed batch stays full
            out = np.asarray(self._session.run(None, {self._name: padded})[0])
            found.append(out.reshape(step, -1)[: len(some)])
        return np.concatenate(found)
