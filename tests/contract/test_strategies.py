"""What every strategy on the shelf keeps, discovered rather than listed."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from heldout.progress import Epoch, Silent
from heldout.records.codec import from_data, to_data
from heldout.records.recipe import Setting
from heldout.runs.fit import learn_strategy
from heldout.runs.plan import strategy_settings
from heldout.settings import explain, with_settings
from heldout.strategies import Strategy, strategies
from heldout.training import ActivationCache, machine
from tests.training.tiny import tiny_network, tiny_task

NEEDS = {"lora": "peft"}
"""What a strategy needs that is not installed with the package."""

EVERY = [
    pytest.param(kind, id=kind.name, marks=pytest.mark.skipif(not find_spec(NEEDS[kind.name]), reason="an extra"))
    if kind.name in NEEDS
    else pytest.param(kind, id=kind.name)
    for kind in strategies
]


def short(kind: type[Strategy]) -> Strategy:
    """The strategy with as few epochs as it takes to see something."""
    fields = {field.name for field in dataclasses.fields(kind)}
    return with_settings(kind(), {"epochs": "3"} if "epochs" in fields else {}, kind.name)


def learned(kind: type[Strategy], classes: int = 2, checkpoint: Path | None = None):  # type: ignore[no-untyped-def]
    network, task = tiny_network(classes), tiny_task(classes)
    place = machine("cpu")
    return learn_strategy(network, task, short(kind), 0, place, ActivationCache(None), Silent(), checkpoint)


@pytest.mark.parametrize("kind", EVERY)
def test_it_is_a_frozen_dataclass_with_a_manual(kind: type[Strategy]) -> None:
    assert dataclasses.is_dataclass(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind().new = 1  # type: ignore[attr-defined]
    manual = kind.__doc__ or ""
    for heading in ("What it does:", "When to try it:"):
        assert heading in manual
    assert "Source" in manual
    assert all(explain(kind).values()), f"not explained: {[name for name, text in explain(kind).items() if not text]}"


@pytest.mark.parametrize("kind", EVERY)
def test_its_settings_survive_text_and_json(kind: type[Strategy]) -> None:
    settings = strategy_settings(kind())
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in settings.items()
    }
    assert with_settings(kind(), texts, kind.name) == kind()
    assert from_data(dict[str, Setting], to_data(settings), "settings") == settings


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("classes", [2, 3])
def test_it_trains_what_it_says_and_nothing_else(kind: type[Strategy], classes: int) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_network(classes).state_dict().items()}
    result = learned(kind, classes)
    after = result.network.state_dict()
    gone = before.keys() - after.keys()  # of a head that was replaced
    moved = gone | {n for n in before.keys() & after.keys() if not np.array_equal(before[n].numpy(), after[n].numpy())}
    assert result.frozen.verified
    merged = {f"{name.partition('.lora_')[0]}.weight" for name in result.course.moving if ".lora_" in name}
    assert moved <= result.course.moving | merged
    assert "head.weight" in moved and all(name.startswith("head.") for name in gone)
    names = {name for name, _ in result.network.named_parameters()}
    if not merged:  # adapters are counted in tests/strategies/test_lora.py
        assert result.trainable == sum(before[name].numel() for name in result.course.moving & names)
    assert result.fixed == (not any(name.startswith("stages.") for name in result.course.moving))
    assert not result.network.training


@pytest.mark.parametrize("kind", EVERY)
def test_its_history_is_whole(kind: type[Strategy]) -> None:
    result = learned(kind)
    rows = result.course.history
    assert [row.epoch for row in rows] == list(range(1, sum(p.epochs for p in short(kind).phases()) + 1))
    assert len(result.course.val_predicted) == len(rows)
    assert 1 <= result.course.kept_epoch <= len(rows)
    labels = tiny_task().val.labels
    for row, predicted in zip(rows, result.course.val_predicted, strict=True):
        assert row.val_accuracy == pytest.approx(np.mean(predicted == labels))
    first = [row for row, phase in zip(rows, result.course.phase_of, strict=True) if phase == 0]
    if len(first) > 1:
        assert first[-1].train_loss < first[0].train_loss
    else:
        assert first[0].val_accuracy >= 0.9  # solved: the classes differ in brightness


@pytest.mark.parametrize("kind", EVERY)
def test_equal_recipe_equal_weights(kind: type[Strategy], tmp_path: Path) -> None:
    first = learned(kind).network.state_dict()
    again = learned(kind, checkpoint=tmp_path / "c.safetensors").network.state_dict()
    for name, tensor in first.items():
        np.testing.assert_array_equal(tensor.numpy(), again[name].numpy())


class Cut(Silent):
    """A power cut after so many epochs."""

    def __init__(self, after: int) -> None:
        self.left = after

    def step(self, epoch: Epoch | None = None) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("keep", ["last", "best", "average"])
def test_cut_off_after_any_epoch_it_ends_with_the_same_numbers(kind: type[Strategy], keep: str, tmp_path: Path) -> None:
    has = {field.name for field in dataclasses.fields(kind)}
    if keep != "last" and "keep" not in has:
        pytest.skip("keeps the last")
    wanted = {"keep": keep, "augment": "all", "lr": "0.01"}
    strategy = with_settings(short(kind), {name: value for name, value in wanted.items() if name in has}, kind.name)

    def run(reporter: Silent, checkpoint: Path | None):  # type: ignore[no-untyped-def]
        place, cache = machine("cpu"), ActivationCache(tmp_path / "features")
        return learn_strategy(tiny_network(), tiny_task(), strategy, 0, place, cache, reporter, checkpoint)

    whole = run(Silent(), None)
    for cut in range(1, len(whole.course.history) + 1):
        file = tmp_path / f"{cut}.safetensors"
        with pytest.raises(KeyboardInterrupt):
            run(Cut(cut), file)
        resumed = run(Silent(), file)
        assert resumed.course.kept_epoch == whole.course.kept_epoch
        assert [row.train_loss for row in resumed.course.history] == [row.train_loss for row in whole.course.history]
        for name, tensor in whole.network.state_dict().items():
            np.testing.assert_array_equal(tensor.numpy(), resumed.network.state_dict()[name].numpy())
        assert resumed.frozen == whole.frozen
