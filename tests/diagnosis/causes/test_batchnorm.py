from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from heldout.diagnosis.causes.batchnorm import CAUSE, INTERVENTION
from heldout.diagnosis.diagnose import diagnose_evidence
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records.logit_table import logits_in, with_logit_columns
from tests.diagnosis.causes.made_evidence import case, evidence, margin, moved, with_scored

N = 400


def restored(*, test_gain: float, val_change: float = 0.0, train_mode: float = 0.0, shift: float = 1.6) -> RunData:
    """Test NORMAL moved by `shift`; re-estimation moves it back, and validation NORMAL by `val_change`."""
    made = evidence(N, N, shift=shift, patients=1)
    variants = {}
    for alpha, share in (("alpha=0.25", 0.4), ("alpha=0.5", 0.8), ("alpha=1", 1.0)):
        variants[alpha, "test"] = moved(made, "test", 0, -test_gain * share, noise=0.05)
        variants[alpha, "val"] = moved(made, "val", 0, val_change * share, noise=0.05)
    variants["train-mode", "val"] = moved(made, "val", 0, train_mode, noise=0.05)
    return with_scored(made, INTERVENTION, variants)


def test_statistics_that_do_not_fit_test_are_established() -> None:
    finding = CAUSE.judge(case(restored(test_gain=1.6)))
    assert finding.verdict == "established" and finding.numbers["alpha"] == 1
    assert finding.points is not None and finding.points.value > 3
    assert finding.numbers["of_threshold"] > 0.3 * finding.points.value  # one class moved: a threshold would mend it
    assert finding.images and all(id_.startswith("test") for id_ in finding.images)
    assert len(CAUSE.remedies(case(restored(test_gain=1.6)))) == 3


def test_it_is_silent_where_re_estimation_changes_nothing() -> None:
    finding = CAUSE.judge(case(restored(test_gain=0.0)))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_a_loss_on_validation_is_not_counted_as_a_gain_on_test() -> None:
    finding = CAUSE.judge(case(restored(test_gain=0.0, val_change=2.5)))
    assert finding.verdict == "excluded"
    assert finding.points is not None and finding.points.value == pytest.approx(0, abs=1)


def test_a_gain_on_both_is_no_reason_for_the_gap_but_train_mode_betrays_the_bug() -> None:
    made = evidence(N, N, shift=1.6, patients=1)
    assert made.val is not None
    worse = moved(made, "val", 0, 1.6, noise=0.05)  # validation as bad as test
    made = replace(made, val=with_scored(made, "x", {("x", "val"): worse}).val)
    base = restored(test_gain=1.6, val_change=-1.6, train_mode=-1.6)
    assert base.val is not None and base.test is not None
    moved_val = base.val.with_logits(made.val.logits.copy())  # type: ignore[union-attr]
    moved_val.logits[:, 1] += 1.6 * (base.val.labels == 0)
    finding = CAUSE.judge(case(replace(base, val=moved_val)))
    assert finding.verdict == "suggested" and finding.points is None and finding.priority == 0
    assert "plain bug" in finding.sentence


def test_a_blend_that_mends_validation_betrays_the_bug_where_train_mode_does_not() -> None:
    base = restored(test_gain=1.6, val_change=-1.6, train_mode=0.0)
    assert base.val is not None
    spoiled = base.val.with_logits(base.val.logits.copy())
    spoiled.logits[:, 1] += 1.6 * (base.val.labels == 0)  # the blends were made from the logits before: they mend it
    scored = base.scored[INTERVENTION].table
    z, val = logits_in(scored), dict(zip(spoiled.ids, spoiled.logits[:, 1], strict=True))
    mode = (scored["variant"] == "train-mode").to_numpy()
    z[mode, 1] = scored.loc[mode, "id"].map(val)
    scored = with_logit_columns(scored, z)
    made = replace(base, val=spoiled, scored={**base.scored, INTERVENTION: VariantLogits(scored)})
    finding = CAUSE.judge(case(made))
    assert finding.verdict == "suggested" and finding.points is None
    assert "plain bug: with" in finding.sentence and "re-estimated on test images" in finding.sentence
    assert abs(finding.numbers["train_mode_val_points"]) < 1


def test_a_network_without_batchnorm_is_not_concerned() -> None:
    made = replace(evidence(N, N), absent={INTERVENTION: "the network has no BatchNorm layer"})
    assert CAUSE.judge(case(made)).verdict == "not applicable"


def history(train: float, keep_val: tuple[float, ...] = (0.9, 0.95)) -> pd.DataFrame:
    rows = len(keep_val)
    columns = {"epoch": range(1, rows + 1), "train_loss": 0.2, "train_accuracy": train}
    return pd.DataFrame({**columns, "val_loss": [1 - value for value in keep_val], "val_accuracy": keep_val})


def forgetful(share: float) -> RunData:
    """A run that answers a share of its training images by the other class now."""
    made = evidence(N, N, patients=1)
    assert made.train is not None
    z = made.train.logits.copy()
    z[: round(share * len(z))] *= -1
    return replace(made, train=made.train.with_logits(z))


def test_training_images_that_are_no_longer_known_betray_the_bug_without_the_experiment() -> None:
    made = replace(forgetful(0.3), history=history(0.97))
    finding = CAUSE.judge(case(made))
    assert finding.verdict == "suggested" and finding.fault and finding.points is None and finding.priority == 0
    assert "plain bug" in finding.sentence and "97 %" in finding.sentence


def test_a_fault_is_told_where_there_is_no_gap_to_explain() -> None:
    found = diagnose_evidence(replace(forgetful(0.3), history=history(0.97)))
    assert not found.explained and "The run itself has a fault" in found.summary
    (finding,) = [item for item in found.findings if item.code == CAUSE.code]
    assert finding.verdict == "suggested" and finding.fault


@pytest.mark.parametrize("then", [0.60, 0.95, 0.97])
def test_a_run_that_knows_its_training_images_has_no_such_fault(then: float) -> None:
    finding = CAUSE.judge(case(replace(evidence(N, N), history=history(then))))
    assert finding.verdict == "not identifiable" and not finding.fault


def test_neither_chosen_weights_nor_a_network_without_batchnorm_are_held_to_an_epoch() -> None:
    made = replace(forgetful(0.3), history=history(0.97))
    assert made.val is not None
    choices = with_scored(made, "x", {("first", "val"): margin(made.val), ("second", "val"): margin(made.val)})
    assert not CAUSE.judge(case(replace(made, choices=choices.scored["x"]))).fault
    none = replace(made, absent={INTERVENTION: "the network has no BatchNorm layer with running statistics"})
    assert CAUSE.judge(case(none)).verdict == "not applicable"


def test_a_run_that_keeps_its_best_epoch_is_held_to_what_it_knew_from_there_on() -> None:
    grown = history(0.97, (0.9, 0.95, 0.93)).assign(train_accuracy=[0.5, 0.6, 0.99])
    kept = replace(forgetful(0.35), keeps="best", history=grown)
    assert not CAUSE.judge(case(kept)).fault
    assert CAUSE.judge(case(replace(kept, keeps="last"))).fault
