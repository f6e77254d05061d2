"""A head without weights of its own: the training images' features, which vote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import nn

TEMPERATURE = 0.07
"""A neighbour's vote is exp(cosine / this): Wu et al. 2018, and Caron et al. 2021 (DINO)."""

ITSELF = 1 - 1e-5
"""Cosine from which on a neighbour is taken to be the image itself: float32 sums over a thousand features are that
exact."""

SAME_COSINE = 1e-6
"""Cosines closer than this are equal: float32 sums over a thousand features are exact to about that."""

ROOM = 2**24
"""Cosines computed at a time: 64 MB."""


class Neighbours(nn.Module):
    """Weighted votes of the k nearest training images by the cosine of centred features.

    An image that is among the training images does not vote for itself, nor does an exact copy: what training images
    score is what they would if each were left out.

    Args:
        bank: Features of the training images, centred, each of length 1, (n, d) float32.
        labels: Their classes, (n,) int64; of several labels (n, classes) of 0 and 1 (`LabelNeighbours`).
        centre: Mean feature, (d,) float32.
        k: Number of neighbours that vote.
        classes: Number of classes.
    """

    bank: torch.Tensor
    labels: torch.Tensor
    centre: torch.Tensor
    k: torch.Tensor
    classes: torch.Tensor

    def __init__(self, bank: torch.Tensor, labels: torch.Tensor, centre: torch.Tensor, k: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("bank", bank)
        self.register_buffer("labels", labels)
        self.register_buffer("centre", centre)
        self.register_buffer("k", torch.tensor(k))
        self.register_buffer("classes", torch.tensor(classes))

    @classmethod
    def of(cls, features: torch.Tensor, labels: torch.Tensor, k: int, classes: int) -> Self:
        """The head for features (n, d) and classes (n,) of training images."""
        centre = features.mean(0)
        return cls(nn.functional.normalize(features - centre), labels, centre, k, classes)

    @classmethod
    def shaped(cls, tensors: Mapping[str, torch.Tensor]) -> Self:
        """A head into which a saved one (`head.bank`, …) fits."""
        bank, labels, centre = (tensors[f"head.{name}"].clone() for name in ("bank", "labels", "centre"))
        return cls(bank, labels, centre, int(tensors["head.k"]), int(tensors["head.classes"]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (m, d) -> logits (m, classes): logarithms of the votes' shares, by Laplace's rule of succession."""
        rows = max(1, ROOM // len(self.bank))
        return torch.cat([self._logits(part) for part in torch.split(x.float(), rows)])

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        cosines = nn.functional.normalize(x - self.centre) @ self.bank.T  # (m, n)
        cosines = cosines.masked_fill(cosines > ITSELF, -torch.inf)
        count = min(int(self.k), len(self.bank))
        near, places = cosines.topk(min(count + 1, len(self.bank)), dim=1)  # (m, k + 1)
        last, after, near, places = near[:, count - 1], near[:, -1], near[:, :count], places[:, :count]
        votes = torch.exp((near - near[:, :1].clamp(min=-1)) / TEMPERATURE)
        votes = votes / votes.sum(1, keepdim=True).clamp(min=1e-12)
        shares = self.shares_of(places, votes)
        tied = torch.nonzero(last - after <= SAME_COSINE)[:, 0]
        if len(tied) and count < len(self.bank):
            shares[tied] = self._shared(cosines[tied], last[tied, None], count)
        return self.logits_of(shares)

    def shares_of(self, places: torch.Tensor, votes: torch.Tensor) -> torch.Tensor:
        """Share of each class, (m, classes), of votes (m, c) of the images at places (m, c)."""
        return votes.new_zeros(len(votes), int(self.classes)).scatter_add_(1, self.labels[places], votes)

    def shares_of_all(self, votes: torch.Tensor) -> torch.Tensor:
        """Share of each class, (t, classes), of votes (t, n) of all images."""
        shares = votes.new_zeros(len(votes), int(self.classes))
        return shares.scatter_add_(1, self.labels.expand(len(votes), -1), votes)

    def logits_of(self, shares: torch.Tensor) -> torch.Tensor:
        """Logarithms of the shares by Laplace's rule of succession."""
        return torch.log(int(self.k) * shares + 1) - torch.log(self.k + self.classes)

    def _shared(self, cosines: torch.Tensor, last: torch.Tensor, count: int) -> torch.Tensor:
        """Shares of the classes (t, classes) where several images are equally near and not all of them fit into k.

        Which of them `topk` takes hangs on rounding: all of them share the places that are left. With as many copies of
        an image in two classes, one of the classes would win by accident.

        Args:
            cosines: (t, n) of such images.
            last: (t, 1) cosine of the k-th neighbour.
            count: k.
        """
        nearer, equal = cosines > last + SAME_COSINE, (cosines - last).abs() <= SAME_COSINE
        left = count - nearer.sum(1, keepdim=True)
        weight = nearer + equal * left / equal.sum(1, keepdim=True)  # (t, n), rows sum to k
        votes = weight * torch.exp((cosines - cosines.max(1, keepdim=True).values.clamp(min=-1)) / TEMPERATURE)
        votes = votes / votes.sum(1, keepdim=True).clamp(min=1e-12)
        return self.shares_of_all(votes)
