"""What each strategy and each common setting does that the others do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from heldout.progress import Epoch, Silent
from heldout.runs.fit import Learned, learn_strategy
from heldout.strategies import Phase, Strategy, Trained
from heldout.strategies.finetune import Finetune
from heldout.strategies.first_block import FirstBlock
from heldout.strategies.frozen import Frozen
from heldout.strategies.gradual import Gradual
from heldout.strategies.lp_ft import LpFt
from heldout.strategies.probe import Probe
from heldout.strategies.scratch import Scratch
from heldout.strategies.soup import Soup
from heldout.strategies.wise import Wise
from heldout.training import ActivationCache, Progress, Task, learn, machine
from heldout.training.averaging import between, measure_batchnorm
from heldout.training.checkpoint import AVERAGED, Course
from heldout.training.loop import _ended
from heldout.training.state import State
from heldout.training.weighting import class_weights
from tests.training.tiny import tiny_network, tiny_part, tiny_task

CPU = machine("cpu")


def run(strategy: Strategy, task: Task | None = None, checkpoint: Path | None = None) -> Learned:
    network = tiny_network()
    return learn_strategy(network, task or tiny_task(), strategy, 0, CPU, ActivationCache(None), Silent(), checkpoint)


def state(learned: Learned) -> State:
    return {name: value.clone() for name, value in learned.network.state_dict().items()}


def assert_same(a: State, b: State, tolerance: float = 0.0) -> None:
    for name, value in a.items():
        assert torch.allclose(value.float(), b[name].float(), rtol=0, atol=tolerance), name


# ---- several phases ----


def test_lp_ft_begins_at_the_probe() -> None:
    """With a rate of next to nothing its end is the probe's: the fine-tuning starts from the solved head."""
    end = run(LpFt(epochs=1, lr=1e-12))
    assert_same(state(run(Probe())), state(end), 1e-6)
    assert end.course.history[1].train_loss == pytest.approx(end.course.history[0].train_loss, abs=0.01)  # dropout


def test_following_statistics_spoil_the_head_that_was_solved() -> None:
    """Why `keep` is the default there: normalised by batches, the features are others than those it was solved on."""
    end = run(LpFt(epochs=1, lr=1e-12, statistics="follow"))
    assert end.course.history[1].train_loss > 5 * end.course.history[0].train_loss


def test_gradual_unfreezes_from_the_head_to_the_whole() -> None:
    phases = Gradual(epochs=10, steps=3, each=2).phases()
    assert [(p.trainable, p.blocks, p.epochs) for p in phases] == [
        ("head", 1, 2), ("last", 1, 2), ("last", 2, 2), ("all", 1, 4)
    ]  # fmt: skip
    assert all(p.layer_decay == pytest.approx(1 / 2.6) for p in phases[1:])
    for epochs in range(1, 12):
        assert sum(p.epochs for p in Gradual(epochs=epochs).phases()) == epochs


@pytest.mark.parametrize("statistics", ["keep", "follow"])
def test_wise_has_the_probe_and_lp_ft_at_its_ends(statistics: str) -> None:
    settings = {"epochs": 2, "lr": 0.01, "statistics": statistics}
    probe, tuned = run(Probe()), run(LpFt(**settings))  # type: ignore[arg-type]
    assert_same(state(run(Wise(alphas=(0.0,), **settings))), state(probe))  # type: ignore[arg-type]
    assert_same(state(run(Wise(alphas=(1.0,), **settings))), state(tuned))  # type: ignore[arg-type]
    half = state(run(Wise(alphas=(0.5,), **settings)))  # type: ignore[arg-type]
    for name, _ in probe.network.named_parameters():
        mean = (state(probe)[name] + state(tuned)[name]) / 2
        assert torch.allclose(half[name], mean, atol=1e-6), name


@pytest.mark.parametrize("kind", [LpFt, Wise, Soup, FirstBlock])
def test_what_begins_with_a_solved_head_keeps_the_statistics_it_was_solved_with(kind: type[Trained]) -> None:
    before, end = tiny_network().state_dict(), run(kind(epochs=2, lr=0.01))
    statistics = [name for name in before if "running_" in name]
    assert statistics and not end.course.moving & set(statistics)
    assert_same({name: before[name] for name in statistics}, state(end))
    assert end.frozen.verified
    assert run(kind(epochs=2, lr=0.01, statistics="follow")).course.moving & set(statistics)


def test_wise_takes_the_least_validation_loss() -> None:
    settings = {"epochs": 2, "lr": 0.02}
    alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
    losses = [run(Wise(alphas=(alpha,), **settings)).course.history[-1].val_loss for alpha in alphas]  # type: ignore[arg-type]
    last = run(Wise(alphas=alphas, **settings)).course.history[-1]  # type: ignore[arg-type]
    assert last.val_loss == pytest.approx(min(losses), abs=1e-7)
    assert last.phase == f"interpolate (α = {alphas[int(np.argmin(losses))]:g})"


