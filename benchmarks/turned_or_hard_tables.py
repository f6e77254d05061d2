"""The tables of turned labels against harder images, from the rows that `turned_or_hard.py` left."""

from __future__ import annotations

import pandas as pd

from benchmarks.planted_tables import markdown
from heldout.stats.intervals import wilson


def table_of(frame: pd.DataFrame) -> str:
    """One row a plant and severity."""
    header = ["plant", "severity", "studies", "cost", "gap told", "first", "labels suggested", "their points"]
    header += ["bias", "holds the truth", "difficulty named", "named first instead", "the other established"]
    rows = []
    for (plant, severity), cell in frame.groupby(["plant", "severity"], sort=False):
        told = cell[cell["explained"]]
        causes = [code for code in str(cell["causes"].iloc[0]).split(",") if code]
        first = [str(code) in causes for code in told["first"]]
        instead = told["first"][[not right for right in first]].replace("", "nothing").value_counts()
        said = told[told["labels_verdict"] == "suggested"] if "labels_verdict" in told else told.iloc[:0]
        error = said["labels_points"] - said["truth_labels"]
        inside = (said["labels_low"] <= said["truth_labels"]) & (said["truth_labels"] <= said["labels_high"])
        hard_named = told["named"].str.split(",").map(lambda codes: "difficulty" in codes)
        wrong = (
            told["established"]
            .str.split(",")
            .map(lambda codes, right=set(causes): bool({"labels", "difficulty"} & set(codes) - right))
        )
        rows.append([str(plant), ("mild", "medium", "strong")[int(severity)] if plant != "none" else "–"])
        rows[-1] += [str(len(cell)), f"{cell['truth'].mean():.1f}", str(len(told))]
        whole = bool(causes) and set(causes) <= {"labels", "difficulty"}
        rows[-1] += [f"{sum(first)} of {len(told)}" if whole else "–", f"{len(said)} of {len(told)}"]
        rows[-1] += [f"{said['labels_points'].mean():.1f}" if len(said) else "–"]
        rows[-1] += [f"{error.mean():+.1f}", f"{inside.sum()} of {len(said)}"] if len(said) else ["–", "–"]
        if not whole:
            rows[-1] += ["–"] * 3
            continue
        rows[-1] += [f"{hard_named.sum()} of {len(told)}"]
        rows[-1] += [", ".join(f"{code} {number}" for code, number in instead.items()) or "–"]
        rows[-1] += [str(int(wrong.sum()))]
    return markdown(header, rows)


def _before(cause: str, other: str, named: list[str]) -> bool:
    """Whether a cause is named, and not after the other."""
    return cause in named and (other not in named or named.index(cause) < named.index(other))


def summary_of(frame: pd.DataFrame) -> str:
    """The targets: planted cause first at 8 points or more, the other never established, no false suggestion."""
    lines = []
    large = frame[frame["explained"] & (frame["truth"] >= 8) & frame["causes"].isin(["labels", "difficulty"])]
    for cause, cell in large.groupby("causes"):
        first = int((cell["first"] == cause).sum())
        low, high = wilson(first, len(cell))
        other = {"labels": "difficulty", "difficulty": "labels"}[str(cause)]
        wrong = int(cell["established"].str.split(",").map(lambda codes, other=other: other in codes).sum())
        named = int((cell["first"] == other).sum())
        before = sum(_before(str(cause), other, codes.split(",")) for codes in cell["named"])
        lines.append(
            f"- {cause} planted, 8 points or more: first in {first} of {len(cell)} ({first / len(cell):.0%} "
            f"[{low:.0%}, {high:.0%}]), before {other} in {before}; {other} first in {named}, established in {wrong}"
        )
    rest = frame[~frame["causes"].str.contains("labels")]
    alarms = int((rest["explained"] & (rest["labels_verdict"] == "suggested")).sum())
    lines.append(f"- labels suggested where none were turned: {alarms} of {len(rest)}")
    return "\n".join(lines)
