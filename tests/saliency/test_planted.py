"""Maps lie where the class is told, the control's do not, and the network stays what it was."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from heldout.backbones import Network
from heldout.saliency.control import randomised
from heldout.saliency.grad_cam import grad_cam
from heldout.saliency.maps import rank_correlation
from heldout.saliency.place import Place, last_place
from tests.saliency.planted import SIZE, convolutions, corner_images, highest_in_corner, share_in_corner, trained
from tests.saliency.planted import transformer as made_transformer

PIXELS, LABELS = corner_images(48, seed=2)


@pytest.fixture(scope="module", params=["convolutions", "transformer"])
def network(request: pytest.FixtureRequest) -> Network:
    made = convolutions() if request.param == "convolutions" else made_transformer("token")
    found = trained(made, 40)
    with torch.no_grad():
        logits = found(torch.from_numpy(PIXELS).permute(0, 3, 1, 2))
    assert (logits.argmax(1).numpy() == LABELS).mean() > 0.95
    return found


def own(network: Network, place: Place) -> np.ndarray:
    """(n, 1, h, w): the map of each image's own class."""
    return grad_cam(network, place, PIXELS, (0, 1))[np.arange(len(LABELS)), LABELS][:, None]


def test_the_map_lies_on_the_corner_that_tells_the_class_and_the_controls_do_not(network: Network) -> None:
    place = last_place(network, SIZE, 1)
    maps = own(network, place)
    controls = [own(randomised(network, seed), place) for seed in range(4)]
    assert share_in_corner(maps).mean() > 0.7 and highest_in_corner(maps).mean() > 0.9
    assert np.mean([share_in_corner(control).mean() for control in controls]) < 0.35
    assert np.mean([highest_in_corner(control).mean() for control in controls]) < 0.5
    likeness = [np.nanmean(rank_correlation(maps, control)) for control in controls]
    assert np.abs(np.mean(likeness)) < 0.3
    assert rank_correlation(maps, maps).min() == pytest.approx(1)


def state(network: Network) -> str:
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    for module in network.modules():
        digest.update(f"{module.training} {len(module._forward_hooks)} {len(module._backward_hooks)}".encode())
    for name, parameter in network.named_parameters():
        digest.update(f"{name} {parameter.requires_grad} {parameter.grad is None}".encode())
    return digest.hexdigest()


def test_the_network_stays_as_it_is_and_equal_calls_give_equal_maps(network: Network) -> None:
    network.train()
    list(network.modules())[3].eval()
    for parameter in network.parameters():
        parameter.grad = None
    before, random = state(network), torch.random.get_rng_state()
    place = last_place(network, SIZE, 1)
    control = randomised(network, 5)
    maps = [grad_cam(one, place, PIXELS[:9], (1, 0)) for one in (network, control, network, randomised(network, 5))]
    assert state(network) == before and torch.equal(torch.random.get_rng_state(), random)
    network.eval()
    np.testing.assert_array_equal(maps[0], maps[2])
    np.testing.assert_array_equal(maps[1], maps[3])
    np.testing.assert_allclose(maps[0], grad_cam(network, place, PIXELS[:9], (1, 0)), rtol=1e-5)


def test_every_layer_of_the_control_is_another(network: Network) -> None:
    control = dict(randomised(network, 0).named_parameters())
    for name, parameter in network.named_parameters():
        if parameter.unique().numel() > 1:
            assert not torch.equal(parameter, control[name]), name


def test_the_formula_is_that_of_the_paper() -> None:
    """A linear layer on averaged maps: channels weigh their weight over the number of places (the paper's § 3)."""
    network = trained(convolutions(), 5)
    place = last_place(network, SIZE, 1)
    with torch.no_grad():
        images = torch.from_numpy(PIXELS[:3]).permute(0, 3, 1, 2)
        activations = network.run_stages(images, 0, len(network.stages) - 1)  # (3, d, 8, 8)
        expected = torch.einsum("kd,ndhw->nkhw", network.head.weight, activations).clamp(min=0) / 64
    np.testing.assert_allclose(grad_cam(network, place, PIXELS[:3], (0, 1)), expected.numpy(), rtol=1e-4, atol=1e-6)
