"""A study of images of more than 8 bits, end to end: recorded, trained, put to use, diagnosed, shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import heldout
from heldout.classifier import TransferClassifier
from heldout.errors import InputError
from heldout.phantoms import Counts, simulate
from heldout.phantoms.plants.blur import Blur
from heldout.phantoms.worlds import worlds
from heldout.report.diagnosis_files import read_squares
from heldout.report.gallery import data_address
from heldout.runs.folder import read_study
from heldout.runs.predict import predict
from heldout.study import Study
from tests.cli.call import call

SIDE = 32


def spots(n: int, seed: int, wide: bool) -> np.ndarray:
    """Faint spots in the lowest tenth of 16 bits: cut to 8 bits they are a few grey levels."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    places = rng.uniform(12, 20, (n, 2))
    width = 2.0 + 3.0 * wide
    spot = np.exp(-((yy - places[:, :1, None]) ** 2 + (xx - places[:, 1:, None]) ** 2) / (2 * width**2))
    return (2000 + 900 * spot + rng.normal(0, 60, (n, SIDE, SIDE))).clip(0, 65535).astype(np.uint16)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("deep") / "spots"
    for part, n in (("train", 20), ("val", 10), ("test", 12)):
        (root / part).mkdir(parents=True)
        for k, name in enumerate(("narrow", "wide")):
            np.save(root / part / f"{name}.npy", spots(n, 100 * n + k, bool(k)))
    return root


