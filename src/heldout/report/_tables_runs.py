"""Tables of the comparison: scores, learning and cost, seeds, pairs, recalls."""

from __future__ import annotations

from collections.abc import Iterable

from heldout.records import Estimate, Frozen, Scores
from heldout.report._blocks import Cell, Column, Raw, Sheet, Table, sheet
from heldout.report._material import Material, ReportedRun
from heldout.report._words import (
    count,
    decimal_range,
    duration,
    number,
    percent,
    percent_range,
    points_range,
    probability,
    signed,
)

NONE = Cell("–")


def run_cell(run: ReportedRun) -> Cell:
    """The heading of a run's row."""
    first, second = run.two_lines
    return Cell(first, second, colour=run.colour)


def accuracy_cell(estimate: Estimate | None, strong: bool = False) -> Cell:
    """A fraction in percent over its interval."""
    return Cell(percent(estimate.value), percent_range(estimate), strong=strong) if estimate else NONE


def auc_cell(estimate: Estimate | None) -> Cell:
    """An area under the curve over its interval."""
    return Cell(number(estimate.value, 3), decimal_range(estimate)) if estimate else NONE


def points_cell(estimate: Estimate | None) -> Cell:
    """A difference in points over its interval."""
    return Cell(signed(estimate.value), points_range(estimate)) if estimate else NONE


def methods(named: Iterable[tuple[str, Estimate | None]]) -> tuple[str, ...]:
    """One note for every way an interval was made and every n, with the quantities it was made for."""
    groups: dict[tuple[str, int], list[str]] = {}
    for name, estimate in named:
        if estimate:
            names = groups.setdefault((estimate.method, estimate.n), [])
            if name not in names:
                names.append(name)
    said = (f"{', '.join(names)}: n = {n:,}; interval: {method}." for (method, n), names in groups.items())
    return tuple(text[:1].upper() + text[1:] for text in said)


def scores_table(material: Material) -> Table:
    """Accuracy and AUC on every part, and the gap; its CSV has every column of the comparison."""
    names = ("Train", "Validation", "Test")
    columns = (
        Column("Run"),
        *(Column(name, "accuracy", True, "def-accuracy") for name in names),
        Column("Gap", "val − test, points", True, "def-gap"),
        *(Column(name, "AUC", True, "def-auc") for name in names),
        Column("Looks", "at test", True, "def-looks"),
    )
    best = material.tested[0].row.id if material.tested else ""
    rows = []
    used: list[tuple[str, Estimate | None]] = []
    for run in material.runs:
        row = run.row
        parts = (row.train, row.val, row.test)
        rows.append(
            (
                run_cell(run),
                accuracy_cell(row.train.accuracy),
                accuracy_cell(row.val.accuracy),
                accuracy_cell(row.test.accuracy if row.test else None, strong=row.id == best),
                points_cell(row.gap_points),
                *(auc_cell(part.auc if part else None) for part in parts),
                Cell(str(row.test_evaluations)),
            )
        )
        for name, part in zip(("train", "validation", "test"), parts, strict=True):
            if part:
                used += [(f"{name} accuracy", part.accuracy), (f"{name} AUC", part.auc)]
        used.append(("gap", row.gap_points))
    note = (
        "The second line of a cell is its 95 % interval. Train was scored again after learning, without augmentation."
    )
    return Table(
        "scores",
        "How well the runs do",
        columns,
        tuple(rows),
        comparison_sheet(material),
        (note, *methods(used)),
    )


def frozen_cell(frozen: Frozen) -> Cell:
    """What was frozen, and whether it was verified to have stayed so."""
    if frozen.bn == "none":
        return Cell("nothing frozen")
    stages = f"; {count(len(frozen.prefix_stages), 'stage')}" if frozen.prefix_stages else ""
    return Cell("verified" if frozen.verified else "NOT verified", f"BN {frozen.bn}{stages}")


