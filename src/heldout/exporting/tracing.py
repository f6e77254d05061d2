"""Modules traced by torch.export, with any number of images of any size where the network allows it."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from heldout.errors import HeldoutError
from heldout.exporting.exportable import Exportable
from heldout.exporting.feeding import width_of

HEIGHT, WIDTH = 50, 71
"""Of the image that is traced: two sides that are no side of a network, so that none passes for a constant."""

TRACED = 2
"""Images that tracing runs: one might pass for a dimension that is not there."""


def whole_program(run: Exportable) -> ExportedProgram:
    """From the pixels of files to probabilities; images of a batch have one size."""
    module, arguments = run.graph, image_arguments(run)
    shapes: list[Any] = [dict.fromkeys((0, 1, 2), Dim.DYNAMIC), *[{0: Dim.DYNAMIC}] * (len(arguments) - 1)]
    try:
        return traced(module, arguments, shapes, run)
    except HeldoutError:  # a network that reckons with the number of images
        shapes = [dict.fromkeys((1, 2), Dim.DYNAMIC), *[None] * (len(arguments) - 1)]
        return traced(module, tuple(argument[:1] for argument in arguments), shapes, run)


def image_arguments(run: Exportable) -> tuple[Tensor, ...]:
    """Two images of noise as their files would have them, with the values that they bring themselves."""
    wanted = run.input
    generator = torch.Generator().manual_seed(0)
    shape = (TRACED, HEIGHT, WIDTH, wanted.channels[-1])
    images = torch.randint(0, 256, shape, generator=generator).to(getattr(torch, wanted.type))
    if not wanted.window:
        return (images,)
    low = torch.zeros(TRACED, width_of(wanted))
    return images, low, low + 255


def traced(module: nn.Module, arguments: tuple[Any, ...], shapes: Any, run: Exportable) -> ExportedProgram:
    """A module as a graph.

    Args:
        module: In eval mode.
        arguments: What it is traced with.
        shapes: Which dimensions may be other ones, for each argument.
        run: What is exported, for the message.

    Raises:
        HeldoutError: It has steps that cannot be traced.
    """
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return torch.export.export(module, arguments, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch's tracer raises what any line of any library may
        words = " ".join(str(error).split())[:300]
        raise HeldoutError(
            f"The network of {run.recipe.backbone} cannot be traced into a graph ({type(error).__name__}: {words}). "
            f"Export a state dict instead: a file that ends in .safetensors."
        ) from error
