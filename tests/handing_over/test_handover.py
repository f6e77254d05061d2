"""A trained run handed over: the folder answers as the run does, with its promises, and nothing half is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import heldout
from heldout.cli import ExitStatus
from heldout.errors import HeldoutError, InputError
from heldout.exporting.export import beside
from heldout.handing_over import handover as module
from heldout.handing_over.names import CARD
from heldout.handing_over.reading import handed_over
from heldout.handing_over.sums import SUMS, read_sums
from heldout.images import decode
from heldout.records.export import ExportRecord
from heldout.records.handover import Handover
from heldout.runs.folder import read_study
from heldout.runs.predict import UnlikeWarning, predict
from heldout.study import Study
from tests.cli.call import call
from tests.exporting.made_runs import noise_images
from tests.handing_over.made_folder import made_folder
from tests.handing_over.test_reading_images import tiff, turned
from tests.handing_over.test_script import bare
from tests.worlds.bright_cells import bright_cells

CLOSE = 1e-5
"""By which probabilities of ONNX and PyTorch differ at most here: float32 sums taken in another order."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibrated probe that answers where at most 20 % are wrong: images of 40 pixels, a network of 32."""
    folder = tmp_path_factory.mktemp("handover")
    bright_cells(folder / "data", train=120, test=8, size=40)
    made = Study(folder / "data", ["efficientnet_lite0"], ["probe"], folder / "study", image_size=32).run()
    found = read_study(made.folder).runs[0].folder
    heldout.calibrate(found, "error:0.3", confidence=0.8)
    return found


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Handover:
    return heldout.handover(run, tmp_path_factory.mktemp("handed") / "out")


def test_the_folder_is_whole_and_vouched_for(made: Handover) -> None:
    folder = Path(made.folder)
    there = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    assert there == set(made.files) and read_sums(folder).keys() == there - {CARD, SUMS}
    assert (folder / "labels.txt").read_text().splitlines() == ["dark", "light"]
    requirements = (folder / "requirements.txt").read_text().split()
    assert [one.split("==")[0] for one in requirements] == ["onnxruntime", "pillow", "numpy"]
    assert made.calibrated and made.self_test == 6 and not made.diagnosed and made.to_fill > 5
    assert made.to_fill == (folder / CARD).read_text().count("[TO FILL: ")
    assert made.thresholds.kind == "sure" and made.thresholds.columns[:2] == ("predicted", "answer")


def odds(answers: pd.DataFrame) -> pd.Series:
    """Logarithm of the odds of dark, image by image."""
    return np.log(answers["p(dark)"]) - np.log(answers["p(light)"])


def test_run_folder_and_script_give_the_same_answers(run: Path, made: Handover, tmp_path: Path) -> None:
    images = noise_images(tmp_path / "new", 24, seed=5)
    first = np.asarray(Image.open(images / "00.png").convert("RGB"))[:30, :24]
    for k in (1, 6, 8):
        tiff(first[..., 0], orientation=k)(images / f"grey-{k}.tif")
        tiff(first, "rgb", orientation=k, planarconfig="separate")(images / f"planes-{k}.tif")
        turned(first, k)(images / f"colour-{k}.png")
    with pytest.warns(UnlikeWarning):
        expected = predict(run, [images]).set_index("image")
    for kind in ("grey-{}.tif", "planes-{}.tif", "colour-{}.png"):
        ways = odds(expected).loc[[str(images / kind.format(k)) for k in (1, 6, 8)]]
        assert np.diff(np.sort(ways)).min() > 1, "the network does not see how an image is turned"
    answer = call("predict", made.folder, images, "--csv", tmp_path / "a.csv")
    assert answer.status == 0, answer.err
    done = bare(Path(made.folder), images)
    assert done.returncode == 0, done.stderr
    (tmp_path / "b.csv").write_text(done.stdout)
    for name in ("a.csv", "b.csv"):
        found = pd.read_csv(tmp_path / name, keep_default_na=False).set_index("image").loc[expected.index]
        assert found[["predicted", "answer"]].equals(expected[["predicted", "answer"]])
        np.testing.assert_allclose(found[["p(dark)", "p(light)"]], expected[["p(dark)", "p(light)"]], atol=CLOSE)
        np.testing.assert_allclose(
            odds(found), odds(expected), atol=1e-2
        )  # where a probability is 0 but for the 9th digit
    assert expected["predicted"].nunique() == 2


def test_what_is_calibrated_says_so(run: Path, made: Handover, tmp_path: Path) -> None:
    images = noise_images(tmp_path / "new", 24, seed=5)
    told = [json.loads(call("predict", place, images, "--json").out) for place in (run, made.folder)]
    assert told[0]["calibrated"] and told[1]["calibrated"] and told[0]["run"] == told[1]["run"] == run.name
    first, second = (one["likeness"] for one in told)
    assert first["images"] == second["images"] == 24 and first["unlike"] == second["unlike"]
    assert second["distance"] == pytest.approx(first["distance"], rel=1e-3)
    answer = call("predict", made.folder, images)
    assert "Probabilities are calibrated: the scaling" in answer.err and "nothing is promised" in answer.err
    alone = tmp_path / "model.onnx"  # the file without the folder: calibrated, and nothing is known of when to answer
    shutil.copy(Path(made.folder) / "model.onnx", alone)
    shutil.copy(Path(made.folder) / "model.onnx.json", beside(alone))
    answer = call("predict", alone, images, "--json")
    data = json.loads(answer.out)
    assert data["calibrated"] and "likeness" not in data and "Probabilities are calibrated: the scaling" in answer.err
    refused = call("predict", made.folder, images, "--uncalibrated")
    assert refused.status == ExitStatus.USAGE and "holds its calibration" in refused.err


