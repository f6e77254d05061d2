"""A run's tensors under the names that its library gives them: what timm's or torchvision's constructor loads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from heldout.backbones.assemble import build_with_trunk
from heldout.backbones.constructor import Constructor
from heldout.backbones.lookup import entry_of, source_of
from heldout.errors import InputError, Problem
from heldout.exporting.exportable import Exportable

TITLE = "This run has no state dict of its library"
OTHERWISE = "Export it as .onnx or .pt2."


def constructor_of(run: Exportable) -> Constructor:
    """The call that makes the library's model for the run's classes.

    Raises:
        InputError: No library has a model of one piece for it.
    """
    recipe, info = run.recipe, run.info
    found = source_of(info).constructor(entry_of(info), recipe.image_size, len(recipe.classes), recipe.in_channels)
    if found is None:
        wanted = "a network that timm or torchvision makes in one call"
        what = f"{info.name} with {recipe.in_channels} channels of input"
        raise InputError([Problem(run.folder.name, what, wanted, OTHERWISE)], title=TITLE)
    return found


@torch.no_grad()
def library_state(run: Exportable, constructor: Constructor) -> dict[str, Tensor]:
    """The run's tensors, all that the library's model has and no other.

    The trunk is built anew, and the run's tensors are put into the stages that are made of its own. What the library's
    model has beyond it is its classifier, which becomes the run's head.

    Raises:
        InputError: The head is no linear layer, or the library's model has other parts; all of them.
    """
    network, recipe = run.members[0][0], run.recipe
    head = network.head
    if not isinstance(head, nn.Linear):
        found = f"a head of the kind {type(head).__name__} (strategy {recipe.strategy})"
        wanted = "a linear layer, which is what the library's classifier is"
        raise InputError([Problem(run.folder.name, found, wanted, OTHERWISE)], title=TITLE)
    same, trunk = build_with_trunk(
        run.info, len(recipe.classes), recipe.image_size, recipe.seed, pretrained=False, channels=recipe.in_channels
    )
    same.load_state_dict(network.state_dict())
    own, whole = trunk.state_dict(), constructor.make().state_dict()
    state = {name: own.get(name) if name in own else _of_head(head, tensor) for name, tensor in whole.items()}
    problems = [
        Problem(name, "no such tensor in the run", f"one of shape {tuple(whole[name].shape)}", OTHERWISE)
        for name, tensor in state.items()
        if tensor is None
    ]
    problems += [
        Problem(name, f"shape {tuple(own[name].shape)}", f"{tuple(tensor.shape)}, as {constructor.text} has", OTHERWISE)
        for name, tensor in whole.items()
        if name in own and own[name].shape != tensor.shape
    ]
    problems += [
        Problem(name, "a tensor of the run", f"none of that name, as {constructor.text} has none", OTHERWISE)
        for name in own
        if name not in whole
    ]
    if problems:
        raise InputError(problems, title=TITLE)
    return {name: tensor.clone().contiguous() for name, tensor in state.items() if tensor is not None}


def _of_head(head: nn.Linear, tensor: Tensor) -> Tensor | None:
    """The run's head in the shape of a tensor of the classifier.

    A classifier may be a convolution of 1 × 1, or two layers whose mean answers (distilled transformers: each gets the
    head). Vectors of another length than the classes belong to a normalisation before it, which is the identity as long
    as it is new; whether that holds is seen when the written file is asked.
    """
    if tensor.ndim >= 2:
        return head.weight.reshape(tensor.shape) if tensor.numel() == head.weight.numel() else None
    return head.bias if tensor.shape == head.bias.shape else tensor