@pytest.fixture(scope="module")
def study(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    out = tmp_path_factory.mktemp("deep") / "study"
    made = Study(data, ["efficientnet_lite0"], ["probe"], out, image_size=SIDE, intensity="percentile:0.5,99.5")
    return made.run()


def failed(study: Path) -> list[str]:
    """Experiments that failed on the runs of a study, with what they say; some must have been tried."""
    notes = {path.stem: json.loads(path.read_text()) for path in study.glob("runs/*/experiments/*.json")}
    assert len(notes) > 8
    return [f"{name}: {about['absent']}" for name, about in notes.items() if about["failed"]]


def test_numbers_of_the_policy_are_in_recipe_and_plan(study: Study) -> None:
    (run,) = read_study(study.folder).runs
    rule = run.recipe.input_map
    assert rule is not None and rule.intensity == "percentile:0.5,99.5" and rule.images == 40
    train = np.concatenate([np.load(study.spec.data + f"/train/{name}.npy") for name in ("narrow", "wide")])
    expected = np.percentile(train, (0.5, 99.5), method="inverted_cdf")
    assert (rule.low[0], rule.high[0]) == tuple(expected)
    assert read_study(study.folder).plan.intensity == "percentile:0.5,99.5"
    stores = [np.load(path, mmap_mode="r").dtype for path in study.folder.glob("images/*/pixels.npy")]
    assert stores == [np.float16] * 3
    assert run.predictions["test"].labels.size == 24
    correct = run.predictions["test"].logits.argmax(axis=1) == run.predictions["test"].labels
    assert correct.mean() > 0.9


def test_the_same_call_has_nothing_to_do_and_another_policy_is_another_run(study: Study) -> None:
    again, other = (
        Study(study.cohort, ["efficientnet_lite0"], ["probe"], study.folder, image_size=SIDE, intensity=policy)
        for policy in ("", "full-range")  # the cohort remembers what it was read with
    )
    assert [run.recipe.id for run in again.plan()] == [run.recipe.id for run in study.plan()]
    assert {run.recipe.id for run in other.plan()}.isdisjoint(run.recipe.id for run in study.plan())
    assert (other.cohort.hash, other.split.hash) == (study.cohort.hash, study.split.hash)  # so they can be compared


def test_predict_takes_the_policy_of_the_run(study: Study, tmp_path: Path) -> None:
    (run,) = read_study(study.folder).runs
    images = np.load(Path(study.spec.data) / "test" / "wide.npy")[:3]
    files = [tmp_path / f"{row}.npy" for row in range(3)]
    for file, image in zip(files, images, strict=True):
        np.save(file, image)
    found = predict(run.folder, files)["p(wide)"].to_numpy()
    table = study.cohort.table
    rows = table[(table["split"] == "test") & (table["label"] == "wide")].sort_values("row")["id"][:3]
    scored = run.predictions["test"]
    logits = scored.logits[[scored.ids.index(id_) for id_ in rows]]
    expected = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    np.save(files[0], (images[0] // 256).astype(np.float32) * np.nan)
    with pytest.raises(InputError, match="no finite"):
        predict(run.folder, files)


def test_a_classifier_of_arrays_keeps_its_numbers(data: Path) -> None:
    narrow, wide = (np.load(data / "train" / f"{name}.npy") for name in ("narrow", "wide"))
    X, y = np.concatenate([narrow, wide]), np.repeat(["narrow", "wide"], len(narrow))
    with pytest.raises(InputError, match="--intensity percentile"):
        TransferClassifier("efficientnet_lite0", "probe", image_size=SIDE).fit(X, y)
    model = TransferClassifier("efficientnet_lite0", "probe", image_size=SIDE, intensity="percentile:1,99")
    model.fit(X, y)
    assert model.input_map_ is not None and model.input_map_.images == 32
    test = np.load(data / "test" / "wide.npy")
    alone = model.predict_proba(test[:1])
    np.testing.assert_allclose(alone, model.predict_proba(test)[:1], atol=1e-3)  # whatever stands beside it
    assert (model.predict(test) == "wide").mean() > 0.8
    model.set_params(intensity="per-image")
    with pytest.warns(UserWarning, match="scaled by itself"):
        model.fit(X, y)


@pytest.mark.slow
def test_a_study_of_floats_is_diagnosed_and_reported(study: Study) -> None:
    (found,) = study.diagnose()
    assert {finding.verdict for finding in found.findings}.isdisjoint({"failed"})
    assert not failed(study.folder)
    page = study.report().read_text(encoding="utf-8")
    assert "--intensity percentile:0.5,99.5" in page
    (run,) = read_study(study.folder).runs
    square = read_squares(study.folder, run.recipe).of(run.predictions["test"].ids[0])
    assert square is not None and square.dtype == np.uint8 and data_address(square).startswith("data:image/jpeg")


@pytest.mark.slow
@pytest.mark.parametrize("channels", ["adapt", "project", "select:1"])
def test_two_channels_are_learned_from_and_diagnosed(tmp_path: Path, channels: str) -> None:
    root = tmp_path / "two"
    for part, n in (("train", 16), ("val", 8), ("test", 8)):
        (root / part).mkdir(parents=True)
        for k, name in enumerate(("narrow", "wide")):
            planes = [spots(n, 7 * n + k, False), spots(n, 11 * n + k, bool(k))]
            np.save(root / part / f"{name}.npy", np.stack(planes, axis=-1))
    study = Study(
        root, ["efficientnet_lite0"], ["finetune"], tmp_path / "study", image_size=SIDE, epochs=2,
        intensity="percentile:0.5,99.5", channels=channels,
    ).run()  # fmt: skip
    (run,) = read_study(study.folder).runs
    assert run.recipe.in_channels == (2 if channels == "adapt" else 3)
    (found,) = study.diagnose()
    assert "failed" not in {finding.verdict for finding in found.findings} and not failed(study.folder)
    np.save(tmp_path / "one.npy", np.load(root / "test/wide.npy")[0])
    assert len(predict(run.folder, [tmp_path / "one.npy"])) == 1


@pytest.mark.slow
def test_the_same_pixels_in_16_bits_have_the_same_diagnosis(tmp_path: Path) -> None:
    """Blurred test images, as bytes and as 257 times the same in 16 bits: only float16's rounding is another."""
    counts = Counts(train=240, val=160, test=160, train_patients=20, val_patients=20, test_patients=20)
    phantom = simulate(worlds.get("cells"), 5, counts, size=48, plants=[Blur(sigma=2.0)])
    found = []
    for name, pixels in (("eight", phantom.images), ("deep", phantom.images.astype(np.uint16) * np.uint16(257))):
        for part in ("train", "val", "test"):
            (tmp_path / name / part).mkdir(parents=True)
            for label in phantom.classes:
                rows = np.flatnonzero((phantom.table["split"] == part) & (phantom.table["label"] == label))
                np.save(tmp_path / name / part / f"{label}.npy", pixels[rows])
        policy = "full-range" if name == "deep" else ""
        out = tmp_path / f"{name}-study"
        study = Study(tmp_path / name, ["efficientnet_lite0"], ["probe"], out, image_size=48, intensity=policy)
        found.append(study.run().diagnose()[0])
        assert not failed(out)
    eight, deep = found
    assert abs(eight.gap_points.value - deep.gap_points.value) < 2
    pairs = {
        finding.code: (finding, next(f for f in deep.findings if f.code == finding.code)) for finding in eight.findings
    }
    verdicts = {code: (one.verdict, other.verdict) for code, (one, other) in pairs.items()}
    assert [code for code, (one, other) in verdicts.items() if one != other] == []
    quality = pairs["image-quality"]
    assert quality[0].points is not None and quality[1].points is not None
    assert abs(quality[0].points.value - quality[1].points.value) < 3


def test_a_given_model_is_shown_8_bits_by_the_policy(data: Path, tmp_path: Path) -> None:
    arrays = {
        part: np.concatenate([np.load(data / part / f"{name}.npy") for name in ("narrow", "wide")])
        for part in ("val", "test")
    }
    seen: list[np.ndarray] = []

    def model(pixels: np.ndarray) -> np.ndarray:
        seen.append(pixels)
        p = (pixels[..., 0].mean(axis=(1, 2)) > 60).astype(float)
        return np.stack([1 - p, p], axis=1)

    tables = [
        pd.DataFrame({"id": [f"{part}{k}" for k in range(len(arrays[part]))], "label": ["narrow"] * n + ["wide"] * n})
        for part, n in (("val", 10), ("test", 12))
    ]
    options = {"predict": model, "images": arrays, "experiments": False, "bootstrap": 100, "out": tmp_path / "study"}
    with pytest.raises(InputError, match="--intensity percentile"):
        heldout.diagnose(*tables, **options)
    (found,) = heldout.diagnose(*tables, intensity="window:1800,3000", **options)
    assert found.gap_points is not None
    assert all(pixels.dtype == np.uint8 and pixels.shape[1:] == (SIDE, SIDE, 3) for pixels in seen)
    first = np.rint(((arrays["val"][0].astype(np.float32) - 1800) / 1200).clip(0, 1) * 255)
    assert any(np.array_equal(pixels[0, ..., 0], first) for pixels in seen)
    (run,) = read_study(tmp_path / "study").runs
    assert run.recipe.input_map is not None and run.recipe.input_map.eight_bit


def test_inspect_shows_values_and_a_contact_sheet(data: Path, tmp_path: Path) -> None:

    sheet = tmp_path / "sheet.png"
    answer = call("inspect", data, "--contact-sheet", sheet, "--json")
    assert int(answer.status) == 1
    said = json.loads(answer.out)
    assert said["values"]["proposed"] == "percentile:0.5,99.5" and said["bits"] == {"16": 84}
    part = said["values"]["parts"]["test"]
    tested = np.concatenate([np.load(data / "test" / f"{name}.npy") for name in ("narrow", "wide")])
    assert (part["low"], part["high"]) == (tested.min(), tested.max())
    shares = part["histogram"]["shares"]
    assert sum(shares) == pytest.approx(1) and shares.index(max(shares)) < 24
    low, high = np.percentile(tested, (0.5, 99.5))
    assert part["histogram"]["usual"] == pytest.approx([low, high], rel=0.02)
    with Image.open(sheet) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape[0] > 2 * 128 and pixels.std() > 20
    chosen = call("inspect", data, "--intensity", "percentile:0.5,99.5", "--contact-sheet", tmp_path / "again.png")
    assert int(chosen.status) == 0 and "--intensity percentile:0.5,99.5" in chosen.out
    assert "█" in chosen.out
    assert int(call("inspect", data, "--contact-sheet", tmp_path / "sheet.jpg").status) == 2
