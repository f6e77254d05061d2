"""One ONNX file: decoded pixels in, probabilities out; any number of images of one size, resized in the graph."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from heldout.errors import HeldoutError
from heldout.exporting.feeding import feed_of
from heldout.exporting.format import Ask, Format, Written
from heldout.images import Decoded
from heldout.optional import check, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from heldout.exporting.exportable import Exportable

OPSET = 18
"""Operator set of the file: the one that PyTorch's exporter is written for; onnxruntime has it since 1.14."""

LARGEST = 2**31 - 1
"""Bytes that one ONNX file can have: it is a message of protobuf."""


class Onnx(Format):
    """A file for onnxruntime and everything else that runs ONNX."""

    name: ClassVar[str] = "onnx"
    suffix: ClassVar[str] = ".onnx"
    eight_bit: ClassVar[bool] = True

    def check(self, eight_bit: bool) -> None:
        """The packages of the extra `export`."""
        for module in ("onnx", "onnxscript", "onnxruntime"):
            check(module, "export")

    def write(self, run: Exportable, path: Path, about: Mapping[str, str]) -> Written:
        """Preparing and answering are traced apart and joined, so that 8-bit numbers touch the network alone."""
        import torch

        from heldout.exporting.onnx_graph import joined

        onnx: Any = require("onnx", "export")
        model = joined(run, OPSET)
        for name, text in about.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = name, text
        size = model.ByteSize()
        if size > LARGEST:
            raise HeldoutError(
                f"Found a network of {size / 1e9:.1f} GB; expected less than {LARGEST / 1e9:.1f} GB, which is what one "
                f"ONNX file can have. Export it as .pt2 or .safetensors."
            )
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return Written(runtime={"opset": str(OPSET), "torch": torch.__version__, **_versions()})

    def asked(self, run: Exportable, path: Path) -> Ask:
        """By onnxruntime on the CPU."""
        session, wanted = session_of(path), run.input

        def ask(image: Decoded, where: str) -> NDArray[np.float64]:
            answers = session.run(["probabilities"], feed_of(image, wanted, where))[0]
            found: NDArray[np.float64] = answers[0].astype("float64")
            return found

        return ask

    def shrink(self, run: Exportable, path: Path, images: Sequence[tuple[str, Decoded]]) -> None:
        """By onnxruntime's static quantisation: weights a channel, activations in ranges seen on training images."""
        from heldout.exporting.eight_bits import shrink

        shrink(run, path, images)


FORMAT = Onnx()


def session_of(path: Path) -> Any:
    """The file, ready to run on the CPU.

    Raises:
        HeldoutError: onnxruntime is not installed, or cannot run the file.
    """
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0") or 0)
    options.log_severity_level = 3
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no ancestor
        raise HeldoutError(f"onnxruntime cannot read {path.name}: {' '.join(str(error).split())[:300]}") from error


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("onnx", "onnxscript", "onnxruntime")}
