"""The training loop, whole, on one page: phases, epochs, steps. It yields after every epoch and keeps nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from heldout.backbones import Network
from heldout.progress import Epoch, Reporter, Silent
from heldout.strategies import Phase
from heldout.training.device import Machine, threads
from heldout.training.logistic import solve_head
from heldout.training.phases import frozen_stages, set_modes, set_requires_grad, trainable_names
from heldout.training.predict import head_logits, run_stages, to_tensor
from heldout.training.prefix import ActivationCache
from heldout.training.task import Task

Inputs = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True)
class Progress:
    """The state after an epoch.

    Attributes:
        epoch: Its row of the history.
        val_predicted: (m,) int16, the class predicted for each validation image.
        optimizer: The phase's optimiser, for a checkpoint; None where nothing would have to be resumed.
    """

    epoch: Epoch
    val_predicted: NDArray[np.int16]
    optimizer: torch.optim.Optimizer | None


@dataclass(frozen=True)
class Resume:
    """Where to go on: the network itself was already put back by the caller.

    Attributes:
        epochs: Epochs done, all phases together.
        optimizer: State of the optimiser of the phase that was cut off.
    """

    epochs: int = 0
    optimizer: dict[int, dict[str, torch.Tensor]] | None = None


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
    begun = 0
    for phase in phases:
        done = min(max(resume.epochs - begun, 0), phase.epochs)
        if done < phase.epochs:
            length = frozen_stages(network, phase)
            length = 0 if length <= 1 else length  # the input stage alone is cheaper than reading its output
            parts = [
                part.pixels if length == 0 else cache.activations(network, length, part, machine, reporter)
                for part in (task.train, task.val)
            ]
            if phase.solver == "logistic":
                yield _solve(network, task, phase, parts, begun, machine)
            else:
                state = resume.optimizer if done else None
                yield from _train(network, task, phase, parts, length, begun, done, state, seed, machine)
        begun += phase.epochs


def _train(
    network: Network,
    task: Task,
    phase: Phase,
    inputs: Sequence[Inputs],  # of training and of validation, after the first `length` stages
    length: int,
    begun: int,  # epochs of the phases before
    done: int,  # epochs of this phase that a resumed run has behind it
    optimizer_state: dict[int, dict[str, torch.Tensor]] | None,
    seed: int,
    machine: Machine,
) -> Iterator[Progress]:
    train_inputs, val_inputs = inputs
    labels = torch.from_numpy(np.array(task.train.labels)).to(machine.device)
    optimizer = _optimizer(network, phase)
    if optimizer_state is not None:
        _put_state(optimizer, optimizer_state)
    prepared = machine.accelerator.prepare_optimizer(optimizer)
    stages, count = len(network.stages), len(task.train)
    steps = math.ceil(count / phase.batch_size)

    for number in range(done, phase.epochs):
        started = time.perf_counter()
        set_modes(network, phase)
        order = np.random.default_rng([seed, begun + number]).permutation(count)
        loss_sum = torch.zeros((), device=machine.device)
        right = torch.zeros((), device=machine.device)
        with _drawn_from(seed, begun + number, machine), threads(1 if length == stages else None):
            # Batches of nearly equal size: no step rests on a left-over image or two.
            for step, rows in enumerate(np.array_split(order, steps)):
                lr = _rate(phase, number * steps + step, phase.epochs * steps)
                for group in optimizer.param_groups:
                    group["lr"] = lr
                x = _batch(train_inputs, rows, length, machine.device)
                y = labels[torch.from_numpy(rows).to(machine.device)]
                with machine.autocast():
                    # A frozen trunk that is not cached (its BatchNorm follows the batches) needs no gradients.
                    with torch.set_grad_enabled(phase.trainable != "head"):
                        x = network.run_stages(x, length, stages)
                    logits = network.head(x)  # (b, k)
                loss = F.cross_entropy(logits.float(), y)
                machine.accelerator.backward(loss)
                prepared.step()
                prepared.zero_grad()
                loss_sum += loss.detach() * len(rows)
                right += (logits.detach().argmax(1) == y).sum()
            val_loss, val_predicted = _validate(network, task, val_inputs, length, machine)
        row = Epoch(
            epoch=begun + number + 1,
            phase=phase.name,
            seconds=time.perf_counter() - started,
            lr=lr,
            train_loss=float(loss_sum) / count,
            train_accuracy=float(right) / count,
            val_loss=val_loss,
            val_accuracy=float(np.mean(val_predicted == task.val.labels)),
        )
        yield Progress(row, val_predicted, optimizer)


@contextmanager
def _drawn_from(seed: int, epoch: int, machine: Machine) -> Iterator[None]:
    """Dropout and stochastic depth drawn from (seed, epoch) alone; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[machine.device] if machine.device.type == "cuda" else []):
        torch.manual_seed(hash((seed, epoch)) % 2**63)
        yield


