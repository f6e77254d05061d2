"""How far maps of transformers can be trusted, as docs/saliency.md says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from heldout.saliency.grad_cam import grad_cam
from heldout.saliency.place import last_place
from tests.saliency.planted import SIZE, corner_images, share_in_corner, trained, transformer

PIXELS, LABELS = corner_images(48, seed=2)


def share(pooling: str, seed: int, mixing: bool) -> float:
    """Mean part of the mass of maps of each image's own class that lies on the corner that tells it."""
    network = trained(transformer(pooling, seed, mixing), 60)
    with torch.no_grad():
        answers = network(torch.from_numpy(PIXELS).permute(0, 3, 1, 2)).argmax(1).numpy()
    assert (answers == LABELS).mean() > 0.95
    maps = grad_cam(network, last_place(network, SIZE, 1), PIXELS, (0, 1))
    return float(share_in_corner(maps[np.arange(len(LABELS)), LABELS][:, None]).mean())


@pytest.mark.slow
def test_where_patches_do_not_exchange_what_they_hold_the_map_is_right() -> None:
    shares = [share("token", seed, mixing=False) for seed in range(4)]
    assert min(shares) > 0.45 and max(shares) > 0.7, shares


@pytest.mark.slow
def test_where_they_do_it_may_lie_anywhere() -> None:
    """Not what anybody wants, but what the page warns of: if this fails, it may say something better."""
    shares = [share(pooling, seed, mixing=True) for pooling in ("token", "avg") for seed in range(4)]
    assert min(shares) < 0.2 and max(shares) > 0.7, shares
