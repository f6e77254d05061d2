"""A file of reviewed labels as people fill it in: a class called None, semicolons, blanks, gaps."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.read import read_review
from heldout.diagnosis.suspects import beyond_the_sample
from heldout.errors import InputError
from heldout.runs.folder import StudyFiles, read_study
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="module", params=[("None", "Polyp"), ("NA", "Polyp")], ids=str)
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    place = tmp_path_factory.mktemp("made") / "study"
    return read_study(
        make_study(place, runs=RUNS[:1], classes=request.param, n_train=20, n_val=20, n_test=20, epochs=3)
    )


@pytest.mark.parametrize("form", ["id,label\n{}", "sep=;\r\nId;Label;;\r\n{}", '"";"id";"label"\n{}'])
def test_text_stays_text(study: StudyFiles, tmp_path: Path, form: str) -> None:
    first, second, third, fourth = study.split.test[:4]
    none = study.cohort.classes[0]
    rows = [(first, f" {none} "), (second, "Polyp"), (third, ""), (fourth, none), (fourth, "Polyp")]
    mark, tail, lead = (";", ";;\r\n", "") if "sep" in form else (";", "\n", '"1";') if ";" in form else (",", "\n", "")
    file = tmp_path / "review.csv"
    file.write_text(
        form.format("".join(f"{lead}{id_}{mark}{label}{tail}" for id_, label in rows)), encoding="utf-8-sig"
    )
    read = read_review(file, study, {first: 0.5})
    given = study.cohort.table.set_index("id")["label"]
    assert read[["id", "label"]].to_numpy().tolist() == [[first, none], [second, "Polyp"], [fourth, given[fourth]]]
    assert read["probability"].tolist() == [0.5, 1.0, 1.0]


def test_lines_are_named_as_an_editor_counts_them(study: StudyFiles, tmp_path: Path) -> None:
    file = tmp_path / "review.csv"
    file.write_text(f"id,label\n\nnobody,Polyp\n{study.split.test[0]},dog\n")
    with pytest.raises(InputError, match=r"line 3: found id nobody.*\n.*line 4: found label 'dog'"):
        read_review(file, study, {})


def test_wrong_labels_that_a_review_finds_carry_points_of_the_gap(tmp_path: Path) -> None:
    """Readers who take every image that was asked for as the network does: each wrong one stands for 1/p others."""
    study = read_study(make_study(tmp_path, runs=RUNS[:1], n_train=20, n_val=60, n_test=60, epochs=3))
    test = study.runs[0].predictions["test"]
    (before,) = diagnose(study, bootstrap=100)
    read = dict(zip(test.ids, (study.cohort.classes[k] for k in test.predicted), strict=True))
    file = tmp_path / "review.csv"
    file.write_text("id,label\n" + "".join(f"{id_},{read[id_]}\n" for id_ in before.review))
    (after,) = diagnose(study, review=file, bootstrap=100)
    points = [{item.term: item.points.value for item in found.budget if item.points} for found in (before, after)]
    wrong = dict(zip(test.ids, test.predicted != test.labels, strict=True))
    stands_for = sum(1 / p for id_, p in before.review.items() if wrong[id_])
    assert stands_for > 5 and points[0]["labels"] == 0.0
    assert points[1]["labels"] == pytest.approx(100 * stands_for / len(test), abs=0.01)
    assert before.gap_points == after.gap_points and not after.review


def test_what_is_read_beyond_the_list_counts_once(tmp_path: Path) -> None:
    """With all test images read the points are those of the true labels, whatever the list's probabilities were."""
    study = read_study(make_study(tmp_path, runs=RUNS[:1], n_train=20, n_val=60, n_test=60, epochs=3))
    test = study.runs[0].predictions["test"]
    read = dict(zip(test.ids, (study.cohort.classes[k] for k in test.predicted), strict=True))
    file = tmp_path / "review.csv"
    file.write_text("id,label\n" + "".join(f"{id_},{label}\n" for id_, label in read.items()))
    (found,) = diagnose(study, review=file, bootstrap=100)
    assert found.gap_points is not None
    (labels,) = (item.points.value for item in found.budget if item.term == "labels" and item.points)
    assert labels == pytest.approx(100 * (~test.right).mean(), abs=1e-3)


@given(seed=st.integers(0, 10**6), share=st.floats(0, 1))
def test_the_weights_of_a_review_sum_to_the_images_that_there_are(seed: int, share: float) -> None:
    """If the list's probabilities are those of a plain draw, listed, read and unread images add up to all."""
    rng = np.random.default_rng(seed)
    ids = [f"i{n}" for n in range(100)]
    sample = {**dict.fromkeys(ids[:10], 1.0), **dict.fromkeys(ids[10:28], 0.2)}
    extra = [id_ for id_ in ids[28:] if rng.random() < share]
    asked = pd.DataFrame({"id": [*sample, *extra], "label": "a"})
    review = asked.assign(probability=[sample.get(id_, 1.0) for id_ in asked["id"]])
    weights = 1 / beyond_the_sample(review, sample, ids)["probability"]
    assert weights.sum() == pytest.approx(100)
    assert (weights[asked["id"].isin(extra)] == 1).all() and (weights >= 1).all()
