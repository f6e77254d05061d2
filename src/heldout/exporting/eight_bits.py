"""A graph in ONNX in 8-bit whole numbers, by onnxruntime's static quantisation."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heldout.exporting.exportable import Exportable
from heldout.exporting.feeding import Feed, feed_of
from heldout.exporting.onnx_graph import PREPARES
from heldout.images import Decoded
from heldout.optional import require

KINDS = ("Conv", "Gemm", "MatMul")
"""Operations whose factors become whole numbers: all that has weights. The rest stays float32."""


class _Reader:
    """Hands images over one by one, as onnxruntime asks for them.

    Args:
        feeds: The inputs of each.
    """

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next image's inputs; None after the last."""
        return next(self._feeds, None)


def shrink(run: Exportable, path: Path, images: Sequence[tuple[str, Decoded]]) -> None:
    """Replace a file by its 8-bit version: weights signed, a scale a channel; activations unsigned, ranges by extremes.

    What prepares images is left as it is: it computes in float64, and its names begin with `prepare/`.

    Args:
        run: What was exported.
        path: The file.
        images: From which the ranges of activations are taken.
    """
    onnx: Any = require("onnx", "export")
    quantization: Any = require("onnxruntime.quantization", "export")
    before = onnx.load(str(path))
    kept = {entry.key: entry.value for entry in before.metadata_props}
    _named(before)
    exact = [node.name for node in before.graph.node if node.name.startswith(PREPARES)]
    feeds = [feed_of(image, run.input, where) for where, image in images]
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "whole.onnx", Path(folder) / "eight.onnx"
        onnx.save(before, str(source))
        quantization.quantize_static(
            str(source),
            str(made),
            _Reader(feeds),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(KINDS),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=exact,
        )
        after = onnx.load(str(made))
    del after.metadata_props[:]
    for name, text in kept.items():
        entry = after.metadata_props.add()
        entry.key, entry.value = name, text
    onnx.save(after, str(path))


def _named(model: Any) -> None:
    """Give every node a name: nodes are left out by their names."""
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"


@contextlib.contextmanager
def _quiet() -> Any:
    """Without the advice that onnxruntime logs."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
