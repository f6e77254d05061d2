"""From tokens to one row of features."""

from __future__ import annotations

import torch
from torch import nn


class TokenPooling(nn.Module):
    """The class token, the mean of the patch tokens, or both side by side.

    Args:
        pooling: `cls`, `mean` or `cls+mean`.
        prefix: Tokens before the patches (class token, registers); the mean leaves them out.
        norm: Applied to each of them, where the network normalises after pooling.
    """

    def __init__(self, pooling: str, prefix: int, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.parts = pooling.split("+")
        self.prefix = prefix
        self.norm = norm or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, d) -> (n, d), or (n, 2 d) for both."""
        pooled = [x[:, 0] if part == "cls" else x[:, self.prefix :].mean(dim=1) for part in self.parts]
        return torch.cat([self.norm(part) for part in pooled], dim=1)
