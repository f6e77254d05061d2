"""A frozen prefix run by OpenVINO (extra `openvino`): forward passes only, on a CPU, in float32."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from heldout.backbones import Network
from heldout.optional import require

BATCH = 8
"""Images given to it at a time: activations of few stay in the processor's cache. EfficientNet-Lite0 at 128 pixels, one
thread: 3.2 ms of processor time an image, of 64 at a time 3.7; the features are the same to the last bit."""


class OpenVINO(nn.Module):
    """The first stages of a network, compiled; takes the place of the network in forward passes.

    Feature pass of EfficientNet-Lite0 at 128 pixels, two threads: 0.93 ms an image against 1.36 with PyTorch, the
    features differ by 4e-6 of the largest; ResNet34: 4.79 against 5.07 ms, 8e-7 (benchmarks/speed_engines.py).
    Compiling takes about half a second: the front end is called directly, since `openvino.convert_model` takes 4 s.

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
        model = _converted(openvino, _traced(network, length, images), images)
        # Without the hint, processors that have bfloat16 would compute in it.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self.compiled = openvino.Core().compile_model(model, "CPU", settings)

    def run_stages(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """(n, c, s, s) images -> activations after all compiled stages, float32."""
        if (first, last) != (0, self.length):
            raise ValueError(f"compiled are the stages 0 to {self.length}, asked for {first} to {last}")
        images = x.numpy()
        found = [self.compiled(images[start : start + BATCH])[0] for start in range(0, len(images), BATCH)]
        return torch.from_numpy(np.concatenate(found))


def _traced(network: Network, length: int, images: torch.Tensor) -> Any:
    """TorchScript of the stages in eval mode."""
    stages = nn.Sequential(*list(network.stages.values())[:length])
    modes = {module: module.training for module in stages.modules()}
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer: TorchScript ages, shapes become constants
            traced = torch.jit.trace(stages.eval(), images, check_trace=False)  # type: ignore[no-untyped-call]
            return torch.jit.freeze(traced)
    finally:
        for module, mode in modes.items():
            module.training = mode


def _converted(openvino: Any, traced: Any, images: torch.Tensor) -> Any:
    """OpenVINO's model of a traced one, for batches of any length."""
    decoders = require("openvino.frontend.pytorch.ts_decoder", "openvino")
    frontend = cast(Any, require("openvino.frontend", "openvino")).FrontEndManager().load_by_framework("pytorch")
    decoder = cast(Any, decoders).TorchScriptPythonDecoder(traced, example_input=images)
    model = frontend.convert(frontend.load(decoder))
    parameter = model.get_parameters()[0]
    parameter.set_element_type(openvino.Type.u8 if images.dtype == torch.uint8 else openvino.Type.f32)
    parameter.set_partial_shape(openvino.PartialShape([-1, *images.shape[1:]]))
    model.validate_nodes_and_infer_types()
    return model
