"""Files put through a trained run: which are named, how many are held at a time, what becomes of bad ones."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile

from heldout.data.entries import Layout
from heldout.data.readers.files import files_named
from heldout.errors import InputError, Problem
from heldout.runs import predict as module
from heldout.runs.predict import Classifier, Scored, predict
from tests.data.readers.making import write_image


@pytest.fixture
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose network says how bright an image is: class `light` above the middle."""

    def logits(network: object, pixels: np.ndarray, place: object) -> np.ndarray:
        mean = pixels.reshape(len(pixels), -1).mean(axis=1) - 127.5
        return np.stack([-mean, mean], axis=1)

    recipe = SimpleNamespace(
        precision="no",
        classes=("dark", "light"),
        labels="single",
        image_size=8,
        squares="8-stretch-bilinear",
        fit="stretch",
        interpolation="bilinear",
        input_map=None,
    )
    monkeypatch.setattr(module, "read_run_record", lambda run: SimpleNamespace(thresholds=()))
    monkeypatch.setattr(module, "load_networks", lambda run: ((None, recipe),))
    monkeypatch.setattr(module, "machine", lambda device, precision: SimpleNamespace(hold=lambda network: network))
    monkeypatch.setattr(module, "logits_of", logits)


def test_ten_thousand_files_hold_no_more_than_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brightness: None
) -> None:
    write_image(tmp_path / "0.png", 0)
    alive, most = [0], [0]
    square = module._square

    def counted(file: Path, recipe: Any) -> np.ndarray:
        made = square(file, recipe)
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        weakref.finalize(made, lambda: alive.__setitem__(0, alive[0] - 1))
        return made

    monkeypatch.setattr(module, "_square", counted)
    scored = sum(
        len(one.images) for one in Classifier("run").each([tmp_path / "0.png"] * 10_000) if isinstance(one, Scored)
    )
    assert scored == 10_000 and most[0] <= 2 * module.EVAL_BATCH


def test_grey_and_colour_files_in_order_and_bad_ones_beside(tmp_path: Path, brightness: None) -> None:
    write_image(tmp_path / "a.png", 0)
    write_image(tmp_path / "b.png", 1, (8, 8, 3))
    (tmp_path / "c.png").write_bytes(b"no image")
    found = list(Classifier("run").each([tmp_path / name for name in ("c.png", "b.png", "a.png")]))
    problem, scored = found
    assert isinstance(problem, Problem) and problem.where.endswith("c.png") and isinstance(scored, Scored)
    assert [Path(name).name for name in scored.images] == ["b.png", "a.png"]
    np.testing.assert_allclose(scored.probabilities.sum(axis=1), 1)
    with pytest.raises(InputError, match=r"c\.png"):
        predict("run", [tmp_path])
    frame = predict("run", [tmp_path / "b.png", tmp_path / "a.png"])
    assert list(frame.columns) == ["image", "predicted", "p(dark)", "p(light)"] and len(frame) == 2


@pytest.mark.parametrize(("kind", "found"), [(np.uint16, "16 bits"), (np.uint8, "4 channels")])
def test_what_a_run_of_8_bits_cannot_read_is_not_sent_to_an_option_of_another_command(
    tmp_path: Path, brightness: None, kind: type, found: str
) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", np.arange(256, dtype=kind).reshape(8, 8, 4), photometric="minisblack", planarconfig="contig"
    )
    if kind is np.uint16:
        tifffile.imwrite(tmp_path / "x.tif", np.arange(64, dtype=kind).reshape(8, 8) * 300)
    (problem,) = Classifier("run").each([tmp_path / "x.tif"])
    assert isinstance(problem, Problem) and found in problem.found and "training images" in problem.expected
    assert "--" not in problem.remedy


def test_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("in/1.png", "in/deep/2.png", "in/deep/2_mask.png", "[x].png", "x.png"):
        write_image(tmp_path / name, len(name))
    (tmp_path / "in" / "notes.heic").write_bytes(b"?")
    (tmp_path / "empty").mkdir()

    def named(*places: str, ignore: tuple[str, ...] = ()) -> list[str]:
        found = files_named([tmp_path / place for place in places], Layout(ignore=ignore))
        return [path.relative_to(tmp_path).as_posix() for path in found.files]

    assert named("in") == ["in/1.png", "in/deep/2.png", "in/deep/2_mask.png"]
    assert named("in", ignore=("*_mask*",)) == ["in/1.png", "in/deep/2.png"]
    assert named("in/1.png", "in") == ["in/1.png", "in/deep/2.png", "in/deep/2_mask.png"]  # each once
    assert named("[x].png") == ["[x].png"]  # a file that is called so is no pattern
    assert named("[xy].png") == ["x.png"] and named("**/2*.png") == ["in/deep/2.png", "in/deep/2_mask.png"]
    assert named("absent.png") == ["absent.png"]  # told when it is read
    found = files_named([tmp_path / "empty", tmp_path / "*.tif", tmp_path / "in"])
    assert ["without images" in one.found or "fits no file" in one.found for one in found.problems] == [True, True]
    assert found.notes == ("Passed over, as no images by their names: 1 with ending .heic.",)
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert len(files_named([tmp_path / "in"]).files) == 3
