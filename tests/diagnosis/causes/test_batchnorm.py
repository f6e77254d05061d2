from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.causes.batchnorm import CAUSE, INTERVENTION
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import FINE_TUNED, RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import ReasonKind
from heldout.records.logit_table import logits_in, with_logit_columns
from tests.worlds.made_runs import judged, made_run, margin, moved, with_scored

N = 400

NO_LAYER = Absence(ReasonKind.DOES_NOT_APPLY, "the network has no BatchNorm layer")


def restored(*, test_gain: float, val_change: float = 0.0, own: float = 0.0, shift: float = 1.6) -> RunData:
    """Test NORMAL moved by `shift`; re-estimation moves it back, and validation NORMAL by `val_change`."""
    made = made_run(N, N, shift=shift, patients=1)
    variants = {}
    for alpha, share in (("alpha=0.25", 0.4), ("alpha=0.5", 0.8), ("alpha=1", 1.0)):
        variants[alpha, "test"] = moved(made, "test", 0, -test_gain * share, noise=0.05)
        variants[alpha, "val"] = moved(made, "val", 0, val_change * share, noise=0.05)
    variants["own-statistics", "val"] = moved(made, "val", 0, own, noise=0.05)
    return with_scored(made, INTERVENTION, variants)


def test_statistics_that_do_not_fit_test_are_established() -> None:
    finding = judged(CAUSE, restored(test_gain=1.6))
    assert finding.verdict == "established" and finding.numbers["alpha"] == 1
    assert finding.points is not None and finding.points.value > 3
    assert finding.explains["threshold"] > 0.3 * finding.points.value  # one class moved: a threshold would mend it
    assert finding.images and all(id_.startswith("test") for id_ in finding.images)
    assert len(CAUSE.remedies(cause_data(restored(test_gain=1.6)))) == 3


def test_it_is_silent_where_re_estimation_changes_nothing() -> None:
    finding = judged(CAUSE, restored(test_gain=0.0))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_a_loss_on_validation_is_not_counted_as_a_gain_on_test() -> None:
    finding = judged(CAUSE, restored(test_gain=0.0, val_change=2.5))
    assert finding.verdict == "excluded"
    assert finding.points is not None and finding.points.value == pytest.approx(0, abs=1)


def spoiled(base: RunData, keeps: tuple[str, ...]) -> RunData:
    """Validation NORMAL moved as far as test; variants keep what they mend, those in `keeps` mend nothing."""
    assert base.val is not None
    worse = base.val.with_logits(base.val.logits.copy())
    worse.logits[:, 1] += 1.6 * (base.val.labels == 0)
    table = base.scored[INTERVENTION].table
    z, own = logits_in(table), dict(zip(worse.ids, worse.logits[:, 1], strict=True))
    here = (table["variant"].isin(keeps) & (table["split"] == "val")).to_numpy()
    z[here, 1] = table.loc[here, "id"].map(own)
    scored = {**base.scored, INTERVENTION: VariantLogits(with_logit_columns(table, z))}
    return replace(base, val=worse, scored=scored)


def test_a_gain_on_both_is_no_reason_for_the_gap_but_statistics_of_train_betray_the_bug() -> None:
    finding = judged(CAUSE, spoiled(restored(test_gain=1.6), keeps=()))
    assert finding.verdict == "suggested" and finding.fault and finding.points is None and finding.priority == 0
    assert finding.numbers["own_statistics_val_points"] > RULES.margin


def test_validation_that_other_statistics_mend_as_well_as_test_is_of_another_site_and_no_bug() -> None:
    finding = judged(CAUSE, spoiled(restored(test_gain=1.6), keeps=("own-statistics",)))
    assert finding.numbers["gain_val"] > 3  # what test images have fits validation
    assert abs(finding.numbers["own_statistics_val_points"]) < 1  # and what train has is what is stored
    assert not finding.fault and finding.verdict in ("excluded", "not identifiable")


def test_a_network_without_batchnorm_is_not_concerned() -> None:
    made = replace(made_run(N, N), absent={INTERVENTION: NO_LAYER})
    assert judged(CAUSE, made).verdict == "not applicable"


def history(train: float, keep_val: tuple[float, ...] = (0.9, 0.95)) -> pd.DataFrame:
    rows = len(keep_val)
    columns = {"epoch": range(1, rows + 1), "train_loss": 0.2, "train_accuracy": train}
    return pd.DataFrame({**columns, "val_loss": [1 - value for value in keep_val], "val_accuracy": keep_val})


def forgetful(share: float) -> RunData:
    """A run that answers a share of its training images by the other class now."""
    made = made_run(N, N, patients=1)
    assert made.train is not None
    z = made.train.logits.copy()
    z[: round(share * len(z))] *= -1
    return replace(made, train=made.train.with_logits(z))


def test_training_images_that_are_no_longer_known_betray_the_bug_without_the_experiment() -> None:
    made = replace(forgetful(0.3), history=history(0.97))
    finding = judged(CAUSE, made)
    assert finding.verdict == "suggested" and finding.fault and finding.points is None and finding.priority == 0


def test_a_fault_is_told_where_there_is_no_gap_to_explain() -> None:
    found = diagnose_run(replace(forgetful(0.3), history=history(0.97)))
    assert not found.explained
    (finding,) = [item for item in found.findings if item.code == CAUSE.code]
    assert finding.verdict == "suggested" and finding.fault


@pytest.mark.parametrize("then", [0.60, 0.95, 0.97])
def test_a_run_that_knows_its_training_images_has_no_such_fault(then: float) -> None:
    finding = judged(CAUSE, replace(made_run(N, N), history=history(then)))
    assert finding.verdict == "not identifiable" and not finding.fault


def test_neither_chosen_weights_nor_a_network_without_batchnorm_are_held_to_an_epoch() -> None:
    made = replace(forgetful(0.3), history=history(0.97))
    assert made.val is not None
    choices = with_scored(made, "x", {("first", "val"): margin(made.val), ("second", "val"): margin(made.val)})
    assert not judged(CAUSE, replace(made, choices={"blend": choices.scored["x"]})).fault
    none = replace(made, absent={INTERVENTION: NO_LAYER})
    assert judged(CAUSE, none).verdict == "not applicable"


def test_a_run_that_keeps_its_best_epoch_is_held_to_what_it_knew_from_there_on() -> None:
    grown = history(0.97, (0.9, 0.95, 0.93)).assign(train_accuracy=[0.5, 0.6, 0.99])
    kept = replace(forgetful(0.35), learning=replace(FINE_TUNED, keeps="best"), history=grown)
    assert not judged(CAUSE, kept).fault
    assert judged(CAUSE, replace(kept, learning=FINE_TUNED)).fault