def learning_table(material: Material) -> Table:
    """How the runs learned and what they cost."""
    columns = (
        Column("Run"),
        Column("Epochs", "kept", True, "def-kept"),
        Column("Reversals", "of val accuracy", True, "def-reversals"),
        Column("Roughness", "points", True, "def-roughness"),
        Column("Overfits", "from epoch", True, "def-overfit"),
        Column("An epoch", "median", True, "def-seconds"),
        Column("Whole run", "wall time", True, "def-wall"),
        Column("Trainable", "of all parameters", True, "def-trainable"),
        Column("Frozen part", "", False, "def-frozen"),
    )
    rows = tuple(
        (
            run_cell(run),
            Cell(str(run.row.epochs), f"kept {run.record.kept_epoch}"),
            Cell(str(run.row.oscillation.reversals)),
            Cell(number(run.row.oscillation.roughness_points, 2)),
            Cell("never" if run.row.overfit_epoch is None else str(run.row.overfit_epoch)),
            Cell(duration(run.row.seconds_per_epoch)),
            Cell(duration(run.row.wall_seconds)),
            Cell(f"{run.row.trainable_parameters:,}", f"of {run.row.parameters:,}"),
            frozen_cell(run.row.frozen),
        )
        for run in material.runs
    )
    return Table(
        "learning", "How they learned, and what it cost", columns, rows, comparison_sheet(material), details(material)
    )


def details(material: Material) -> tuple[str, ...]:
    """What was said of the frozen parts, each sentence once with the runs it was said of."""
    said: dict[str, list[str]] = {}
    for run in material.runs:
        if run.row.frozen.detail:
            said.setdefault(run.row.frozen.detail, []).append(run.label)
    return tuple(f"{detail.rstrip('.')}: {few(labels)}." for detail, labels in said.items())


def few(labels: list[str]) -> str:
    """Some runs by name, many by number."""
    return ", ".join(labels) if len(labels) <= 4 else count(len(labels), "run")


def spread_out(name: str, estimate: Estimate | None) -> dict[str, Raw]:
    """An estimate as five columns."""
    values = (estimate.value, estimate.low, estimate.high, estimate.n, estimate.method) if estimate else (None,) * 5
    return dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_n", f"{name}_method"), values, strict=True))


def scores_out(part: str, scores: Scores | None) -> dict[str, Raw]:
    """The scores on one part as columns."""
    return spread_out(f"{part}_accuracy", scores.accuracy if scores else None) | spread_out(
        f"{part}_auc", scores.auc if scores else None
    )


def comparison_sheet(material: Material) -> Sheet:
    """Every column of the JSON of `heldout compare`, one row a run."""
    records: list[dict[str, Raw]] = []
    for run in material.runs:
        row = run.row
        record: dict[str, Raw] = {"id": row.id, "model": row.model, "strategy": row.strategy, "seed": row.seed}
        record |= {"epochs": row.epochs, "kept_epoch": run.record.kept_epoch}
        record |= {"trainable_parameters": row.trainable_parameters, "parameters": row.parameters}
        record |= {"seconds_per_epoch": row.seconds_per_epoch, "wall_seconds": row.wall_seconds, "device": row.device}
        record |= scores_out("train", row.train) | scores_out("val", row.val) | scores_out("test", row.test)
        for name in material.classes:
            record |= spread_out(f"test_recall_{name}", row.test.recall.get(name) if row.test else None)
        record |= spread_out("gap_points", row.gap_points)
        record |= {"oscillation_reversals": row.oscillation.reversals}
        record |= {"oscillation_roughness_points": row.oscillation.roughness_points, "overfit_epoch": row.overfit_epoch}
        record |= {"frozen_verified": row.frozen.verified, "frozen_bn": row.frozen.bn}
        record |= {"frozen_prefix_stages": " ".join(row.frozen.prefix_stages), "test_evaluations": row.test_evaluations}
        records.append(record)
    header = list(records[0]) if records else []
    return sheet(header, [list(record.values()) for record in records])


