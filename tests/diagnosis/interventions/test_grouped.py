"""A run whose validation shares patients with train, trained anew on a split that keeps them together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.gap import samples_of
from heldout.diagnosis.interventions import InterventionContext, run_interventions
from heldout.diagnosis.interventions.grouped import GroupedRetraining
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.rules import RULES
from heldout.records import ReasonKind
from heldout.runs.folder import read_study
from heldout.study import Study
from heldout.training import machine
from tests.worlds.bright_cells import bright_cells


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images a patient, one in train and one in validation."""
    folder = tmp_path_factory.mktemp("grouped")
    data = bright_cells(folder / "data", train=60, test=10)
    table = pd.read_csv(data / "metadata.csv")
    (data / "val").mkdir()
    for label in ("dark", "light"):
        pixels = np.load(data / "train" / f"{label}.npy")
        np.save(data / "train" / f"{label}.npy", pixels[::2])
        np.save(data / "val" / f"{label}.npy", pixels[1::2])
    even = table["file"].str.startswith("train/") & (table["row"] % 2 == 1)
    table.loc[even, "file"] = table.loc[even, "file"].str.replace("train/", "val/")
    trained = ~table["file"].str.startswith("test/")
    table.loc[trained, "row"] //= 2
    table.to_csv(data / "metadata.csv", index=False)
    made = Study(data, ["efficientnet_lite0"], ("probe",), folder / "study", image_size=32)
    made.run()
    return made.folder


def test_the_new_validation_images_have_no_relative_in_train_and_are_compared(study: Path) -> None:
    files = read_study(study)
    run_interventions(files, device="cpu", limit=20)
    place = files.runs[0].folder / "experiments" / "grouped.json"
    assert json.loads(place.read_text())["absent"] is None
    (data,) = read_run_data(files, bootstrap=100)
    assert len(data.leaked) == 60
    scored = data.scored["grouped"]
    assert scored.variants == ("seed=0", "seed=1", "seed=2")
    ids = scored.ids("seed=0", "val")
    assert ids == scored.ids("seed=1", "val") == scored.ids("seed=2", "val")
    patient = files.cohort.table.set_index("id")["patient"]
    assert patient[list(ids)].value_counts().eq(2).all()  # both images of each patient
    assert abs(len(ids) - 60) <= 2
    samples, _ = samples_of(data, RULES)
    assert samples.val_images == 3 * ids  # an image stands once a seed
    assert samples.networks == (len(ids),) * 3 and samples.val_counts.sum() == len(ids)


def test_a_long_retraining_is_left_out_until_it_is_asked_for(study: Path) -> None:
    files = read_study(study)
    run = files.runs[0]
    slow = replace(run, record=replace(run.record, epochs=30, seconds_per_epoch=60.0))
    context = InterventionContext(files, slow, machine("cpu"))
    absence = GroupedRetraining().why_not(context)
    assert absence is not None and absence.kind is ReasonKind.NOT_RUN
    about = {"version": GroupedRetraining.version, "settings": {"seed": 0}, "failed": False}
    about |= {"absent": absence.text, "kind": absence.kind}
    assert GroupedRetraining().is_current(about, context)
    asked = replace(context, retrain=True)
    assert GroupedRetraining().why_not(asked) is None
    assert not GroupedRetraining().is_current(about, asked)
