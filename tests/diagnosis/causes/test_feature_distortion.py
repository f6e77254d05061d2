from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes.feature_distortion import CAUSE, CURVE, INTERVENTION
from heldout.diagnosis.run_data import RunData
from tests.diagnosis.causes.made_evidence import case, evidence, moved, with_scored

N = 400


def bent(*, probe_shift: float, curve_gain: float = 1.8, shift: float = 2.0) -> RunData:
    """Test NORMAL moved by `shift` for the fine-tuned network and by `probe_shift` for the probe."""
    made = evidence(N, N, shift=shift, patients=1)
    probe = {
        ("probe", "val"): moved(made, "val", 0, 0.0),
        ("probe", "test"): moved(made, "test", 0, probe_shift - shift),
    }
    curve = {}
    for alpha, share in ((0, 1.0), (0.25, 0.9), (0.5, 0.6), (0.75, 0.3)):
        curve[f"alpha={alpha}", "val"] = moved(made, "val", 0, 0.0)
        curve[f"alpha={alpha}", "test"] = moved(made, "test", 0, -curve_gain * share)
    return with_scored(with_scored(made, INTERVENTION, probe), CURVE, curve)


def test_a_network_that_drops_where_its_first_features_do_not_is_established() -> None:
    made = bent(probe_shift=0.2)
    finding = CAUSE.judge(case(made))
    assert finding.verdict == "established" and "One seed" in finding.sentence
    assert finding.numbers["best_alpha"] in (0, 0.25)
    z = made.scored[INTERVENTION]
    assert made.val is not None and made.test is not None
    drops = [
        made.val.right.mean() - made.test.right.mean(),
        np.subtract(*[(z.logits("probe", s.part, s.ids).argmax(1) == s.labels).mean() for s in (made.val, made.test)]),
    ]
    assert finding.points is not None
    assert finding.points.value == pytest.approx(100 * (drops[0] - drops[1]))  # equal class shares
    assert len(CAUSE.remedies(case(made))) == 4


def test_a_probe_that_drops_as_far_clears_fine_tuning() -> None:
    finding = CAUSE.judge(case(bent(probe_shift=2.0, curve_gain=0.0)))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_without_a_gain_on_the_way_back_it_is_only_suggested() -> None:
    assert CAUSE.judge(case(bent(probe_shift=0.2, curve_gain=0.0))).verdict == "suggested"


@pytest.mark.parametrize(("shifts", "verdict"), [((1.9, 2.1), "established"), ((-0.5, 0.3), "suggested")])
def test_three_seeds_speak_of_fine_tuning_itself(shifts: tuple[float, float], verdict: str) -> None:
    made = bent(probe_shift=0.2)
    others = tuple(replace(evidence(N, N, shift=shift, patients=1), seed=1 + i) for i, shift in enumerate(shifts))
    finding = CAUSE.judge(case(replace(made, siblings=others)))
    assert finding.verdict == verdict and "Over 3 seeds" in finding.sentence


@pytest.mark.parametrize("strategy", ["frozen", "probe"])
def test_an_untrained_backbone_cannot_be_bent(strategy: str) -> None:
    one = case(replace(bent(probe_shift=0.2), strategy=strategy))
    assert CAUSE.judge(one).verdict == "not applicable" and not CAUSE.remedies(one)
