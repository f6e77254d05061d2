"""Strategies that ask something of a study itself: random weights need none, knn replaces the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss

from heldout import backbones
from heldout.classifier import TransferClassifier
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.variants import VariantLogits
from heldout.errors import HeldoutError
from heldout.runs.folder import read_study
from heldout.runs.predict import load_network
from heldout.strategies.finetune import Finetune
from heldout.strategies.scratch import Scratch
from heldout.study import Study
from tests.worlds.bright_cells import bright_cells

MODEL = "efficientnet_lite0"


def test_scratch_begins_at_the_seeds_random_weights_and_fetches_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(info: object) -> str:
        raise HeldoutError("no weights here")

    monkeypatch.setattr(backbones, "digest", missing)
    data = bright_cells(tmp_path / "data")
    settings = {"scratch": {"lr": "1e-9", "statistics": "keep"}}
    study = Study(data, [MODEL], ["scratch"], tmp_path / "s", image_size=32, seeds=2, epochs=1, settings=settings)
    assert {item.recipe.weights for item in study.plan()} == {"random"}
    study.run()
    info = backbones.resolve(MODEL)
    for item in study.plan():
        seed = item.recipe.seed
        network, _ = load_network(study.folder / "runs" / item.recipe.id)
        random = backbones.build(info, 2, 32, seed, pretrained=False).state_dict()
        name = "stages.blocks_1.0.conv_pw.weight"
        assert torch.allclose(network.state_dict()[name], random[name], atol=1e-6)
    with pytest.raises(HeldoutError, match="no weights here"):
        Study(data, [MODEL], ["scratch", "finetune"], tmp_path / "s", image_size=32, epochs=1).plan()


def test_pretrained_and_random_runs_stand_side_by_side(tmp_path: Path) -> None:
    study = Study(
        bright_cells(tmp_path / "data"), [MODEL], [Scratch(epochs=1), Finetune(epochs=1)], tmp_path / "s", image_size=32
    )
    weights = {item.strategy.name: item.recipe.weights for item in study.plan()}
    assert weights["scratch"] == "random" and len(weights["finetune"]) == 16


@pytest.mark.parametrize("strategy", ["scratch", "knn", "wise"])
def test_the_classifier_takes_every_strategy(strategy: str) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    images = np.clip(rng.normal(70 + 100 * y[:, None, None], 40, (40, 32, 32)), 0, 255).astype(np.uint8)
    model = TransferClassifier(MODEL, strategy, epochs=1, image_size=32).fit(images, y)
    probabilities = model.predict_proba(images)
    assert probabilities.shape == (40, 2)
    if strategy != "scratch":
        assert (model.predict(images) == y).mean() > 0.8


@pytest.mark.parametrize(("strategy", "mark", "choice"), [("knn", "k=", "neighbours"), ("wise", "α=", "blend")])
def test_everything_that_was_chosen_among_is_kept_and_the_diagnosis_reads_it(
    tmp_path: Path, strategy: str, mark: str, choice: str
) -> None:
    study = Study(bright_cells(tmp_path / "data"), [MODEL], [strategy], tmp_path / "s", image_size=32, epochs=1).run()
    files = read_study(study.folder)
    (run,) = files.runs
    choices = VariantLogits(pd.read_parquet(run.folder / "choices.parquet"))
    assert len(choices.variants) > 2 and all(name.startswith(mark) for name in choices.variants)
    labels, ids = run.predictions["val"].labels, run.predictions["val"].ids
    loss = {name: log_loss(labels, softmax(choices.logits(name, "val", ids), axis=1)) for name in choices.variants}
    best = min(loss, key=lambda name: loss[name])
    chosen = choices.logits(best, "val", ids)
    assert np.allclose(chosen, run.predictions["val"].logits, atol=1e-4)  # what was kept is what did best
    (evidence,) = read_run_data(files, [run])
    assert list(evidence.choices) == [choice]
