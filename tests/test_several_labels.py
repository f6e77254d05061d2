"""Several labels an image from end to end: images with findings, trained, compared, diagnosed, reported, put to use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.classifier import TransferClassifier
from heldout.cli import ExitStatus
from heldout.runs.folder import read_study
from tests.cli.call import call
from tests.worlds.findings import drawn, findings, write_npz


def test_the_classifier_takes_labels_n_k() -> None:
    y = findings(60, 0)
    model = TransferClassifier("efficientnet_lite0", "probe", image_size=32).fit(drawn(y, 0), y)
    new = findings(40, 9)
    answers, probabilities = model.predict(drawn(new, 9)), model.predict_proba(drawn(new, 9))
    assert answers.shape == probabilities.shape == (40, 3) and model.thresholds_.shape == (3,)
    assert (answers == new).mean() > 0.85
    assert ((probabilities > 1 / (1 + np.exp(-model.thresholds_))) == answers).all()


@pytest.mark.slow
def test_run_compare_diagnose_report_and_predict(tmp_path: Path) -> None:
    data, study = write_npz(tmp_path / "findings.npz", (120, 80, 80)), tmp_path / "study"
    words = ("--models", "efficientnet_lite0", "--image-size", "32", "--epochs", "2", "--out", study)
    ran = call("run", data, "--strategies", "probe,knn,finetune", *words)
    assert ran.status == ExitStatus.OK and "mean AUC" in ran.out and "from the columns 0, 1, 2" in ran.err
    before = {run.record.id: run.record.created for run in read_study(study).runs}
    assert call("run", data, "--strategies", "probe,knn,finetune", *words).status == ExitStatus.OK
    assert {run.record.id: run.record.created for run in read_study(study).runs} == before, "nothing is trained twice"

    compared = json.loads(call("compare", study, "--json").out)
    probe = next(row for row in compared["runs"] if row["strategy"] == "probe")
    assert probe["test"]["by_metric"]["value"] > 0.95 and set(probe["test"]["labels"]) == {"0", "1", "2"}

    diagnosed = call("diagnose", study, "--run", probe["id"], "--sample", "40")
    assert diagnosed.status == ExitStatus.OK and "Of 3 labels" in diagnosed.out
    for label in ("0-0", "1-1", "2-2"):
        left = study / "runs" / probe["id"] / "labels" / label / "experiments"
        about = {file.stem: json.loads(file.read_text()) for file in left.glob("*.json")}
        assert len(about) > 8 and not [name for name, one in about.items() if one["failed"]], label
        assert about["grouped"]["kind"] == about["strengths"]["kind"], "one label is not trained by itself"

    assert call("report", study).status == ExitStatus.OK
    assert "Why test is lower, label by label" in (study / "report.html").read_text(encoding="utf-8")
    Image.fromarray(drawn(np.array([[1, 0, 1]]), 4)[0]).save(tmp_path / "new.png")
    told = call("predict", study / "runs" / probe["id"], tmp_path / "new.png")
    assert told.status == ExitStatus.OK and "0|2" in told.out
