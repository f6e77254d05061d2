"""Phases that are solved rather than trained: the history shows each as one epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heldout.backbones import Network
from heldout.backbones.neighbours import Neighbours
from heldout.progress import Epoch
from heldout.strategies import Phase
from heldout.ties import SAME_LOSS
from heldout.training.averaging import between, mean_of, measure_batchnorm, put
from heldout.training.device import Machine
from heldout.training.logistic import solve_head
from heldout.training.phases import moving_tensors
from heldout.training.predict import Inputs, logits_from, scored
from heldout.training.state import Progress, State
from heldout.training.task import Task

Solved = tuple[str, Mapping[str, NDArray[np.float32]]]
"""What was found, in words, and the validation logits (m, k) of everything that it was chosen among."""


@dataclass(frozen=True)
class Problem:
    """What there is to solve with.

    Attributes:
        network: Solved in place.
        task: Training and validation images.
        phase: The plan.
        inputs: Of training and of validation, after the first `length` stages.
        length: See above.
        ends: Weights at the ends of earlier phases.
        machine: Device and precision.
        seed: Of what is drawn.
    """

    network: Network
    task: Task
    phase: Phase
    inputs: Sequence[Inputs]
    length: int
    ends: Mapping[int, State]
    machine: Machine
    seed: int


def solve(problem: Problem, number: int, phase_number: int) -> Progress:
    """Solve, and describe it as epoch `number`."""
    started = time.perf_counter()
    found, choices = SOLVERS[problem.phase.solver](problem)
    losses, right, predicted = [], [], np.empty(0, dtype=np.int16)
    for part, inputs in zip((problem.task.train, problem.task.val), problem.inputs, strict=True):
        logits = logits_from(problem.network, inputs, problem.length, problem.machine)
        loss, predicted = scored(logits, part.labels)
        losses.append(loss)
        right.append(float(np.mean(predicted == part.labels)))
    row = Epoch(
        epoch=number,
        phase=f"{problem.phase.name}{found}",
        seconds=time.perf_counter() - started,
        lr=0.0,
        train_loss=losses[0],
        train_accuracy=right[0],
        val_loss=losses[1],
        val_accuracy=right[1],
    )
    resumable = problem.phase.solver != "neighbours"
    return Progress(row, predicted, None, phase_number, problem.ends, choices, resumable)


def _logistic(problem: Problem) -> Solved:
    """Put the head at the optimum of a logistic regression; the trunk is frozen.

    The strengths that were tried are solved again where they are asked for (experiment `strengths`): in phases that
    others follow, theirs is not the choice that was reported.
    """
    train, val = (np.asarray(part, dtype=np.float32) for part in problem.inputs)
    task, phase, head = problem.task, problem.phase, problem.network.head
    assert isinstance(head, nn.Linear)
    solved = solve_head(
        train, task.train.labels, val, task.val.labels, len(task.classes), phase.tried, phase.class_weights
    )
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(solved.weight))
        head.bias.copy_(torch.from_numpy(solved.bias))
    return f" (C = {solved.strength:g}{'' if solved.converged else ', not converged'})", {}


def _neighbours(problem: Problem) -> Solved:
    """Make the training images' features the head; the k with the least validation loss, of equals the greater."""
    machine, task = problem.machine, problem.task
    # Copies: the head keeps them, and what they are made from may be mapped from disk.
    features = machine.tensor(np.array(problem.inputs[0], dtype=np.float32))
    labels = machine.tensor(np.array(task.train.labels))
    best: tuple[float, Neighbours] | None = None
    choices: dict[str, NDArray[np.float32]] = {}
    for k in sorted({min(int(k), len(features)) for k in problem.phase.tried}, reverse=True):
        head = Neighbours.of(features, labels, k, len(task.classes))
        problem.network.head = head
        choices[f"k={k}"] = logits_from(problem.network, problem.inputs[1], problem.length, problem.machine)
        loss, _ = scored(choices[f"k={k}"], task.val.labels)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, head)
    assert best is not None, "at least one k"
    problem.network.head = best[1]
    return f" (k = {int(best[1].k)})", choices


def _interpolate(problem: Problem) -> Solved:
    """The point between two ends that has the least validation loss; of equals the one nearer to the first.

    BatchNorm statistics in between are blended by α with those of training images under the new weights, so that both
    ends are what they are.
    """
    first, second = (problem.ends[number] for number in problem.phase.of)
    best: tuple[float, float, State] | None = None
    choices: dict[str, NDArray[np.float32]] = {}
    for alpha in sorted(problem.phase.tried):
        put(problem.network, between(first, second, alpha))
        if 0 < alpha < 1:
            _measure(problem, first, alpha)
        logits = logits_from(problem.network, problem.inputs[1], problem.length, problem.machine)
        choices[f"α={alpha:g}"] = logits
        loss, _ = scored(logits, problem.task.val.labels)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, alpha, moving_tensors(problem.network, first))
    assert best is not None, "at least one alpha"
    put(problem.network, best[2])
    return f" (α = {best[1]:g})", choices


def _average(problem: Problem) -> Solved:
    """The mean of several ends."""
    states = [problem.ends[number] for number in problem.phase.of]
    put(problem.network, mean_of(states))
    measure_batchnorm(problem.network, problem.inputs[0], problem.length, states[0], problem.machine, problem.seed)
    return f" ({len(states)} networks)", {}


def _measure(problem: Problem, first: State, alpha: float) -> None:
    statistics = {name: value for name, value in first.items() if "running_" in name}
    put(problem.network, statistics)
    measure_batchnorm(
        problem.network, problem.inputs[0], problem.length, statistics, problem.machine, problem.seed, alpha
    )


SOLVERS = {"logistic": _logistic, "neighbours": _neighbours, "interpolate": _interpolate, "average": _average}