def test_its_self_test_passes_and_fails(made: Handover, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.folder, tmp_path / "out"))
    done = bare(folder, "--self-test")
    assert done.returncode == 0, done.stderr
    shapes = {decode(file).pixels.shape for file in (folder / "self_test").iterdir()}
    assert shapes == {(96, 96), (90, 150), (110, 70, 3)}
    expected = np.array(list(json.loads((folder / "self_test.json").read_text()).values()))
    assert np.ptp(expected[:, 0]) > 0.01, "all images have one answer: another model would pass"
    bytes_ = bytearray((folder / "model.onnx").read_bytes())
    bytes_[len(bytes_) // 2] ^= 64  # one bit of the weights
    (folder / "model.onnx").write_bytes(bytes_)
    done = bare(folder, "--self-test")
    assert done.returncode == 1 and "model.onnx: changed" in done.stderr


def test_a_changed_folder_is_refused_with_every_change(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "out", {"error": (0.6, 0.6, 0.6)})
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\n")
    (folder / "calibration.parquet").unlink()
    with pytest.raises(InputError) as caught:
        handed_over(folder)
    assert {Path(one.where).name for one in caught.value.problems} == {"model.onnx", "calibration.parquet"}
    (folder / SUMS).write_text(f"{'0' * 64}  ../elsewhere\n")
    with pytest.raises(InputError, match="two blanks"):
        handed_over(folder)
    (folder / SUMS).unlink()
    answer = call("predict", folder, tmp_path)
    assert answer.status == ExitStatus.ERROR and "list of checksums" in answer.err


def test_a_card_may_be_completed_and_then_sealed(made: Handover, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.folder, tmp_path / "out"))
    (folder / CARD).write_text("complete")
    assert handed_over(folder).classes == ("dark", "light")
    with (folder / SUMS).open("a") as file:
        file.write(f"{heldout.files.sha256_of(folder / CARD)}  {CARD}\n")
    assert handed_over(folder).classes == ("dark", "light")
    (folder / CARD).write_text("changed")
    with pytest.raises(InputError, match=r"card\.md"):
        handed_over(folder)


def test_what_cannot_be_handed_over_says_so_and_leaves_nothing(run: Path, made: Handover, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(run, tmp_path / "alone" / "runs" / run.name))
    for words, said in (
        ((tmp_path, tmp_path / "out"), "run.json"),
        ((alone, tmp_path / "out"), "study.json"),
        ((run, made.folder), "empty folder"),
        ((run, Path(made.folder) / CARD), "empty folder"),
    ):
        answer = call("handover", *words)
        assert answer.status != 0 and said in answer.err, answer.err
    assert not (tmp_path / "out").exists()


def test_where_the_self_test_fails_nothing_is_written(
    run: Path, made: Handover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = module.write_self_test

    def copied(run: Path, path: Path, **_: object) -> ExportRecord:  # exporting is tried elsewhere, and takes long
        shutil.copy(Path(made.folder) / "model.onnx", path)
        shutil.copy(beside(Path(made.folder) / "model.onnx"), beside(path))
        return made.model

    def other(folder: Path, source: module.Exportable, depths: tuple[str, ...]) -> int:
        number = write(folder, source, depths)
        wanted = {
            name: [1 - p for p in values]
            for name, values in json.loads((folder / "self_test.json").read_text()).items()
        }
        (folder / "self_test.json").write_text(json.dumps(wanted))
        return number

    monkeypatch.setattr(module, "export", copied)
    monkeypatch.setattr(module, "write_self_test", other)
    (tmp_path / "out").mkdir()
    with pytest.raises(HeldoutError, match="answered otherwise"):
        heldout.handover(run, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["out"] and not any((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("intensity", ["percentile:1,99", "window:0,4095", "per-image"])
def test_runs_of_16_bits_have_16_bit_images_in_their_self_test(intensity: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 6)):
        for label, level in (("dark", 1200), ("light", 2800)):
            (tmp_path / "data" / part / label).mkdir(parents=True)
            for k in range(count):
                pixels = np.clip(rng.normal(level, 500, (40, 40)), 0, 4095).astype(np.uint16)
                Image.fromarray(pixels).save(tmp_path / "data" / part / label / f"{k}.png")
    made = Study(
        tmp_path / "data", ["efficientnet_lite0"], ["probe"], tmp_path / "study", image_size=32, intensity=intensity
    ).run()
    run = read_study(made.folder).runs[0].folder
    done = heldout.handover(run, tmp_path / "out")
    if intensity == "per-image":
        assert "per-image" in done.no_script and done.self_test == 0 and "predict.py" not in done.files
        assert "There is no predict.py" in (tmp_path / "out" / CARD).read_text()
    else:
        assert done.self_test == 6
        expected = np.array(list(json.loads((tmp_path / "out" / "self_test.json").read_text()).values()))
        assert np.ptp(expected[:, 0]) > 0.01
    test = tmp_path / "data" / "test"
    answer = call("predict", tmp_path / "out", test, "--csv", tmp_path / "a.csv")
    assert answer.status == 0, answer.err
    found, wanted = pd.read_csv(tmp_path / "a.csv").set_index("image"), predict(run, [test]).set_index("image")
    np.testing.assert_allclose(found.loc[wanted.index, "p(dark)"], wanted["p(dark)"], atol=1e-4)
