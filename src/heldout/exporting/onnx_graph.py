"""A run as one ONNX graph: a graph that prepares and a graph that answers, one behind the other."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from heldout.errors import HeldoutError
from heldout.exporting.exportable import Exportable
from heldout.exporting.graph import Prepared
from heldout.exporting.tracing import image_arguments, traced
from heldout.optional import require

PREPARES = "prepare/"
"""How the names of those nodes begin that prepare images."""

OUTPUTS = ["probabilities", "logits"]


class Preparing(nn.Module):
    """All ways of preparing.

    Args:
        ways: At least one.
    """

    def __init__(self, ways: list[Prepared]) -> None:
        super().__init__()
        self.ways = nn.ModuleList(ways)

    def forward(self, images: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> tuple[Tensor, ...]:
        """(n, h, w, k) -> (n, c, s, s) a way."""
        return tuple(way(images, low, high) for way in self.ways)


class Answers(nn.Module):
    """`graph.Answering` for one way of preparing: torch.export wants its arguments by name.

    Args:
        answering: What answers.
    """

    def __init__(self, answering: nn.Module) -> None:
        super().__init__()
        self.answering = answering

    def forward(self, squares: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """(n, c, s, s) a way -> probabilities, logits."""
        answers: tuple[Tensor, Tensor] = self.answering(*squares)
        return answers


def joined(run: Exportable, opset: int) -> Any:
    """The whole graph, an `onnx.ModelProto`: inputs `image` and, where images bring them, `low` and `high`.

    Raises:
        HeldoutError: The network has operations that ONNX or its exporter does not have.
    """
    compose: Any = require("onnx.compose", "export")
    ways = [way for way in run.graph.prepared if isinstance(way, Prepared)]
    preparing, arguments = Preparing(ways).eval(), image_arguments(run)
    with torch.no_grad():
        squares = preparing(*arguments)
    names = [f"squares_{number}" for number in range(len(squares))]
    inputs = ["image", "low", "high"][: len(arguments)]
    shapes: list[Any] = [dict.fromkeys((0, 1, 2), Dim.DYNAMIC), *[{0: Dim.DYNAMIC}] * (len(arguments) - 1)]
    first = _converted(traced(preparing, arguments, shapes, run), inputs, names, opset, run)
    second = answering_graph(run, squares, names, opset)
    # Of the two the second gets names of its own: names that a branch of the first takes from around it would be lost.
    second = compose.add_prefix(second, "network/", rename_inputs=False, rename_outputs=False)
    for number, node in enumerate(first.graph.node):
        node.name = f"{PREPARES}{number}"
    model = compose.merge_models(first, second, io_map=[(name, name) for name in names], producer_name="heldout")
    helper: Any = require("onnx.helper", "export")
    sets = {entry.domain: entry.version for entry in model.opset_import}  # each stands there once a graph
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in sets.items())
    return _taking_grey(model, run)


def answering_graph(run: Exportable, squares: tuple[Tensor, ...], names: list[str], opset: int) -> Any:
    """From squares to probabilities and logits, for any number of images; for one where the network allows no other."""
    module = Answers(run.graph.answering).eval()
    try:
        program = traced(module, (squares,), ([{0: Dim.DYNAMIC}] * len(squares),), run)
    except HeldoutError:
        program = traced(module, (tuple(square[:1] for square in squares),), None, run)
    return _converted(program, names, OUTPUTS, opset, run)


def _converted(program: Any, inputs: list[str], outputs: list[str], opset: int, run: Exportable) -> Any:
    require("onnxscript", "export")
    try:
        with _quiet():
            made: Any = torch.onnx.export(
                program, dynamo=True, input_names=inputs, output_names=outputs, opset_version=opset, verbose=False
            )
    except Exception as error:  # the exporter raises what any of its parts may
        words = " ".join(str(error).split())[:300]
        raise HeldoutError(
            f"The network of {run.recipe.backbone} cannot be written in ONNX ({type(error).__name__}: {words}). "
            f"Export it as .pt2 or .safetensors."
        ) from error
    return made.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter prints and logs of its progress."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _taking_grey(model: Any, run: Exportable) -> Any:
    """Let the graph take grey images, (n, h, w, 1), where it takes colour: the one channel is repeated.

    Done in the graph itself: torch.export would have to know beforehand which of the two comes.
    """
    if run.input.channels != (1, 3):
        return model
    onnx: Any = require("onnx", "export")
    graph = model.graph
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == "image":
                node.input[place] = "image/colour"
    shape = onnx.helper.make_tensor("image/channels", onnx.TensorProto.INT64, [4], [1, 1, 1, 3])
    graph.initializer.append(shape)
    graph.node.insert(
        0, onnx.helper.make_node("Expand", ["image", "image/channels"], ["image/colour"], f"{PREPARES}grey")
    )
    image = next(value for value in graph.input if value.name == "image")
    image.type.tensor_type.shape.dim[3].Clear()
    image.type.tensor_type.shape.dim[3].dim_param = "channels"
    return model