def test_a_soup_is_the_mean_of_its_members_which_start_from_one_probe() -> None:
    soup = Soup(epochs=2, lr=0.01, members=2)
    network, ends = tiny_network(), {}
    plan = soup.phases()
    for step in learn(network, tiny_task(), plan, seed=0, machine=CPU, cache=ActivationCache(None)):
        ends = dict(step.ends)
    assert set(ends) == {0, 1, 2}
    assert not torch.equal(ends[1]["head.weight"], ends[2]["head.weight"])  # other orders of the images
    found = state(run(soup))
    for name, _ in network.named_parameters():
        assert torch.allclose(found[name], (ends[1][name] + ends[2][name]) / 2, atol=1e-7), name
    assert_same({"head.weight": ends[0]["head.weight"]}, state(run(Probe())))
    first = run(LpFt(epochs=2, lr=0.01))
    assert_same({name: ends[1][name] for name in ends[1]}, state(first))


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    "strategy", [Soup(epochs=2, lr=0.01, members=2), Wise(epochs=4, lr=0.01)], ids=["soup", "wise"]
)
def test_plans_with_ends_resume_with_the_same_numbers(tmp_path: Path, strategy: Strategy, cut: int) -> None:
    class Cut(Silent):
        left = cut

        def step(self, epoch: Epoch | None = None) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    file = tmp_path / "c.safetensors"
    with pytest.raises(KeyboardInterrupt):
        learn_strategy(tiny_network(), tiny_task(), strategy, 0, CPU, ActivationCache(None), Cut(), file)
    assert_same(state(run(strategy, checkpoint=file)), state(run(strategy)))


def test_an_anchored_run_resumes_toward_the_pretrained_weights(tmp_path: Path) -> None:
    from heldout.strategies.l2_sp import L2Sp

    strategy, file = L2Sp(epochs=4, lr=0.01, anchor=20.0), tmp_path / "c.safetensors"

    class Cut(Silent):
        left = 2

        def step(self, epoch: Epoch | None = None) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_strategy(tiny_network(), tiny_task(), strategy, 0, CPU, ActivationCache(None), Cut(), file)
    assert_same(state(run(strategy, checkpoint=file)), state(run(strategy)))


def test_scratch_is_known_by_the_strategy_and_no_other() -> None:
    assert not Scratch.pretrained and Finetune.pretrained


# ---- averages ----


