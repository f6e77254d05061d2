"""The tables of pixel plants in docs/diagnosis-benchmark.md, from the rows that `planted_pixels.py` left."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.planted_tables import markdown
from heldout.stats.intervals import wilson

RUN_PLANTS = {"BatchNorm corrupted": "batchnorm", "trained too long": "overfitting"}
"""Plants that live in a run -> the fault that should be told; nothing must be claimed of the gap."""


def table(frame: pd.DataFrame) -> str:
    """One row a plant and severity."""
    header = ["plant", "severity", "n_T", "studies", "truth", "gap", "points", "bias", "coverage", "gap told"]
    header += ["named first (effect ≥ 4)", "first or second", "named instead"]
    rows = []
    for (name, severity, n_test), cell in frame.groupby(["plant", "severity", "n_test"], sort=False):
        rows.append([str(name), "–" if name == "none" else ("mild", "medium", "strong")[severity], str(n_test)])
        rows[-1] += _scores(cell)
    return markdown(header, rows)


def summary(frame: pd.DataFrame) -> str:
    """What all studies say together, those with plants of ours and those with plants unseen apart."""
    unseen = frame["plant"].str.startswith("unseen ")
    pieces = [("Plants of ours", frame[~unseen]), ("Plants unseen (MedMNIST-C)", frame[unseen])]
    return "\n\n".join(f"{title}: {_together(some)}" for title, some in pieces if len(some))


def _together(frame: pd.DataFrame) -> str:
    """Named first, distance of the points from the truth, false alarms, faults told."""
    single = frame[(frame["causes"] != "") & ~frame["causes"].str.contains(",") & ~frame["plant"].isin(RUN_PLANTS)]
    large = single[single["explained"] & (single["truth"].abs() >= 4)]
    if not len(large):
        return f"{len(frame)} studies, none with an effect of 4 points or more and a gap that is told"
    named = [str(words).split(",") for words in large["named"]]
    first = sum(codes[0] == cause for codes, cause in zip(named, large["causes"], strict=True))
    two = sum(cause in codes[:2] for codes, cause in zip(named, large["causes"], strict=True))
    error, known = large["points"] - large["truth"], large.dropna(subset=["low"])
    inside = ((known["low"] <= known["truth"]) & (known["truth"] <= known["high"])).sum()
    low, high = wilson(first, len(large))
    missed = large[[codes[0] != cause for codes, cause in zip(named, large["causes"], strict=True)]]
    null = frame[frame["plant"] == "none"]
    alarms = sum(bool(words) for words in null["named"])
    lines = [
        f"{len(frame)} studies, {frame['seed'].nunique()} seeds; effect of 4 points or more, gap told: {len(large)}",
        "",
        f"- named first {first} of {len(large)}: {first / len(large):.0%} [{low:.0%}, {high:.0%}]",
        f"- first or second {two} of {len(large)}",
        f"- points off by {error.abs().mean():.1f} in the mean, bias {error.mean():+.1f}; the interval holds the truth "
        f"in {inside} of {len(known)}",
        f"- nothing planted: false alarms in {alarms} of {len(null)}",
    ]
    lines += [
        f"- not first: {row['plant']}, severity {row['severity']}, seed {row['seed']}: {row['named'] or 'nothing'} "
        f"(truth {row['truth']:.1f}, points {row['points']:.1f})"
        for _, row in missed.iterrows()
    ]
    return "\n".join(lines)


def _scores(cell: pd.DataFrame) -> list[str]:
    causes = [code for code in str(cell["causes"].iloc[0]).split(",") if code]
    told = cell[cell["explained"]]
    named = [str(words).split(",") if words else [] for words in told["named"]]
    scores = [str(len(cell)), f"{cell['truth'].mean():.1f}", f"{cell['gap'].mean():.1f}"]
    if not causes:
        alarms = sum(bool(codes) for codes in named)
        return [*scores, "–", "–", "–", str(len(told)), "–", "–", f"false alarms {alarms} of {len(cell)}"]
    if cell["plant"].iloc[0] == "BatchNorm corrupted":
        told = sum("batchnorm" in str(words) for words in cell["faults"])
        claims = sum(bool(codes) for codes in named)
        return [*scores, "–", "–", "–", str(len(cell)), "–", "–", f"fault told {told}, gap claimed {claims}"]
    known = cell.dropna(subset=["points"])
    inside = known.get("low", pd.Series(np.nan, known.index)).dropna()
    covered = (
        ((known["low"] <= known["truth"]) & (known["truth"] <= known["high"])).loc[inside.index] if len(inside) else []
    )
    scores += (
        [f"{known['points'].mean():.1f}", f"{(known['points'] - known['truth']).mean():+.1f}"]
        if len(known)
        else ["–", "–"]
    )
    scores.append(f"{sum(covered)} of {len(covered)}" if len(covered) else "–")
    large = told["truth"].abs() >= 4
    big = [codes for codes, counts in zip(named, large, strict=True) if counts]
    first = sum(codes[:1] != [] and codes[0] in causes for codes in big)
    two = sum(bool(set(codes[:2]) & set(causes)) for codes in big)
    instead = pd.Series([codes[0] if codes else "nothing" for codes in big if not codes or codes[0] not in causes])
    words = ", ".join(f"{code} {number}" for code, number in instead.value_counts().items()) or "–"
    return [*scores, str(len(told)), f"{first} of {len(big)}", f"{two} of {len(big)}", words]


def costs(frame: pd.DataFrame) -> str:
    """What a study takes, by plant and n_T."""
    rows = [
        [str(name), str(n_test), str(len(cell)), f"{cell['seconds'].median():.1f}", f"{cell['processor'].median():.1f}"]
        for (name, n_test), cell in frame.groupby(["plant", "n_test"], sort=False)
    ]
    return markdown(["plant", "n_T", "studies", "seconds a study", "processor seconds"], rows)
