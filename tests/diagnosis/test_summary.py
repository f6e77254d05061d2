"""What the summary says, in which order, and that its words are those of the unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.patients import by_unit
from heldout.diagnosis.run_data import RunData
from heldout.records import Diagnosis, ReasonKind
from heldout.records.metric import Unit
from heldout.records.predictions import Predictions
from heldout.records.run import GIVEN
from tests.worlds.made_runs import clustered, of_parts


def lost(part: Predictions, rows: np.ndarray) -> Predictions:
    """The answers of some images turned round."""
    return part.with_logits(np.where(rows[:, None], -part.logits, part.logits))


def given(share: float = 0.2, *, val_site: str = "A", patients: bool = True) -> RunData:
    """A model of tables alone, of whose test answers a share is turned round; all test images are of site B."""
    val, test = clustered("val", 500), clustered("test", 500, seed=1)
    test = lost(test, np.random.default_rng(0).random(500) < share)
    sides = {"val": replace(val, sites=(val_site,) * 500), "test": replace(test, sites=("B",) * 500)}
    if not patients:
        sides = {part: replace(side, patients=("",) * 500) for part, side in sides.items()}
    return replace(of_parts(sides["val"], sides["test"]), learning=GIVEN, pictured=False, bootstrap=200)


@pytest.fixture(scope="module")
def flips() -> Diagnosis:
    return diagnose_run(given(val_site="B"))


def test_what_is_not_separable_is_named_with_the_review_that_tells(flips: Diagnosis) -> None:
    """Said before, of turned labels: "No single cause could be shown", and nothing more."""
    ranking = flips.budget[-1].points
    said = (
        f"{ranking.value:.1f} [{ranking.low:.1f}, {ranking.high:.1f}] points are not separable: wrong labels or harder"
    )
    assert said in flips.summary
    assert f"the images, or two blind readers for the {len(flips.review)} images listed" in flips.summary


def test_a_new_site_is_told_before_the_points_of_terms() -> None:
    found = diagnose_run(given())
    assert found.summary.index("500 of 500 test images") < found.summary.index("In points: ")
    assert "are not separable: wrong labels" not in found.summary, "which of these it is was said to be beyond them"


def words(found: Diagnosis) -> str:
    terms = [term.detail for term in found.budget]
    sentences = [text for one in found.findings for text in (one.sentence, one.reason)]
    return " ".join([found.summary, *terms, *sentences, *(one.name for one in found.remedies)])


@pytest.mark.parametrize("share", [0.2, 0.0])
def test_where_no_patient_is_named_images_are_drawn_and_halved(share: float) -> None:
    found = words(diagnose_run(given(share, val_site="B", patients=False)))
    assert "luck of the images" in found and "half of the test images" in found
    for wrong in ("luck of the patients", "so many patients", "test patients", "validation patients", "⟦"):
        assert wrong not in found


def test_where_decisions_are_made_on_patients_groups_count_patients() -> None:
    run, old = given(0.0), np.arange(500) // 2 % 4 == 0
    assert run.val is not None and run.test is not None
    device = {"device": tuple(np.where(old, "old", "new"))}
    sides = replace(run.val, columns=device), replace(lost(run.test, old), columns=device)
    found = diagnose_run(by_unit(replace(run, val=sides[0], test=sides[1]), Unit("patient")))
    (group,) = [one for one in found.findings if one.code == "subgroup"]
    assert "(63 and 63 patients)" in group.sentence and "of all other patients" in group.sentence
    assert found.summary.index(group.sentence) < found.summary.index("In points: ")
    (site,) = [one for one in found.findings if one.code == "new-site"]
    assert "250 of 250 test patients are of a group" in site.sentence
    assert "luck of the patients" in words(found) and "⟦" not in words(found)


def test_what_could_not_run_on_a_given_model_says_what_is_missing() -> None:
    """Said before: "the experiments were switched off", where no switch would have helped."""
    found = diagnose_run(given())
    assert "switched off" not in words(found)
    kinds = {one.code: one.kind for one in found.findings}
    assert kinds["image-quality"] is kinds["difficulty"] is ReasonKind.IMAGES
    assert kinds["batchnorm"] is ReasonKind.MODEL


def test_patients_of_validation_and_test_are_told() -> None:
    run = given()
    assert run.val is not None and run.test is not None
    shared = replace(run, test=replace(run.test, patients=run.val.patients[:4] + run.test.patients[4:]))
    told = [[one for one in diagnose_run(data).limits if "in validation and in test" in one] for data in (run, shared)]
    assert not told[0] and told[1][0].startswith("2 patients have images")
