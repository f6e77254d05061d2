"""The call with which a library makes its own network: what a person writes to load weights of a run without us."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

Argument = str | int | bool | tuple[int, int]


@dataclass(frozen=True)
class Constructor:
    """A function of a library with the arguments that give one architecture.

    Attributes:
        module: Where the function is, such as `timm`.
        function: Its name.
        arguments: By name.

    >>> Constructor("timm", "create_model", {"model_name": "resnet18", "num_classes": 3}).text
    "timm.create_model(model_name='resnet18', num_classes=3)"
    """

    module: str
    function: str
    arguments: Mapping[str, Argument]

    @property
    def text(self) -> str:
        """The call as a line of Python."""
        return (
            f"{self.module}.{self.function}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"
        )

    def make(self) -> nn.Module:
        """The network, with random weights."""
        from heldout.backbones.quiet import quiet

        function: Any = getattr(importlib.import_module(self.module), self.function)
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the time that random weights take
            network: nn.Module = function(**self.arguments)
        return network
