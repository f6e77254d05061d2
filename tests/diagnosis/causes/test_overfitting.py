from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.overfitting import CAUSE
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from tests.worlds.made_runs import cross_validated, judged, made_run, part

RISING = pd.DataFrame(
    {
        "train_loss": [0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01],
        "val_loss": [0.7, 0.5, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9],
    }
)


def learned_by_heart(*, val_noise: float = 2.5, train_noise: float = 0.1, history: pd.DataFrame = RISING) -> RunData:
    made = made_run(400, 400)
    train = part("train", 800, noise=train_noise)
    return replace(made, train=train, val=part("val", 400, noise=val_noise), history=history)


def test_it_is_established_with_an_onset_and_never_explains_the_gap() -> None:
    made = learned_by_heart()
    finding = judged(CAUSE, made)
    assert finding.verdict == "established" and finding.numbers["onset_epoch"] == 3
    assert finding.priority == 0 and finding.explains == {}
    assert finding.points is not None and made.train is not None and made.val is not None
    assert finding.points.value == pytest.approx(100 * (made.train.right.mean() - made.val.right.mean()), abs=1e-3)


def test_without_an_onset_it_is_suggested() -> None:
    falling = RISING.assign(val_loss=np.linspace(0.7, 0.3, len(RISING)))
    assert judged(CAUSE, learned_by_heart(history=falling)).verdict == "suggested"
    assert judged(CAUSE, learned_by_heart(history=pd.DataFrame())).verdict == "suggested"


def test_it_is_silent_where_train_and_validation_are_alike() -> None:
    finding = judged(CAUSE, learned_by_heart(val_noise=0.1))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_thirty_images_all_right_do_not_exclude_it() -> None:
    made = replace(learned_by_heart(), val=part("val", 30, noise=0.01))
    assert judged(CAUSE, made).verdict == "not identifiable"


def test_relatives_of_train_among_validation_are_left_out() -> None:
    made = learned_by_heart()
    assert made.val is not None
    right = [id_ for id_, hit in zip(made.val.ids, made.val.right, strict=True) if hit][:150]
    honest = judged(CAUSE, replace(made, leaked=dict.fromkeys(right, "same patient")))
    plain = judged(CAUSE, made)
    assert honest.points is not None and plain.points is not None
    assert honest.points.value > plain.points.value + 2


def test_without_training_images_it_says_so() -> None:
    assert judged(CAUSE, replace(made_run(), train=None)).verdict == "not identifiable"


def test_of_folds_no_image_was_learned_by_all_networks() -> None:
    finding = judged(CAUSE, cross_validated(learned_by_heart()))
    assert (finding.verdict, finding.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)
