"""Phantoms: the same seed the same pixels, twins paired image by image, a task that is neither trivial nor hopeless."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import heldout
from heldout.cli import ExitStatus
from heldout.phantoms import Counts, simulate, write_phantom
from heldout.phantoms.worlds import worlds
from tests.cli.call import call
from tests.phantoms.features import measure

CELLS = worlds.get("cells")


@pytest.mark.parametrize("world", list(worlds), ids=lambda world: world.name)
def test_equal_seed_equal_pixels(world) -> None:  # type: ignore[no-untyped-def]
    first, again, other = (simulate(world, seed, Counts.of(16)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.images, again.images)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert not np.array_equal(first.images, other.images)
    assert first.images.shape == (16, 96, 96)
    assert first.images.dtype == np.uint8


def test_an_image_does_not_depend_on_how_many_are_drawn() -> None:
    few = simulate(CELLS, 3, Counts(train=6, test=2, train_patients=2, test_patients=1))
    many = simulate(CELLS, 3, Counts(train=12, test=4, train_patients=2, test_patients=1))

    def keyed(phantom) -> dict[tuple[str, int], bytes]:  # type: ignore[no-untyped-def]
        number = phantom.table.groupby("patient").cumcount()
        pairs = zip(phantom.table["patient"], number, phantom.images, strict=True)
        return {(patient, k): image.tobytes() for patient, k, image in pairs}

    small, large = keyed(few), keyed(many)
    assert set(small) < set(large)
    assert all(large[key] == image for key, image in small.items())


def test_a_twin_shows_the_same_cells_through_other_optics() -> None:
    blurred = CELLS.with_optics(dataclasses.replace(CELLS.train.sites[0].optics, na=0.3))
    plain, twin = (simulate(world, 1, Counts.of(12)) for world in (CELLS, blurred))
    assert not np.array_equal(plain.images, twin.images)
    for column in ("label", "patient", "stage", "volume_fl", "x_um"):
        assert list(plain.table[column]) == list(twin.table[column])
    assert (twin.table["psf_sigma_um"] > plain.table["psf_sigma_um"]).all()


def test_no_patient_is_in_two_parts() -> None:
    table = simulate(CELLS, 0, Counts.of(60, patients=12, val=True)).table
    assert (table.groupby("patient")["split"].nunique() == 1).all()
    assert set(table["split"]) == {"train", "val", "test"}


def test_textbook_features_tell_the_classes_apart_but_not_all() -> None:
    """Held-out accuracy of a logistic regression on nine features measured on the pixels alone."""
    phantom = simulate(CELLS, 0, Counts.of(500, patients=100))
    x = np.array([measure(image, 6.0) for image in phantom.images])
    y = (phantom.table["label"] == "echinocyte").to_numpy()
    train = (phantom.table["split"] == "train").to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[train], y[train])
    accuracy = model.score(x[~train], y[~train])
    assert 0.75 <= accuracy <= 0.98
    assert accuracy <= CELLS.test.population.ceiling() + 0.06  # no better than can be, up to sampling error


def test_the_command_writes_what_the_reader_reads(tmp_path: Path) -> None:
    answer = call("phantom", tmp_path / "p", "--n", 40, "--json")
    assert answer.status == ExitStatus.OK, answer.err
    assert json.loads(answer.out)["classes"]
    cohort = heldout.load(tmp_path / "p")
    assert len(cohort) == 40
    assert cohort.patients_known
    truth = pd.read_csv(tmp_path / "p" / "metadata.csv")
    assert {"stage", "psf_sigma_um", "posterior"} <= set(truth.columns)
    again = simulate(CELLS, 0, Counts.of(40))
    write_phantom(again, tmp_path / "q")
    assert heldout.load(tmp_path / "q").hash == cohort.hash
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert call("phantom", tmp_path / "mine", "--n", 40).status != ExitStatus.OK  # nothing of anyone's is overwritten
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert call("phantom", tmp_path / "r", "--n", 3).status == ExitStatus.USAGE
    assert call("phantom", tmp_path / "r", "--world", "cell").status == ExitStatus.USAGE