def _rate(phase: Phase, step: int, steps: int) -> float:
    """Learning rate of a step: constant, or half a cosine from `lr` to zero over the phase."""
    if phase.schedule == "constant":
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def _optimizer(network: Network, phase: Phase) -> torch.optim.AdamW:
    """AdamW; biases and normalisation parameters (one dimension) do not decay."""
    parameters = set_requires_grad(network, trainable_names(network, phase))
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": phase.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=phase.lr, fused=True)


def _put_state(optimizer: torch.optim.Optimizer, state: dict[int, dict[str, torch.Tensor]]) -> None:
    """Put an optimiser's saved state back, in the memory layout of its parameters.

    The fused kernels walk parameter and moments side by side in memory: a channels-last weight with contiguous
    moments would silently be given the moments of other entries.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    laid_out = {
        index: {
            name: torch.empty_like(parameters[index]).copy_(value) if value.shape == parameters[index].shape else value
            for name, value in entry.items()
        }
        for index, entry in state.items()
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": laid_out})


def _batch(inputs: Inputs, rows: NDArray[np.int64], length: int, device: torch.device) -> torch.Tensor:
    """The inputs of some rows: uint8 images, or float32 activations, channels last where they are maps."""
    taken = inputs[rows]
    if length == 0:
        return to_tensor(taken, device)  # type: ignore[arg-type]
    tensor = torch.from_numpy(np.asarray(taken)).to(device)
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _validate(
    network: Network, task: Task, inputs: Inputs, length: int, machine: Machine
) -> tuple[float, NDArray[np.int16]]:
    """Mean cross-entropy in nats and predicted classes on the validation images, in eval mode."""
    stages = len(network.stages)
    features = inputs if length == stages else run_stages(network, inputs, length, stages, machine)
    assert features is not None
    logits = head_logits(network, features, machine)  # type: ignore[arg-type]
    loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(np.array(task.val.labels)))
    return float(loss), logits.argmax(1).astype(np.int16)


def _solve(
    network: Network, task: Task, phase: Phase, inputs: Sequence[Inputs], begun: int, machine: Machine
) -> Progress:
    """One 'epoch' that puts the head at the optimum of a logistic regression; the trunk is frozen and cached."""
    started = time.perf_counter()
    train, val = (np.array(part, dtype=np.float32) for part in inputs)
    head = solve_head(train, task.train.labels, val, task.val.labels, len(task.classes), phase.strengths)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(head.weight))
        network.head.bias.copy_(torch.from_numpy(head.bias))
    train_logits = torch.from_numpy(head_logits(network, train, machine))
    train_labels = torch.from_numpy(np.array(task.train.labels))
    val_loss, val_predicted = _validate(network, task, val, len(network.stages), machine)
    row = Epoch(
        epoch=begun + 1,
        phase=f"{phase.name} (C = {head.strength:g}{'' if head.converged else ', not converged'})",
        seconds=time.perf_counter() - started,
        lr=0.0,
        train_loss=float(F.cross_entropy(train_logits, train_labels)),
        train_accuracy=float((train_logits.argmax(1) == train_labels).float().mean()),
        val_loss=val_loss,
        val_accuracy=float(np.mean(val_predicted == task.val.labels)),
    )
    return Progress(row, val_predicted, None)
