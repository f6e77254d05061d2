"""Real chest X-rays, 12 % of the test labels turned round, read again through the page: the term is the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.suspects import doubtful_labels
from heldout.records import Diagnosis, TermStatus
from heldout.records.codec import read_record
from heldout.review.of_study import review_of
from heldout.runs.folder import StudyFiles, read_study
from heldout.stats.bootstrap import draw
from heldout.stats.suspects import review_sample
from tests.test_turned_labels import TEST, diagnosed, drawn
from tests.web.readers import browser, called, keys, needs_browser, playwright, read_on, sit_down  # noqa: F401


def places(table: pd.DataFrame) -> dict[tuple[str, int], int]:
    """File and row that `diagnosed` gives each test image -> its row in the table."""
    test = table[table["split"] == "test"]
    return {
        (f"test/test_{label}.npy", place): row
        for label, some in test.groupby("label")
        for place, row in enumerate(some.index)
    }


def held(study: StudyFiles, shown: np.ndarray, planted: float, lists: int = 200) -> float:
    """How often an interval holds what the turned labels cost when the list to be read is drawn anew: the one that the
    page gave readers is one of them, and may be an unlucky one."""
    (data,) = read_run_data(study, bootstrap=100)
    doubts, scored = doubtful_labels(data, RULES), study.runs[0].predictions["test"]
    assert doubts is not None
    gained = (scored.predicted == shown).astype(float) - scored.right
    weights = draw(scored.labels, scored.ids, scored.patients, replicates=400).weights()
    inside = 0
    for seed in range(lists):
        sample = review_sample(scored.ids, doubts, seed, RULES.review_top, RULES.review_rest, RULES.min_doubt)
        counts = np.array([1 / sample[id_] if id_ in sample else 0.0 for id_ in scored.ids])
        low, high = np.percentile(100 * (weights @ (counts * gained)) / weights.sum(axis=1), [2.5, 97.5])
        inside += low <= planted <= high
    return inside / lists


@pytest.mark.slow
@pytest.mark.browser
@needs_browser
def test_turned_labels_read_again_cost_what_they_cost(browser: playwright.Browser, tmp_path: Path) -> None:  # noqa: F811
    images, table = drawn(0, 0)
    rng = np.random.default_rng(12)
    wrong = (table["split"] == "test").to_numpy() & (rng.random(len(table)) < 0.12)
    other = table["label"].map({"normal": "pneumonia", "pneumonia": "normal"})
    turned = table.assign(label=np.where(wrong, other, table["label"])).reset_index(drop=True)
    before = diagnosed(images, turned, tmp_path)
    study = read_study(tmp_path / "study")
    cohort, rows = study.cohort.table, places(turned)
    test = cohort[cohort["id"].isin(study.split.test)]
    truth = {
        id_: str(table["label"].iloc[rows[source, int(row)]])
        for id_, source, row in zip(test["id"], test["source"], test["row"], strict=True)
    }
    scored = study.runs[0].predictions["test"]
    shown = np.array([study.cohort.classes.index(truth[id_]) for id_ in scored.ids])
    planted = 100 * (np.mean(scored.predicted == shown) - scored.right.mean())
    assert held(study, shown, planted) >= 0.9
    assert planted > 5 and (shown != scored.labels).sum() == wrong.sum() > TEST / 10

    with called(study.folder) as (address, _):
        page, trouble = sit_down(browser, address, "Ada")
        number = read_on(page, keys(study, truth))
        assert number == len(before.review)
        slips = {image.id: None for image in review_of(study).snapshot().images[::20]}
        page, more_trouble = sit_down(browser, address, "Ben")
        assert read_on(page, keys(study, truth | slips)) == number
        page, _ = sit_down(browser, address, "Eve", "Decide where readers differ")
        assert read_on(page, keys(study, truth)) == len(slips)
        page.goto(f"{address}review/result")
        page.click("#count")
        page.wait_for_selector("table.change", timeout=600_000)
        assert trouble == more_trouble == []
    after = read_record(Diagnosis, study.diagnoses / f"{before.run}.json")
    (term,) = (one for one in after.budget if one.term == "labels")
    (bound,) = (one for one in before.budget if one.term == "labels")
    assert bound.status is TermStatus.BOUND and term.status is TermStatus.MEASURED
    assert term.points.low <= planted <= term.points.high, (planted, term.points)
    assert term.points.low > 2 and term.points.high - term.points.low < 20
    assert (after.bootstrap, after.gap_points) == (400, before.gap_points) and not after.review