def groups_table(material: Material) -> Table:
    """Means and spreads over seeds."""
    columns = (
        Column("Model and strategy"),
        Column("Seeds"),
        Column("Validation", "mean", True, "def-accuracy"),
        Column("Spread", "points", True, "def-spread"),
        Column("Test", "mean", True, "def-accuracy"),
        Column("Spread", "points", True, "def-spread"),
    )
    models = {run.row.model: run.model for run in material.runs}
    rows = []
    raw: list[list[Raw]] = []
    for group in material.comparison.groups:
        spreads = ["–" if s is None else number(s, 2) for s in (group.val_spread_points, group.test_spread_points)]
        colour = next(r.colour for r in material.runs if (r.row.model, r.row.strategy) == (group.model, group.strategy))
        rows.append(
            (
                Cell(models[group.model], group.strategy, colour=colour),
                Cell(", ".join(map(str, group.seeds))),
                Cell(percent(group.val_accuracy)),
                Cell(spreads[0]),
                Cell("–" if group.test_accuracy is None else percent(group.test_accuracy)),
                Cell(spreads[1]),
            )
        )
        raw.append([group.model, group.strategy, " ".join(map(str, group.seeds)), group.val_accuracy])
        raw[-1] += [group.val_spread_points, group.test_accuracy, group.test_spread_points]
    header = ["model", "strategy", "seeds", "val_accuracy", "val_spread_points", "test_accuracy", "test_spread_points"]
    return Table("groups", "Over the seeds", columns, tuple(rows), sheet(header, raw))


def pairs_table(material: Material) -> Table:
    """Every pair with its difference, p values and verdict."""
    columns = (
        Column("First run"),
        Column("Second run"),
        Column("Difference", f"{material.judged}, points", True, "def-pairs"),
        Column("p", "McNemar", True, "def-mcnemar"),
        Column("p", "after Holm", True, "def-holm"),
        Column("Verdict", "", False, "def-verdict"),
    )
    runs = {run.row.id: run for run in material.runs}
    pairs = material.comparison.pairs
    rows = tuple(
        (
            run_cell(runs[pair.a]),
            run_cell(runs[pair.b]),
            points_cell(pair.difference_points),
            Cell(probability(pair.p)),
            Cell(probability(pair.p_holm)),
            Cell(pair.verdict, strong=pair.verdict == "distinguishable"),
        )
        for pair in pairs
    )
    header = ["a", "b", "split", "difference_points", "low", "high", "n", "method", "p", "p_holm", "verdict"]
    raw: list[list[Raw]] = []
    for pair in pairs:
        d = pair.difference_points
        raw.append([pair.a, pair.b, pair.split, d.value, d.low, d.high, d.n, d.method, pair.p, pair.p_holm])
        raw[-1].append(pair.verdict)
    notes = (
        f"Difference: {material.judged} accuracy of the first run minus that of the second, on the same images.",
        f"Corrected for {count(len(pairs), 'pair')}; distinguishable where p after Holm is below 0.05 and the interval "
        "leaves out zero.",
        *methods(("difference", pair.difference_points) for pair in pairs),
    )
    return Table("pairs-table", f"All pairs on {material.judged}", columns, rows, sheet(header, raw), notes)


def size_of(material: Material, name: str) -> str:
    """How many test images of a class the recalls rest on."""
    known = [run.row.test.recall.get(name) for run in material.tested if run.row.test]
    return next((f"n = {recall.n:,}" for recall in known if recall), "")


def recalls_table(material: Material) -> Table:
    """Recall of every class on test, one row a run."""
    sizes = {name: size_of(material, name) for name in material.classes}
    columns = (Column("Run"), *(Column(name, sizes[name], True, "def-recall") for name in material.classes))
    rows = tuple(
        (
            run_cell(run),
            *(accuracy_cell(run.row.test.recall.get(name) if run.row.test else None) for name in material.classes),
        )
        for run in material.tested
    )
    raw: list[list[Raw]] = []
    ways: dict[str, None] = {}
    for run in material.tested:
        for name in material.classes:
            recall = run.row.test.recall.get(name) if run.row.test else None
            ways |= {recall.method: None} if recall else {}
            raw.append([run.row.id, run.label, name, *list(spread_out("recall", recall).values())])
    header = ["run", "label", "class", "recall", "low", "high", "n", "method"]
    notes = tuple(f"Interval: {way}." for way in ways)
    return Table("recalls-table", "Recall of every class on test", columns, rows, sheet(header, raw), notes)
