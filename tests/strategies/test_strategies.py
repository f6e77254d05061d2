"""The three strategies of the founding experiment, and settings that make no sense."""

from __future__ import annotations

import pytest

from heldout.errors import UsageError
from heldout.runs.asked import plan_strategies
from heldout.settings import with_settings
from heldout.strategies import strategies
from heldout.strategies.finetune import Finetune
from heldout.strategies.frozen import Frozen
from heldout.strategies.probe import Probe


def test_what_each_trains() -> None:
    assert {"finetune", "frozen", "probe"} <= set(strategies.names())
    assert Finetune().phases()[0].trainable == "all"
    assert Frozen().phases()[0].trainable == "head"
    assert Frozen().phases()[0].bn == "eval"
    assert Frozen(bn="train").phases()[0].bn == "train"
    assert Probe().phases()[0].solver == "logistic"


def test_epochs_reach_every_strategy_that_has_them_and_a_setting_wins() -> None:
    tune, frozen, probe = plan_strategies(["finetune", "frozen", "probe"], 7, {"frozen": {"epochs": "9"}})
    assert tune.phases()[0].epochs == 7
    assert frozen.phases()[0].epochs == 9
    assert probe.phases()[0].epochs == 1


def test_settings_of_a_strategy_that_is_not_in_the_study_are_refused() -> None:
    with pytest.raises(UsageError, match="settings for probe"):
        plan_strategies(["frozen"], None, {"probe": {"strengths": "1"}})


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"epochs": "0"}, "epochs is at least 1"),
        ({"lr": "0"}, "lr is above 0"),
        ({"batch_size": "1"}, "batch_size is at least 2"),
    ],
)
def test_settings_without_sense_are_refused(setting: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        with_settings(Frozen(), setting, "frozen")
    with pytest.raises(UsageError, match="above 0"):
        with_settings(Probe(), {"strengths": "0,1"}, "probe")
