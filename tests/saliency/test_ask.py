"""A real run asked: what comes back, what is kept, and what is refused."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from heldout import saliency
from heldout.backbones import Network
from heldout.backbones.network import Input, SideBySide
from heldout.errors import HeldoutError, InputError, UsageError
from heldout.records.label_predictions import LabelQuestion
from heldout.records.run import GIVEN
from heldout.report.diagnosis_files import read_squares
from heldout.runs.folder import RunFiles, read_study
from heldout.saliency import ask, kept
from heldout.study import Study
from tests.saliency.planted import corner_images, share_in_corner


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFiles]:
    """Fixed ImageNet features at 128 pixels, read by a logistic regression and by neighbours."""
    folder = tmp_path_factory.mktemp("saliency")
    parts = {}
    for seed, (part, count) in enumerate((("train", 40), ("val", 20), ("test", 12))):
        parts[f"{part}_images"], parts[f"{part}_labels"] = corner_images(count, seed, size=128)
    parts = {name: array[..., 0] if array.ndim == 4 else array for name, array in parts.items()}
    np.savez(folder / "corners.npz", **parts)
    study = Study(
        folder / "corners.npz", ["efficientnet_lite0"], ["probe", "knn"], folder / "study", image_size=128, device="cpu"
    )
    study.run()
    return {run.recipe.strategy: run for run in read_study(folder / "study").runs}


@pytest.fixture(scope="module")
def pixels(runs: dict[str, RunFiles]) -> np.ndarray:
    run = runs["probe"]
    squares = read_squares(run.folder.parents[1], run.recipe)
    return np.stack([squares.of(id_) for id_ in run.predictions["test"].ids])


def test_a_probe_on_fixed_features(runs: dict[str, RunFiles], pixels: np.ndarray) -> None:
    run = runs["probe"]
    classes = run.record.classes
    found = saliency.class_maps(run, pixels, classes)
    assert found.layer == "bn2" and found.classes == tuple(classes) and found.method == "Grad-CAM"
    for maps, maxima in ((found.maps, found.maxima), (found.control, found.control_maxima)):
        assert maps.shape == (12, 2, 4, 4) and maps.dtype == np.float32 and maxima.shape == (12, 2)
        assert maps.min() == 0 and maps.max() == 1 and ((maps.max(axis=(2, 3)) == 1) == (maxima > 0)).all()
    labels = run.predictions["test"].labels
    mine = found.maps[np.arange(12), labels][:, None]
    assert share_in_corner(mine).mean() > 0.5, "of the area the corner has a quarter"
    assert np.nanmean(np.abs(found.similarity)) < 0.9

    again = saliency.class_maps(run.folder, pixels, classes)
    for name in ("maps", "maxima", "control", "similarity"):
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    other = saliency.class_maps(run, pixels, classes, seed=1)
    assert np.array_equal(other.maps, found.maps) and not np.array_equal(other.control, found.control)
    half = saliency.class_maps(run, (pixels / 255).astype(np.float16), classes)
    np.testing.assert_allclose(half.maps, found.maps, atol=0.02)


def test_threads_get_what_one_alone_gets_and_the_last_networks_are_kept(
    runs: dict[str, RunFiles], pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = kept.load_network
    monkeypatch.setattr(kept, "load_network", lambda folder: loaded.append(folder) or load(folder))
    monkeypatch.setattr(ask, "LAST", kept.LastAsked())
    run = runs["probe"]

    def maps(row: int) -> np.ndarray:
        return saliency.class_maps(run, pixels[row : row + 1], ["1"]).maps

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(maps, range(4)))
    assert len(loaded) == 1
    for row, found in enumerate(together):
        np.testing.assert_array_equal(found, maps(row))
    monkeypatch.setattr(kept, "KEPT", 1)
    for seed in (1, 0):
        saliency.class_maps(run, pixels[:1], ["1"], seed=seed)
    assert len(loaded) == 3, "the second drove the first out"


def test_one_of_several_labels_is_asked_with_the_names_of_its_question(
    runs: dict[str, RunFiles], pixels: np.ndarray
) -> None:
    run = runs["probe"]
    asked = replace(run, folder=run.folder / "labels" / "one", question=LabelQuestion("cut", 1, 0.0))
    found = saliency.class_maps(asked, pixels[:2], ["no cut", "cut"])
    np.testing.assert_allclose(found.maps[:, 1], saliency.class_maps(run, pixels[:2], ["1"]).maps[:, 0], atol=1e-6)
    assert (found.maxima[:, 0] == 0).all() and np.isnan(found.similarity[:, 0]).all(), "the logit of absence is 0"


def test_what_cannot_be_asked_says_so(runs: dict[str, RunFiles], pixels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^no spatial map: found a run of nearest neighbours"):
        saliency.class_maps(runs["knn"], pixels, ["0"])
    with pytest.raises(UsageError, match=r"shape \(12, 64, 64, 1\).*expected \(n, 128, 128, 1 or 3\).*classes x;"):
        saliency.class_maps(runs["probe"], pixels[:, ::2, ::2], ["x"])
    with pytest.raises(UsageError, match=r"floats in \d+ … \d+; expected 0 … 1"):
        saliency.class_maps(runs["probe"], pixels.astype(np.float32), ["0"])
    with pytest.raises(InputError, match=r"no run\.json"):
        saliency.class_maps(tmp_path, pixels, ["0"])
    trunk = SideBySide([(Input((0.5,) * 3, (0.25,) * 3), nn.Flatten())] * 2)
    with pytest.raises(UsageError, match=r"^no spatial map: found features of 2 networks"):
        kept.check_differentiable(Network({"input": nn.Identity(), "networks": trunk}, 8, 2, 0))


def test_a_model_of_which_only_answers_are_known(
    runs: dict[str, RunFiles], pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "read_run_record", lambda folder: replace(runs["probe"].record, learning=GIVEN))
    with pytest.raises(UsageError, match=r"^no spatial map: found a model of which only answers are known"):
        saliency.class_maps(runs["probe"], pixels, ["0"], seed=7)


def test_without_captum_the_extra_is_named(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(HeldoutError, match=r"heldout\[saliency\]"):
        saliency.class_maps("anything", pixels, ["0"])


def test_the_page_s_example_runs(
    runs: dict[str, RunFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "saliency.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    (tmp_path / "study").symlink_to(runs["probe"].folder.parents[1])
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out.startswith("bn2 Grad-CAM ")
    assert (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG" != (tmp_path / "control.png").read_bytes()
