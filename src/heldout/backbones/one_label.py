"""One of several labels as a network of two classes: absent and present."""

from __future__ import annotations

import torch
from torch import nn


class OneLabel(nn.Module):
    """Logits 0 and z − threshold of one label of a head.

    Args:
        head: Features (n, d) -> logits (n, k).
        label: Number of the label.
        threshold: Logit above which it is answered.
    """

    def __init__(self, head: nn.Module, label: int, threshold: float) -> None:
        super().__init__()
        self.head = head
        self.label = label
        self.threshold = threshold

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d) -> (n, 2)."""
        z = self.head(x)[:, self.label] - self.threshold
        return torch.stack([torch.zeros_like(z), z], dim=1)


@torch.no_grad()
def one_label_head(head: nn.Module, label: int, threshold: float) -> nn.Module:
    """The head of one label's question; a linear one stays linear, so that its weights can be worked on."""
    if not isinstance(head, nn.Linear):
        return OneLabel(head, label, threshold)
    own = nn.Linear(head.in_features, 2)
    own.weight.zero_()
    own.bias.zero_()
    own.weight[1] = head.weight[label]
    own.bias[1] = head.bias[label] - threshold
    return own
