"""When DISDE's parts may be told: overlap, images and what the weights are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.appearance import AppearanceTable, Row, doubts
from heldout.diagnosis.rules import RULES
from heldout.stats.disde import Decomposition
from heldout.stats.measured import Measured

POINTS = Measured(1.0, np.array([0.5, 1.5]), 400, "made")


def row(
    *, k: int = 0, basis: str = "features", auc: float = 0.7, sizes: tuple[int, int] = (300, 300), worth: float = 200.0
) -> Row:
    split = Decomposition(0.01, 0.02, 0.03, np.zeros((3, 2)), worth, worth, auc)
    val, test = (np.arange(n) for n in sizes)
    pi = [np.full(n, 0.5) for n in sizes]
    return Row(basis, k, split, (POINTS, POINTS, POINTS), test, pi[1], val, pi[0], ())


@pytest.mark.parametrize(
    ("made", "number"),
    [
        (row(), 0),
        (row(auc=RULES.max_domain_auc), 0),
        (row(auc=RULES.max_domain_auc + 0.01), 1),
        (row(sizes=(RULES.min_disde_images, 300)), 0),
        (row(sizes=(300, RULES.min_disde_images - 1)), 1),
        (row(worth=RULES.min_disde_effective), 0),
        (row(worth=RULES.min_disde_effective - 1), 1),
        (row(auc=0.99, sizes=(10, 10), worth=1.0), 3),
    ],
)
def test_every_doubt_has_its_rule(made: Row, number: int) -> None:
    assert len(doubts(made, RULES)) == number
    assert made.sound(RULES) == (number == 0)


def test_another_rule_another_doubt() -> None:
    assert row(auc=0.8).sound(RULES) and not row(auc=0.8).sound(replace(RULES, max_domain_auc=0.75))


def test_the_columns_are_chosen_that_hold_most_of_test() -> None:
    shares = np.array([0.7, 0.3])
    features = [row(k=0), row(k=1)]
    quality = [row(k=0, basis="quality"), row(k=1, basis="quality")]
    table = AppearanceTable((*features, *quality))
    assert table.chosen(shares, RULES) == tuple(features)  # of equals the features
    far = AppearanceTable((row(k=0, auc=0.99), features[1], *quality))
    assert far.chosen(shares, RULES) == tuple(quality)
    assert AppearanceTable((row(auc=0.99),)).chosen(shares, RULES) == ()
