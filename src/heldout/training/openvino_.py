"""A frozen prefix run by OpenVINO (extra `openvino`): forward passes only, on a CPU, in float32."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from heldout.backbones import Network
from heldout.optional import require

BATCH = 8
"""Images given to it at a time: activations of few stay in the processor's cache. EfficientNet-Lite0 at 128 pixels, one
thread: 3.2 ms of processor time an image, of 64 at a time 3.7; the features are the same to the last bit."""

TRACED = 2
"""Images that tracing runs: one might pass for a dimension that is not there."""


class OpenVINO(nn.Module):
    """The first stages of a network, compiled; takes the place of the network in forward passes.

    Feature pass of EfficientNet-Lite0 at 128 pixels, two threads: 0.93 ms an image against 1.36 with PyTorch, the
    features differ by 4e-6 of the largest; ResNet34: 4.79 against 5.07 ms, 8e-7 (benchmarks/speed_engines.py).
    The first of a network takes about a second: the front end is called directly, since `openvino.convert_model` takes
    4 s. Another one of the same layers with other weights or statistics takes a quarter of that.

    Args:
        network: Its first stages are compiled as they are now; it is not changed.
        length: How many.
        images: (n, c, s, s), uint8 or float32; only the type, and the shape after the first dimension, are kept.

    Raises:
        Exception: OpenVINO's own, where it cannot run an operation of the network.
    """

    def __init__(self, network: Network, length: int, images: torch.Tensor) -> None:
        super().__init__()
        self.length = length
        openvino: Any = require("openvino", "openvino")
        # Without the hint, processors that have bfloat16 would compute in it.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        with _ONE:  # the model that is kept changes its tensors in place
            model = _model_of(openvino, network, length, images)
            self.compiled = openvino.Core().compile_model(model, "CPU", settings)

    def run_stages(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """(n, c, s, s) images -> activations after all compiled stages, float32."""
        if (first, last) != (0, self.length):
            raise ValueError(f"compiled are the stages 0 to {self.length}, asked for {first} to {last}")
        images, found = x.numpy(), []
        for start in range(0, len(images), BATCH):
            some = images[start : start + BATCH]
            filled = some if len(some) == BATCH else some[np.arange(BATCH) % len(some)]
            found.append(self.compiled(filled)[0][: len(some)])
        return torch.from_numpy(np.concatenate(found))


_LAST: dict[Any, Any] = {}
"""The model that was converted last, by what tells networks apart that differ by more than their tensors."""

_ONE = threading.Lock()


def _model_of(openvino: Any, network: Network, length: int, images: torch.Tensor) -> Any:
    """OpenVINO's model of the stages with the network's tensors; that of a network of the same layers is used again.

    Tracing and conversion take two thirds of the time of an engine, and give the same graph whatever the weights are.
    """
    stages = nn.Sequential(*list(network.stages.values())[:length])
    tensors = {name: value.detach() for name, value in stages.state_dict().items() if value.is_floating_point()}
    shapes = tuple((name, value.shape, value.dtype) for name, value in tensors.items())
    key = (str(stages), shapes, images.dtype, images.shape[1:])
    if key in _LAST and _put(openvino, _LAST[key], tensors):
        return _LAST[key]
    _LAST.clear()
    _LAST[key] = _converted(openvino, _traced(stages, images), images)
    _put(openvino, _LAST[key], tensors)  # copies: what was converted shares its memory with the network
    return _LAST[key]


def _put(openvino: Any, model: Any, tensors: Mapping[str, torch.Tensor]) -> bool:
    """Give a model other tensors, in place; False, and nothing changed, where it does not hold each under its name."""
    constants = {op.get_friendly_name(): op for op in model.get_ordered_ops() if op.get_type_name() == "Constant"}
    places = {name: constants[f"self.{name}"] for name in tensors if f"self.{name}" in constants}
    fits = (op.shape == openvino.Shape(tensors[name].shape) for name, op in places.items())
    if len(places) < len(tensors) or not all(fits):
        return False
    for name, op in places.items():
        made = openvino.op.Constant(tensors[name].contiguous().numpy(), shared_memory=False)
        made.set_friendly_name(op.get_friendly_name())
        for user in op.output(0).get_target_inputs():
            user.replace_source_output(made.output(0))
    return True


def _traced(stages: nn.Sequential, images: torch.Tensor) -> Any:
    """TorchScript of the stages in eval mode; tensors keep their names, which freezing would take."""
    modes = {module: module.training for module in stages.modules()}
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer: TorchScript ages, shapes become constants
            return torch.jit.trace(stages.eval(), images[:TRACED], check_trace=False)  # type: ignore[no-untyped-call]
    finally:
        for module, mode in modes.items():
            module.training = mode


def _converted(openvino: Any, traced: Any, images: torch.Tensor) -> Any:
    """OpenVINO's model of a traced one, for `BATCH` images: batches of any length take a tenth longer."""
    decoders = require("openvino.frontend.pytorch.ts_decoder", "openvino")
    frontend = cast(Any, require("openvino.frontend", "openvino")).FrontEndManager().load_by_framework("pytorch")
    decoder = cast(Any, decoders).TorchScriptPythonDecoder(traced, example_input=images)
    model = frontend.convert(frontend.load(decoder))
    parameter = model.get_parameters()[0]
    parameter.set_element_type(openvino.Type.u8 if images.dtype == torch.uint8 else openvino.Type.f32)
    parameter.set_partial_shape(openvino.PartialShape([BATCH, *images.shape[1:]]))
    model.validate_nodes_and_infer_types()
    return model
