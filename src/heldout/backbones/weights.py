"""Reading weights without unpickling code, and fitting them to an architecture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from heldout.errors import InputError, Problem

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Keys under which training scripts put the state dict into a checkpoint; averaged weights first, as timm prefers."""


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or `.pth` file; nothing in it is ever run.

    Raises:
        InputError: The file cannot be read, holds code, or holds no state dict.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises whatever its many formats stumble over: struct.error, EOFError …
        raise _unreadable(file, _what_stopped(error)) from error
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise _unreadable(file, "something other than named tensors")
    # DataParallel puts `module.` in front of every name.
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def _what_stopped(error: Exception) -> str:
    """Torch's own text goes on to advise the very thing that must not be done: unpickling the file nevertheless."""
    said = re.sub(r"\x1b\[\d+m", "", str(error))
    if re.search(r"unsupported (?:global|class|operand)", said, re.IGNORECASE):
        names = re.search(r"(?:GLOBAL:?|class|globals:) ([\w.]*\w)", said)
        return "Python objects besides tensors" + (f" ({names.group(1)})" if names else "") + ", which can run code"
    first = said.partition("\n")[0].partition(". ")[0][:120].rstrip(".")
    return f"a file that is damaged, cut off or no weights ({first or type(error).__name__})"


def _unreadable(file: Path, found: str) -> InputError:
    return InputError(
        [
            Problem(
                str(file),
                found,
                "a state dict: named tensors, in .safetensors or in a .pth that holds no code",
                "Save it with safetensors.torch.save_file(model.state_dict(), FILE).",
            )
        ],
        title="The weights cannot be read",
    )


def load_strictly(model: nn.Module, tensors: dict[str, Tensor], file: Path, name: str) -> None:
    """Put tensors into a model whose names and shapes must be theirs exactly.

    Raises:
        InputError: Names that are missing or unexpected and shapes that differ, all at once.
    """
    own = model.state_dict()
    problems = [
        Problem(str(file), f"no tensor {key}", f"one of shape {tuple(own[key].shape)}", _OTHER)
        for key in own.keys() - tensors.keys()
        # Old checkpoints lack the counter of batches, which nothing in eval mode reads.
        if not key.endswith("num_batches_tracked")
    ]
    problems += [
        Problem(str(file), f"a tensor {key} of shape {tuple(tensors[key].shape)}", "none of that name", _OTHER)
        for key in tensors.keys() - own.keys()
    ]
    problems += [
        Problem(str(file), f"{key} of shape {tuple(tensors[key].shape)}", f"shape {tuple(own[key].shape)}", _OTHER)
        for key in own.keys() & tensors.keys()
        if own[key].shape != tensors[key].shape
    ]
    if problems:
        problems.sort(key=str)
        raise InputError(problems, title=f"The weights do not fit {name}")
    model.load_state_dict(tensors, strict=False)


_OTHER = "These are weights of another architecture, or were saved under other names."
