from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes.feature_distortion import CAUSE, CURVE, PROBE
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from heldout.records.run import Learning
from tests.worlds.made_runs import FROZEN, SOLVED, judged, made_run, moved, with_scored

N = 400


def bent(*, probe_shift: float, curve_gain: float = 1.8, shift: float = 2.0) -> RunData:
    """Test NORMAL moved by `shift` for the fine-tuned network and by `probe_shift` for the probe."""
    made = made_run(N, N, shift=shift, patients=1)
    probe = {
        ("probe", "val"): moved(made, "val", 0, 0.0),
        ("probe", "test"): moved(made, "test", 0, probe_shift - shift),
    }
    curve = {}
    for alpha, share in ((0, 1.0), (0.25, 0.9), (0.5, 0.6), (0.75, 0.3)):
        curve[f"alpha={alpha}", "val"] = moved(made, "val", 0, 0.0)
        curve[f"alpha={alpha}", "test"] = moved(made, "test", 0, -curve_gain * share)
    return with_scored(with_scored(made, PROBE, probe), CURVE, curve)


def test_a_network_that_drops_where_its_first_features_do_not_is_established() -> None:
    made = bent(probe_shift=0.2)
    finding = judged(CAUSE, made)
    assert finding.verdict == "established" and "seeds" not in finding.numbers
    assert finding.numbers["best_alpha"] in (0, 0.25)
    z = made.scored[PROBE]
    assert made.val is not None and made.test is not None
    drops = [
        made.val.right.mean() - made.test.right.mean(),
        np.subtract(*[(z.logits("probe", s.part, s.ids).argmax(1) == s.labels).mean() for s in (made.val, made.test)]),
    ]
    assert finding.points is not None
    assert finding.points.value == pytest.approx(100 * (drops[0] - drops[1]))  # equal class shares
    assert len(CAUSE.remedies(cause_data(made))) == 4


def test_a_probe_that_drops_as_far_clears_fine_tuning() -> None:
    finding = judged(CAUSE, bent(probe_shift=2.0, curve_gain=0.0))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_without_a_gain_on_the_way_back_it_is_only_suggested() -> None:
    assert judged(CAUSE, bent(probe_shift=0.2, curve_gain=0.0)).verdict == "suggested"


@pytest.mark.parametrize(("shifts", "verdict"), [((1.9, 2.1), "established"), ((-0.5, 0.3), "suggested")])
def test_three_seeds_speak_of_fine_tuning_itself(shifts: tuple[float, float], verdict: str) -> None:
    made = bent(probe_shift=0.2)
    others = tuple(replace(made_run(N, N, shift=shift, patients=1), seed=1 + i) for i, shift in enumerate(shifts))
    finding = judged(CAUSE, replace(made, siblings=others))
    assert finding.verdict == verdict and finding.numbers["seeds"] == 3


@pytest.mark.parametrize("learning", [FROZEN, SOLVED])
def test_an_untrained_backbone_cannot_be_bent(learning: Learning) -> None:
    one = cause_data(replace(bent(probe_shift=0.2), learning=learning))
    finding = CAUSE.judge(one)
    assert (finding.verdict, finding.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY) and not CAUSE.remedies(one)
