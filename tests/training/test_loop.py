"""The loop: it learns, it repeats, it resumes, it caches exactly, and it leaves alone what is frozen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from heldout.backbones import Network
from heldout.progress import Epoch
from heldout.strategies import Phase
from heldout.training import ActivationCache, learn, logits_of, machine
from heldout.training.checkpoint import Course
from heldout.training.phases import FrozenProof, frozen_stages, moving_names, set_modes
from heldout.training.prefix import ActivationCache as Cache
from tests.training.tiny import tiny_network, tiny_task

ALL = Phase("all", "all", epochs=4, lr=1e-2, batch_size=16)
HEAD = Phase("head", "head", epochs=4, lr=1e-1, batch_size=16)
DRIFT = Phase("drift", "head", epochs=3, lr=1e-1, batch_size=16, bn="train")
SOLVE = Phase("solve", "head", epochs=1, solver="logistic", tried=(0.01, 1.0))


def train(
    network: Network, phases: Sequence[Phase], cache: ActivationCache | None = None, seed: int = 0
) -> list[Epoch]:
    steps = learn(network, tiny_task(), phases, seed=seed, machine=machine("cpu"), cache=cache or Cache(None))
    return [progress.epoch for progress in steps]


def numbers(rows: list[Epoch]) -> list[tuple[float, float, float]]:
    return [(row.train_loss, row.val_loss, row.val_accuracy) for row in rows]


@pytest.mark.parametrize("phase", [ALL, HEAD, DRIFT, SOLVE], ids=lambda phase: phase.name)
def test_it_learns_brightness(phase: Phase) -> None:
    network = tiny_network()
    rows = train(network, [phase])
    assert len(rows) == phase.epochs
    assert [row.epoch for row in rows] == list(range(1, phase.epochs + 1))
    assert rows[-1].val_accuracy >= 0.9


@pytest.mark.parametrize("phase", [ALL, HEAD, DRIFT], ids=lambda phase: phase.name)
def test_equal_seed_equal_numbers_and_another_seed_others(phase: Phase) -> None:
    first, again, other = (train(tiny_network(), [phase], seed=seed) for seed in (3, 3, 4))
    assert numbers(first) == numbers(again)
    assert numbers(first) != numbers(other)


def test_training_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    train(tiny_network(), [ALL])
    assert torch.equal(before, torch.get_rng_state())


def test_an_epoch_is_plain_adamw_on_cross_entropy() -> None:
    """One epoch of the head, written out by hand with torch.optim and the full forward pass."""
    network, reference, task = tiny_network(), tiny_network(), tiny_task()
    phase = Phase("head", "head", epochs=1, lr=0.05, batch_size=16, schedule="constant", weight_decay=0.1)
    train(network, [phase])
    reference.eval()
    head = reference.head
    optimizer = torch.optim.AdamW(
        [{"params": [head.weight], "weight_decay": 0.1}, {"params": [head.bias], "weight_decay": 0.0}], lr=0.05
    )
    pixels = torch.from_numpy(task.train.pixels).permute(0, 3, 1, 2)
    for rows in np.array_split(np.random.default_rng([0, 0]).permutation(len(task.train)), 5):  # ceil(65 / 16) = 5
        loss = F.cross_entropy(reference(pixels[rows]), torch.from_numpy(task.train.labels[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.allclose(network.head.weight, head.weight, atol=1e-6)
    assert torch.allclose(network.head.bias, head.bias, atol=1e-6)


def test_cached_features_give_what_the_full_pass_gives(tmp_path: Path) -> None:
    cached, plain = tiny_network(), tiny_network()
    memory = train(plain, [HEAD])
    disk = train(cached, [HEAD], ActivationCache(tmp_path, "16 stretch"))
    again = train(tiny_network(), [HEAD], ActivationCache(tmp_path, "16 stretch"))
    assert numbers(memory) == numbers(disk) == numbers(again)
    assert len(list(tmp_path.glob("*/activations.npy"))) == 2  # training and validation, shared by both runs
    pixels = tiny_task().val.pixels
    np.testing.assert_allclose(
        logits_of(cached, pixels, machine("cpu")), logits_of(plain, pixels, machine("cpu")), atol=1e-6
    )


def test_other_weights_or_other_images_never_share_cached_features() -> None:
    network, task = tiny_network(), tiny_task()
    key = Cache(None, "a").key(network, 4, task.train)
    assert key == Cache(None, "a").key(network, 4, task.train)
    assert key != Cache(None, "b").key(network, 4, task.train)
    assert key != Cache(None, "a", "bf16").key(network, 4, task.train)
    assert key != Cache(None, "a").key(network, 3, task.train)
    assert key != Cache(None, "a").key(network, 4, task.val)
    with torch.no_grad():
        next(network.stages["stem"].parameters())[0, 0, 0, 0] += 1e-3
    assert key != Cache(None, "a").key(network, 4, task.train)


@pytest.mark.parametrize(("phase", "still", "prefix"), [(HEAD, True, 4), (ALL, True, 1), (DRIFT, False, 1)])
def test_frozen_is_proved_by_hashes(phase: Phase, still: bool, prefix: int) -> None:
    network = tiny_network()
    assert frozen_stages(network, phase) == prefix
    proof = FrozenProof.take(network, [phase])
    train(network, [phase])
    moved = proof.moved(network)
    assert (not moved) == still
    assert all("running_" in name or "num_batches" in name for name in moved)  # BatchNorm statistics, no parameter


def test_the_proof_sees_a_frozen_parameter_that_moves() -> None:
    network = tiny_network()
    proof = FrozenProof.take(network, [HEAD])
    with torch.no_grad():
        next(network.stages["stem"].parameters())[0, 0, 0, 0] += 1e-7
    assert proof.moved(network) == ("stages.stem.0.weight",)


def test_modes_follow_the_phase() -> None:
    network = tiny_network()
    stem, block = network.stages["stem"], network.stages["block"]
    set_modes(network, HEAD)
    assert network.head.training and not any(m.training for m in [*stem.modules(), *block.modules()])
    set_modes(network, DRIFT)
    assert stem[1].training and block[1].training and not block[3].training  # statistics follow, dropout is off
    set_modes(network, ALL)
    assert all(m.training for m in [*stem.modules(), *block.modules()])


@pytest.mark.parametrize("keeps", ["last", "best"])
@pytest.mark.parametrize("cut", [1, 4, 6])
def test_a_run_cut_off_ends_with_the_same_numbers(tmp_path: Path, cut: int, keeps: str) -> None:
    phases = [HEAD, ALL]
    whole_network = tiny_network()
    complete = Course(moving_names(whole_network, phases), keeps)
    place, task = machine("cpu"), tiny_task()
    for progress in learn(whole_network, task, phases, seed=0, machine=place, cache=Cache(None)):
        complete.add(progress, whole_network)

    file, network = tmp_path / "checkpoint.safetensors", tiny_network()
    course = Course(moving_names(network, phases), keeps)
    for number, progress in enumerate(learn(network, task, phases, seed=0, machine=place, cache=Cache(None)), 1):
        course.add(progress, network)
        course.save(file, network, progress, elapsed=1.5)
        if number == cut:
            break
    network = tiny_network(seed=99)  # a fresh process: another head, to be put back from the file
    course = Course(moving_names(network, phases), keeps)
    course.load(file, network)
    assert course.elapsed == 1.5
    rest = learn(network, task, phases, seed=0, machine=place, cache=Cache(None), resume=course.resume)
    for progress in rest:
        course.add(progress, network)

    assert numbers(course.history) == numbers(complete.history)
    assert course.kept_epoch == complete.kept_epoch
    complete.put_kept(whole_network)
    course.put_kept(network)
    for name, tensor in whole_network.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name
    np.testing.assert_array_equal(np.stack(course.val_predicted), np.stack(complete.val_predicted))


def test_best_keeps_the_best_validation_accuracy_and_of_equals_the_lower_loss() -> None:
    network = tiny_network()
    course = Course(frozenset({"head.bias"}), "best")
    rows = [(0.8, 0.5), (0.9, 0.4), (0.9, 0.3), (0.9, 0.35), (0.85, 0.1)]
    for number, (accuracy, loss) in enumerate(rows, 1):
        with torch.no_grad():
            network.head.bias.fill_(number)
        row = Epoch(number, "x", 0.0, 0.0, 0.0, 0.0, val_loss=loss, val_accuracy=accuracy)
        course.add(_progress(row), network)
    course.put_kept(network)
    assert course.kept_epoch == 3
    assert float(network.head.bias[0].detach()) == 3.0


def _progress(row: Epoch):  # type: ignore[no-untyped-def]
    from heldout.training import Progress

    return Progress(row, np.zeros(3, dtype=np.int16), None)
