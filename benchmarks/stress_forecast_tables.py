"""Tables of how forecast and ranking of `heldout stress` agreed with real sites (`stress_forecast.py`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from benchmarks.planted_tables import markdown

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """One run of one pair.

    Attributes:
        pair: The pair.
        run: What the run is called.
        val: Accuracy on validation, a fraction, and so the next two.
        expected: Mean over the drawn sites, which come from pairs of other images.
        test: What it was on the second site.
        real: Points lost there.
        forecast: Points forecast, with the ends of the interval.
        own: Points lost by the pair's own shifts.
        first: Share of redrawn patients and sites in which it was expected to stand highest.
    """

    pair: str
    run: str
    val: float
    expected: float
    test: float
    real: float
    forecast: tuple[float, float, float]
    own: float
    first: float


def pairs_table(found: list[Outcome]) -> str:
    """A row a pair: how large the drop was and was said to be, and how well runs were ranked."""
    rows: list[list[str]] = []
    told: list[Reals] = []
    for pair in dict.fromkeys(one.pair for one in found):
        own = [one for one in found if one.pair == pair]
        real, said, val, expected, test = (
            np.array([getattr(one, field) if field != "forecast" else one.forecast[0] for one in own])
            for field in ("real", "forecast", "val", "expected", "test")
        )
        held = sum(one.forecast[1] <= one.real <= one.forecast[2] for one in own)
        lows, highs = (np.mean([one.forecast[end] for one in own]) for end in (1, 2))
        errors = np.abs(real - said).mean(), np.abs(real).mean()
        ranks = rank_agreement(expected, test), rank_agreement(val, test)
        regrets = (100 * (test.max() - test[chosen.argmax()]) for chosen in (expected, val))
        told.append(np.array([*errors, *ranks, *regrets]))
        rows.append(
            [
                pair,
                str(len(own)),
                f"{real.mean():.1f} ({real.min():.1f} to {real.max():.1f})",
                f"{said.mean():.1f} [{lows:.1f}, {highs:.1f}]",
                f"{held} of {len(own)}",
                f"{np.mean([one.own for one in own]):.1f}",
                *_shown(told[-1]),
            ]
        )
    rows.append(["mean of pairs", "", "", "", "", "", *_shown(np.mean(told, axis=0))])
    header = ["pair", "runs", "real drop (range)", "forecast [interval]", "held", "by its own shifts", "mean error"]
    header += ["error of saying 0", "τ of expected", "τ of validation", "regret of expected", "regret of validation"]
    return markdown(header, rows)


def _shown(values: Reals) -> list[str]:
    """Two errors, two rank correlations, two regrets, as the table has them."""
    return [f"{value:+.2f}" if 2 <= place < 4 else f"{value:.1f}" for place, value in enumerate(values)]


def rank_agreement(a: Reals, b: Reals) -> float:
    """Kendall's τ-b of two scores of the same runs."""
    return float(kendalltau(a.round(9), b.round(9)).statistic)


def runs_table(found: list[Outcome]) -> str:
    """A row a run."""
    rows = [
        [
            one.pair,
            one.run,
            f"{100 * one.val:.1f}",
            f"{100 * one.expected:.1f}",
            f"{100 * one.test:.1f}",
            f"{one.real:.1f}",
            "{:.1f} [{:.1f}, {:.1f}]".format(*one.forecast),
            f"{one.own:.1f}",
        ]
        for one in found
    ]
    header = ["pair", "run", "validation, %", "expected, %", "test, %", "real drop", "forecast", "own shifts"]
    return markdown(header, rows)
