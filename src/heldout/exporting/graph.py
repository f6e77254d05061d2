"""The whole way from the pixels of an image file to probabilities as modules that can be traced into a graph."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from heldout.backbones import Network
from heldout.backbones.label_neighbours import LabelNeighbours
from heldout.backbones.neighbours import ITSELF, SAME_COSINE, TEMPERATURE, Neighbours
from heldout.exporting.resizing import Squared
from heldout.exporting.values import Valued
from heldout.records import Recipe
from heldout.records.export import Scaling
from heldout.records.labelling import SINGLE


class Prepared(nn.Module):
    """Images as their files have them to squares, as the run's own were made.

    Args:
        recipe: The run's.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.values = Valued(recipe.input_map)
        self.square = Squared(recipe.image_size, recipe.fit, recipe.interpolation, self.values.eight_bit)

    def forward(self, images: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
        """(n, h, w, k) -> (n, c, s, s): uint8, or float32 in 0 … 1 rounded to float16, as squares are kept."""
        squares: Tensor = self.square(self.values(images, low, high))
        return squares if self.values.eight_bit else squares.half().float()


class Answering(nn.Module):
    """Squares to probabilities and logits; of several networks the mean of their probabilities.

    Args:
        networks: At least one.
        ways: Which of the inputs each network takes.
        one_class: Whether an image has one class; else each label has its own probability.
        calibration: Of the logits; None for none.
    """

    scale: Tensor
    bias: Tensor

    def __init__(
        self, networks: Sequence[Network], ways: Sequence[int], one_class: bool, calibration: Scaling | None
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(traceable(network) for network in networks)
        self.ways, self.one_class = tuple(ways), one_class
        scaling = calibration or Scaling()
        self.calibrated = calibration is not None
        self.register_buffer("scale", torch.tensor(scaling.scale, dtype=torch.float32))
        self.register_buffer("bias", torch.tensor(scaling.bias, dtype=torch.float32))

    def forward(self, *squares: Tensor) -> tuple[Tensor, Tensor]:
        """(n, c, s, s) a way of preparing -> probabilities (n, k) and logits (n, k)."""
        each = [network(squares[way]) for network, way in zip(self.networks, self.ways, strict=True)]
        logits = each[0].float() if len(each) == 1 else self._mean(torch.stack(each).float())
        if self.calibrated:
            logits = logits * self.scale + self.bias
        return (logits.softmax(1) if self.one_class else logits.sigmoid()), logits

    def _mean(self, logits: Tensor) -> Tensor:
        """As `stats.mean_answers.mean_logits`, less a constant of all classes."""
        if self.one_class:
            return logits.log_softmax(2).logsumexp(0) - torch.log(torch.tensor(float(len(logits))))
        return nn.functional.logsigmoid(logits).logsumexp(0) - nn.functional.logsigmoid(-logits).logsumexp(0)


class Whole(nn.Module):
    """Preparing and answering in one.

    Args:
        prepared: The ways of preparing, one as a rule: folds may have learned different windows.
        answering: Takes what they give.
    """

    def __init__(self, prepared: Sequence[Prepared], answering: Answering) -> None:
        super().__init__()
        self.prepared = nn.ModuleList(prepared)
        self.answering = answering

    def forward(self, images: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(n, h, w, k), with low and high where images bring their own -> probabilities, logits."""
        answers: tuple[Tensor, Tensor] = self.answering(*(way(images, low, high) for way in self.prepared))
        return answers


def assembled(members: Sequence[tuple[Network, Recipe]], calibration: Scaling | None) -> Whole:
    """The graph of a run's networks, in eval mode."""
    recipes = {recipe.squares: recipe for _, recipe in members}
    order = list(recipes)
    networks, ways = [network for network, _ in members], [order.index(recipe.squares) for _, recipe in members]
    answering = Answering(networks, ways, members[0][1].labels == SINGLE.name, calibration)
    return Whole([Prepared(recipe) for recipe in recipes.values()], answering).eval()


def traceable(network: Network) -> Network:
    """A copy in eval mode whose head has no step that hangs on values."""
    made = copy.deepcopy(network).eval().requires_grad_(False)
    if isinstance(made.head, Neighbours):
        made.head = Votes(made.head)
    return made


class Votes(nn.Module):
    """`Neighbours` with one formula for all images: those as near as the k-th share the places that are left.

    Where no other image is as near as the k-th, that is its own place and the formula is the plain vote.

    Args:
        head: What it was made of.
    """

    bank: Tensor
    labels: Tensor
    centre: Tensor

    def __init__(self, head: Neighbours) -> None:
        super().__init__()
        self.k, self.count = int(head.k), min(int(head.k), len(head.bank))
        self.several, self.classes = isinstance(head, LabelNeighbours), int(head.classes)
        own = head.labels if self.several else nn.functional.one_hot(head.labels, self.classes)
        self.register_buffer("bank", head.bank.T.contiguous())  # (d, n)
        self.register_buffer("labels", own.float())  # (n, k)
        self.register_buffer("centre", head.centre)

    def forward(self, x: Tensor) -> Tensor:
        """Features (m, d) -> logits (m, classes)."""
        cosines = nn.functional.normalize(x.float() - self.centre) @ self.bank  # (m, n)
        cosines = torch.where(cosines > ITSELF, torch.full_like(cosines, -2.0), cosines)  # below every cosine
        near = torch.topk(cosines, self.count, dim=1).values
        last = near[:, -1:]
        nearer, equal = (cosines > last + SAME_COSINE).float(), ((cosines - last).abs() <= SAME_COSINE).float()
        left = self.count - nearer.sum(1, keepdim=True)
        weight = nearer + equal * left / equal.sum(1, keepdim=True)
        votes = weight * torch.exp((cosines - near[:, :1].clamp(min=-1)) / TEMPERATURE)
        votes = votes * (cosines > -1.5).float()
        shares = (votes / votes.sum(1, keepdim=True).clamp(min=1e-12)) @ self.labels
        if self.several:
            return torch.log(self.k * shares + 1) - torch.log(self.k * (1 - shares).clamp(min=0) + 1)
        return torch.log(self.k * shares + 1) - torch.log(torch.tensor(float(self.k + self.classes)))
