"""What lets the planted-cause benchmark fit its time: rows that are appended, a deadline, passes that are shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import rows
from benchmarks.planted_pixels import PLANTS, UNSEEN, Cell, chosen
from benchmarks.planted_pixels_tables import RUN_PLANTS
from benchmarks.plants_in_runs import cost_of_turning, turned
from benchmarks.rows import Deadline, append, read
from benchmarks.shared_passes import Passes, shared

from heldout.training import ActivationCache, machine, scoring
from heldout.training.scoring import Scorer
from tests.training.tiny import tiny_network, tiny_part

COLUMNS, WORDS = ("plant", "seed", "explained", "points", "named"), ("plant", "named")


def test_rows_are_appended_and_read_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "out" / "rows.csv"
    append(file, COLUMNS, {"plant": "blur, both", "seed": 3, "explained": True, "points": 2.5, "named": ""})
    append(file, COLUMNS, {"plant": "none", "seed": 4, "explained": False, "named": 'a "b"\nc'})
    found = read(file, COLUMNS, WORDS)
    assert found["plant"].tolist() == ["blur, both", "none"]
    assert found["named"].tolist() == ["", 'a "b"\nc']
    assert found["seed"].tolist() == [3, 4]
    assert found["explained"].tolist() == [True, False]
    assert np.isnan(found["points"].tolist()[1])


def test_a_row_with_another_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown"):
        append(tmp_path / "rows.csv", COLUMNS, {"unknown": 1})


def test_without_rows_there_is_an_empty_table(tmp_path: Path) -> None:
    assert read(tmp_path / "rows.csv", COLUMNS, WORDS).columns.tolist() == list(COLUMNS)


def test_nothing_is_begun_that_would_end_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(rows.time, "monotonic", lambda: now[0])
    deadline = Deadline(1.0)
    done = 0
    while deadline.time_for_one_more():
        now[0] += 25.0
        done += 1
    assert done == 2  # a third would end at 75 seconds
    assert Deadline(None).time_for_one_more()


def test_names_stand_for_many_plants() -> None:
    ours = [name for name in PLANTS if not name.startswith("unseen ")]
    assert chosen("", "") == [*ours, *RUN_PLANTS]
    assert chosen("", "python")[-len(RUN_PLANTS) - 1] == f"unseen {UNSEEN[-1]}"
    assert chosen("blur,runs", "") == ["blur", *RUN_PLANTS]
    assert Cell("kermany", "unseen pixelate", 0, 200, 0).corruption == "pixelate"
    assert Cell("kermany", "blur", 0, 200, 0).corruption == ""


def test_every_pair_of_plants_names_its_causes() -> None:
    for name, (plants, causes) in PLANTS.items():
        cell = Cell("kermany", name, 1, 200, 0)
        assert tuple(plant.cause for plant in cell.plants()) == (causes if plants else ())


def test_shared_passes_see_an_image_once_and_give_the_same_features() -> None:
    network, part = tiny_network(), tiny_part("v", 40, 2)
    place = machine("cpu", engine="folded")
    cache = ActivationCache(None, engine="folded")
    alone = cache.activations(network, len(network.stages), part, place)
    passes = Passes()
    with shared(passes):
        for _ in range(3):
            again = ActivationCache(None, engine="folded").activations(network, len(network.stages), part, place)
            np.testing.assert_allclose(again, alone, rtol=1e-4, atol=1e-5)
        logits = Scorer(place).logits(network, part.pixels)
        (trunk,) = passes.trunks.values()
    assert (trunk.asked, trunk.computed) == (160, 40)
    np.testing.assert_allclose(logits, Scorer(machine("cpu")).logits(network, part.pixels), rtol=1e-4, atol=1e-5)


def test_a_trunk_that_is_changed_shares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, part = tiny_network(), tiny_part("v", 40, 2)
    place = machine("cpu", engine="folded")
    monkeypatch.setattr(scoring, "WORTH", 10_000 * 16**2)
    with shared(Passes()):
        ActivationCache(None, engine="folded").activations(network, len(network.stages), part, place)
        norm = next(module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d))
        assert norm.running_mean is not None
        norm.running_mean += 1.0
        found = Scorer(place).logits(network, part.pixels)
    assert np.array_equal(found, Scorer(machine("cpu")).logits(network, part.pixels))


def test_turned_labels_cost_what_is_said() -> None:
    rng = np.random.default_rng(0)
    for k in (2, 7):
        labels, answers = rng.integers(0, k, 200_000), rng.integers(0, k, 200_000)
        answers = np.where(rng.random(len(labels)) < 0.6, labels, answers)
        flipped = turned(labels, np.ones(len(labels), dtype=bool), k, seed=0)
        assert (flipped != labels).all()
        accuracy = float((answers == labels).mean())
        assert accuracy - float((answers == flipped).mean()) == pytest.approx(cost_of_turning(accuracy, k), abs=0.01)
