"""The tables of docs/diagnosis-benchmark.md from what `planted.py` left; all cells, the failing ones too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from heldout.records import TERMS
from heldout.stats.intervals import wilson

TERM_OF = {
    "prior": "prior",
    "threshold": "threshold",
    "labels": "labels",
    "leakage": "leakage",
    "selection": "selection",
}
"""Cause -> the term that holds it. Difficulty and covariate shift are threshold and ranking together."""

SEVERITY = ("mild", "medium", "strong")
TARGET_BIAS, TARGET_COVERAGE = 1.0, (0.90, 0.98)


def write_tables(folder: Path) -> str:
    """All tables as Markdown."""
    pieces = []
    for world in ("phantoms", "kermany", "skin"):
        budget, causes = folder / f"budget-{world}.parquet", folder / f"causes-{world}.parquet"
        if budget.is_file():
            frame = pd.read_parquet(budget)
            pieces += [
                f"### {world}: the terms",
                terms_summary(frame),
                terms_table(frame),
                f"### {world}: the terms, severities together",
                together_table(frame),
                f"### {world}: nothing planted",
                null_table(frame),
            ]
        if causes.is_file():
            frame = pd.read_parquet(causes)
            sizes = ", ".join(map(str, sorted(frame["n_test"].unique())))
            pieces += [f"### {world}: the cause that is named first, n_T = {sizes}"]
            pieces += [causes_summary(frame), causes_table(frame)]
            if "regret" in frame:
                pieces += [f"### {world}: the remedy that is recommended", regret_table(frame)]
            pieces += [f"### {world}: peers on the same studies", peers_table(frame)]
    return "\n\n".join(pieces)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A pipe table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def planted_term(cause: str) -> tuple[str, ...]:
    """The terms in which a cause is looked for."""
    return (TERM_OF[cause],) if cause in TERM_OF else ("threshold", "ranking")


def terms_table(frame: pd.DataFrame) -> str:
    """Bias, RMSE and coverage of the planted term; what the largest other term wrongly took."""
    cells = frame[frame["plant"] != "none"].groupby(["plant", "severity", "n_test"])
    rows = [
        term_row(str(plant), int(severity), int(n_test), cell, cause)
        for (plant, severity, n_test), cell in cells
        for cause in planted_causes(cell)
    ]
    header = ["plant", "severity", "n_T", "studies", "cause", "truth", "found", "bias", "RMSE", "coverage"]
    return markdown([*header, "largest other term", "on target"], rows)


def together_table(frame: pd.DataFrame) -> str:
    """Single plants by number of test images: more studies a row, so that coverage is told more closely."""
    rows = []
    single = frame[frame["cause"].isin(list(TERM_OF))]
    for (plant, n_test), cell in single.groupby(["plant", "n_test"]):
        cause = str(cell["cause"].iloc[0])
        term, truth = TERM_OF[cause], cell[f"truth_{cause}"]
        error = cell[term] - truth
        inside = (cell[f"{term}_low"] <= truth) & (truth <= cell[f"{term}_high"])
        rows.append([str(plant), str(n_test), str(len(cell)), term, f"{error.mean():+.2f}"])
        spread = 1.96 * np.sqrt(inside.mean() * (1 - inside.mean()) / len(cell))
        rows[-1] += [f"{error.std():.2f}", f"{inside.mean():.2f} ± {spread:.2f}"]
    return markdown(["plant", "n_T", "studies", "term", "bias", "SD of the error", "coverage"], rows)


def regret_table(frame: pd.DataFrame) -> str:
    """True gains on fresh patients of each remedy, how often each is recommended, and what that forgoes."""
    rows = []
    for (plant, severity), cell in frame.dropna(subset=["regret"]).groupby(["plant", "severity"], sort=False):
        chosen = cell["recommended"].value_counts()
        words = ", ".join(f"{name} {number}" for name, number in chosen.items())
        rows.append([str(plant), SEVERITY[severity], str(len(cell))])
        rows[-1] += [f"{cell[name].mean():.1f}" for name in ("gain_threshold", "gain_pooled")]
        rows[-1] += [words, f"{cell['regret'].mean():.1f}", f"{cell['regret'].max():.1f}"]
    header = ["plant", "severity", "studies", "new threshold gains", "learning from test images gains", "recommended"]
    return markdown([*header, "mean regret", "largest"], rows)


def planted_causes(cell: pd.DataFrame) -> list[str]:
    """The causes whose truth is known in a cell."""
    known = [name for name in cell.columns if name.startswith("truth_") and cell[name].notna().any()]
    return [name.removeprefix("truth_") for name in known]


def term_row(plant: str, severity: int, n_test: int, cell: pd.DataFrame, cause: str) -> list[str]:
    """One cell and cause; on target: |bias| at most 1 point, and for a single term coverage of at least .90."""
    terms = planted_term(cause)
    truth = cell[f"truth_{cause}"].to_numpy(dtype=float)
    found = cell[list(terms)].fillna(0.0).sum(axis=1).to_numpy(dtype=float)
    error = found - truth
    covered, fine = "–", abs(error.mean()) <= TARGET_BIAS
    if len(terms) == 1:
        inside = ((cell[f"{terms[0]}_low"] <= truth) & (truth <= cell[f"{terms[0]}_high"])).mean()
        covered, fine = f"{inside:.2f}", bool(fine and inside >= TARGET_COVERAGE[0])
    mine = {term for name in planted_causes(cell) for term in planted_term(name)}
    others = {term: float(cell[term].mean()) for term in TERMS if term in cell and term not in mine}
    worst = max(others, key=lambda term: abs(others[term]), default="")
    start = [plant, SEVERITY[severity], str(n_test), str(len(cell)), cause]
    numbers = [f"{truth.mean():.1f}", f"{found.mean():.1f}", f"{error.mean():+.2f}"]
    end = [f"{worst} {others[worst]:+.1f}" if worst else "–", "yes" if fine else "**no**"]
    return [*start, *numbers, f"{np.sqrt((error**2).mean()):.2f}", covered, *end]


def null_table(frame: pd.DataFrame) -> str:
    """Reports on the null that claim anything, and terms whose interval excludes 0 whatever the gap."""
    rows = []
    for n_test, cell in frame[frame["plant"] == "none"].groupby("n_test"):
        claims = np.zeros(len(cell), dtype=bool)
        for term in TERMS:
            if f"{term}_low" in cell:
                claims |= ((cell[f"{term}_low"] > 0) & cell["explained"]).fillna(False).to_numpy(dtype=bool)
        bare = {
            t: float(((cell[f"{t}_low"] > 0) | (cell[f"{t}_high"] < 0)).mean()) for t in TERMS if f"{t}_low" in cell
        }
        rows.append([str(n_test), str(len(cell)), f"{cell['explained'].mean():.1%}", f"{claims.mean():.1%}"])
        rows[-1] += [f"{bare[t]:.1%}" for t in ("prior", "threshold", "ranking")] + [f"{cell['additivity'].max():.0e}"]
    header = [
        "n_T",
        "studies",
        "gap's interval excludes 0",
        "false alarms (reports)",
        "prior alone",
        "threshold alone",
        "ranking alone",
        "additivity error",
    ]
    return markdown(header, rows)


def terms_summary(frame: pd.DataFrame) -> str:
    """How many cells and rows meet the targets, in a line."""
    single = frame[frame["cause"].isin([*TERM_OF, "difficulty", "covariate-shift"])]
    biases, covers = [], []
    for (_, _, _), cell in single.groupby(["plant", "severity", "n_test"]):
        cause = str(cell["cause"].iloc[0])
        terms, truth = planted_term(cause), cell[f"truth_{cause}"]
        biases.append(float((cell[list(terms)].fillna(0).sum(axis=1) - truth).mean()))
        if len(terms) == 1:
            inside = (cell[f"{terms[0]}_low"] <= truth) & (truth <= cell[f"{terms[0]}_high"])
            covers.append(float(inside.mean()))
    low = sum(share < TARGET_COVERAGE[0] for share in covers)
    within = sum(abs(bias) <= TARGET_BIAS for bias in biases)
    return (
        f"{len(frame)} studies; additivity error at most {frame['additivity'].max():.1e}; |bias| at most 1 in {within} "
        f"of {len(biases)} cells, at most {max(map(abs, biases)):.1f}; coverage of .90 or more in {len(covers) - low} "
        f"of {len(covers)} cells, at the least {min(covers):.2f}."
    )


def causes_summary(frame: pd.DataFrame) -> str:
    """Named first over all single plants with an effect of 4 points whose gap can be told, and false alarms."""
    single = frame[(frame["cause"] != "") & (frame["cause"] != "several") & frame["explained"]].copy()
    single["effect"] = [row[f"truth_{row['cause']}"] for _, row in single.iterrows()]
    large = single[single["effect"].abs() >= 4]
    first = large["first"] == large["cause"]
    two = first | (large["second"] == large["cause"])
    missed = large.loc[~first, "plant"].value_counts()
    low, high = wilson(int(first.sum()), len(large))
    null = frame[frame["cause"] == ""]
    return (
        f"{len(frame)} studies, {frame['seed'].nunique()} seeds. Single plants, effect of 4 points or more, gap told: "
        f"named first {first.sum()} of {len(large)} ({first.mean():.1%} [{low:.1%}, {high:.1%}]), first or second "
        f"{two.sum()}; not first: {', '.join(f'{name} {number}' for name, number in missed.items()) or 'none'}. "
        f"False alarms: {((null['first'] != '') & null['explained']).sum()} of {len(null)}. Regret "
        f"{frame['regret'].mean():.2f} (standard error over seeds {frame.groupby('seed')['regret'].mean().sem():.2f}), "
        f"at most {frame['regret'].max():.1f}."
    )


def causes_table(frame: pd.DataFrame) -> str:
    """Whether the planted cause is named first, second, at all."""
    rows = []
    for (plant, severity), cell in frame.groupby(["plant", "severity"], sort=False):
        cause = cell["cause"].iloc[0]
        told = cell[cell["explained"]]
        truths = [c for c in cell.columns if c.startswith("truth_") and cell[c].notna().any()]
        effect = cell[truths].sum(axis=1).mean() if truths else 0.0
        if not cause:
            alarms = (told["first"] != "").sum() / len(cell)
            rows.append(
                [
                    plant,
                    "–",
                    str(len(cell)),
                    "0.0",
                    f"{len(told) / len(cell):.0%}",
                    "–",
                    "–",
                    f"{alarms:.1%} false alarms",
                ]
            )
            continue
        if cause == "several":
            first = told["first"].isin(["prior", "threshold", "labels"]).mean() if len(told) else float("nan")
            two = float("nan")
        else:
            first = (told["first"] == cause).mean() if len(told) else float("nan")
            two = ((told["first"] == cause) | (told["second"] == cause)).mean() if len(told) else float("nan")
        instead = told.loc[told["first"] != cause, "first"].replace("", "nothing").value_counts()
        words = ", ".join(f"{name} {number}" for name, number in instead.head(3).items()) or "–"
        rows.append([plant, SEVERITY[severity], str(len(cell)), f"{effect:.1f}", f"{len(told) / len(cell):.0%}"])
        rows[-1] += [*("–" if np.isnan(share) else f"{share:.0%}" for share in (first, two)), words]
    header = [
        "plant",
        "severity",
        "studies",
        "effect",
        "gap excludes 0",
        "named first (of those)",
        "first or second",
        "named instead",
    ]
    return markdown(header, rows)


def peers_table(frame: pd.DataFrame) -> str:
    """What ATC, marginal DISDE and cleanlab alone say."""
    rows = []
    for (plant, severity), cell in frame.groupby(["plant", "severity"], sort=False):
        rows.append([plant, SEVERITY[severity], f"{cell['gap'].mean():.1f}"])
        rows[-1] += [
            f"{cell[name].mean():.1f}" for name in ("atc_gap", "disde_appearance", "disde_alike", "cleanlab_points")
        ]
    header = [
        "plant",
        "severity",
        "gap",
        "ATC's gap",
        "DISDE: appearance (I + III)",
        "DISDE: alike (II)",
        "cleanlab: flagged labels",
    ]
    return markdown(header, rows)
