"""`heldout phantom --plant` and `heldout plants`, in-process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import heldout
from heldout.cli import ExitStatus
from heldout.phantoms.plants import plants
from tests.cli.call import call

SMALL = ("--n", 60, "--val", "--image-size", 32)


def test_plants_are_written_with_their_truth_and_their_twin(tmp_path: Path) -> None:
    out = tmp_path / "p"
    answer = call("phantom", out, *SMALL, "--plant", "blur=2:classes=discocyte", "--plant", "flips=0.5", "--json")
    assert answer.status == ExitStatus.OK, answer.err
    said = json.loads(answer.out)
    assert [one["cause"] for one in said["plants"]] == ["image-quality", "labels"]
    assert said["twin"] == str(out / "twin")

    table, twin = (pd.read_csv(folder / "metadata.csv", keep_default_na=False) for folder in (out, out / "twin"))
    truth = json.loads((out / "truth.json").read_text())
    assert set(truth["plants"][0]["touched"]) == set(table.loc[table["plant_blur"].astype(float) > 0, "id"])
    labels = table["file"].str.extract(r"(\w+cyte)\.npy")[0].str.removeprefix("test_").str.removeprefix("val_")
    assert set(truth["plants"][1]["touched"]) == set(table.loc[labels != table["true_label"], "id"])
    assert len(truth["plants"][1]["touched"]) == said["plants"][1]["touched"] > 0
    assert truth["plants"][1]["settings"]["rate"] == 0.5
    assert sorted(table["id"]) == sorted(twin["id"])
    for label in ("discocyte", "echinocyte"):
        same = [np.load(folder / f"train/{label}.npy") for folder in (out, out / "twin")]
        np.testing.assert_array_equal(*same)
    assert not np.array_equal(*(np.load(folder / "test/test_discocyte.npy") for folder in (out, out / "twin")))

    cohort, clean = heldout.load(out), heldout.load(out / "twin")  # the reader passes over the twin in the phantom
    assert len(cohort) == len(clean) == 60
    plain = call("phantom", tmp_path / "plain", *SMALL)
    assert plain.status == ExitStatus.OK and "lanted" not in plain.out
    assert heldout.load(tmp_path / "plain").hash == clean.hash
    assert not (tmp_path / "plain" / "twin").exists()


def test_the_text_names_the_cause(tmp_path: Path) -> None:
    answer = call("phantom", tmp_path / "p", *SMALL, "--plant", "copies-in-val=0.5")
    assert answer.status == ExitStatus.OK, answer.err
    assert (
        "Planted copies-in-val" in answer.out and "'leakage'" in answer.out and str(tmp_path / "p/twin") in answer.out
    )


@pytest.mark.parametrize("words", [["--plant", "blurr"], ["--plant", "blur=x"], ["--plant", "blur:classes=x"]])
def test_a_plant_that_cannot_be_is_a_usage_error_and_nothing_is_written(tmp_path: Path, words: list[str]) -> None:
    answer = call("phantom", tmp_path / "p", *SMALL, *words)
    assert answer.status == ExitStatus.USAGE
    assert "expected" in answer.err or "Did you mean" in answer.err
    assert not (tmp_path / "p").exists()


def test_every_plant_has_a_manual_entry() -> None:
    answer = call("plants")
    assert answer.status == ExitStatus.OK
    for kind in plants:
        assert f"{kind.name}  {kind.title}" in answer.out
    entries = json.loads(call("plants", "--json").out)["plants"]
    assert [entry["name"] for entry in entries] == list(plants.names())
    assert {"name": "sigma", "type": "float", "default": "2.0"} in entries[0]["settings"]
    assert call("plants", "nothing").status == ExitStatus.USAGE
