"""A comparison on the terminal: the answer in sentences, then the tables; for every command that ends with one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from heldout.cli._env import Environment
    from heldout.records import Comparison, Estimate, RunRow, Scores

WIDE = 150
"""From so many characters on, one table holds all columns; below it they are told in two."""


def show_comparison(comparison: Comparison, env: Environment) -> None:
    """Print the answer in sentences, then runs, pairs and seeds as tables.

    Args:
        comparison: Its runs are shown in their order.
        env: Where to print.
    """
    console = env.console()
    names = _names(comparison)
    for sentence in sentences(comparison, names):
        env.say(sentence)
    width = console.width
    tables = _run_tables(comparison, names, width) + _pair_tables(comparison, names, width)
    for table in tables + _group_tables(comparison, width):
        env.say("")
        console.print(table)
    env.say("")
    env.say(_note(comparison))


def _names(comparison: Comparison) -> dict[str, str]:
    """Run id -> short name: architecture and strategy, with more only where that is not one run."""
    rows = comparison.runs
    short = _models(comparison)
    seeds = len({row.seed for row in rows}) > 1
    names = {row.id: f"{short[row.model]} {row.strategy}" + (f" seed {row.seed}" if seeds else "") for row in rows}
    times = Counter(names.values())
    return {id_: name if times[name] == 1 else f"{name} {id_.rpartition('-')[2]}" for id_, name in names.items()}


def _models(comparison: Comparison) -> dict[str, str]:
    """Full name of a backbone -> what people call it, or the full name where two share that."""
    from heldout.records.backbone import spoken_name

    full = list(dict.fromkeys(row.model for row in comparison.runs))
    short = {model: spoken_name(model) for model in full}
    times = Counter(short.values())
    return {model: short[model] if times[short[model]] == 1 else model for model in full}


def sentences(comparison: Comparison, names: dict[str, str]) -> tuple[str, ...]:
    """The answer in one or two plain sentences.

    Args:
        comparison: Runs and pairs.
        names: Run id -> the name to use.
    """
    part, words = ("test", "test") if comparison.runs[0].test else ("val", "validation")
    accuracies = {row.id: (row.test or row.val).accuracy for row in comparison.runs}
    best = max(accuracies, key=lambda id_: accuracies[id_].value)
    ties = [id_ for id_ in accuracies if accuracies[id_].value == accuracies[best].value]
    who = _listing([names[id_] for id_ in ties])
    verb = "has" if len(ties) == 1 else "have"
    first = f"{who} {verb} the best {words} accuracy: {_said(accuracies[best])}, of {accuracies[best].n} images."
    if part == "val":
        first += " There is no test set, so this says nothing of images that were kept aside."
    alike: list[str] = []
    apart: list[str] = []
    for pair in comparison.pairs:
        if best in (pair.a, pair.b):
            other = pair.b if pair.a == best else pair.a
            (apart if pair.verdict == "distinguishable" else alike).append(names[other])
    if not alike and not apart:
        return (first,)
    subject = f"{names[best]} is" if len(ties) > 1 else "It is"
    if not apart:
        return first, f"{subject} not distinguishable from {_listing(alike, 'nor')} on these images."
    if not alike:
        return first, f"{subject} distinguishable from {_listing(apart)}."
    return first, f"{subject} distinguishable from {_listing(apart)}, but not from {_listing(alike, 'nor')}."


def _listing(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _said(estimate: Estimate) -> str:
    """`80.0 % [70.9, 88.5]`, for a sentence."""
    return f"{100 * estimate.value:.1f} % [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _percent(estimate: Estimate | None) -> str:
    """A fraction in percent, its interval on a line of its own: `80.0`, `70.9–88.5`."""
    if estimate is None:
        return "–"
    return f"{100 * estimate.value:.1f}\n{100 * estimate.low:.1f}–{100 * estimate.high:.1f}"


def _auc(scores: Scores | None) -> str:
    if scores is None or scores.auc is None:
        return "–"
    return f"{scores.auc.value:.3f}\n{scores.auc.low:.3f}–{scores.auc.high:.3f}"


def _points(estimate: Estimate | None) -> str:
    """Points with their sign: `+5.0`, `-1.5 to +12.1`."""
    if estimate is None:
        return "–"
    return f"{estimate.value:+.1f}\n{estimate.low:+.1f} to {estimate.high:+.1f}"


def _p(value: float) -> str:
    return "<.0001" if value < 0.0001 else f"{value:.4f}".lstrip("0") if value < 1 else "1"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


SCORES = ("train %", "val %", "test %", "AUC", "gap")
TRAINING = ("epochs", "trainable", "s/epoch", "wall", "turns", "rough", "overfit", "looks")


def _cells(row: RunRow) -> dict[str, str]:
    """All columns of a run as text."""
    return {
        "train %": _percent(row.train.accuracy),
        "val %": _percent(row.val.accuracy),
        "test %": _percent(row.test.accuracy if row.test else None),
        "AUC": _auc(row.test or row.val),
        "gap": _points(row.gap_points),
        "epochs": str(row.epochs),
        "trainable": f"{row.trainable_parameters:,}",
        "s/epoch": f"{row.seconds_per_epoch:.3g}",
        "wall": _duration(row.wall_seconds),
        "turns": str(row.oscillation.reversals),
        "rough": f"{row.oscillation.roughness_points:.2f}",
        "overfit": "–" if row.overfit_epoch is None else str(row.overfit_epoch),
        "looks": str(row.test_evaluations),
    }


def _table(title: str, width: int) -> Table:
    """An empty table; on a narrow terminal its columns stand closer."""
    from rich import box
    from rich.table import Table

    padding = (0, 1 if width >= 100 else 0, 0, 0)
    return Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=padding
    )


def _run_tables(comparison: Comparison, names: dict[str, str], width: int) -> list[Table]:
    """The table of the founding experiment: one where it fits, else how well and how trained apart."""
    groups: dict[str, tuple[str, ...]] = {"": TRAINING[:4] + SCORES + TRAINING[4:]}
    if width < WIDE:
        groups = {"How well": SCORES, "How trained": TRAINING}
    tables = []
    for title, columns in groups.items():
        table = _table(title, width)
        table.add_column("run")
        for column in columns:
            table.add_column(column, justify="right")
        for row in comparison.runs:
            cells = _cells(row)
            table.add_row(names[row.id].replace(" ", "\n", 1), *(cells[column] for column in columns))
        tables.append(table)
    return tables


def _pair_tables(comparison: Comparison, names: dict[str, str], width: int) -> list[Table]:
    if not comparison.pairs:
        return []
    where = {"test": "test", "val": "validation"}[comparison.pairs[0].split]
    table = _table(f"Pairs on the same {where} images, difference in points", width)
    table.add_column("first, second")
    for column in ("first − second", "p", "p (Holm)"):
        table.add_column(column, justify="right")
    table.add_column("verdict", min_width=15)
    for pair in sorted(comparison.pairs, key=lambda pair: pair.p):
        couple = f"{names[pair.a]}\n{names[pair.b]}"
        table.add_row(couple, _points(pair.difference_points), _p(pair.p), _p(pair.p_holm), pair.verdict)
    return [table]


def _group_tables(comparison: Comparison, width: int) -> list[Table]:
    """Mean and spread over seeds, where there are several."""
    if all(len(group.seeds) == 1 for group in comparison.groups):
        return []
    short = _models(comparison)
    table = _table("Over seeds: mean ± standard deviation", width)
    for column in ("model", "strategy"):
        table.add_column(column)
    for column in ("seeds", "val %", "test %"):
        table.add_column(column, justify="right")

    def shown(mean: float | None, spread: float | None) -> str:
        return "–" if mean is None else f"{100 * mean:.1f}" + ("" if spread is None else f" ± {spread:.1f}")

    for group in comparison.groups:
        val = shown(group.val_accuracy, group.val_spread_points)
        test = shown(group.test_accuracy, group.test_spread_points)
        table.add_row(short[group.model], group.strategy, str(len(group.seeds)), val, test)
    return [table]


def _note(comparison: Comparison) -> str:
    row = comparison.runs[0]
    accuracy = (row.test or row.val).accuracy
    return (
        f"Below each value its 95 % interval ({accuracy.method}). train, val, test: accuracy. AUC on "
        f"{'test' if row.test else 'validation'}. gap: validation minus test accuracy in points. turns (reversals) and "
        f"rough (points): restlessness of the validation accuracy. looks: times the run's test images were scored."
    )
