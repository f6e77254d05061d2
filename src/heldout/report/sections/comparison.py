"""Each run's scores with their intervals, how steadily it learned, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.baseline import baseline_title
from heldout.answer.best import JUDGED, best_run, judged_part
from heldout.answer.texts import capital, count, duration, number
from heldout.records import Estimate, Frozen, RunRow
from heldout.report.blocks import Block, Cell, Column, Table
from heldout.report.cells import (
    accuracy_cell,
    auc_cell,
    csv_only,
    ends_of,
    methods,
    points_cell,
    run_cell,
    saved,
    unseen,
    whole_cell,
)
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.stats.further import FURTHER

PARTS = {"train": "Train", "val": "Validation", "test": "Test"}
RUN = ("id", "label")


OUT_OF_FOLD = (
    " Validation is out of fold: every image answered by a network that did not learn from it. Each fold's own curves "
    "and training scores are in its study: heldout report STUDY/folds/0-1."
)


def shown_parts(material: Material) -> dict[str, bool]:
    """Part -> whether any run has scores on it; the columns of the others are in the CSV alone."""
    return {part: any(getattr(row, part) is not None for row in material.runs) for part in PARTS}


def scores_table(material: Material) -> Table:
    """The metric, accuracy and AUC on every part, and the gap; its CSV has every column of the comparison.

    The last row is that of always answering the commonest class.
    """
    metric, known = material.metric, shown_parts(material)
    columns = (
        Column("Run", saved_as=RUN),
        *(
            Column(name, metric.words, True, "def-metric", saved_as=ends_of(f"{part}_{metric.name}"), shown=known[part])
            for part, name in PARTS.items()
            if metric.name != "accuracy"
        ),
        *(
            Column(name, "accuracy", True, "def-accuracy", saved_as=ends_of(f"{part}_accuracy"), shown=known[part])
            for part, name in PARTS.items()
        ),
        Column("Gap", "val − test, points", True, "def-gap", saved_as=ends_of("gap_points")),
        Column("Over baseline", "points", True, "def-baseline", saved_as=ends_of("over_baseline_points")),
        *(
            Column(name, "AUC", True, "def-auc", saved_as=ends_of(f"{part}_auc"), shown=known[part])
            for part, name in PARTS.items()
        ),
        Column("Evaluations", "of test", True, "def-test-evaluations", saved_as=("test_evaluations",)),
        csv_only("model", "strategy", "seed", "device"),
        *(csv_only(*ends_of(f"test_recall_{name}")) for name in material.classes),
        csv_only(*LEARNING),
    )
    best = best_run(material.comparison).id if material.tested else ""
    used: list[tuple[str, Estimate | None]] = []
    for row in material.runs:
        for name, part in (("train", row.train), ("validation", row.val), ("test", row.test)):
            if part:
                if part.by_metric:
                    used.append((f"{name} {metric.words}", part.by_metric))
                used += [(f"{name} accuracy", part.accuracy), (f"{name} AUC", part.auc)]
        used += [("gap", row.gap_points), ("over baseline", row.over_baseline_points)]
    return Table(
        "scores",
        "How well the runs do",
        columns,
        (*(scores_row(material, row, row.id == best) for row in material.runs), *baseline_rows(material, columns)),
        (
            "The second line of a cell is its 95 % interval."
            + (" Train was scored again after learning, without augmentation." if known["train"] else "")
            + (OUT_OF_FOLD if material.split.folds else ""),
            *methods(used),
        ),
    )


def scores_row(material: Material, row: RunRow, best: bool) -> tuple[Cell, ...]:
    """One run in the table of scores."""
    parts = (row.train, row.val, row.test)
    recalls = [row.test.recall.get(name) if row.test else None for name in material.classes]
    plain = material.metric.name == "accuracy"
    return (
        run_cell(material, row.id),
        *(
            accuracy_cell(part.by_metric if part else None, strong=best and part is row.test)
            for part in parts
            if not plain
        ),
        *(accuracy_cell(part.accuracy if part else None, strong=plain and best and part is row.test) for part in parts),
        points_cell(row.gap_points),
        points_cell(row.over_baseline_points),
        *(auc_cell(part.auc if part else None) for part in parts),
        whole_cell(row.test_evaluations),
        unseen(row.model, row.strategy, row.seed, row.device),
        *(unseen(*saved(recall)) for recall in recalls),
        unseen(*(value for cell in learning_row(material, row)[1:] for value in cell.values)),
    )


def baseline_rows(material: Material, columns: Sequence[Column]) -> tuple[tuple[Cell, ...], ...]:
    """What always answering the commonest class scores, by the metric; the other cells stay open."""
    baseline, name = material.comparison.baseline, material.metric.name
    if baseline is None:
        return ()
    title = baseline_title(baseline.answer)
    known = {f"{part}_{name}": score for part, score in (("val", baseline.val), ("test", baseline.test))}
    cells = [
        accuracy_cell(known.get(column.names[0]))
        if column.names[0] in known
        else Cell("" if not column.shown else "–", saved=(None,) * len(column.names))
        for column in columns[1:]
    ]
    return ((Cell(title, saved=("", title)), *cells),)


def further_table(material: Material) -> Table:
    """Scores beside the metric on the part that runs are judged on; those on validation are in the CSV."""
    judged = judged_part(material.comparison)
    asking = material.comparison.asking
    shown = [score for score in FURTHER if asking.ordered or not score.ordered]

    def of(row: RunRow, part: str) -> dict[str, Estimate | None]:
        scores = row.test if part == "test" else row.val
        return scores.scores if scores else {}

    columns = (
        Column("Run", saved_as=RUN),
        *(
            Column(
                capital(score.title.format(at=f"{asking.at:.0%}")),
                "higher is better" if score.higher_is_better else "lower is better",
                True,
                "def-further",
                saved_as=ends_of(f"{judged}_{score.name}"),
            )
            for score in shown
        ),
        *(csv_only(*ends_of(f"val_{score.name}")) for score in shown if judged == "test"),
    )
    rows = tuple(
        (
            run_cell(material, row.id),
            *(auc_cell(of(row, judged).get(score.name)) for score in shown),
            *(unseen(*saved(of(row, "val").get(score.name))) for score in shown if judged == "test"),
        )
        for row in material.runs
    )
    used = [
        (score.title.format(at=f"{asking.at:.0%}"), of(row, judged).get(score.name))
        for row in material.runs
        for score in shown
    ]
    positive = asking.positive or (material.classes[1] if len(material.classes) == 2 else "")
    whom = f"of '{positive}' against the rest" if positive else "the mean over the classes, each against the rest"
    notes = (f"F1, average precision, sensitivity and specificity: {whom}.", *methods(used))
    return Table("further-scores", f"Further scores on {JUDGED[judged]}", columns, rows, notes)


LEARNING_COLUMNS = (
    Column("Run", saved_as=RUN),
    Column("Epochs", "kept", True, "def-kept", saved_as=("epochs", "kept_epoch")),
    Column("Reversals", "of val accuracy", True, "def-reversals", saved_as=("oscillation_reversals",)),
    Column("Roughness", "points", True, "def-roughness", saved_as=("oscillation_roughness_points",)),
    Column("Overfits", "from epoch", True, "def-overfit", saved_as=("overfit_epoch",)),
    Column("An epoch", "median", True, "def-seconds", saved_as=("seconds_per_epoch",)),
    Column("Whole run", "wall time", True, "def-wall", saved_as=("wall_seconds",)),
    Column("Trainable", "of all parameters", True, "def-trainable", saved_as=("trainable_parameters", "parameters")),
    Column("Frozen part", definition="def-frozen", saved_as=("frozen_verified", "frozen_bn", "frozen_prefix_stages")),
)
UNKNOWN = {n: Cell("–", saved=(None,) * n) for n in (1, 2, 3)}
"""Cells of what nobody told of a given model, by the number of columns that they have in a CSV."""

LEARNING = tuple(name for column in LEARNING_COLUMNS[1:] for name in column.names)


def learning_table(material: Material) -> Table:
    """How the runs learned and what they cost."""
    rows = tuple(learning_row(material, row) for row in material.runs)
    return Table("learning", "How they learned, and what it cost", LEARNING_COLUMNS, rows, frozen_notes(material))


def learning_row(material: Material, row: RunRow) -> tuple[Cell, ...]:
    """One run in the table of learning."""
    kept, swings, parameters = material.run(row.id).record.kept_epoch, row.oscillation, row.trainable_parameters
    return (
        run_cell(material, row.id),
        UNKNOWN[2]
        if row.epochs is None
        else Cell(str(row.epochs), "each fold its own" if kept is None else f"kept {kept}", (row.epochs, kept)),
        UNKNOWN[1] if swings is None else whole_cell(swings.reversals),
        UNKNOWN[1] if swings is None else Cell(number(swings.roughness_points, 2), saved=(swings.roughness_points,)),
        UNKNOWN[1] if swings is None else whole_cell(row.overfit_epoch, "never"),
        *(seconds_cell(seconds) for seconds in (row.seconds_per_epoch, row.wall_seconds)),
        UNKNOWN[2]
        if parameters is None
        else Cell(f"{parameters:,}", f"of {row.parameters:,}", (parameters, row.parameters)),
        frozen_cell(row.frozen),
    )


def seconds_cell(seconds: float | None) -> Cell:
    """A duration."""
    return UNKNOWN[1] if seconds is None else Cell(duration(seconds), saved=(seconds,))


def frozen_cell(frozen: Frozen | None) -> Cell:
    """What was frozen, and whether it was verified to have stayed so."""
    if frozen is None:
        return UNKNOWN[3]
    values = (frozen.verified, frozen.bn, " ".join(frozen.prefix_stages))
    if frozen.bn == "none":
        return Cell("nothing frozen", saved=values)
    stages = f"; {count(len(frozen.prefix_stages), 'stage')}" if frozen.prefix_stages else ""
    return Cell("verified" if frozen.verified else "NOT verified", f"BN {frozen.bn}{stages}", values)


def frozen_notes(material: Material) -> tuple[str, ...]:
    """What was said of the frozen parts, each sentence once with the runs it was said of."""
    said: dict[str, list[str]] = {}
    for row in material.runs:
        if row.frozen is not None and row.frozen.detail:
            said.setdefault(row.frozen.detail, []).append(material.names[row.id].label)
    return tuple(f"{detail.rstrip('.')}: {few(labels)}." for detail, labels in said.items())


def few(labels: list[str]) -> str:
    """Some runs by name, many by number."""
    return ", ".join(labels) if len(labels) <= 4 else count(len(labels), "run")


def blocks(material: Material) -> Sequence[Block]:
    """Scores, further scores, then learning and cost, of which nothing is known of given models."""
    if material.files.given:
        return scores_table(material), further_table(material)
    return scores_table(material), further_table(material), learning_table(material)


SECTION = Section(
    "comparison",
    "The runs compared",
    "Each run's scores with their intervals, how steadily it learned, and what it cost.",
    600,
    blocks,
)
