"""A mechanism that another cause acts through is suggested while that cause is called one."""

from __future__ import annotations

import pytest

from heldout.diagnosis.carriers import carried
from heldout.diagnosis.causes import causes
from heldout.diagnosis.diagnose import diagnose_run
from heldout.records import Finding
from heldout.records.diagnosis import Verdict
from tests.diagnosis.test_order import finding
from tests.worlds.made_runs import made_run, moved, quality, with_scored

SHELF = {cause.code: cause for cause in causes}


def judged(**verdicts: Verdict) -> dict[str, Finding]:
    found = [finding(code.replace("_", "-"), verdict, 10.0) for code, verdict in verdicts.items()]
    return {one.code: one for one in carried(found, SHELF)}


@pytest.mark.parametrize("verdict", ["established", "suggested"])
def test_statistics_are_suggested_beside_another_appearance(verdict: Verdict) -> None:
    found = judged(image_quality=verdict, batchnorm="established", threshold="established")
    assert found["batchnorm"].verdict == "suggested" and found["batchnorm"].alternatives == ("image-quality",)
    assert found["batchnorm"].sentence.endswith("(image quality), and may be no cause beside it.")
    assert (found["image-quality"].verdict, found["threshold"].verdict) == (verdict, "established")


@pytest.mark.parametrize("verdict", ["excluded", "not identifiable", "not applicable"])
def test_they_stay_established_where_appearance_is_called_no_cause(verdict: Verdict) -> None:
    found = judged(image_quality=verdict, covariate_shift=verdict, batchnorm="established")
    assert found["batchnorm"].verdict == "established" and found["batchnorm"].alternatives == ()


def test_what_is_carried_is_a_cause_of_its_own() -> None:
    for cause in causes:
        assert cause.code not in cause.carries and set(cause.carries) <= set(SHELF)


@pytest.mark.parametrize("blurred", [True, False])
def test_a_diagnosis_tells_blur_and_not_the_statistics_that_carry_it(blurred: bool) -> None:
    made = quality(made_run(400, 400, shift=1.6, patients=1), {("sharpness", 0): -0.8})
    sharpness = {("sharpness", "val"): moved(made, "val", 0, 1.6 if blurred else 0.0, noise=0.05)}
    blends = {(f"alpha={alpha}", "test"): moved(made, "test", 0, -1.6, noise=0.05) for alpha in ("0.5", "1")}
    diagnosis = diagnose_run(with_scored(with_scored(made, "quality", sharpness), "batchnorm", blends))
    verdicts = {one.code: one.verdict for one in diagnosis.findings}
    assert (verdicts["image-quality"] == "established") is blurred
    assert verdicts["batchnorm"] == ("suggested" if blurred else "established")
