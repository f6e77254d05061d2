"""What a strategy is: a frozen dataclass whose fields are its settings, and the phases they amount to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the same parameters learn.

    Attributes:
        name: What the history calls it.
        trainable: Which parameters learn: `all`, or `head` (the new linear layer only).
        epochs: Passes over the training images; for the `logistic` solver always 1.
        solver: `adamw` by mini-batches, or `logistic`: the head is solved to its optimum by scikit-learn's logistic
            regression, its strength of regularisation chosen on validation.
        lr: Learning rate at the start, for the head and everything else that learns.
        weight_decay: Decoupled weight decay (Loshchilov & Hutter 2019), on weights of two or more dimensions.
        batch_size: Images a step.
        schedule: `cosine` (to zero over the phase, Loshchilov & Hutter 2017) or `constant`.
        bn: Mode of the BatchNorm layers in the frozen part. `eval` leaves their statistics alone; `train` lets them
            follow the batches, although no parameter moves: what a notebook does that sets only `requires_grad`.
        strengths: Values of C tried by the `logistic` solver.
    """

    name: str
    trainable: Literal["all", "head"]
    epochs: int
    solver: Literal["adamw", "logistic"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 32
    schedule: Literal["cosine", "constant"] = "cosine"
    bn: Literal["eval", "train"] = "eval"
    strengths: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        wrong = []
        if self.epochs < 1:
            wrong.append(f"epochs is at least 1, found {self.epochs}")
        if self.lr <= 0:
            wrong.append(f"lr is above 0, found {self.lr}")
        if self.batch_size < 2:
            wrong.append(f"batch_size is at least 2, found {self.batch_size}")
        if self.weight_decay < 0:
            wrong.append(f"weight_decay is at least 0, found {self.weight_decay}")
        if self.solver == "logistic" and (not self.strengths or min(self.strengths) <= 0):
            wrong.append(f"strengths holds one value or more, all above 0, found {self.strengths}")
        if wrong:
            raise ValueError("; ".join(wrong))


@dataclass(frozen=True)
class Strategy(ABC):
    """Base of all strategies. A subclass is a frozen dataclass in a file of its own, bound to `STRATEGY`.

    The class docstring is the manual entry that `heldout strategies` prints: what it does, when to try it, sources.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __post_init__(self) -> None:
        self.phases()  # settings that make no phase are refused where they are made

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The plan in the order in which it is carried out."""

    @property
    def keeps(self) -> Literal["last", "best"]:
        """Which epoch's weights are kept: the last, or the one with the best validation accuracy (ties: lower loss)."""
        return "last"
