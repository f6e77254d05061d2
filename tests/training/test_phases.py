"""Which parameters a phase trains, at which rates, and what keeps them where they were."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from heldout.backbones import Network
from heldout.backbones.network import Flat, Input
from heldout.errors import UsageError
from heldout.strategies import BEGINNING, Phase
from heldout.training import ActivationCache, learn, machine
from heldout.training.blocks import blocks_of, depth_of
from heldout.training.loop import ends_needed
from heldout.training.optimise import optimizer_of, rate
from heldout.training.phases import FrozenProof, frozen_stages, moving_names, moving_tensors, set_modes, trainable_names
from heldout.training.state import State
from tests.training.tiny import tiny_network, tiny_task


def three_blocks() -> Network:
    """Stem, three blocks of two convolutions, a lone normalisation, pooling."""

    def block(a: int, b: int) -> nn.Module:
        first = nn.Conv2d(a, b, 3, padding=1, bias=False)
        return nn.Sequential(first, nn.BatchNorm2d(b), nn.ReLU(), nn.Conv2d(b, b, 1), nn.ReLU())

    with torch.random.fork_rng():
        torch.manual_seed(5)
        stages = {
            "input": Input((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
            "stem": nn.Sequential(nn.Conv2d(3, 4, 3, stride=4)),
            "one": block(4, 4),
            "two": block(4, 6),
            "three": block(6, 8),
            "last": nn.GroupNorm(2, 8),
            "pool": Flat(),
        }
    return Network(stages, 8, 2, 0).to(memory_format=torch.channels_last)


def train(network: Network, *phases: Phase, cache: ActivationCache | None = None) -> list[float]:
    steps = learn(network, tiny_task(), phases, seed=0, machine=machine("cpu"), cache=cache or ActivationCache(None))
    return [step.epoch.train_loss for step in steps]


def moved(before: State, network: Network) -> set[str]:
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def copy_of(network: Network) -> State:
    return moving_tensors(network, network.state_dict())


def test_a_block_begins_where_two_layers_of_weights_stand() -> None:
    assert blocks_of(three_blocks()) == (("input", "stem", "one"), ("two",), ("three", "last", "pool"))
    assert depth_of(three_blocks()) == {
        "input": 3, "stem": 3, "one": 3, "two": 2, "three": 1, "last": 1, "pool": 1
    }  # fmt: skip
    assert blocks_of(tiny_network()) == (("input", "stem"), ("block", "pool"))  # single layers, for want of others


@pytest.mark.parametrize(
    ("phase", "prefixes", "prefix"),
    [
        (Phase("x", "all", 2), ("stem", "one", "two", "three", "last"), 1),
        (Phase("x", "head", 2), (), 7),
        (Phase("x", "last", 2), ("three", "last"), 4),
        (Phase("x", "last", 2, blocks=2), ("two", "three", "last"), 3),
        (Phase("x", "first", 2), ("stem", "one"), 1),
        (Phase("x", "last", 2, blocks=99), ("stem", "one", "two", "three", "last"), 1),
    ],
)
def test_blocks_that_learn_and_those_that_stay(phase: Phase, prefixes: tuple[str, ...], prefix: int) -> None:
    network = three_blocks()
    before = copy_of(network)
    expected = {name for name in before if name.startswith(("head.", *(f"stages.{p}." for p in prefixes)))}
    assert frozen_stages(network, phase) == prefix
    proof = FrozenProof.take(network, [phase])
    train(network, replace(phase, lr=0.01))
    assert moved(before, network) == expected  # BatchNorm statistics of what learns follow, those of the rest do not
    assert proof.moved(network) == ()
    assert set(proof.before) == before.keys() - expected


def test_norm_and_bias_train_only_these() -> None:
    network = three_blocks()
    norms = {f"stages.{s}.1.{kind}" for s in ("one", "two", "three") for kind in ("weight", "bias")}
    norms |= {"stages.last.weight", "stages.last.bias", "head.weight", "head.bias"}
    assert trainable_names(network, Phase("x", "norm", 1)) == norms
    biases = {name for name, _ in network.named_parameters() if name.endswith(".bias")} | {"head.weight"}
    assert trainable_names(network, Phase("x", "bias", 1)) == biases
    for kind in ("norm", "bias"):
        network = three_blocks()
        phase, before = Phase("x", kind, 2, lr=0.01), copy_of(network)  # type: ignore[arg-type]
        proof = FrozenProof.take(network, [phase])
        train(network, phase)
        parameters = {name for name, _ in network.named_parameters()}
        assert moved(before, network) & parameters == trainable_names(network, phase)
        assert "stages.one.0.weight" in proof.before and proof.moved(network) == ()
        assert "stages.one.1.running_mean" not in proof.before  # it follows the batches of a layer that learns


def test_statistics_can_be_kept_where_parameters_learn() -> None:
    network, phase = three_blocks(), Phase("x", "all", 2, lr=0.01, statistics="keep")
    before = copy_of(network)
    set_modes(network, phase)
    assert network.stages["one"].training and not network.stages["one"][1].training
    proof = FrozenProof.take(network, [phase])
    train(network, phase)
    assert {"stages.one.1.running_mean", "stages.one.1.running_var"} <= set(proof.before)
    assert "stages.one.1.weight" in moved(before, network)
    assert not any("running_" in name for name in moved(before, network) | moving_names(network, [phase]))


def test_a_network_in_one_piece_cannot_be_trained_in_part() -> None:
    network = Network(
        {"input": Input((0.5,) * 3, (0.5,) * 3), "trunk": nn.Sequential(nn.Conv2d(3, 8, 3), Flat())}, 8, 2, 0
    )
    for kind in ("first", "last"):
        with pytest.raises(UsageError, match="one piece"):
            trainable_names(network, Phase("x", kind, 1))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no normalisation layers"):
        trainable_names(network, Phase("x", "norm", 1))


def test_rates_fall_from_block_to_block_toward_the_input() -> None:
    network = three_blocks()
    phase = Phase("x", "all", 1, lr=0.1, layer_decay=0.5, weight_decay=0.3)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {
        names[id(parameter)]: (group["scale"], group["weight_decay"])
        for group in optimizer_of(network, phase).param_groups
        for parameter in group["params"]
    }
    assert found.keys() == set(names.values())
    for stage, scale in (("stem", 0.125), ("one", 0.125), ("two", 0.25), ("three", 0.5), ("last", 0.5)):
        for name, (own, decay) in found.items():
            if name.startswith(f"stages.{stage}."):
                assert own == scale
                assert decay == (0.3 if network.get_parameter(name).ndim > 1 else 0.0)
    assert found["head.weight"] == (1.0, 0.3) and found["head.bias"] == (1.0, 0.0)


def test_rates_are_used() -> None:
    """Adam's first step moves every weight by its own rate, whatever the gradient."""
    network = three_blocks()
    before = copy_of(network)
    train(
        network, Phase("x", "all", 1, lr=1e-3, batch_size=65, layer_decay=0.5, schedule="constant", statistics="keep")
    )
    for name, scale in (("head.weight", 1.0), ("stages.three.3.weight", 0.5), ("stages.one.3.weight", 0.125)):
        step = (network.state_dict()[name] - before[name]).abs().max()
        assert float(step) == pytest.approx(1e-3 * scale, rel=1e-2)


