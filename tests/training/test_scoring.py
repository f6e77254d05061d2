"""A network that scores many images is compiled once, gives what PyTorch gives, and never answers for other weights."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch

from heldout.backbones import Network
from heldout.diagnosis.interventions.running_statistics import norms
from heldout.training import logits_of, machine, scoring
from heldout.training.scoring import Scorer, fingerprint
from tests.training.tiny import tiny_network, tiny_part


@pytest.fixture
def network() -> Network:
    return tiny_network()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Images of 16 × 16 pixels from which on compiling is worth while, few enough for a test."""
    monkeypatch.setattr(scoring, "WORTH", 30 * 16**2)
    return 30


def test_few_images_are_scored_by_pytorch_to_the_last_bit(network: Network) -> None:
    pixels = tiny_part("v", 12, 2).pixels
    scorer = Scorer(machine("cpu", engine="folded"))
    assert np.array_equal(scorer.logits(network, pixels), logits_of(network, pixels, machine("cpu")))


def test_many_images_are_scored_by_an_engine_that_is_made_once(network: Network, few: int) -> None:
    pixels = tiny_part("v", 20, 2).pixels
    scorer = Scorer(machine("cpu", engine="folded"))
    expected = logits_of(network, pixels, machine("cpu"))
    with mock.patch.object(scoring, "prefix_of", wraps=scoring.prefix_of) as made:
        for _ in range(4):
            np.testing.assert_allclose(scorer.logits(network, pixels), expected, rtol=1e-4, atol=1e-5)
    assert made.call_count == 1


def test_statistics_changed_in_place_are_another_network(network: Network, few: int) -> None:
    pixels = tiny_part("v", 40, 2).pixels
    scorer = Scorer(machine("cpu", engine="folded"))
    before = scorer.logits(network, pixels)
    norm = next(iter(norms(network).values()))
    assert norm.running_mean is not None
    with torch.no_grad():
        norm.running_mean += 1.0
    after = scorer.logits(network, pixels)
    np.testing.assert_allclose(after, logits_of(network, pixels, machine("cpu")), rtol=1e-4, atol=1e-5)
    assert np.abs(after - before).max() > 1e-3
    with torch.no_grad():
        norm.running_mean -= 1.0
    np.testing.assert_allclose(scorer.logits(network, pixels), before, rtol=1e-4, atol=1e-5)


def test_another_head_needs_no_other_engine(network: Network, few: int) -> None:
    pixels = tiny_part("v", 40, 2).pixels
    scorer = Scorer(machine("cpu", engine="folded"))
    scorer.logits(network, pixels)
    with torch.no_grad():
        network.head.bias += 5.0
    with mock.patch.object(scoring, "prefix_of", side_effect=AssertionError("made again")):
        after = scorer.logits(network, pixels)
    np.testing.assert_allclose(after, logits_of(network, pixels, machine("cpu")), rtol=1e-4, atol=1e-5)


def test_engines_of_few_states_are_kept(network: Network, few: int) -> None:
    pixels = tiny_part("v", 30, 2).pixels
    scorer = Scorer(machine("cpu", engine="folded"))
    norm = next(iter(norms(network).values()))
    assert norm.running_mean is not None
    for _ in range(5):
        with torch.no_grad():
            norm.running_mean += 0.5
        scorer.logits(network, pixels)
    assert sum(state.prefix is not None for state in scorer._states.values()) == scoring.KEPT


def test_the_state_that_is_scored_now_has_an_engine_however_much_others_scored(network: Network, few: int) -> None:
    pixels = tiny_part("v", 30, 2).pixels
    scorer = Scorer(machine("cpu", engine="folded"))
    norm = next(iter(norms(network).values()))
    assert norm.running_mean is not None
    for _ in range(4):
        scorer.logits(network, pixels)
        scorer.logits(network, pixels)
        with torch.no_grad():
            norm.running_mean += 0.5
    scorer.logits(network, pixels)
    assert scorer._states[fingerprint(network)].prefix is not None


def test_the_fingerprint_sees_every_tensor(network: Network) -> None:
    seen = {fingerprint(network)}
    for tensor in network.stages.state_dict().values():
        if tensor.is_floating_point() and tensor.numel():
            with torch.no_grad():
                tensor[(0,) * tensor.ndim] += 1.0
            seen.add(fingerprint(network))
    assert len(seen) == 1 + sum(
        tensor.is_floating_point() and tensor.numel() > 0 for tensor in network.stages.state_dict().values()
    )
