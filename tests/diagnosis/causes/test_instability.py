from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes.instability import CAUSE
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from tests.worlds.made_runs import SOLVED, cross_validated, judged, made_run

N = 600


def seeds(own: float, *others: float) -> RunData:
    """One run whose test NORMAL are moved by `own`, and other seeds with their own shifts."""
    siblings = tuple(replace(made_run(N, N, shift=shift, patients=1), seed=1 + i) for i, shift in enumerate(others))
    return replace(made_run(N, N, shift=own, patients=1), siblings=siblings)


def test_an_unlucky_seed_is_found() -> None:
    made = seeds(3.0, 0.0, 0.1, 0.2, 0.1, 0.0, 0.1)
    finding = judged(CAUSE, made)
    assert finding.verdict == "established" and finding.numbers["seeds"] == 7
    assert finding.numbers["seed_spread_points"] > finding.numbers["sampling_error_points"]
    gaps = [100 * (e.val.right.mean() - e.test.right.mean()) for e in (made, *made.siblings) if e.val and e.test]
    assert finding.points is not None
    assert finding.points.value == pytest.approx(gaps[0] - np.mean(gaps[1:]), abs=1e-3)


def test_seeds_that_agree_exclude_it() -> None:
    finding = judged(CAUSE, seeds(1.5, 1.5, 1.5))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_two_other_seeds_far_apart_leave_it_open() -> None:
    finding = judged(CAUSE, seeds(3.0, 0.0, 2.0))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_SEEDS)


@pytest.mark.parametrize(("swing", "verdict"), [(0.2, "suggested"), (0.0, "not identifiable")])
def test_one_seed_can_only_show_that_it_has_not_settled(swing: float, verdict: str) -> None:
    made = made_run(N, N)
    assert made.val is not None
    rng = np.random.default_rng(0)
    wrong = [rng.random(N) < 0.05 + swing * (epoch % 2) for epoch in range(8)]
    epochs = np.stack([np.where(w, 1 - made.val.labels, made.val.labels) for w in wrong])
    finding = judged(CAUSE, replace(made, val_epochs=epochs))
    assert finding.verdict == verdict and finding.points is None and finding.priority == 0
    assert finding.kind is (ReasonKind.NONE if verdict == "suggested" else ReasonKind.MORE_SEEDS)


def test_seeds_of_another_split_or_strategy_do_not_count() -> None:
    made = seeds(1.0, 1.0, 1.0)
    strange = tuple(replace(other, strategy="frozen") for other in made.siblings)
    finding = judged(CAUSE, replace(made, siblings=strange))
    assert finding.kind is ReasonKind.MORE_SEEDS and finding.points is None


def test_a_probe_has_no_luck() -> None:
    assert judged(CAUSE, replace(made_run(), learning=SOLVED)).verdict == "not applicable"


def test_folds_are_repeated_and_have_no_seeds() -> None:
    for run in (made_run(), cross_validated(made_run())):
        finding = judged(CAUSE, replace(run, val_epochs=None))
        assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_SEEDS)
        assert ("--repeats" in finding.reason) is (run.folds is not None)
