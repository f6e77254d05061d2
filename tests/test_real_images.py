"""The shared real images through the same command as everyone's: five classes in two sizes, and imbalance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examples.other_data import make_manifest

from heldout.cli import ExitStatus
from tests.cli.call import call
from tests.data_folder import shared_data


def run(data: Path, out: Path, size: int) -> dict[str, object]:
    words = ["run", data, "--model", "efficientnet_lite0", "--strategy", "probe", "--image-size", size, "--out", out]
    answer = call(*words, "--json")
    assert answer.status == ExitStatus.OK, answer.err
    assert call("report", out).status == ExitStatus.OK
    found: dict[str, object] = json.loads(answer.out)["runs"][0]
    return found


@pytest.mark.slow
def test_white_blood_cells_of_two_laboratories(tmp_path: Path) -> None:
    row = run(shared_data("wbc_two_labs") / "manifest.csv", tmp_path / "wbc", 96)
    assert set(row["test"]["recall"]) == {"basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"}  # type: ignore[index]
    assert row["val"]["accuracy"]["n"] + row["test"]["accuracy"]["n"] > 100  # type: ignore[index]
    assert row["val"]["accuracy"]["value"] > 0.8  # type: ignore[index]


@pytest.mark.slow
def test_one_basophil_does_not_keep_two_laboratories_from_being_diagnosed(tmp_path: Path) -> None:
    """One basophil in 300 images for training and validation, three in 100 for test."""
    out = tmp_path / "wbc"
    run(shared_data("wbc_two_labs") / "manifest.csv", out, 96)
    answer = call("diagnose", out, "--json")
    assert answer.status == ExitStatus.OK, answer.err
    found = json.loads(answer.out)
    terms = {term["term"]: term for term in found["budget"]}
    assert found["explained"] and terms["threshold"]["status"] == "measured"
    assert sum(term["points"]["value"] for term in terms.values()) == pytest.approx(found["gap_points"]["value"])
    rows = {row["name"]: row for row in found["classes"]}
    assert rows["eosinophil"]["train_images"] < 22 and rows["basophil"]["train_images"] <= 1
    codes = {item["code"]: item for item in found["findings"]}
    assert "absent" in terms or rows["basophil"]["val_recall"] is not None
    assert codes["rare-classes"]["verdict"] in ("suggested", "not identifiable")
    assert "parts missing" not in {item["kind"] for item in found["findings"]}


@pytest.mark.slow
def test_sperm_cells_with_their_official_validation(tmp_path: Path) -> None:
    row = run(make_manifest(shared_data("mhsma64"), tmp_path), tmp_path / "mhsma", 64)
    assert (row["val"]["accuracy"]["n"], row["test"]["accuracy"]["n"]) == (240, 300)  # type: ignore[index]
    assert row["val"]["auc"]["value"] > 0.6  # type: ignore[index]
