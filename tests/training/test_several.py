"""Several labels an image: the loss, heads that are solved, and every strategy on the shelf."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F  # noqa: N812

from heldout.backbones.label_neighbours import LabelNeighbours, fitting_head
from heldout.backbones.one_label import one_label_head
from heldout.progress import Silent
from heldout.records.label_predictions import question_logits
from heldout.runs.fit import learn_strategy
from heldout.strategies import strategies
from heldout.training import Part, Task, learn, machine
from heldout.training.label_logistic import NEVER, solve_labels
from heldout.training.objectives import OBJECTIVES
from heldout.training.objectives.several import positive_weights
from heldout.training.prefix import ActivationCache
from tests.training.tiny import tiny_network

SEVERAL = OBJECTIVES["several"]


def part(name: str, count: int, seed: int) -> Part:
    """The first label brightens the left half of an image, the second the right half."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (count, 2))
    labels[:4] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    pixels = rng.normal(90, 20, (count, 16, 16, 1))
    pixels[:, :, :8] += 90 * labels[:, 0, None, None, None]
    pixels[:, :, 8:] -= 70 * labels[:, 1, None, None, None]
    ids = tuple(f"{name}{k}" for k in range(count))
    return Part(ids, pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int64))


TASK = Task(part("t", 48, 1), part("v", 24, 2), ("left", "right"), "several")


@pytest.mark.parametrize("name", sorted(strategy.name for strategy in strategies))
def test_every_strategy_learns_several_labels(name: str) -> None:
    kind = strategies.get(name)
    settings = {field: 1 for field in ("epochs",) if field in kind.__dataclass_fields__}
    strategy = kind(**settings)
    network = tiny_network(2)
    if any(phase.trainable == "lora" for phase in strategy.phases()):
        pytest.importorskip("peft")
    assert "several" in kind.labels
    learned = learn_strategy(network, TASK, strategy, 0, machine("cpu"), ActivationCache(None), Silent())
    rows = learned.course.history
    assert all(np.isfinite([row.train_loss, row.val_loss]).all() for row in rows)
    assert all(predicted.shape == (24, 2) for predicted in learned.course.val_predicted)


def test_training_lowers_the_loss_of_every_label() -> None:
    (phase,) = strategies.get("probe")().phases()
    network = tiny_network(2)
    before = _losses(network)
    for _ in learn(network, TASK, [phase], seed=0, machine=machine("cpu"), cache=ActivationCache(None)):
        pass
    assert (_losses(network) < before).all()


def _losses(network: torch.nn.Module) -> np.ndarray:
    network.eval()
    with torch.no_grad():
        logits = network(torch.from_numpy(TASK.val.pixels).permute(0, 3, 1, 2))
    labels = torch.from_numpy(TASK.val.labels).float()
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(0).numpy()


def test_the_loss_is_the_mean_binary_cross_entropy_and_weights_balance_each_label() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 3)).astype(np.float32), rng.integers(0, 2, (6, 3))
    labels[:, 2] = [1, 0, 0, 0, 0, 0]
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    by_hand = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    loss, answers = SEVERAL.scored(logits, labels)
    assert loss == pytest.approx(by_hand.mean(), rel=1e-5) and (answers == (logits > 0)).all()
    weights = SEVERAL.weights(labels, 3, "balanced")
    assert weights is not None and weights[2] == 5.0 and (weights == positive_weights(labels)).all()
    assert SEVERAL.weights(labels, 3, "none") is None
    told = SEVERAL.loss(torch.from_numpy(logits), torch.from_numpy(labels), torch.from_numpy(weights))
    weighed = -(labels * weights * np.log(p) + (1 - labels) * np.log(1 - p))
    assert float(told) == pytest.approx(weighed.mean(), rel=1e-5)
    share = SEVERAL.right(torch.from_numpy(logits), torch.from_numpy(labels))
    assert float(share) == pytest.approx(((logits > 0) == labels).mean(axis=1).sum())


def test_each_label_is_the_logistic_regression_of_that_label() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    labels = (x[:, :2] + 0.5 * rng.normal(size=(60, 2)) > 0).astype(np.int64)
    labels = np.concatenate([labels, np.zeros((60, 1), np.int64)], axis=1)
    found = solve_labels(x, labels, x[:20], labels[:20], (0.1,))
    wide = x.astype(np.float64)
    scaled = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    for c in range(2):
        model = LogisticRegression(C=0.1, tol=1e-8, max_iter=2000).fit(scaled, labels[:, c])
        assert x @ found.weight[c] + found.bias[c] == pytest.approx(model.decision_function(scaled), abs=5e-3)
    assert (x @ found.weight[2] + found.bias[2] == pytest.approx(NEVER)) and found.converged


def test_neighbours_vote_on_each_label_and_are_read_back() -> None:
    rng = np.random.default_rng(2)
    bank, asked = torch.from_numpy(rng.normal(size=(40, 5))).float(), torch.from_numpy(rng.normal(size=(7, 5))).float()
    labels = torch.from_numpy(rng.integers(0, 2, (40, 3)))
    head = SEVERAL.neighbours(bank, labels, 5, 3)
    assert isinstance(head, LabelNeighbours)
    logits = head(asked)
    single = OBJECTIVES["single"]
    for c in range(3):  # of one label the votes are those of two classes
        two = torch.softmax(single.neighbours(bank, labels[:, c], 5, 2)(asked), 1)[:, 1]
        assert torch.sigmoid(logits[:, c]) == pytest.approx(two.numpy(), abs=1e-5)
    network = tiny_network(3)
    network.head = head
    other = tiny_network(3)
    fitting_head(other, network.state_dict())
    assert isinstance(other.head, LabelNeighbours) and torch.equal(other.head(asked), logits)


@pytest.mark.parametrize("kind", ["linear", "neighbours"])
def test_one_label_of_a_head_is_its_question(kind: str) -> None:
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(9, 5))).float()
    head: torch.nn.Module = torch.nn.Linear(5, 3)
    if kind == "neighbours":
        head = LabelNeighbours.of(x + 1, torch.randint(0, 2, (9, 3), generator=torch.Generator().manual_seed(0)), 4, 3)
    own = one_label_head(head, 1, 0.7)
    with torch.no_grad():
        assert own(x).numpy() == pytest.approx(question_logits(head(x).numpy(), 1, 0.7), abs=1e-5)
    assert isinstance(own, torch.nn.Linear) == (kind == "linear")
