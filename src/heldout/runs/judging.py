"""By what runs are judged, from what a person types: `balanced-accuracy`, `cost:FILE`, `patient`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pandas as pd

from heldout.data.readers.tables import MISSING, scan_table
from heldout.errors import InputError, Problem, UsageError
from heldout.records import Asking, Metric, Unit
from heldout.records.labelling import SINGLE, Labelling
from heldout.records.metric import By, MetricName, UnitName

COST = "cost:"

SUM = 1e-3
"""By how much given shares may miss 1: they are typed with a few decimals."""


@dataclass(frozen=True)
class Judging:
    """By what runs are judged.

    Attributes:
        metric: The metric.
        unit: Who one decision is made on.
        asking: What the further scores are asked.
        further: Whether they are wanted; of several labels an image they come anyway.
    """

    metric: Metric = field(default_factory=Metric)
    unit: Unit = field(default_factory=Unit)
    asking: Asking = field(default_factory=Asking)
    further: bool = True


def judging_of(
    classes: Sequence[str],
    metric: str = "",
    unit: str = "image",
    by: str = "mean",
    asking: Asking | None = None,
    labelling: Labelling = SINGLE,
) -> Judging:
    """What metric and unit a person named.

    Args:
        classes: Names of the study's classes.
        metric: `accuracy`, `balanced-accuracy` or `cost:FILE`; of several labels `mean-auc`,
            `mean-average-precision` or `mean-f1`; empty for the usual one of the labelling.
        unit: `image` or `patient`.
        by: `mean`, `max` or `majority`.
        asking: What the further scores are asked.
        labelling: How the images are labelled.

    Raises:
        UsageError: An unknown name.
        InputError: A file of costs that does not fit; all problems at once.
    """
    return Judging(metric_of(metric or labelling.metric, classes, labelling), unit_of(unit, by), asking or Asking())


CLASSES = "classes"
"""What `--order` takes for the order in which the classes stand."""


def asking_of(
    classes: Sequence[str],
    *,
    order: str = "",
    recorded: object = None,
    positive: str = "",
    at: float = 0.9,
    labelling: Labelling = SINGLE,
) -> Asking:
    """What the further scores are asked.

    Args:
        classes: Names of the study's classes.
        order: The classes from low to high, with commas between, or `classes` for the order in which they stand; empty
            for what was said when the study was made.
        recorded: The same as it was said then (`StudyRecord.reading`).
        positive: Class that yes-or-no scores are asked of.
        at: Specificity at which sensitivity is told, and the reverse.
        labelling: How the images are labelled.

    Raises:
        UsageError: An order that does not name every class once, or one of several labels, which have none.
    """
    if positive and labelling is not SINGLE:
        raise UsageError(f"Found --positive {positive}; expected none: of several labels each is told by itself.")
    text = order or (recorded if isinstance(recorded, str) else "")
    if not text:
        return Asking(False, positive, at)
    if labelling is not SINGLE:
        raise UsageError(f"Found --order {text}; expected no order, since images of this study have several labels.")
    return Asking(True, positive, at, () if text == CLASSES else order_in(text, classes))


def order_in(text: str, classes: Sequence[str]) -> tuple[str, ...]:
    """The classes from low to high.

    Raises:
        UsageError: Not every class, each once.
    """
    named = tuple(name.strip() for name in text.split(",") if name.strip())
    if sorted(named) != sorted(classes):
        raise UsageError(f"Found --order {text}; expected every class once, from low to high: {', '.join(classes)}.")
    return named


def metric_of(text: str, classes: Sequence[str], labelling: Labelling = SINGLE) -> Metric:
    """The metric that a person named.

    Raises:
        UsageError: An unknown name.
        InputError: A file of costs that does not fit; all problems at once.
    """
    cost = "cost" in labelling.metrics
    if text.startswith(COST) and text != COST and cost:
        return read_costs(Path(text.removeprefix(COST)), classes)
    names: dict[str, MetricName] = {name: name for name in labelling.metrics if name != "cost"}
    if text not in names:
        raise UsageError(
            f"--metric: found '{text}'; expected one of {', '.join(names)}{f', or {COST}FILE' if cost else ''}."
        )
    return Metric(names[text])


def unit_of(name: str, by: str = "mean") -> Unit:
    """The unit that a person named; how the images of one are put together has no meaning for images.

    Raises:
        UsageError: An unknown name.
    """
    units: dict[str, UnitName] = {one: one for one in get_args(UnitName)}
    ways: dict[str, By] = {one: one for one in get_args(By)}
    if name not in units:
        raise UsageError(f"--unit: found '{name}'; expected one of {', '.join(units)}.")
    if by not in ways:
        raise UsageError(f"--by: found '{by}'; expected one of {', '.join(ways)}.")
    return Unit(units[name], ways[by]) if name == "patient" else Unit()


def read_costs(path: Path, classes: Sequence[str]) -> Metric:
    """A file of costs: columns `class`, `cost` and, where classes are to have given shares, `share`.

    Args:
        path: CSV, a row a class: what missing one image of it costs, in any unit, and its share of the images in use.
        classes: Names of the study's classes, each of which needs a row.

    Raises:
        InputError: The file cannot be read or does not fit; all problems at once.
    """
    rows, problems = scan_table(path, ("class", "cost"), (), MISSING - set(classes))
    if problems:
        raise InputError(problems, title="The costs cannot be used")
    columns = list(rows[0][1]) if rows else ["class", "cost"]
    table = pd.DataFrame([tuple(cells.values()) for _, cells in rows], columns=columns, dtype=str)
    table.index = pd.Index([line for line, _ in rows])
    problems += _class_problems(path, table["class"], classes)
    costs, shares = (_numbers(path, table, name, problems) for name in ("cost", "share"))
    if costs and not any(costs.values()) and not problems:
        problems.append(Problem(str(path), "costs that are all 0", "one above 0", "Give the classes their costs."))
    if shares and not problems and abs(sum(shares.values()) - 1) > SUM:
        found = f"shares that sum to {sum(shares.values()):g}"
        problems.append(Problem(str(path), found, "a sum of 1", "Give each class its share as a fraction."))
    if problems:
        raise InputError(problems, title="The costs cannot be used")
    whole = sum(shares.values())
    return Metric("cost", {c: costs[c] for c in classes}, {c: shares[c] / whole for c in classes} if shares else {})


def _class_problems(path: Path, named: pd.Series, classes: Sequence[str]) -> list[Problem]:
    known = f"one row for each of: {', '.join(classes)}"
    found = [
        Problem(f"{path} line {line}", f"class '{name}'", known, "Use the study's own names.")
        for line, name in named.items()
        if name not in classes
    ]
    for name in classes:
        times = list(named).count(name)
        if times != 1:
            found.append(Problem(str(path), f"{times} rows of class '{name}'", known, "Give every class one row."))
    return found


def _numbers(path: Path, table: pd.DataFrame, column: str, problems: list[Problem]) -> dict[str, float]:
    """Class -> number of a column; empty where there is no such column. Problems are added to the list."""
    found: dict[str, float] = {}
    if column not in table.columns:
        return found
    for line, name, text in zip(table.index, table["class"], table[column], strict=True):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and number >= 0:
            found[str(name)] = number
        else:
            where = f"{path} line {line}"
            problems.append(Problem(where, f"{column} '{text}'", "a number, 0 or above", "Write it as 2 or 0.5."))
    return found