def test_warm_up_rises_and_hands_over_to_the_cosine() -> None:
    phase = Phase("x", "all", 1, lr=1.0, warmup=0.2)
    rates = [rate(phase, step, 50) for step in range(50)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert rates[10] == 1.0
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[30] == pytest.approx(0.5)  # half of the 40 steps after the warm-up
    assert {rate(replace(phase, schedule="constant", warmup=0.0), step, 50) for step in range(50)} == {1.0}


def distance(network: Network, start: State) -> float:
    state = network.state_dict()
    names = [name for name, _ in network.named_parameters() if name.startswith("stages.")]
    return float(sum((state[name] - start[name]).square().sum() for name in names)) ** 0.5


def test_an_anchor_pulls_toward_the_pretrained_weights() -> None:
    distances = []
    for anchor in (0.0, 10.0, 100.0):
        network = three_blocks()
        start = copy_of(network)
        losses = train(network, Phase("x", "all", 4, lr=5e-3, anchor=anchor, schedule="constant"))
        assert losses[-1] < losses[0]
        distances.append(distance(network, start))
    assert distances[0] > 1.2 * distances[1]
    assert distances[1] > 2.0 * distances[2]


def test_an_anchor_goes_all_the_way_back_at_most_and_leaves_the_head_alone() -> None:
    network = three_blocks()
    start = copy_of(network)
    train(network, Phase("x", "all", 1, lr=0.1, anchor=10.0, schedule="constant"))  # lr · anchor = 1
    assert distance(network, start) == 0.0
    assert not torch.equal(network.head.weight, start["head.weight"])


def test_what_is_anchored_does_not_decay_as_well() -> None:
    network = three_blocks()
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for group in optimizer_of(network, Phase("x", "all", 1, anchor=1.0, weight_decay=0.3)).param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.3 if names[id(parameter)] == "head.weight" else 0.0)


def test_an_anchor_is_where_the_first_phase_began() -> None:
    """The second phase is pulled to the pretrained weights, not to where the first one ended."""
    network = three_blocks()
    start = copy_of(network)
    free = Phase("free", "all", 2, lr=0.01)
    train(network, free, Phase("back", "all", 1, lr=0.1, anchor=10.0, schedule="constant"))
    assert distance(network, start) == 0.0
    assert ends_needed([free, Phase("x", "all", 1, anchor=1.0)]) == {BEGINNING}


def test_phases_start_where_they_are_told_to() -> None:
    once, twice = three_blocks(), three_blocks()
    first, other = Phase("a", "head", 1, lr=0.05), Phase("b", "all", 2, lr=0.05)
    train(once, first)
    ends = {}
    phases = [first, other, Phase("c", "head", 1, lr=1e-12, start=0)]
    for step in learn(twice, tiny_task(), phases, seed=0, machine=machine("cpu"), cache=ActivationCache(None)):
        ends = dict(step.ends)
    for name, value in once.state_dict().items():
        assert torch.equal(ends[0][name], value) if name in ends[0] else not name.startswith("head.")
        assert torch.allclose(twice.state_dict()[name], value, atol=1e-9)


def test_phases_that_make_no_sense_are_refused() -> None:
    for wrong, said in (
        ({"layer_decay": 0.0}, "layer_decay"),
        ({"layer_decay": 1.1}, "layer_decay"),
        ({"warmup": 1.0}, "warmup"),
        ({"patience": 0}, "patience"),
        ({"anchor": -1.0}, "anchor"),
        ({"blocks": 0}, "blocks"),
        ({"solver": "interpolate", "epochs": 1, "tried": (0.5, 1.5)}, "from 0 to 1"),
        ({"solver": "average", "epochs": 2}, "solved has 1 epoch"),
    ):
        with pytest.raises(ValueError, match=said):
            Phase(**{"name": "x", "trainable": "all", "epochs": 3, **wrong})  # type: ignore[arg-type]
