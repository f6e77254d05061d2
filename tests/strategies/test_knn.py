"""Nearest neighbours against a calculation by hand and scikit-learn's, and from the file again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from heldout.backbones.label_neighbours import fitting_head
from heldout.backbones.neighbours import TEMPERATURE, Neighbours
from heldout.progress import Silent
from heldout.runs.fit import learn_strategy
from heldout.runs.predict import load_network
from heldout.settings import with_settings
from heldout.stats.scores import softmax
from heldout.strategies.knn import Knn
from heldout.training import ActivationCache, logits_of, machine
from tests.training.tiny import tiny_network, tiny_task


def cloud(count: int, seed: int, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, count)
    return torch.from_numpy(
        (rng.normal(size=(count, 6)) + 2 * np.eye(classes, 6)[y]).astype(np.float32)
    ), torch.from_numpy(y)


@pytest.mark.parametrize("k", [1, 4, 200])
def test_votes_are_those_of_the_nearest_by_cosine(k: int) -> None:
    x, y = cloud(80, 0)
    new, _ = cloud(20, 1)
    found = softmax(Neighbours.of(x, y, k, 3)(new).numpy())
    centre = x.mean(0).numpy()
    count = min(k, 80)
    distances, places = (
        NearestNeighbors(n_neighbors=count, metric="cosine").fit(x.numpy() - centre).kneighbors(new.numpy() - centre)
    )
    weights = np.exp((1 - distances) / TEMPERATURE)
    weights /= weights.sum(1, keepdims=True)
    shares = np.stack([(weights * (y.numpy()[places] == c)).sum(1) for c in range(3)], axis=1)
    np.testing.assert_allclose(found, (k * shares + 1) / (k + 3), rtol=2e-3)
    np.testing.assert_allclose(found.sum(1), 1.0)


def test_an_image_does_not_vote_for_itself() -> None:
    x, _ = cloud(60, 2)
    drawn = torch.from_numpy(np.random.default_rng(5).integers(0, 3, 60))  # labels that only its own vote could know
    assert float((Neighbours.of(x, drawn, 1, 3)(x).argmax(1) == drawn).float().mean()) < 0.6
    alone = Neighbours.of(x[:1].repeat(3, 1) + torch.tensor([[1.0], [1.0], [0.0]]), torch.tensor([0, 0, 1]), 5, 2)
    assert torch.isfinite(alone(x)).all()


def test_nobody_left_to_vote_gives_even_odds() -> None:
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    only = Neighbours.of(x, torch.tensor([0, 1]), 1, 2)
    some = softmax(only(x[:1] * 1.0).numpy())
    assert some[0, 1] > 0.5  # its own vote is barred, the other one counts
    copies = Neighbours.of(torch.tensor([[1.0, 0.0], [1.0, 0.0], [-2.0, 0.0]]), torch.tensor([0, 0, 1]), 2, 2)
    assert torch.isfinite(copies(torch.tensor([[1.0, 0.0]]))).all()


def test_many_images_are_worked_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cloud(50, 3)
    new, _ = cloud(33, 4)
    head = Neighbours.of(x, y, 3, 3)
    whole = head(new)
    monkeypatch.setattr("heldout.backbones.neighbours.ROOM", 50 * 7)
    assert torch.allclose(head(new), whole, atol=1e-5)


def test_k_is_the_one_with_the_least_validation_loss() -> None:
    ks = (1, 3, 9, 33)
    task, losses = tiny_task(), {}
    for k in ks:
        end = learn_strategy(tiny_network(), task, Knn((k,)), 0, machine("cpu"), ActivationCache(None), Silent())
        losses[k] = end.course.history[0].val_loss
    end = learn_strategy(tiny_network(), task, Knn(ks), 0, machine("cpu"), ActivationCache(None), Silent())
    assert end.course.history[0].val_loss == pytest.approx(min(losses.values()))
    assert end.course.history[0].phase == f"knn (k = {min(losses, key=lambda k: losses[k])})"
    assert end.frozen.verified and end.trainable == 0
    assert "same SHA-256" in end.frozen.detail and len(end.frozen.prefix_stages) == 4


def test_a_saved_head_votes_as_before() -> None:
    end = learn_strategy(tiny_network(), tiny_task(), Knn(), 0, machine("cpu"), ActivationCache(None), Silent())
    tensors = {name: value.clone() for name, value in end.network.state_dict().items()}
    again = tiny_network()
    fitting_head(again, tensors)
    again.load_state_dict(tensors)
    pixels = tiny_task().val.pixels
    np.testing.assert_array_equal(
        logits_of(again.eval(), pixels, machine("cpu")), logits_of(end.network, pixels, machine("cpu"))
    )


def test_a_run_of_it_can_be_put_to_use(tmp_path: Path) -> None:
    from heldout.study import Study
    from tests.worlds.bright_cells import bright_cells

    data = bright_cells(tmp_path / "data")
    study = Study(data, ["efficientnet_lite0"], ["knn"], tmp_path / "study", image_size=32, device="cpu").run()
    (record,) = study.records()
    folder = tmp_path / "study" / "runs" / record.id
    assert json.loads((folder / "recipe.json").read_text())["settings"]["neighbours"][0] == 1
    network, _ = load_network(folder)
    assert isinstance(network.head, Neighbours)
    assert record.trainable_parameters == 0 and record.frozen.verified


def test_k_below_one_is_refused() -> None:
    with pytest.raises(Exception, match="all at least 1"):
        with_settings(Knn(), {"neighbours": "0,3"}, "knn")
