"""Intervals of a nested cross-validation: the wider of that over patients and that over folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.records import Comparison
from heldout.runs.compare import compare_study
from heldout.runs.folder import StudyFiles, read_study
from heldout.stats.folds import corrected_t
from tests.worlds.made_study import RUNS, make_study

FOLDS, N = 4, 200


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    """Most that the first run has wrong is in one fold, and the folds differ more than patients do."""
    folder = make_study(tmp_path_factory.mktemp("nested") / "study", runs=RUNS[:1], n_val=N, n_test=0, patients=False)
    made = read_study(folder)
    run = made.runs[0]
    val = run.predictions["val"]
    order = np.argsort(val.right, kind="stable")  # the wrong ones first
    fold = np.empty(N, dtype=np.int64)
    fold[order] = np.arange(N) * FOLDS // N
    folds = pd.DataFrame({"id": val.ids, "split": "val", "variant": [f"fold {number}" for number in fold]})
    return replace(made, runs=(replace(run, folds=folds),), split=replace(made.split, folds=FOLDS))


@pytest.fixture(scope="module")
def nested(files: StudyFiles) -> Comparison:
    return compare_study(files)


def test_points_over_the_baseline_count_what_folds_share(files: StudyFiles, nested: Comparison) -> None:
    (row,), (run,) = nested.runs, files.runs
    val, told = run.predictions["val"], row.over_baseline_points
    assert told is not None and run.folds is not None and nested.baseline is not None
    baseline = val.labels == files.cohort.classes.index(nested.baseline.answer)
    gained, names = 100 * (val.right * 1.0 - baseline), run.folds["variant"].to_numpy()
    each = [gained[names == name].mean() for name in np.unique(names)]
    found = corrected_t(each, N - N // FOLDS, N // FOLDS)
    assert told.value == pytest.approx(gained.mean()) == pytest.approx(found.value)
    assert told.low <= found.low and told.high >= min(found.high, 100) and "corrected resampled t" in told.method
    assert row.better_than_baseline == (told.low > 0)


def test_scores_of_which_folds_say_too_little_keep_the_interval_over_patients(nested: Comparison) -> None:
    (row,) = nested.runs
    assert "corrected resampled t" in row.val.accuracy.method
    others = [row.val.auc, *row.val.recall.values(), *row.val.scores.values()]
    assert others and not any("corrected resampled t" in one.method for one in others if one is not None)
