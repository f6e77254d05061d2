"""Equal weights give equal files."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from heldout.records import Recipe
from heldout.runs.fit import write_weights


def test_equal_weights_of_equal_recipes_give_equal_bytes(tmp_path: Path) -> None:
    recipe = Recipe("c", "s", ("é", "b"), "x:y", "w", "probe", {}, 64, "stretch", "bilinear", 0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    files = [tmp_path / f"{n}.safetensors" for n in range(10)]
    for file in files:
        write_weights(network, recipe, file)
    assert len({file.read_bytes() for file in files}) == 1
    assert load_file(files[0]).keys() == network.state_dict().keys()
