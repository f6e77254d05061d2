"""Phases that are solved rather than trained: the history shows each as one epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heldout.backbones.neighbours import Neighbours
from heldout.progress import Epoch
from heldout.ties import SAME_LOSS
from heldout.training.averaging import between, mean_of, measure_batchnorm, put
from heldout.training.phase_context import PhaseContext
from heldout.training.phases import moving_tensors
from heldout.training.predict import logits_from
from heldout.training.state import Progress, State


@dataclass(frozen=True)
class Solved:
    """What a solver found.

    Attributes:
        found: In words, for the phase's name in the history.
        choices: Validation logits (m, k) of everything that it was chosen among.
        converged: Whether the solver reached its tolerance.
    """

    found: str
    choices: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    converged: bool = True


def solve(context: PhaseContext) -> Progress:
    """Solve a phase, and describe it as one epoch."""
    started = time.perf_counter()
    solved = SOLVERS[context.phase.solver](context)
    losses, right, predicted = [], [], np.empty(0, dtype=np.int16)
    for part, inputs in ((context.task.train, context.views[0]), (context.task.val, context.val)):
        logits = logits_from(context.network, inputs, context.length, context.machine)
        loss, predicted = context.task.objective.scored(logits, part.labels)
        losses.append(loss)
        right.append(float(np.mean(predicted == part.labels)))
    row = Epoch(
        epoch=context.begun + 1,
        phase=f"{context.phase.name}{solved.found}",
        seconds=time.perf_counter() - started,
        lr=0.0,
        train_loss=losses[0],
        train_accuracy=right[0],
        val_loss=losses[1],
        val_accuracy=right[1],
        converged=solved.converged,
    )
    resumable = context.phase.solver != "neighbours"
    return Progress(row, predicted, None, context.number, context.ends, solved.choices, resumable)


def _logistic(context: PhaseContext) -> Solved:
    """Put the head at the optimum of a logistic regression; the trunk is frozen.

    The strengths that were tried are solved again where they are asked for (experiment `strengths`): in phases that
    others follow, theirs is not the choice that was reported.
    """
    train, val = (np.asarray(part, dtype=np.float32) for part in (context.views[0], context.val))
    task, phase, head = context.task, context.phase, context.network.head
    assert isinstance(head, nn.Linear)
    solved = task.objective.solve_head(
        train, task.train.labels, val, task.val.labels, len(task.classes), phase.tried, phase.class_weights
    )
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(solved.weight))
        head.bias.copy_(torch.from_numpy(solved.bias))
    found = f" (C = {solved.strength:g}{'' if solved.converged else ', not converged'})"
    return Solved(found, converged=solved.converged)


def _neighbours(context: PhaseContext) -> Solved:
    """Make the training images' features the head; the k with the least validation loss, of equals the greater."""
    machine, task = context.machine, context.task
    # Copies: the head keeps them, and what they are made from may be mapped from disk.
    features = machine.tensor(np.array(context.views[0], dtype=np.float32))
    labels = machine.tensor(np.array(task.train.labels))
    best: tuple[float, Neighbours] | None = None
    choices: dict[str, NDArray[np.float32]] = {}
    for k in sorted({min(int(k), len(features)) for k in context.phase.tried}, reverse=True):
        head = task.objective.neighbours(features, labels, k, len(task.classes))
        context.network.head = head
        choices[f"k={k}"] = logits_from(context.network, context.val, context.length, context.machine)
        loss, _ = task.objective.scored(choices[f"k={k}"], task.val.labels)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, head)
    assert best is not None, "at least one k"
    context.network.head = best[1]
    return Solved(f" (k = {int(best[1].k)})", choices)


def _interpolate(context: PhaseContext) -> Solved:
    """The point between two ends that has the least validation loss; of equals the one nearer to the first.

    BatchNorm statistics in between are blended by α with those of training images under the new weights, so that both
    ends are what they are.
    """
    first, second = (context.ends[number] for number in context.phase.of)
    best: tuple[float, float, State] | None = None
    choices: dict[str, NDArray[np.float32]] = {}
    for alpha in sorted(context.phase.tried):
        put(context.network, between(first, second, alpha))
        if 0 < alpha < 1:
            _measure(context, first, alpha)
        logits = logits_from(context.network, context.val, context.length, context.machine)
        choices[f"α={alpha:g}"] = logits
        loss, _ = context.task.objective.scored(logits, context.task.val.labels)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, alpha, moving_tensors(context.network, first))
    assert best is not None, "at least one alpha"
    put(context.network, best[2])
    return Solved(f" (α = {best[1]:g})", choices)


def _average(context: PhaseContext) -> Solved:
    """The mean of several ends."""
    states = [context.ends[number] for number in context.phase.of]
    put(context.network, mean_of(states))
    measure_batchnorm(context.network, context.views[0], context.length, states[0], context.machine, context.seed)
    return Solved(f" ({len(states)} networks)")


def _measure(context: PhaseContext, first: State, alpha: float) -> None:
    statistics = {name: value for name, value in first.items() if "running_" in name}
    put(context.network, statistics)
    measure_batchnorm(
        context.network, context.views[0], context.length, statistics, context.machine, context.seed, alpha
    )


SOLVERS = {"logistic": _logistic, "neighbours": _neighbours, "interpolate": _interpolate, "average": _average}
