"""Neighbours that vote on several labels: for or against each."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from heldout.backbones.neighbours import Neighbours


class LabelNeighbours(Neighbours):
    """As `Neighbours`, with labels (n, k) of 0 and 1: each label has its own share of the votes."""

    def shares_of(self, places: torch.Tensor, votes: torch.Tensor) -> torch.Tensor:
        """Share of each label, (m, k), of votes (m, c) of the images at places (m, c)."""
        return (votes[:, :, None] * self.labels[places]).sum(1)

    def shares_of_all(self, votes: torch.Tensor) -> torch.Tensor:
        """Share of each label, (t, k), of votes (t, n) of all images."""
        return votes @ self.labels.to(votes.dtype)

    def logits_of(self, shares: torch.Tensor) -> torch.Tensor:
        """Log-odds of each label by Laplace's rule of succession: a label is there or not."""
        k = int(self.k)
        return torch.log(k * shares + 1) - torch.log(k * (1 - shares).clamp(min=0) + 1)


def fitting_head(network: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Give a network the kind of head that saved tensors are of."""
    if "head.bank" in tensors:
        kind = Neighbours if tensors["head.labels"].ndim == 1 else LabelNeighbours
        network.head = kind.shaped(tensors)
