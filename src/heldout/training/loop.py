"""The training loop, whole, on one page: phases, epochs, steps. It yields after every epoch and keeps nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from heldout.array_files import release_pages
from heldout.backbones import Network
from heldout.progress import Epoch, Reporter, Silent
from heldout.strategies import BEGINNING, Phase
from heldout.training.augment import augmented, generator_of, views_of
from heldout.training.averaging import put
from heldout.training.device import Machine, threads
from heldout.training.optimise import Pull, optimizer_of, rate, set_rate
from heldout.training.phase_context import PhaseContext
from heldout.training.phases import frozen_stages, moving_names, moving_tensors, set_modes
from heldout.training.predict import input_of, logits_from
from heldout.training.prefix import ActivationCache
from heldout.training.resident import held
from heldout.training.solve import solve
from heldout.training.state import Progress, Resume, State, better
from heldout.training.task import Task

RELEASED = 256
"""Steps after which the pages of a mapped file that batches were taken from are given back."""


def learn(
    network: Network,
    task: Task,
    phases: Sequence[Phase],
    *,
    seed: int,
    machine: Machine,
    cache: ActivationCache,
    reporter: Reporter | None = None,
    resume: Resume | None = None,
) -> Iterator[Progress]:
    """Carry out the phases on `network`, in place; yields after every epoch.

    Everything drawn in an epoch depends on (seed, epoch) alone, so a run that was cut off and resumed ends with the
    same numbers as one that was not.

    Args:
        network: On the machine's device already.
        task: Training and validation images.
        phases: The strategy's plan.
        seed: Decides the order of images and dropout.
        machine: Device and precision.
        cache: Where activations of frozen prefixes are kept.
        reporter: Told of feature passes; the epochs are the caller's to report.
        resume: Where to go on, or None to begin.
    """
    resume = resume or Resume()
    reporter = reporter or Silent()
    needed, moving = ends_needed(phases), moving_names(network, phases)
    ends: dict[int, State] = dict(resume.ends)
    if BEGINNING in needed and BEGINNING not in ends:
        ends[BEGINNING] = moving_tensors(network, moving)
    begun = 0
    for number, phase in enumerate(phases):
        rows = [row for at, row in resume.rows if at == number]
        if not _ended(phase, rows):
            if phase.start is not None and not rows:
                put(network, ends[phase.start])
            length = cache.boundary(network, frozen_stages(network, phase), task.train, machine)
            drawn = (task.train,) if length == 0 else views_of(task.train, phase.augment, phase.views, seed)
            parts = [
                part.pixels if length == 0 else cache.activations(network, length, part, machine, reporter)
                for part in (task.val, *drawn)
            ]
            context = PhaseContext(
                network, task, phase, number, begun, parts[1:], parts[0], length, ends, seed, machine
            )
            state = resume.optimizer if rows else None
            for step in _train(context, rows, state) if phase.solver == "adamw" else [solve(context)]:
                rows.append(step.epoch)
                yield step
        begun += len(rows)
        if number in needed and number not in ends:  # of a phase that ended in an earlier sitting, it is on disk
            ends[number] = moving_tensors(network, moving)


def ends_needed(phases: Sequence[Phase]) -> frozenset[int]:
    """Numbers of the phases whose ends a later one starts from, works on or is pulled to."""
    needed = {number for phase in phases for number in phase.of}
    needed |= {phase.start for phase in phases if phase.start is not None}
    return frozenset(needed | ({BEGINNING} if any(phase.anchor > 0 for phase in phases) else set()))


def _ended(phase: Phase, rows: Sequence[Epoch]) -> bool:
    """Whether a phase has had all its epochs, or as many as its patience gave it."""
    if len(rows) >= phase.epochs or phase.patience is None or not rows:
        return len(rows) >= phase.epochs
    best = 0
    for at, row in enumerate(rows):
        if better(row, rows[best]):  # the first of equals stays, as in `Course.add`
            best = at
    return len(rows) - 1 - best >= phase.patience


def _train(
    context: PhaseContext,
    before: Sequence[Epoch],  # of this phase, that a resumed run has behind it
    optimizer_state: dict[int, dict[str, torch.Tensor]] | None,
) -> Iterator[Progress]:
    network, phase, machine, objective = context.network, context.phase, context.machine, context.task.objective
    labels = machine.tensor(context.task.train.labels)
    weights = objective.weights(context.task.train.labels, len(context.task.classes), phase.class_weights)
    weight = None if weights is None else machine.tensor(weights)
    optimizer = optimizer_of(network, phase, optimizer_state)
    pull = Pull(network, phase, context.ends[BEGINNING]) if phase.anchor > 0 else None
    prepared = machine.accelerator.prepare_optimizer(optimizer)
    stages, count = len(network.stages), len(context.task.train)
    steps = math.ceil(count / phase.batch_size)
    rows: list[Epoch] = list(before)
    views, val = [held(view, machine) for view in context.views], held(context.val, machine)

    while not _ended(phase, rows):
        number = len(rows)  # of the epoch within the phase
        epoch = context.begun + number
        started = time.perf_counter()
        set_modes(network, phase)
        order = np.random.default_rng([context.seed, epoch]).permutation(count)
        generator = generator_of(context.seed, epoch)
        loss_sum, right = (torch.zeros((), device=machine.device) for _ in range(2))
        with _drawn_from(context.seed, epoch, machine), threads(1 if context.length == stages else None):
            # Batches of nearly equal size: no step rests on a left-over image or two.
            for step, chosen in enumerate(np.array_split(order, steps)):
                lr = rate(phase, number * steps + step, phase.epochs * steps)
                set_rate(optimizer, lr)
                x = input_of(views[number % len(views)][chosen], context.length, machine.device)
                if context.length == 0:
                    x = augmented(x, phase.augment, generator)
                y = labels[machine.tensor(chosen)]
                with machine.autocast():
                    # A frozen trunk that is not cached (its BatchNorm follows the batches) needs no gradients.
                    with torch.set_grad_enabled(phase.trainable != "head"):
                        x = network.run_stages(x, context.length, stages)
                    logits = network.head(x)  # (b, k)
                loss = objective.loss(logits.float(), y, weight)
                machine.accelerator.backward(loss)
                prepared.step()
                if pull is not None:
                    pull(optimizer)
                prepared.zero_grad()
                loss_sum += loss.detach() * len(chosen)
                right += objective.right(logits.detach(), y)
                if step % RELEASED == 0:
                    release_pages(views[number % len(views)])
            val_logits = logits_from(network, val, context.length, machine)
            val_loss, val_predicted = objective.scored(val_logits, context.task.val.labels)
        row = Epoch(
            epoch=epoch + 1,
            phase=phase.name,
            seconds=time.perf_counter() - started,
            lr=lr,
            train_loss=float(loss_sum) / count,
            train_accuracy=float(right) / count,
            val_loss=val_loss,
            val_accuracy=float(np.mean(val_predicted == context.task.val.labels)),
        )
        rows.append(row)
        yield Progress(row, val_predicted, optimizer, context.number, context.ends)


@contextmanager
def _drawn_from(seed: int, epoch: int, machine: Machine) -> Iterator[None]:
    """Dropout and stochastic depth drawn from (seed, epoch) alone; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[machine.device] if machine.device.type == "cuda" else []):
        torch.manual_seed(hash((seed, epoch)) % 2**63)
        yield