def test_statistics_are_measured_as_batchnorm_itself_would() -> None:
    """Of one batch, the running statistics are the batch's mean and unbiased variance."""
    network, part = tiny_network(), tiny_part("p", 60, 4)
    network.eval()
    x = torch.from_numpy(part.pixels).permute(0, 3, 1, 2)
    with torch.no_grad():
        maps = network.stages["stem"][0](network.stages["input"](x))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    moving = [name for name in before if "stem.1" in name]
    measure_batchnorm(network, part.pixels, 0, moving, CPU, seed=0)
    layer = network.stages["stem"][1]
    assert torch.allclose(layer.running_mean, maps.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(layer.running_var, maps.var((0, 2, 3)), rtol=1e-4)
    assert layer.momentum == 0.1 and not layer.training
    other = "stages.block.1.running_mean"  # not among those that may move
    assert torch.equal(network.state_dict()[other], before[other])
    measured = layer.running_mean.clone()
    layer.running_mean.zero_()
    measure_batchnorm(network, part.pixels, 0, moving, CPU, seed=0, share=0.25)
    assert torch.allclose(layer.running_mean, 0.25 * measured, atol=1e-6)


def test_the_ends_of_a_line_are_exact() -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = ({"w": torch.randn(50, generator=rng), "n": torch.tensor(k)} for k in (1, 2))
    assert torch.equal(between(a, b, 0.0)["w"], a["w"])
    assert torch.equal(between(a, b, 1.0)["w"], b["w"])
    assert int(between(a, b, 0.25)["n"]) == 1
    assert int(between(a, b, 0.5)["n"]) == 2


def test_average_is_the_mean_of_the_last_epochs_of_the_last_phase() -> None:
    network = tiny_network()
    course = Course(frozenset({"head.bias"}), "average")
    values = [100.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    for number, value in enumerate(values):
        with torch.no_grad():
            network.head.bias.fill_(value)
        row = Epoch(number + 1, "x", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        course.add(Progress(row, np.zeros(3, dtype=np.int16), None, phase=min(number, 1)), network)
        if number == 5:  # the first phase does not count
            assert float(course.kept["head.bias"][0]) == pytest.approx(np.mean(values[1:6]))
    expected = np.mean(values[1:6]) * (1 - 1 / AVERAGED) + 32 / AVERAGED
    assert float(course.kept["head.bias"][0]) == pytest.approx(expected)
    assert course.kept_epoch == 7


def test_average_is_scored_with_statistics_of_its_own() -> None:
    last, mean = run(Finetune(epochs=4, lr=0.02)), run(Finetune(epochs=4, lr=0.02, keep="average"))
    assert not torch.equal(state(last)["head.weight"], state(mean)["head.weight"])
    measured = state(mean)["stages.stem.1.running_mean"]
    measure_batchnorm(mean.network, tiny_task().train.pixels, 0, mean.course.moving, CPU, seed=0)
    assert torch.equal(measured, mean.network.state_dict()["stages.stem.1.running_mean"])
    assert mean.frozen.verified
    assert run(Frozen(epochs=3, keep="average")).frozen.verified


# ---- early stopping ----


def rows(*accuracies: float) -> list[Epoch]:
    return [Epoch(k + 1, "x", 0.0, 0.0, 0.0, 0.0, 1.0, accuracy) for k, accuracy in enumerate(accuracies)]


def test_patience_counts_epochs_without_a_better_one() -> None:
    phase = Phase("x", "all", 10, patience=2)
    assert not _ended(phase, rows())
    assert not _ended(phase, rows(0.5, 0.6, 0.6))
    assert _ended(phase, rows(0.5, 0.6, 0.6, 0.55))
    assert not _ended(phase, rows(0.5, 0.6, 0.6, 0.7))
    assert not _ended(replace(phase, patience=None), rows(0.5, 0.1, 0.1, 0.1))
    assert _ended(phase, rows(*np.linspace(0, 1, 10)))


def test_training_stops_early_and_a_stopped_phase_stays_stopped(tmp_path: Path) -> None:
    strategy = Frozen(epochs=40, lr=3.0, patience=2, keep="best")
    whole = run(strategy)
    assert 3 <= len(whole.course.history) < 40
    assert whole.course.kept_epoch == len(whole.course.history) - 2
    again = run(strategy, checkpoint=tmp_path / "c.safetensors")
    resumed = run(strategy, checkpoint=tmp_path / "c.safetensors")  # of the checkpoint after the last epoch
    assert len(again.course.history) == len(resumed.course.history) == len(whole.course.history)
    assert_same(state(resumed), state(whole))


# ---- class weights ----


def uneven(count: int = 66) -> Task:
    """Five dark images to one bright one, hard to tell apart."""
    task = tiny_task(train=count, val=60)
    keep = np.concatenate(
        [np.flatnonzero(task.train.labels == 0), np.flatnonzero(task.train.labels == 1)[: count // 10]]
    )
    grey = (task.train.pixels[keep] // 8 + 100).astype(np.uint8)
    part = replace(task.train, ids=tuple(task.train.ids[k] for k in keep), pixels=grey, labels=task.train.labels[keep])
    return replace(task, train=part, val=replace(task.val, pixels=(task.val.pixels // 8 + 100).astype(np.uint8)))


def test_weights_make_every_class_weigh_alike() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(labels, 3, "balanced")
    assert weights is not None
    np.testing.assert_allclose(np.bincount(labels) * weights, 10 / 3, rtol=1e-6)
    assert class_weights(labels, 3, "none") is None


@pytest.mark.parametrize("strategy", [Frozen(epochs=30, lr=0.2), Probe(strengths=(1e-4,))], ids=["epochs", "solved"])
def test_balanced_weights_raise_the_recall_of_the_rare_class(strategy: Strategy) -> None:
    recall = {}
    for weights in ("none", "balanced"):
        end = run(replace(strategy, class_weights=weights), uneven())  # type: ignore[call-arg]
        predicted, labels = end.course.val_predicted[-1], uneven().val.labels
        recall[weights] = float(np.mean(predicted[labels == 1] == 1))
    assert recall["balanced"] > recall["none"] + 0.2


def test_balanced_probe_is_what_scikit_learn_makes_of_it() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from heldout.stats.scores import softmax
    from heldout.training.logistic import solve_head

    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.15).astype(np.int64)
    x = (rng.normal(size=(200, 5)) + y[:, None]).astype(np.float32)
    head = solve_head(x, y, x, y, 2, (0.1,), "balanced")
    model = LogisticRegression(C=0.1, class_weight="balanced", tol=1e-7, max_iter=5000)
    expected = make_pipeline(StandardScaler(), model).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(softmax(x @ head.weight.T + head.bias), expected, atol=5e-4)
